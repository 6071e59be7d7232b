"""Bind an event of the page to an action on the workspace of its tab."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from html import escape
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.ui.loaded_video import PagePanel
from vosbench.ui.tabs import Tabs
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

    handle_request.__annotations__ = {"request": gr.Request}
    return handle_request


def with_place(handle: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a click into a picture: the place in it, x and y, comes before the values."""
    import gradio as gr

    def handle_click(request, event, *values):  # type: ignore[no-untyped-def]  # Gradio reads the annotations below
        return handle(str(request.session_hash), event.index, *values)

    handle_click.__annotations__ = {"request": gr.Request, "event": gr.SelectData}
    return handle_click


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


def call_page(call: str) -> dict[str, Any]:
    """The arguments of an event that only calls a function of page.js."""
    return {"fn": None, "js": f"() => {{ vosbench.{call}; }}", "api_visibility": "private"}


def in_frame(action: Callable[..., Any]) -> Callable[..., Any]:
    """An action that is done in the frame that the page showed at the event, see `EventBinder.bind`."""

    def act(workspace: Workspace, shown: int, *values: Any) -> None:
        with workspace.lock:
            workspace.return_to(shown)
            action(workspace, *values)

    return act


class EventBinder:
    """Binds the events of a panel to actions: functions of a workspace and the values of some components.

    An action gives the page nothing to show: answers to events that come at the same time arrive in any order. The
    page is told that the action has ended, and asks for what the panel shows then, see `showing.bind_show`.

    note: a component that nobody sees, as which page.js sends a value of its own.
    """

    def __init__(self, panel: PagePanel, note: Any, tabs: Tabs) -> None:
        self.panel, self.note, self.tabs = panel, note, tabs

    def bind(
        self,
        event: Callable[..., Any],
        action: Callable[..., Any],
        *inputs: Any,
        wrap: Callable[[Callable[..., Any]], Callable[..., Any]] = with_request,
        with_frame: bool = False,
        answers: Sequence[Any] = (),
        loads: Any = None,
        trigger_mode: str = "multiple",
    ) -> None:
        """Do an action at an event; an error of the user's is shown as one line.

        with_frame: give the action the index of the frame that the page shows at the event, before the values. The
        workspace may be further on by then. answers: components that no view has and the action gives the values of.
        loads: a component that shows that the action is going on. trigger_mode: see Gradio.
        """
        import gradio as gr

        def handle(tab: str, *values_and_frame: Any) -> Any:
            *values, shown = values_and_frame
            workspace = self.tabs.get(tab)
            try:
                with showing_errors():
                    return action(workspace, *([int(shown or 0)] if with_frame else []), *values)
            finally:
                workspace.take_turn(self.panel)
            return [gr.skip() for _ in answers] or None

        begin = f"(...values) => [...values.slice(0, -1), vosbench.{self.panel}.begin()]"
        options: dict[str, Any] = EVENT_OPTIONS | {"trigger_mode": trigger_mode}
        if loads:
            options |= {"show_progress": "minimal", "show_progress_on": [loads]}
        ended = event(wrap(handle), [*inputs, self.note], [*answers], js=begin, **options)
        for follow in (ended.then, ended.failure):  # Gradio calls what is to come then only if nothing has failed
            follow(**call_page(f"{self.panel}.end()"))


class showing_errors(suppress):  # noqa: N801  # used as a statement
    """Shows a VosbenchError as a warning on the page, and goes on after the block."""

    def __init__(self) -> None:
        super().__init__(VosbenchError)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> bool:
        import gradio as gr

        if isinstance(error, VosbenchError):
            gr.Warning(escape(str(error)), title="")
        return super().__exit__(kind, error, trace)
