"""Find the objects that a card's rules score, and the frames in which each of them is scored.

The numbers are those of each benchmark's own tool; no switch repeats a tool's defects. Two cases are decided otherwise.
The decay of more than 255 frames is right, where the official tool gives NaN or a wrong number, as NumPy's version has
it, and LVOS's tool gives 0 (see `metrics`). Objects without a scored frame, as in videos of one or two frames, have NaN
for every statistic and do not count in a mean, where the tools crash, drop them in silence or (MOSEv2) state 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vosbench.datasets.card import Rules
from vosbench.datasets.meta import ListedObject
from vosbench.masks.folder import MaskFolder


def find_scored_frames(
    ground_truth: MaskFolder, rules: Rules, listed: Mapping[int, ListedObject] | None = None
) -> dict[int, Sequence[str]]:
    """The scored objects of a video: object id -> names of the frames that count; none where its span is too short.

    listed: the objects in the publisher's meta file, where the rules need one.
    """
    spans = _find_object_spans(ground_truth, rules, listed or {})
    return {object_id: span[rules.skip_first : len(span) - rules.skip_last] for object_id, span in spans.items()}


def _find_object_spans(
    ground_truth: MaskFolder, rules: Rules, listed: Mapping[int, ListedObject]
) -> dict[int, Sequence[str]]:
    """The scored objects: object id -> names of its frames, before the rules leave out the first or the last one."""
    by_masks = rules.objects == "all" and (rules.merge or not ground_truth.object_folders)
    first = _find_first_positions(ground_truth) if by_masks or rules.span == "appearance" else {}
    object_ids = sorted(first) if by_masks else _find_scored_objects(ground_truth, rules, listed)
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
    """The scored objects, where they are known without decoding every mask."""
    if rules.objects == "listed":
        return sorted(listed)
    if rules.objects == "all":
        return sorted(ground_truth.object_folders)
    first = ground_truth.read_ids(ground_truth.frame_names[0])
    return list(range(0 if 0 in first else 1, max(first, default=0) + 1))  # 0 is an object where each has its folder


def _find_first_positions(ground_truth: MaskFolder) -> dict[int, int]:
    """The objects that occur: object id -> position of the frame that first shows it. Decodes every mask."""
    first: dict[int, int] = {}
    for position, frame_name in enumerate(ground_truth.frame_names):
        first |= {object_id: position for object_id in ground_truth.read_ids(frame_name) if object_id not in first}
    return first
