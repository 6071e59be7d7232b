"""The kinds of prompts by which a simulated user gives an object: its mask, a box around it, or clicks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vosbench.errors import VosbenchError
from vosbench.prompting.clicking import OBJECT, click_at
from vosbench.prompting.simulate import find_box
from vosbench.types import BoxPrompt, Mask, PointPrompt, Session

KIND_NAMES = ("mask", "box", "1-click", "3-click", "5-click")
"""The kinds of SAM 2's evaluation; another number of clicks is possible too."""


@dataclass(frozen=True)
class PromptKind:
    """How an object is given. name: "mask", "box" or "N-click". clicks: N, the most clicks; 0 without clicks."""

    name: str
    clicks: int = 0

    @property
    def form(self) -> str:
        """The kind of prompt as a tracker names it in `prompt_kinds`: "mask", "points" or "box"."""
        return "points" if self.clicks else self.name


def parse_prompt_kind(name: str) -> PromptKind:
    """The kind of a name. Raises VosbenchError for a name that is none of KIND_NAMES and not of the form N-click."""
    found = re.fullmatch(r"([1-9]\d?)-click", name)
    if not (found or name in KIND_NAMES):
        raise VosbenchError(f"--prompt {name}", f"expected one of {', '.join(KIND_NAMES)}", "choose one of these")
    return PromptKind(name, int(found[1]) if found else 0)


def give_prompt(session: Session, index: int, truth: Mask, kind: PromptKind) -> PointPrompt | BoxPrompt:
    """Give an object in a frame as a user does who sees its true mask; return what was given.

    session: without prompts; each further click lies in the error of the mask that it shows after the clicks so far.
    truth: bool[H, W], not empty. kind: clicks or a box.
    """
    if kind.clicks:
        return PointPrompt(click_at(session, index, truth, None, kind.clicks))
    box = make_box(truth)
    session.add(index, OBJECT, box)
    return box


def make_box(truth: Mask) -> BoxPrompt:
    """The box of a mask, bool[H, W]: the positions of its outermost pixels. A line of pixels gets one pixel more."""
    left, top, right, bottom = find_box(truth)
    return BoxPrompt(left, top, max(right, left + 1), max(bottom, top + 1))
