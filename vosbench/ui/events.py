"""Bind the page's components to the workspace: each event is one call of the workspace, and then a new view."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from html import escape
from inspect import isgeneratorfunction
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.ui import markup
from vosbench.ui.page import DIRECTION_LABELS, STARTS, TOOLS, Parts, lay_out_page
from vosbench.ui.sources import list_fetched_splits, open_dataset_video, open_listed_split, open_upload
from vosbench.ui.tabs import Tabs
from vosbench.ui.view import View, find_clicked_pixel, keep_view, view_workspace
from vosbench.ui.workspace import TrackedSoFar, Workspace

REFRESH = 0.25  # seconds between two looks at a propagation
TITLE = "vosbench ui"
STEP = 10  # frames that Shift and an arrow go


def build_page(tabs: Tabs, datasets: Path, max_upload_bytes: int) -> Any:
    """Build the page as gradio.Blocks, with all of its events. datasets: the folder of all datasets."""
    import gradio as gr

    with gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True, delete_cache=(600, 3600)) as page:
        binder = EventBinder(lay_out_page(tabs), tabs)
        _bind_sources(page, binder, datasets, max_upload_bytes)
        _bind_prompts(binder)
        _bind_frames(binder)
        _bind_tracking(binder)
        page.unload(with_request(tabs.close))
    return page


def with_request(handle: Callable[..., Any]) -> Callable[..., Any]:
    """Turn a function of a tab's name and values into one whose first argument is Gradio's request."""
    import gradio as gr

    def handle_request(request, *values):  # type: ignore[no-untyped-def]  # Gradio reads the annotation below
        return handle(str(request.session_hash), *values)

    def handle_steps(request, *values):  # type: ignore[no-untyped-def]
        yield from handle(str(request.session_hash), *values)

    chosen = handle_steps if isgeneratorfunction(handle) else handle_request
    chosen.__annotations__ = {"request": gr.Request}
    return chosen


class EventBinder:
    """Binds events to actions: functions of a workspace and the values of some components."""

    def __init__(self, parts: Parts, tabs: Tabs) -> None:
        self.parts, self.tabs = parts, tabs
        self.shown = [parts.kinds, parts.show_truth]  # what decides about the view beside the workspace
        self.options: dict[str, Any] = {
            "show_progress": "hidden",
            "concurrency_limit": None,
            "api_visibility": "private",
            "trigger_mode": "multiple",
        }

    def bind(self, event: Callable[..., Any], action: Callable[..., Any], *inputs: Any, **options: Any) -> None:
        """Do an action at an event, and show what came of it; an error of the user's is shown as one line."""

        def handle(tab: str, kinds: list[str], with_truth: bool, *values: Any) -> View:
            return self.act(self.tabs.get(tab), kinds, with_truth, lambda workspace: action(workspace, *values))

        inputs_of_all = [*self.shown, *inputs]
        event(with_request(handle), inputs_of_all, self.parts.view, **{**self.options, **options})

    def act(self, workspace: Workspace, kinds: list[str], with_truth: bool, action: Callable[..., Any]) -> View:
        """Do an action; return what to show, or nothing new if a later event is to show it anyway."""
        turn = workspace.take_turn()
        with showing_errors():
            action(workspace)
        return view_workspace(workspace, kinds, with_truth) if workspace.is_latest_turn(turn) else keep_view()


class showing_errors(suppress):  # noqa: N801  # used as a statement
    """Shows a VosbenchError as a warning on the page, and goes on after the block."""

    def __init__(self) -> None:
        super().__init__(VosbenchError)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> bool:
        import gradio as gr

        if isinstance(error, VosbenchError):
            gr.Warning(escape(str(error)), title="")
        return super().__exit__(kind, error, trace)


def _bind_sources(page: Any, binder: EventBinder, datasets: Path, max_upload_bytes: int) -> None:
    import gradio as gr

    parts = binder.parts

    def upload(workspace: Workspace, path: str | None) -> None:
        if path:
            uploaded = Path(path)
            try:
                workspace.load(open_upload(uploaded, uploaded.name, workspace.folder / "upload", max_upload_bytes))
            except FileNotFoundError:
                raise VosbenchError("upload", "the file is gone", "upload it again") from None
            finally:
                uploaded.unlink(missing_ok=True)

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
        move = lambda workspace, step=step: workspace.go_to(workspace.index + step)  # noqa: E731
        binder.bind(buttons[name].click, move)


def _bind_tracking(binder: EventBinder) -> None:
    import gradio as gr

    parts, buttons = binder.parts, binder.parts.buttons
    outputs = [parts.progress, buttons["track"], buttons["cancel"], *parts.view]

    def track(
        tab: str, kinds: list[str], with_truth: bool, start: str, direction: str, anew: bool
    ) -> Iterator[tuple[Any, ...]]:
        workspace = binder.tabs.get(tab)
        with showing_errors():
            steps = workspace.propagate(STARTS.get(start, False), DIRECTION_LABELS.get(direction, "both"), anew)
            for text in _watch(steps):
                buttons_now = (gr.update(interactive=False), gr.update(interactive=True))
                view = view_workspace(workspace, kinds, with_truth)._replace(slider=gr.skip())
                yield (text, *buttons_now, *view)
        buttons_now = (gr.update(interactive=True), gr.update(interactive=False))
        yield ("", *buttons_now, *view_workspace(workspace, kinds, with_truth))

    def export(tab: str, kinds: list[str], with_truth: bool) -> Any:
        workspace = binder.tabs.get(tab)
        with showing_errors():
            return gr.update(value=[str(path) for path in workspace.export(kinds)], visible=True)
        return gr.update()

    inputs = [*binder.shown, parts.start, parts.direction, parts.anew]
    buttons["track"].click(with_request(track), inputs, outputs, **binder.options | {"trigger_mode": "once"})
    buttons["cancel"].click(
        with_request(lambda tab: binder.tabs.get(tab).cancel()), None, None, queue=False, **binder.options
    )
    options = binder.options | {
        "show_progress": "minimal",
        "show_progress_on": [buttons["export"]],
        "trigger_mode": "once",
    }
    buttons["export"].click(with_request(export), binder.shown, parts.files, **options)


def _watch(steps: Iterator[TrackedSoFar]) -> Iterator[str]:
    """Follow a propagation; yield now and then how far it is, with the time that is left."""
    begun = shown = time.monotonic()
    yield markup.write_progress(0, 1, None)
    for progress in steps:
        now = time.monotonic()
        if now - shown >= REFRESH:
            left = (now - begun) / progress.done * (progress.total - progress.done)
            yield markup.write_progress(progress.done, progress.total, left)
            shown = time.monotonic()
