"""Bind the buttons that track, cancel and export."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from vosbench.ui import markup
from vosbench.ui.binding import EventBinder, showing_errors, with_request
from vosbench.ui.page import DIRECTION_LABELS, STARTS
from vosbench.ui.view import view_workspace
from vosbench.ui.workspace import TrackedSoFar

REFRESH = 0.25  # seconds between two looks at a propagation


def bind_tracking(binder: EventBinder) -> None:
    """Bind the buttons that track, cancel and export."""
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
    tracked = buttons["track"].click(with_request(track), inputs, outputs, **binder.options | {"trigger_mode": "once"})
    binder.bind(tracked.then, lambda workspace: None)  # show the workspace as it is then
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
