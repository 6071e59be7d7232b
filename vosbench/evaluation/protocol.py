"""From the rules on a card to the frames that count, the values of a frame, and the statistics of an object.

The numbers are those of each benchmark's own tool, and there is no switch for a tool's defects: where a tool states a
number that means something, it is the one here. Decided otherwise are the decay of series above 255 frames, which the
official tool makes NaN or wrong as the version of NumPy has it, and which LVOS's tool states as 0 (see `metrics`); and
objects without a frame that counts, as in videos of one or two frames: their statistics are NaN and do not count in a
mean, where the tools crash, drop them in silence or (MOSEv2) state 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vosbench.datasets.card import Rules
from vosbench.datasets.meta import Listed
from vosbench.masks.folder import MaskFolder


def frames_of_objects(
    truth: MaskFolder, rules: Rules, listed: Mapping[int, Listed] | None = None
) -> dict[int, Sequence[str]]:
    """The scored objects of a video, and for each the frames in which it is scored; none if its span is too short.

    `listed`: what the meta file says of the video's objects, where the rules go by one.
    """
    spans = _spans(truth, rules, listed or {})
    return {label: span[rules.skip_first : len(span) - rules.skip_last] for label, span in spans.items()}


def _spans(truth: MaskFolder, rules: Rules, listed: Mapping[int, Listed]) -> dict[int, Sequence[str]]:
    """The scored objects, and for each the frames of which it is scored in some."""
    counted = rules.objects == "all" and (rules.merge or not truth.objects)
    first = _first_appearances(truth) if counted or rules.span == "appearance" else {}
    labels = sorted(first) if counted else _labels(truth, rules, listed)
    if rules.span == "own":
        frames = {label: listed[label].frames if label in listed else None for label in labels}
        return {label: truth.stems_of(label) if own is None else own for label, own in frames.items()}
    return {label: truth.stems[first.get(label, 0) if rules.span == "appearance" else 0 :] for label in labels}


def _labels(truth: MaskFolder, rules: Rules, listed: Mapping[int, Listed]) -> list[int]:
    """The scored objects, where they need not be counted."""
    if rules.objects == "listed":
        return sorted(listed)
    if rules.objects == "all":
        return sorted(truth.objects)
    first = truth.read(truth.stems[0])[1]
    return list(range(0 if 0 in first else 1, max(first, default=0) + 1))  # 0 is an object where masks are kept apart


def _first_appearances(truth: MaskFolder) -> dict[int, int]:
    """The objects that occur, and the position of the frame in which each does first. Decodes every mask."""
    first: dict[int, int] = {}
    for position, stem in enumerate(truth.stems):
        first |= {label: position for label in truth.read(stem)[1] if label not in first}
    return first
