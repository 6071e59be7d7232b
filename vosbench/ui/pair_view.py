"""What the panel shows of two compared pictures, as values for its components."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

from vosbench.errors import VosbenchError
from vosbench.ui.image_pair import ImagePair, Side
from vosbench.ui.markup import write_turn
from vosbench.ui.picture import PictureScale, draw_cross
from vosbench.ui.view import save_picture
from vosbench.ui.workspace import Workspace


class PairView(NamedTuple):
    """A value for each component that follows the pair, in the order of `PairParts.view`."""

    source_title: str
    source_picture: Any
    source_slider: Any
    target_title: str
    target_picture: Any
    target_slider: Any
    result: str
    weights: Any
    pair_command: str


def view_pair(workspace: Workspace) -> PairView:
    """All that the panel shows."""
    import gradio as gr

    pair, count = workspace.pair, workspace.count
    with pair.lock:
        sides: dict[Side, tuple[str, str | None, Any]] = {}
        for side in ("source", "target"):
            image = pair.images.get(side)
            index = image.index if image and image.index is not None else 0
            slider = gr.update(value=min(index, max(0, count - 1)), maximum=max(1, count - 1), visible=count > 1)
            sides[side] = write_pair_title(pair, side), _draw_side(workspace, side), slider
        offered = pair.comparer.list_weights()
        chosen = pair.weights or next(iter(offered), None)
        weights = gr.update(choices=offered, value=chosen, visible=len(offered) > 1)
        result = write_pair_result(pair) + write_turn(workspace.turns["pair"])
        return PairView(*sides["source"], *sides["target"], result, weights, pair.write_command())


def _draw_side(workspace: Workspace, side: Side) -> str | None:
    """The path of a picture of one side, with what is looked for or was found; None without one."""
    pair = workspace.pair
    image = pair.images.get(side)
    if image is None:
        return None
    pixels, mark = image.pixels, pair.point if side == "source" else None
    if pair.match:
        found = pair.match
        pixels, mark = (found.source_overlay, pair.point) if side == "source" else (found.target_overlay, found.best)
    return save_picture(workspace.folder / f"{side}-pictures", draw_cross(pixels, mark))


def write_pair_title(pair: ImagePair, side: Side) -> str:
    """The heading of one side: which picture it is."""
    image = pair.images.get(side)
    note = f'<p class="hint">{escape(image.note)}</p>' if image and image.note else ""
    return f"<h4>{side.capitalize()}<span>{escape(image.title) if image else ''}</span></h4>{note}"


def write_pair_result(pair: ImagePair) -> str:
    """One line: what was found, or what to do next."""
    try:
        pair.comparer.find_weights(pair.weights)
    except VosbenchError as error:
        return f'<p class="status trouble">Pictures cannot be compared yet: {escape(str(error))}</p>'
    if missing := [side for side in ("source", "target") if side not in pair.images]:
        hint = f"Upload a picture as the {' and one as the '.join(missing)}, or load a video on the panel Track."
        return f'<p class="status">{hint}</p>'
    if pair.match is None or pair.point is None:
        return '<p class="status">Click on the source: the target shows in red what looks like it.</p>'
    (x, y), (best_x, best_y) = pair.point, pair.match.best
    places = f"<b>{x},{y}</b> of the source → <b>{best_x},{best_y}</b> of the target"
    used = escape(pair.weights or pair.comparer.list_weights()[0])
    return f'<p class="status">{places} · share {pair.match.share:.3f} · weights {used}</p>'


def find_source_pixel(pair: ImagePair, position: Sequence[float]) -> tuple[int, int]:
    """The column and row of the source at a position in its picture."""
    image = pair.images.get("source")
    if image is None:
        raise VosbenchError("correspondences", "there is no source", "upload a picture, or take a frame")
    height, width = image.pixels.shape[:2]
    return PictureScale.of((height, width)).find_pixel(position[0], position[1])
