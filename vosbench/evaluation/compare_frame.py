"""Compare the masks of one frame: all objects of two label maps at once with the kernel, or object by object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vosbench.datasets.card import Rules
from vosbench.evaluation.kernel import CompareFunction, LabelPair, ObjectCounts, count_pair
from vosbench.evaluation.matching import PredictedIds
from vosbench.evaluation.metrics import radii_of_area
from vosbench.evaluation.score_object import FrameValues, find_radius, measure_frame, resize_labels
from vosbench.masks.label_map import LabelMap
from vosbench.masks.source import MaskSource
from vosbench.types import Mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

ONE_MASK: NDArray[np.uint16] = np.array([0] + [1] * 255, np.uint16)
"""The numbers of the values of a mask, which is a label map of one object. True may be any byte but 0."""


@dataclass(frozen=True)
class FrameMasks:
    """The masks of a frame of size (H, W): a label map that is not split yet, or else the masks by object id."""

    size: tuple[int, int]
    label_map: LabelMap | None = None
    masks: Mapping[int, Mask] = field(default_factory=dict)

    def find_ids(self) -> list[int]:
        """The ids of the objects that the frame shows."""
        return self.label_map.find_ids() if self.label_map else list(self.masks)

    def find_mask(self, object_id: int) -> Mask | None:
        """The mask of an object; None if the frame does not show it. A label map is split one object at a time."""
        return self.label_map.find_mask(object_id) if self.label_map else self.masks.get(object_id)


class ComparedFrame(NamedTuple):
    """The ids that the ground truth shows, and what was found of each object that was asked for, in that order."""

    shown: set[int]
    values: list[FrameValues]


def read_frame(source: MaskSource, frame_name: str) -> FrameMasks:
    """Read the masks of a frame, as a label map if they are one. Raises VosbenchError as `source.read` does."""
    label_map = source.read_label_map(frame_name)
    if label_map is not None:
        return FrameMasks(label_map.size, label_map)
    size, masks = source.read(frame_name)
    return FrameMasks(size, masks=masks)


def compare_frame(
    compare: CompareFunction | None,
    frame_name: str,
    ground_truth: FrameMasks,
    prediction: FrameMasks | None,
    object_ids: tuple[int, ...],
    seen: PredictedIds,
    rules: Rules,
) -> ComparedFrame:
    """Compare some objects in a frame. prediction: None if there is no usable one. seen: gets the predicted ids.

    compare: the kernel; None for NumPy.
    """
    if compare and ground_truth.label_map and (prediction is None or prediction.label_map):
        guess = prediction.label_map if prediction else None
        return _compare_label_maps(compare, frame_name, ground_truth.label_map, guess, object_ids, seen, rules)
    matched = seen.match(frame_name, {each: each for each in prediction.find_ids()} if prediction else {})
    guesses = (prediction.find_mask(matched[each]) if prediction and each in matched else None for each in object_ids)
    pairs = zip(object_ids, guesses, strict=True)
    if compare:
        return _compare_one_by_one(compare, frame_name, ground_truth, pairs, rules)
    truth, size = ground_truth, ground_truth.size
    values = [measure_frame(frame_name, size, truth.find_mask(each), guess, rules) for each, guess in pairs]
    return ComparedFrame(set(truth.find_ids()), values)


def _compare_label_maps(
    compare: CompareFunction,
    frame_name: str,
    ground_truth: LabelMap,
    prediction: LabelMap | None,
    object_ids: tuple[int, ...],
    seen: PredictedIds,
    rules: Rules,
) -> ComparedFrame:
    pair = _pair_label_maps(ground_truth, prediction, object_ids, object_ids)
    shown, guessed, values = _measure_pair(compare, frame_name, pair, rules)
    ids = prediction.to_ids(guessed) if prediction else set()
    matched = seen.match(frame_name, {each: each for each in sorted(ids)})
    if any(matched.get(each, each) != each for each in object_ids):  # 255 stands for the only object
        renamed = tuple(matched.get(each, each) for each in object_ids)
        pair = _pair_label_maps(ground_truth, prediction, object_ids, renamed)
        shown, guessed, values = _measure_pair(compare, frame_name, pair, rules)
    return ComparedFrame(ground_truth.to_ids(shown), values)


def _pair_label_maps(
    ground_truth: LabelMap, prediction: LabelMap | None, object_ids: tuple[int, ...], predicted_ids: tuple[int, ...]
) -> LabelPair:
    numbers = ground_truth.number_values(object_ids)
    if prediction is None:
        return LabelPair(ground_truth.values, None, numbers, numbers, len(object_ids))
    predicted = prediction.number_values(predicted_ids)
    return LabelPair(ground_truth.values, prediction.values, numbers, predicted, len(object_ids))


def _compare_one_by_one(
    compare: CompareFunction,
    frame_name: str,
    ground_truth: FrameMasks,
    pairs: Iterable[tuple[int, Mask | None]],
    rules: Rules,
) -> ComparedFrame:
    """Compare objects that may overlap in the prediction or in both, and so are in no label map.

    pairs: the ids of the objects with their predicted masks.
    """
    shown, values, label_map = set(ground_truth.masks), [], ground_truth.label_map
    nothing = np.zeros(ground_truth.size, np.bool_)
    for object_id, guess in pairs:
        truth = label_map.values if label_map else _align_rows(ground_truth.masks.get(object_id, nothing))
        numbers = label_map.number_values((object_id,)) if label_map else ONE_MASK
        pair = LabelPair(truth, None if guess is None else _align_rows(guess), numbers, ONE_MASK, 1)
        found, _, (value,) = _measure_pair(compare, frame_name, pair, rules)
        shown |= label_map.to_ids(found) if label_map else set()
        values.append(value)
    return ComparedFrame(shown, values)


def _align_rows(mask: Mask) -> Mask:
    """A mask whose rows are contiguous, as the kernel reads them."""
    return mask if mask.strides[1] == 1 else np.ascontiguousarray(mask)


def _measure_pair(
    compare: CompareFunction, frame_name: str, pair: LabelPair, rules: Rules
) -> tuple[list[int], list[int], list[FrameValues]]:
    """The values that occur in both label maps, and what the rules measure of each object."""
    size = pair.ground_truth.shape[0], pair.ground_truth.shape[1]
    is_plain = rules.measure == "standard" and not rules.boundary_side
    counts = count_pair(compare, pair, (find_radius(size, rules.tolerance),) if is_plain else ())
    if is_plain:
        measured = [(_divide(each.intersection, each.union), *each.boundary_f) for each in counts.objects]
    elif rules.measure == "adaptive":
        measured = _measure_adaptively(compare, pair, counts.objects, size, rules)
    else:
        boundaries = _measure_resized_boundaries(compare, pair, rules)
        measured = [
            (_divide(each.intersection, each.union), boundary)
            for each, boundary in zip(counts.objects, boundaries, strict=True)
        ]
    values = [
        FrameValues(frame_name, each.ground_truth > 0, each.prediction > 0, figures)
        for each, figures in zip(counts.objects, measured, strict=True)
    ]
    return counts.ground_truth_values, counts.prediction_values, values


def _measure_adaptively(
    compare: CompareFunction, pair: LabelPair, objects: Sequence[ObjectCounts], size: tuple[int, int], rules: Rules
) -> list[tuple[float, ...]]:
    """MOSEv2's measures. The objects whose areas ask for the same radii are compared together."""
    wanted = [radii_of_area(each.ground_truth, size, rules.tolerance) for each in objects]
    by_radii = {radii: count_pair(compare, pair, radii).objects for radii in set(wanted)}
    return [
        ((each.intersection + 1) / (each.union + 1), *by_radii[radii][index].boundary_f)
        for index, (each, radii) in enumerate(zip(objects, wanted, strict=True))
    ]


def _measure_resized_boundaries(compare: CompareFunction, pair: LabelPair, rules: Rules) -> list[float]:
    """F of all objects in frames whose shorter side is `rules.boundary_side` pixels."""
    truth = resize_labels(pair.ground_truth, rules.boundary_side or 0)
    prediction = None if pair.prediction is None else resize_labels(pair.prediction, rules.boundary_side or 0)
    size = truth.shape[0], truth.shape[1]
    resized = pair._replace(ground_truth=truth, prediction=prediction)
    found = count_pair(compare, resized, (find_radius(size, rules.tolerance),)).objects
    return [each.boundary_f[0] for each in found]


def _divide(intersection: int, union: int) -> float:
    return intersection / union if union else 1.0
