"""Bind an event of the page to an action on the workspace of its tab, and show what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from html import escape
from inspect import isgeneratorfunction
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.ui.page import Parts
from vosbench.ui.tabs import Tabs
from vosbench.ui.view import View, keep_view, view_workspace
from vosbench.ui.workspace import Workspace

EVENT_OPTIONS = {
    "show_progress": "hidden",
    "concurrency_limit": None,
    "api_visibility": "private",
    "trigger_mode": "multiple",
}


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


@contextmanager
def taking_upload(path: str) -> Iterator[Path]:
    """Give the file that a browser has uploaded, and delete it after the block. Raises VosbenchError if it is gone."""
    uploaded = Path(path)
    try:
        yield uploaded
    except FileNotFoundError:
        raise VosbenchError("upload", "the file is gone", "upload it again") from None
    finally:
        uploaded.unlink(missing_ok=True)


class EventBinder:
    """Binds events to actions: functions of a workspace and the values of some components."""

    def __init__(self, parts: Parts, tabs: Tabs) -> None:
        self.parts, self.tabs = parts, tabs
        self.shown = [parts.kinds, parts.show_truth]  # what decides about the view beside the workspace
        self.options: dict[str, Any] = EVENT_OPTIONS

    def bind(self, event: Callable[..., Any], action: Callable[..., Any], *inputs: Any, **options: Any) -> None:
        """Do an action at an event, and show what came of it; an error of the user's is shown as one line."""

        def handle(tab: str, kinds: list[str], with_truth: bool, *values: Any) -> View:
            return self.act(self.tabs.get(tab), kinds, with_truth, lambda workspace: action(workspace, *values))

        inputs_of_all = [*self.shown, *inputs]
        event(with_request(handle), inputs_of_all, self.parts.view, **{**self.options, **options})

    def act(self, workspace: Workspace, kinds: list[str], with_truth: bool, action: Callable[..., Any]) -> View:
        """Do an action; return what to show, or nothing new if another action has ended since and shows it anyway.

        Events come at the same time, and the one that began last may end first. So the turn is that of the end.
        """
        with showing_errors():
            action(workspace)
        turn = workspace.take_turn()
        view = view_workspace(workspace, kinds, with_truth) if workspace.is_latest_turn(turn) else keep_view()
        return view if workspace.is_latest_turn(turn) else keep_view()


class showing_errors(suppress):  # noqa: N801  # used as a statement
    """Shows a VosbenchError as a warning on the page, and goes on after the block."""

    def __init__(self) -> None:
        super().__init__(VosbenchError)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> bool:
        import gradio as gr

        if isinstance(error, VosbenchError):
            gr.Warning(escape(str(error)), title="")
        return super().__exit__(kind, error, trace)
