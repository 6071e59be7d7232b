"""Lay out the page: the picture with its frames on the left, and what can be done with it on the right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vosbench.ui import markup
from vosbench.ui.export import EXPORTS
from vosbench.ui.sources import UPLOAD_SUFFIXES
from vosbench.ui.tabs import Tabs
from vosbench.ui.view import View

TOOLS = {"+ point": "positive", "- point": "negative", "box": "box"}
EXPORT_LABELS = {
    "video": "video with masks",
    "masks": "masks as PNG",
    "rle": "masks as JSON",
    "alpha": "cut-out video",
    "dataset": "dataset",
}
KEYS = "← → frame · Shift 10 frames · Space play · P N B tool · Z undo"
STARTS = {"first prompt": False, "this frame": True}
DIRECTION_LABELS = {"both ways": "both", "forwards": "forwards", "backwards": "backwards"}


@dataclass(frozen=True)
class Parts:
    """The components of the page that something happens with. view: those that follow the workspace."""

    view: list[Any]
    upload: Any
    split: Any
    video: Any
    picture: Any
    buttons: dict[str, Any]
    tool: Any
    objects: Any
    name: Any
    mask: Any
    give_truth: Any
    start: Any
    direction: Any
    anew: Any
    show_truth: Any
    kinds: Any
    files: Any


def lay_out_page(tabs: Tabs) -> Parts:
    """Add the components of the panel on which a video is marked and tracked to the page that is being built."""
    import gradio as gr

    with gr.Row(elem_id="work", equal_height=False):
        with gr.Column(elem_id="stage", scale=3, min_width=320):
            parts = _add_stage()
        with gr.Column(elem_id="side", scale=1, min_width=300):
            parts |= _add_side(tabs)
    return _collect_parts(parts)


def add_header(tabs: Tabs) -> None:
    """Add the line that names the models."""
    import gradio as gr

    gr.HTML(f"<header><b>vosbench</b> {markup.write_models(tabs.models)}</header>", elem_id="head")


def _add_stage() -> dict[str, Any]:
    """The picture, its frames and the tracking."""
    import gradio as gr

    parts: dict[str, Any] = {}
    with gr.Row(elem_id="tools"):
        parts["tool"] = gr.Radio([*TOOLS], value="+ point", show_label=False, container=False, elem_id="tool")
        parts["undo"] = gr.Button("Undo", size="sm", elem_id="undo", min_width=70)
        parts["clear"] = gr.Button("Clear frame", size="sm", elem_id="clear", min_width=90)
        parts["clear_all"] = gr.Button("Clear all", size="sm", elem_id="clear-all", min_width=80)
    parts["picture"] = gr.Image(
        interactive=False, show_label=False, buttons=[], elem_id="picture", format="jpeg",
        elem_classes=["picture", "clickable"],
        placeholder="Upload a video, or choose one of a dataset, and click on an object",
        alt_text="The frame with its masks",
    )  # fmt: skip
    parts["frame_line"] = gr.HTML(elem_id="frame-line")
    with gr.Row(elem_id="frames"):
        gr.Button("◀", size="sm", elem_id="previous", min_width=40)  # these three are bound by page.js
        gr.Button("Play", size="sm", elem_id="play", min_width=56)
        gr.Button("▶", size="sm", elem_id="next", min_width=40)
        parts["slider"] = gr.Slider(
            0, 1, 0, step=1, label="Frame", show_label=False, container=False, interactive=False, elem_id="slider",
            buttons=[],
        )  # fmt: skip
    parts["status"] = gr.HTML(markup.NO_VIDEO, elem_id="status")
    gr.HTML(f'<p class="keys">{KEYS}</p>', elem_id="keys")
    return parts


def _add_side(tabs: Tabs) -> dict[str, Any]:
    """What can be done with the video, from its choice to its export."""
    parts: dict[str, Any] = {}
    _add_source(parts)
    _add_object_panel(parts)
    _add_tracking(parts, tabs)
    _add_ground_truth(parts)
    _add_export(parts)
    return parts


def _add_source(parts: dict[str, Any]) -> None:
    """The choice of a video: a file, or one of a dataset."""
    import gradio as gr

    with gr.Column(elem_classes="card", elem_id="source"):
        parts["upload"] = gr.UploadButton(
            "Upload a video", file_types=[*UPLOAD_SUFFIXES], variant="primary", elem_id="upload"
        )
        with gr.Row(elem_id="datasets"):
            parts["split"] = gr.Dropdown([], label="or a dataset", min_width=120, elem_id="split")
            parts["video"] = gr.Dropdown([], label="its video", min_width=110, elem_id="video")


def _add_object_panel(parts: dict[str, Any]) -> None:
    """The objects, with their names and what gives them masks."""
    import gradio as gr

    with gr.Column(elem_classes="card", elem_id="object-panel"):
        parts["colours"] = gr.HTML(elem_id="colours")
        parts["objects"] = gr.Radio([("object 1", 1)], value=1, label="Objects", elem_id="objects")
        with gr.Row(elem_id="object-buttons"):
            parts["name"] = gr.Textbox(
                "object 1", show_label=False, container=False, max_lines=1, max_length=40, min_width=90,
                elem_id="name", placeholder="its name",
            )  # fmt: skip
            parts["add"] = gr.Button("Add", size="sm", min_width=50, elem_id="add")
            parts["remove"] = gr.Button("Remove", size="sm", min_width=70, elem_id="remove")
        with gr.Row(elem_id="mask-buttons"):
            parts["mask"] = gr.UploadButton(
                "Give by a mask (PNG)", file_types=[".png"], size="sm", min_width=120, elem_id="mask"
            )
            parts["give_truth"] = gr.Button(
                "Give all by the truth", size="sm", min_width=110, elem_id="give-truth", visible=False
            )


def _add_tracking(parts: dict[str, Any], tabs: Tabs) -> None:
    import gradio as gr

    with gr.Column(elem_classes="card", elem_id="tracking"):
        with gr.Row():
            parts["start"] = gr.Dropdown([*STARTS], value="first prompt", label="from", min_width=120, elem_id="start")
            parts["direction"] = gr.Dropdown(
                [*DIRECTION_LABELS], value="both ways", label="direction", min_width=110, elem_id="direction"
            )
        parts["anew"] = gr.Checkbox(
            False, label="Anew: forget corrections' history, as the command does", container=False, elem_id="anew",
            visible=tabs.models.has_sessions,
        )  # fmt: skip
        with gr.Row():
            parts["track"] = gr.Button("Track", variant="primary", min_width=90, elem_id="track")
            parts["cancel"] = gr.Button("Cancel", variant="stop", min_width=70, elem_id="cancel", interactive=False)
        parts["progress"] = gr.HTML(elem_id="progress")


def _collect_parts(parts: dict[str, Any]) -> Parts:
    names = ("undo", "clear", "clear_all", "add", "remove", "track", "cancel", "export")
    named = {name: parts[name] for name in Parts.__dataclass_fields__ if name in parts}
    return Parts(view=[parts[name] for name in View._fields], buttons={name: parts[name] for name in names}, **named)


def _add_ground_truth(parts: dict[str, Any]) -> None:
    """The comparison with the ground truth, where the video has one."""
    import gradio as gr

    with gr.Column(elem_classes="card", elem_id="truth", visible=False) as parts["truth"]:
        gr.HTML("<h4>Ground truth</h4>")
        parts["show_truth"] = gr.Checkbox(False, label="outline it in white", container=False, elem_id="show-truth")
        parts["scores"] = gr.HTML(elem_id="scores")


def _add_export(parts: dict[str, Any]) -> None:
    """The files to write, and the command line that finds the same masks."""
    import gradio as gr

    with gr.Column(elem_classes="card", elem_id="export-panel"):
        parts["kinds"] = gr.CheckboxGroup(
            [(EXPORT_LABELS[kind], kind) for kind in EXPORTS], value=["video"], show_label=False, container=False,
            elem_id="kinds",
        )  # fmt: skip
        parts["export"] = gr.Button("Export", size="sm", elem_id="export")
        parts["files"] = gr.File(
            show_label=False, file_count="multiple", interactive=False, visible=False, elem_id="files"
        )
        parts["command"] = gr.Textbox(
            "", label="The same on the command line", interactive=False, elem_id="command", lines=2, max_lines=8,
            buttons=["copy"], container=True,
        )  # fmt: skip
        parts["command_note"] = gr.HTML(elem_id="command-note")
