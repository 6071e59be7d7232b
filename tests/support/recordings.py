"""Read what was recorded of Mask-Propagation and SimVOS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vosbench.masks.labels import to_labels
from vosbench.types import Labels, Masks


def prompts_of_recording(recorded: Mapping[str, Any], labels: NDArray[np.uint8]) -> tuple[dict[int, Masks], Labels]:
    """The prompts of a recording, and the label maps that were recorded.

    Late objects are given where the recording says, all others in the first frame.
    """
    if "raw_given" in recorded:
        given = recorded["raw_given"]
        ids = {index: [int(value) for value in np.unique(given[index]) if value] for index in range(len(given))}
        prompts = {index: {each: given[index] == each for each in found} for index, found in ids.items() if found}
        return prompts, recorded["masks_raw"]
    count = recorded["prob_s4"].shape[0] - 1
    return {0: {each: labels[0] == each for each in range(1, count + 1)}}, recorded["masks"]


def count_differences(masks: Iterable[Masks], expected: Labels) -> int:
    """The number of pixels of all frames whose ids differ."""
    found = [to_labels(frame, expected.shape[1:]) for frame in masks]
    return int(np.count_nonzero(np.stack(found) != expected))
