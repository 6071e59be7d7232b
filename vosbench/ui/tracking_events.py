"""Bind the buttons that track, cancel and export."""

from __future__ import annotations

import time
from typing import Any

from vosbench.ui.binding import EVENT_OPTIONS, EventBinder, with_request
from vosbench.ui.page import DIRECTION_LABELS, STARTS, Parts
from vosbench.ui.workspace import Workspace

TURN = 0.1  # seconds after which others who wait for the workspace get it
PAUSE = 0.005


def bind_tracking(parts: Parts, binder: EventBinder) -> None:
    """Bind the buttons that track, cancel and export."""
    import gradio as gr

    def track(workspace: Workspace, shown: int, start: str, direction: str, anew: bool) -> None:
        given = time.monotonic()
        first = shown if STARTS.get(start) else None
        for _ in workspace.propagate(first, DIRECTION_LABELS.get(direction, "both"), anew):
            if time.monotonic() - given >= TURN:
                time.sleep(PAUSE)  # a lock goes to whoever comes first, and that would be the next frame
                given = time.monotonic()

    def export(workspace: Workspace, kinds: list[str]) -> Any:
        return gr.update(value=[str(path) for path in workspace.export(kinds)], visible=True)

    buttons = parts.buttons
    inputs = [parts.start, parts.direction, parts.anew]
    binder.bind(buttons["track"].click, track, *inputs, with_frame=True, trigger_mode="once")
    cancel = with_request(lambda tab: binder.tabs.get(tab).cancel())
    buttons["cancel"].click(cancel, None, None, queue=False, **EVENT_OPTIONS)
    binder.bind(
        buttons["export"].click, export, parts.kinds, answers=[parts.files], loads=buttons["export"],
        trigger_mode="once",
    )  # fmt: skip
