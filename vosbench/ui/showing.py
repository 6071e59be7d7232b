"""Show a panel by one event, of which the page lets only one be under way.

Gradio keeps no order among the answers to events that come at the same time: the server may send them in another one,
and the browser shows each only after another request of its own was answered. So no other event answers with what the
page shows. page.js asks for it whenever something may have changed, not before the answer to the question before, and
says which turn of the workspace it shows; so in the end it shows the latest. The frames that the user steps on by go
with the question.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from vosbench.errors import VosbenchError
from vosbench.ui.binding import EVENT_OPTIONS, EventBinder, with_request
from vosbench.ui.loaded_video import PagePanel
from vosbench.ui.markup import write_trouble
from vosbench.ui.pair_view import PairView
from vosbench.ui.tabs import Tabs
from vosbench.ui.view import View
from vosbench.ui.workspace import Workspace


class PageNote(NamedTuple):
    """What page.js says as it asks for what a panel shows.

    moves: steps on or back through the frames, {"by": 1}, and frames to go to, {"to": 7}, in this order. turn: of what
    the panel shows, or None to be shown all. held: the components that the user holds, whose values are to stay.
    """

    moves: list[dict[str, int]]
    turn: int | None
    held: list[str]


def add_show_button(panel: PagePanel, tabs: Tabs) -> tuple[EventBinder, Any]:
    """Add to the page that is being built what nobody sees: the button that shows a panel, and the panel's note."""
    import gradio as gr

    return EventBinder(panel, gr.Textbox(visible=False), tabs), gr.Button(elem_id=f"show-{panel}")


def bind_show(
    binder: EventBinder,
    button: Any,
    look: Callable[..., View | PairView],
    inputs: list[Any],
    outputs: list[Any],
    line: int,
) -> None:
    """Bind the button that shows a panel.

    look: gives the values of the outputs; takes a workspace and the inputs. line: the place of the output that says
    what is the matter if `look` raises VosbenchError, since Gradio shows no error of an event without a queue.
    """
    import gradio as gr

    def show(tab: str, *values_and_note: Any) -> Any:
        *values, text = values_and_note
        workspace, note = binder.tabs.get(tab), PageNote(**json.loads(text))
        make_moves(workspace, note.moves)
        if note.turn == workspace.turns[binder.panel]:
            return [gr.skip() for _ in outputs]
        try:
            view = look(workspace, *values)
        except VosbenchError as error:
            return [write_trouble(error) if place == line else gr.skip() for place in range(len(outputs))]
        return view._replace(**{name: gr.skip() for name in note.held if name in view._fields})

    page = f"vosbench.{binder.panel}"
    ask = f"(...values) => [...values.slice(0, -1), {page}.ask()]"
    shown = button.click(with_request(show), [*inputs, binder.note], outputs, js=ask, queue=False, **EVENT_OPTIONS)
    for follow in (shown.then, shown.failure):
        follow(fn=None, js=f"() => {{ {page}.shown(); }}", api_visibility="private")


def make_moves(workspace: Workspace, moves: list[dict[str, int]]) -> None:
    """Go through the frames as the user did, step by step, since a step beyond an end counts for nothing."""
    with workspace.lock:
        for each in moves:
            if "by" in each:
                workspace.step(each["by"])
            else:
                workspace.go_to(each["to"])
        if moves:
            workspace.take_turn("track")
