"""Bind the panel of two pictures: each event is one call of a tab's pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.ui.binding import EventBinder, taking_upload, with_place
from vosbench.ui.image_pair import Side
from vosbench.ui.pair_page import SIDES, PairParts
from vosbench.ui.pair_view import PairView, find_source_pixel, view_pair
from vosbench.ui.pictures import open_picture, take_frame
from vosbench.ui.showing import bind_show
from vosbench.ui.workspace import Workspace


def bind_pair(panel: Any, parts: PairParts, binder: EventBinder, show: Any, max_upload_bytes: int) -> None:
    """Bind all events of the panel. panel: the gradio.Tab that shows it. show: the button of `bind_show`."""

    def look(workspace: Workspace, place: Sequence[float]) -> None:
        workspace.pair.look_for(*find_source_pixel(workspace.pair, place))

    bind_show(binder, show, view_pair, [], parts.view, PairView._fields.index("result"))
    binder.bind(panel.select, fill_pair)
    binder.bind(parts.pictures["source"].select, look, wrap=with_place)
    binder.bind(parts.swap.click, lambda workspace: workspace.pair.swap())
    binder.bind(parts.weights.input, lambda workspace, name: workspace.pair.choose_weights(name), parts.weights)
    for side in SIDES:
        upload = lambda workspace, path, side=side: _place_upload(workspace, side, path, max_upload_bytes)  # noqa: E731
        binder.bind(parts.uploads[side].upload, upload, parts.uploads[side], loads=parts.pictures[side])
        scrub = lambda workspace, index, side=side: place_frame(workspace, side, index)  # noqa: E731
        binder.bind(parts.sliders[side].input, scrub, parts.sliders[side], trigger_mode="always_last")


def fill_pair(workspace: Workspace) -> None:
    """Take the frame that is shown and the last one, or the first one, if there are no pictures yet but a video."""
    if workspace.video and not workspace.pair.images:
        last = workspace.count - 1
        place_frame(workspace, "source", workspace.index)
        place_frame(workspace, "target", last if workspace.index != last else 0)


def place_frame(workspace: Workspace, side: Side, index: int) -> None:
    """Take a frame of the tab's video as a side of the pair. Raises VosbenchError without a video."""
    with workspace.lock:
        if workspace.video is None:
            raise VosbenchError("correspondences", "there is no video", "load one on the panel Track")
        image = take_frame(workspace.video.clip, int(index))
    workspace.pair.place(side, image)


def _place_upload(workspace: Workspace, side: Side, path: str | None, max_upload_bytes: int) -> None:
    if path:
        with taking_upload(path) as uploaded:
            workspace.pair.place(side, open_picture(uploaded, uploaded.name, max_upload_bytes))
