"""Random masks for property tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tests.support.kernel import load_kernel
from vosbench.evaluation import boundary, compare_frame, metrics
from vosbench.evaluation.kernel import LabelPair, ObjectCounts, count_pair
from vosbench.types import Mask

Shape = tuple[int, ...]
Two = tuple[Mask, Mask]
Region = Callable[[Mask, Mask], float]
Boundary = Callable[[Mask, Mask, float], float]


SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)
RADII = st.integers(0, 40)  # up to the whole picture
FRACTIONS = st.floats(0.75, 20)  # a smaller disc has no pixel


@st.composite
def boxes(draw: st.DrawFn, shape: Shape) -> Mask:
    top, bottom = sorted((draw(st.integers(0, shape[0])), draw(st.integers(0, shape[0]))))
    left, right = sorted((draw(st.integers(0, shape[1])), draw(st.integers(0, shape[1]))))
    mask = np.zeros(shape, np.bool_)
    mask[top:bottom, left:right] = True
    return mask


def masks(shape: Shape) -> st.SearchStrategy[Mask]:
    return st.one_of(
        boxes(shape), arrays(np.bool_, shape), st.sampled_from([np.zeros(shape, bool), np.ones(shape, bool)])
    )


MASKS = SHAPES.flatmap(masks)
PAIRS = SHAPES.flatmap(lambda shape: st.tuples(masks(shape), masks(shape)))


def count_with_kernel(ground_truth: Mask, prediction: Mask, *radii: float) -> ObjectCounts:
    """What the compiled kernel counts of two masks."""
    pair = LabelPair(ground_truth, prediction, compare_frame.ONE_MASK, compare_frame.ONE_MASK, 1)
    return count_pair(load_kernel(), pair, radii).objects[0]


def kernel_jaccard(ground_truth: Mask, prediction: Mask) -> float:
    counts = count_with_kernel(ground_truth, prediction)
    return counts.intersection / counts.union if counts.union else 1.0


def kernel_boundary_f(ground_truth: Mask, prediction: Mask, radius: float) -> float:
    return count_with_kernel(ground_truth, prediction, radius).boundary_f[0]


def jaccard(ground_truth: Mask, prediction: Mask) -> float:
    return metrics.jaccard(metrics.crop_pair(ground_truth, prediction))


def boundary_f(ground_truth: Mask, prediction: Mask, radius: float) -> float:
    return boundary.boundary_f(metrics.crop_pair(ground_truth, prediction), radius)


BOUNDARY_TWINS = pytest.mark.parametrize("boundary_f", [boundary_f, kernel_boundary_f], ids=["numpy", "kernel"])
JACCARD_TWINS = pytest.mark.parametrize("jaccard", [jaccard, kernel_jaccard], ids=["numpy", "kernel"])
"""Run a test over NumPy and over the compiled kernel."""
