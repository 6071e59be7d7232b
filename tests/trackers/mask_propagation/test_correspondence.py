"""Points and maps of correspondences are in the pixels of the images, not in those of the padded ones."""

from __future__ import annotations

import numpy as np
import pytest

from vosbench.trackers.mask_propagation import MaskPropagation
from vosbench.trackers.mask_propagation.correspondence import Correspondence, find_match


@pytest.fixture(scope="module")
def compared(mask_propagation_checkpoint: str) -> Correspondence:
    """Two images of 56x40 and 90x50 pixels, which are padded by 4 on all sides, and by 3 and 7."""
    random = np.random.default_rng(0)
    source, target = (random.integers(0, 256, (*size, 3), np.uint8) for size in ((40, 56), (50, 90)))
    return Correspondence(MaskPropagation("cpu", mask_propagation_checkpoint), source, target)


@pytest.mark.parametrize(
    ("point", "cell"),
    [((0, 0), (0, 0)), ((11, 11), (0, 0)), ((12, 11), (0, 1)), ((12, 12), (1, 1)), ((55, 39), (2, 3))],
)
def test_a_point_marks_its_cell_of_the_padded_image(
    compared: Correspondence, point: tuple[int, int], cell: tuple[int, int]
) -> None:
    assert compared.source.padding == (4, 4, 4, 4)
    shown = compared.show_point(*point)
    x, y = find_match(shown)
    assert shown.shape == (40, 56)
    assert ((y + 4) // 16, (x + 4) // 16) == cell


def test_each_cell_of_the_target_is_a_mixture_of_the_whole_source(compared: Correspondence) -> None:
    np.testing.assert_allclose(compared.weights.sum(dim=0).numpy(), 1, atol=1e-5)
    everything = np.ones((40, 56), np.bool_)
    found = compared.transfer_mask(everything)
    assert found.shape == (50, 90)
    points = sum(compared.transfer_point(x, y) for y in (0, 20, 39) for x in (0, 20, 30, 55))
    np.testing.assert_allclose(points, 1, atol=1e-5)
    assert (found <= 1).all()
    assert (found > 0.5).all()
