"""Bind the panel of two pictures: each event is one call of a tab's pair, and then a new view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.ui.binding import EVENT_OPTIONS, showing_errors, taking_upload, with_request
from vosbench.ui.image_pair import Side
from vosbench.ui.pair_page import SIDES, PairParts
from vosbench.ui.pair_view import PairView, find_source_pixel, view_pair
from vosbench.ui.pictures import open_picture, take_frame
from vosbench.ui.tabs import Tabs
from vosbench.ui.workspace import Workspace


def bind_pair(panel: Any, parts: PairParts, tabs: Tabs, max_upload_bytes: int) -> None:
    """Bind all events of the panel. panel: the gradio.Tab that shows it."""
    import gradio as gr

    def act(tab: str, action: Callable[[Workspace], None]) -> PairView:
        workspace = tabs.get(tab)
        with showing_errors():
            action(workspace)
        return view_pair(workspace)

    def bind(event: Any, action: Callable[..., None], *inputs: Any, **options: Any) -> None:
        handle = lambda tab, *values: act(tab, lambda workspace: action(workspace, *values))  # noqa: E731
        event(with_request(handle), [*inputs], parts.view, **{**EVENT_OPTIONS, **options})

    def click(request, event):  # type: ignore[no-untyped-def]  # annotated below
        def look(workspace: Workspace) -> None:
            workspace.pair.look_for(*find_source_pixel(workspace.pair, event.index))

        return act(str(request.session_hash), look)

    click.__annotations__ = {"request": gr.Request, "event": gr.SelectData}
    parts.pictures["source"].select(click, None, parts.view, **EVENT_OPTIONS)
    bind(panel.select, fill_pair)
    bind(parts.swap.click, lambda workspace: workspace.pair.swap())
    bind(parts.weights.input, lambda workspace, name: workspace.pair.choose_weights(name), parts.weights)
    for side in SIDES:
        upload = lambda workspace, path, side=side: _place_upload(workspace, side, path, max_upload_bytes)  # noqa: E731
        shown = {"show_progress": "minimal", "show_progress_on": [parts.pictures[side]]}
        bind(parts.uploads[side].upload, upload, parts.uploads[side], **shown)
        _bind_frames_of_side(parts, tabs, side, act)


def _bind_frames_of_side(parts: PairParts, tabs: Tabs, side: Side, act: Callable[..., PairView]) -> None:
    import gradio as gr

    def scrub(tab: str, index: int) -> PairView:
        view = act(tab, lambda workspace: place_frame(workspace, side, index))
        return view._replace(**{f"{side}_slider": gr.skip()})  # which the user holds

    options = {**EVENT_OPTIONS, "trigger_mode": "always_last"}
    parts.sliders[side].input(with_request(scrub), parts.sliders[side], parts.view, **options)


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
