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
from vosbench.datasets.meta import ListedObject
from vosbench.masks.folder import MaskFolder


def find_scored_frames(
    ground_truth: MaskFolder, rules: Rules, listed: Mapping[int, ListedObject] | None = None
) -> dict[int, Sequence[str]]:
    """The scored objects of a video, and for each the frames in which it is scored; none if its span is too short.

    `listed`: what the meta file says of the video's objects, where the rules go by one.
    """
    spans = _find_object_spans(ground_truth, rules, listed or {})
    return {object_id: span[rules.skip_first : len(span) - rules.skip_last] for object_id, span in spans.items()}


def _find_object_spans(
    ground_truth: MaskFolder, rules: Rules, listed: Mapping[int, ListedObject]
) -> dict[int, Sequence[str]]:
    """The scored objects, and for each the frames of which it is scored in some."""
    counted = rules.objects == "all" and (rules.merge or not ground_truth.object_folders)
    first = _find_first_positions(ground_truth) if counted or rules.span == "appearance" else {}
    object_ids = sorted(first) if counted else _find_scored_objects(ground_truth, rules, listed)
    if rules.span == "own":
        frames = {object_id: listed[object_id].frames if object_id in listed else None for object_id in object_ids}
        return {
            object_id: ground_truth.frame_names_of(object_id) if own is None else own
            for object_id, own in frames.items()
        }
    return {
        object_id: ground_truth.frame_names[first.get(object_id, 0) if rules.span == "appearance" else 0 :]
        for object_id in object_ids
    }


def _find_scored_objects(ground_truth: MaskFolder, rules: Rules, listed: Mapping[int, ListedObject]) -> list[int]:
    """The scored objects, where they need not be counted."""
    if rules.objects == "listed":
        return sorted(listed)
    if rules.objects == "all":
        return sorted(ground_truth.object_folders)
    first = ground_truth.read(ground_truth.frame_names[0])[1]
    return list(range(0 if 0 in first else 1, max(first, default=0) + 1))  # 0 is an object where masks are kept apart


def _find_first_positions(ground_truth: MaskFolder) -> dict[int, int]:
    """The objects that occur, and the position of the frame in which each does first. Decodes every mask."""
    first: dict[int, int] = {}
    for position, frame_name in enumerate(ground_truth.frame_names):
        first |= {object_id: position for object_id in ground_truth.read(frame_name)[1] if object_id not in first}
    return first
