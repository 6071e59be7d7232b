"""Lay out the panel on which two pictures are compared: the source on the left, the target on the right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vosbench.ui.image_pair import Side
from vosbench.ui.pair_view import PairView
from vosbench.ui.pictures import PICTURE_SUFFIXES

SIDES: tuple[Side, Side] = ("source", "target")


@dataclass(frozen=True)
class PairParts:
    """The components of the panel that something happens with. view: those that follow the pair."""

    view: list[Any]
    uploads: dict[Side, Any]
    pictures: dict[Side, Any]
    sliders: dict[Side, Any]
    swap: Any
    weights: Any


def lay_out_pair() -> PairParts:
    """Add the components of the panel to the page that is being built."""
    import gradio as gr

    added: dict[str, Any] = {}
    with gr.Row(elem_id="pair", equal_height=False):
        for side in SIDES:
            with gr.Column(elem_classes="pair-side", min_width=280):
                _add_side_of_pair(added, side)
    added["result"] = gr.HTML(elem_id="pair-result")
    with gr.Row(elem_id="pair-tools"):
        added["swap"] = gr.Button("Swap the pictures", size="sm", elem_id="swap", min_width=120)
        added["weights"] = gr.Dropdown([], label="weights", elem_id="pair-weights", min_width=200)
    added["pair_command"] = gr.Textbox(
        "", label="The same on the command line", interactive=False, elem_id="pair-command", lines=1, max_lines=6,
        buttons=["copy"],
    )  # fmt: skip
    return PairParts(
        [added[name] for name in PairView._fields],
        {side: added[f"{side}_upload"] for side in SIDES},
        {side: added[f"{side}_picture"] for side in SIDES},
        {side: added[f"{side}_slider"] for side in SIDES},
        added["swap"],
        added["weights"],
    )


def _add_side_of_pair(added: dict[str, Any], side: Side) -> None:
    import gradio as gr

    with gr.Row(elem_classes="pair-head"):
        added[f"{side}_title"] = gr.HTML(elem_id=f"{side}-title")
        added[f"{side}_upload"] = gr.UploadButton(
            "Upload a picture", file_types=[*PICTURE_SUFFIXES], size="sm", elem_id=f"{side}-upload", min_width=130
        )
    added[f"{side}_picture"] = gr.Image(
        interactive=False, show_label=False, buttons=[], elem_id=f"{side}-picture", format="jpeg",
        elem_classes=["picture", *(["clickable"] if side == "source" else [])],
        placeholder="Upload a picture, or load a video on the panel Track", alt_text=f"The {side}",
    )  # fmt: skip
    added[f"{side}_slider"] = gr.Slider(
        0, 1, 0, step=1, label="frame of the video", visible=False, elem_id=f"{side}-slider", buttons=[]
    )
