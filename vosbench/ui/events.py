"""Bind the page's components to the workspace: each event is one call of the workspace, and then a new view."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vosbench.ui.binding import EventBinder, showing_errors, taking_upload, with_request
from vosbench.ui.page import TOOLS, add_header, lay_out_page
from vosbench.ui.pair_events import bind_pair
from vosbench.ui.pair_page import lay_out_pair
from vosbench.ui.sources import list_fetched_splits, open_dataset_video, open_listed_split, open_upload
from vosbench.ui.tabs import Tabs
from vosbench.ui.tracking_events import bind_tracking
from vosbench.ui.view import View, find_clicked_pixel
from vosbench.ui.workspace import Workspace

TITLE = "vosbench ui"
STEP = 10  # frames that Shift and an arrow go


def build_page(tabs: Tabs, datasets: Path, max_upload_bytes: int) -> Any:
    """Build the page as gradio.Blocks, with all of its events. datasets: the folder of all datasets."""
    import gradio as gr

    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=(600, 3600)) as page:
        add_header(tabs)
        with gr.Tabs(elem_id="panels"):
            with gr.Tab("Track"):
                binder = EventBinder(lay_out_page(tabs), tabs)
            with gr.Tab("Correspond", elem_id="correspond-panel") as panel:
                pair_parts = lay_out_pair()
        _bind_sources(page, binder, datasets, max_upload_bytes)
        _bind_prompts(binder)
        _bind_masks(binder, max_upload_bytes)
        _bind_frames(binder)
        bind_tracking(binder)
        bind_pair(panel, pair_parts, tabs, max_upload_bytes)
        page.unload(with_request(tabs.close))
    return page


def _bind_sources(page: Any, binder: EventBinder, datasets: Path, max_upload_bytes: int) -> None:
    import gradio as gr

    parts = binder.parts

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
    page.load(splits, None, parts.split, **binder.options)
    binder.bind(page.load, lambda workspace: None)
    binder.bind(parts.upload.upload, upload, parts.upload, show_progress="minimal", show_progress_on=[parts.picture])
    parts.split.input(with_request(list_videos), parts.split, parts.video, **binder.options)
    binder.bind(parts.video.input, choose_video, parts.split, parts.video)


def _bind_prompts(binder: EventBinder) -> None:
    import gradio as gr

    parts, buttons = binder.parts, binder.parts.buttons

    def click(request, event, kinds, with_truth, tool):  # type: ignore[no-untyped-def]  # annotated below
        def prompt(workspace: Workspace) -> None:
            x, y = find_clicked_pixel(workspace, event.index)
            if TOOLS.get(tool) == "box":
                workspace.mark_corner(x, y)
            else:
                workspace.click(x, y, TOOLS.get(tool) != "negative")

        return binder.act(binder.tabs.get(str(request.session_hash)), kinds, with_truth, prompt)

    click.__annotations__ = {"request": gr.Request, "event": gr.SelectData}
    parts.picture.select(click, [*binder.shown, parts.tool], parts.view, **binder.options)
    for name, action in (
        ("undo", Workspace.undo),
        ("clear", Workspace.clear_frame),
        ("clear_all", Workspace.clear_all),
        ("remove", Workspace.remove_object),
    ):
        binder.bind(buttons[name].click, action)
    binder.bind(buttons["add"].click, Workspace.add_object)
    binder.bind(parts.objects.input, Workspace.choose_object, parts.objects)
    binder.bind(parts.name.submit, Workspace.rename_object, parts.name)
    binder.bind(parts.name.blur, _rename_if_changed, parts.name)
    binder.bind(parts.kinds.input, lambda workspace: None)
    binder.bind(parts.show_truth.input, lambda workspace: None)


def _bind_masks(binder: EventBinder, max_upload_bytes: int) -> None:
    """Bind what gives objects by masks: an uploaded file, or the ground truth."""

    def give_file(workspace: Workspace, path: str | None) -> None:
        if path:
            with taking_upload(path) as uploaded:
                workspace.give_mask_file(uploaded, uploaded.name, max_upload_bytes)

    parts = binder.parts
    binder.bind(parts.mask.upload, give_file, parts.mask)
    binder.bind(parts.give_truth.click, Workspace.give_truth)


def _rename_if_changed(workspace: Workspace, name: str) -> None:
    if workspace.video and workspace.scene.names[workspace.scene.object_id] != name:
        workspace.rename_object(name)


def _bind_frames(binder: EventBinder) -> None:
    import gradio as gr

    parts, buttons = binder.parts, binder.parts.buttons
    binder.bind(parts.slider.release, Workspace.go_to, parts.slider)

    def scrub(tab: str, kinds: list[str], with_truth: bool, index: int) -> View:
        view = binder.act(binder.tabs.get(tab), kinds, with_truth, lambda workspace: workspace.go_to(index))
        return view._replace(slider=gr.skip())  # which the user holds

    inputs = [*binder.shown, parts.slider]
    parts.slider.input(with_request(scrub), inputs, parts.view, **binder.options | {"trigger_mode": "always_last"})
    for name, step in (("previous", -1), ("next", 1), ("back", -STEP), ("ahead", STEP)):
        binder.bind(buttons[name].click, lambda workspace, step=step: workspace.step(step))
