"""The colours of objects and errors, as people with usual sight and colour-blind people see them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from vosbench.media.colours import FALSE_COLOUR, MISSED_COLOUR, OBJECT_COLOURS, Colour, choose_colour, measure_luminance

MATRICES = {
    "usual sight": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
"""On linear RGB: Machado, Oliveira and Fernandes, A Physiologically-based Model for Simulation of Color Vision
Deficiency, 2009, severity 1.0."""


def _measure_distances(colours: tuple[Colour, ...], sight: str) -> NDArray[np.float64]:
    """CIEDE2000 between every two colours, as they are seen."""
    given = np.array(colours) / 255
    linear = np.where(given <= 0.04045, given / 12.92, ((given + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(MATRICES[sight]).T, 0, 1)
    lab = rgb2lab(np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)[None])[0]
    distances = deltaE_ciede2000(lab[:, None], lab[None])
    return distances[np.triu_indices(len(colours), 1)]


@pytest.mark.parametrize("sight", ["usual sight", "protanopia", "deuteranopia"])
def test_any_two_of_ten_objects_differ_in_colour_however_they_are_seen(sight: str) -> None:
    assert _measure_distances(OBJECT_COLOURS, sight).min() > 13
    assert _measure_distances(OBJECT_COLOURS[:6], sight).min() > 18
    assert _measure_distances(OBJECT_COLOURS[:2], sight).min() > 50


@pytest.mark.parametrize("sight", MATRICES)
def test_missed_and_false_pixels_differ_in_colour_however_they_are_seen(sight: str) -> None:
    assert _measure_distances((MISSED_COLOUR, FALSE_COLOUR), sight).min() > 40


def test_missed_and_false_pixels_differ_in_lightness_by_the_contrast_of_graphics() -> None:
    light, dark = measure_luminance(FALSE_COLOUR), measure_luminance(MISSED_COLOUR)
    assert (light + 0.05) / (dark + 0.05) > 2


def test_the_first_hundred_objects_differ_in_colour() -> None:
    colours = np.array([choose_colour(object_id) for object_id in range(1, 101)])
    assert len({tuple(colour) for colour in colours}) == 100
    assert (colours.max(axis=1) > 180).all()


def test_object_0_and_the_largest_id_have_colours() -> None:
    assert len({choose_colour(0), choose_colour(65535)}) == 2
