"""Build the page: its panels, and for each event of their components the call of the workspace."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vosbench.ui.binding import (
    EVENT_OPTIONS,
    EventBinder,
    call_page,
    in_frame,
    showing_errors,
    taking_upload,
    with_place,
    with_request,
)
from vosbench.ui.page import TOOLS, Parts, add_header, lay_out_page
from vosbench.ui.pair_events import bind_pair
from vosbench.ui.pair_page import lay_out_pair
from vosbench.ui.showing import add_show_button, bind_show
from vosbench.ui.sources import list_fetched_splits, open_dataset_video, open_listed_split, open_upload
from vosbench.ui.tabs import Tabs
from vosbench.ui.tracking_events import bind_tracking
from vosbench.ui.view import View, find_clicked_pixel, view_workspace
from vosbench.ui.workspace import Workspace

TITLE = "vosbench ui"


def build_page(tabs: Tabs, datasets: Path, max_upload_bytes: int) -> Any:
    """Build the page as gradio.Blocks, with all of its events. datasets: the folder of all datasets."""
    import gradio as gr

    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=(600, 3600)) as page:
        add_header(tabs)
        (binder, show), (pair_binder, show_pair) = add_show_button("track", tabs), add_show_button("pair", tabs)
        with gr.Tabs(elem_id="panels"):
            with gr.Tab("Track"):
                parts = lay_out_page(tabs)
            with gr.Tab("Correspond", elem_id="correspond-panel") as panel:
                pair_parts = lay_out_pair()
        bind_show(
            binder, show, view_workspace, [parts.kinds, parts.show_truth], parts.view, View._fields.index("status")
        )
        _bind_sources(page, parts, binder, datasets, max_upload_bytes)
        _bind_prompts(parts, binder)
        _bind_masks(parts, binder, max_upload_bytes)
        bind_tracking(parts, binder)
        bind_pair(panel, pair_parts, pair_binder, show_pair, max_upload_bytes)
        for event in (page.load, parts.kinds.input, parts.show_truth.input):
            event(**call_page("track.show(true)"))
        page.unload(with_request(tabs.close))
    return page


def _bind_sources(page: Any, parts: Parts, binder: EventBinder, datasets: Path, max_upload_bytes: int) -> None:
    import gradio as gr

    def upload(workspace: Workspace, path: str | None) -> None:
        if path:
            with taking_upload(path) as uploaded:
                workspace.load(open_upload(uploaded, uploaded.name, workspace.folder / "upload", max_upload_bytes))

    def choose_video(workspace: Workspace, split: str | None, video: str | None) -> None:
        if split and video:
            workspace.load(open_dataset_video(split, video, datasets))

    def list_videos(tab: str, split: str | None) -> Any:
        videos: list[str] = []
        with showing_errors():
            videos = [*open_listed_split(split, datasets).videos] if split else []
        return gr.update(choices=videos, value=None)

    splits = lambda: gr.update(choices=list_fetched_splits(datasets), value=None)  # noqa: E731
    page.load(splits, None, parts.split, **EVENT_OPTIONS)
    binder.bind(parts.upload.upload, upload, parts.upload, loads=parts.picture)
    parts.split.input(with_request(list_videos), parts.split, parts.video, **EVENT_OPTIONS)
    binder.bind(parts.video.input, choose_video, parts.split, parts.video)


def _bind_prompts(parts: Parts, binder: EventBinder) -> None:
    buttons = parts.buttons

    def click(workspace: Workspace, place: Sequence[float], tool: str) -> None:
        x, y = find_clicked_pixel(workspace, place)
        if TOOLS.get(tool) == "box":
            workspace.mark_corner(x, y)
        else:
            workspace.click(x, y, TOOLS.get(tool) != "negative")

    binder.bind(parts.picture.select, in_frame(click), parts.tool, wrap=with_place, with_frame=True)
    binder.bind(buttons["clear"].click, in_frame(Workspace.clear_frame), with_frame=True)
    for name, action in (
        ("undo", Workspace.undo),
        ("clear_all", Workspace.clear_all),
        ("remove", Workspace.remove_object),
        ("add", Workspace.add_object),
    ):
        binder.bind(buttons[name].click, action)
    binder.bind(parts.objects.input, Workspace.choose_object, parts.objects)
    binder.bind(parts.name.submit, Workspace.rename_object, parts.name)
    binder.bind(parts.name.blur, _rename_if_changed, parts.name)


def _bind_masks(parts: Parts, binder: EventBinder, max_upload_bytes: int) -> None:
    """Bind what gives objects by masks: an uploaded file, or the ground truth."""

    def give_file(workspace: Workspace, path: str | None) -> None:
        if path:
            with taking_upload(path) as uploaded:
                workspace.give_mask_file(uploaded, uploaded.name, max_upload_bytes)

    binder.bind(parts.mask.upload, in_frame(give_file), parts.mask, with_frame=True)
    binder.bind(parts.give_truth.click, in_frame(Workspace.give_truth), with_frame=True)


def _rename_if_changed(workspace: Workspace, name: str) -> None:
    if workspace.video and workspace.scene.names[workspace.scene.object_id] != name:
        workspace.rename_object(name)
