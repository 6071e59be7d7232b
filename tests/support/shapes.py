"""Random masks for property tests."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from vosbench.evaluation import boundary, metrics
from vosbench.types import Mask

Shape = tuple[int, ...]
Two = tuple[Mask, Mask]


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


def jaccard(ground_truth: Mask, prediction: Mask) -> float:
    return metrics.jaccard(metrics.crop_pair(ground_truth, prediction))


def boundary_f(ground_truth: Mask, prediction: Mask, radius: float) -> float:
    return boundary.boundary_f(metrics.crop_pair(ground_truth, prediction), radius)
