"""Separate an object's pixels from others by ridge regression on random Fourier features (Rahimi and Recht 2007).

A pixel is described by its colour, texture and position within the object, as `flow_images.describe_frame` gives them.
"""

from __future__ import annotations

import numpy as np

from vosbench.trackers.flow_images import FEATURE_COUNT, FrameFeatures, Image, find_centroid

DIMENSIONS = FEATURE_COUNT + 2  # of a pixel's description: its features, and x and y within the object
BANDWIDTH = 3.0  # of the Gaussian kernel that the random features approximate
RIDGE = 1e-3  # added to a Gram matrix of trace 1, so that it can be solved
SAMPLES = 2000  # pixels of each class that a mask teaches; more cost time and change no score
PIXELS_PER_CHUNK = 8192  # pixels whose random features are computed at once


class PixelClassifier:
    """The random features, which are the same for all objects and videos. What it learned is kept by the caller."""

    def __init__(self, count: int) -> None:
        """Draw `count` random features."""
        random = np.random.default_rng(0)
        self.waves = (random.standard_normal((DIMENSIONS, count)) / BANDWIDTH).astype(np.float32)
        self.phases = random.uniform(0, 2 * np.pi, count).astype(np.float32)

    def learn(self, mask: Image, near: Image, size: float, view: FrameFeatures) -> Image:
        """What a mask teaches: Gram matrix and answers, 1 on the object and -1 around it, [features, features + 1].

        mask: soft, [h, w]. near: bool[h, w], the object and its surroundings. size: the root of the object's area.

        The object counts as much as its surroundings; a pixel counts more, the closer its mask value is to 0 or 1.
        """
        centre = find_centroid(mask)
        learned = np.zeros((len(self.phases), len(self.phases) + 1), np.float32)
        for answer, chosen in ((1, mask > 0.5), (-1, (mask < 0.5) & near)):
            pixels = np.flatnonzero(chosen)
            pixels = pixels[:: len(pixels) // SAMPLES + 1]
            features = self._expand(view, pixels, centre, size)
            weights = np.abs(2 * mask.flat[pixels] - 1)
            weighted = features.T * (weights / max(1e-6, 2 * weights.sum()))
            learned += weighted @ np.column_stack([features, np.full(len(pixels), answer, np.float32)])
        return learned

    def classify(
        self, learned: Image, view: FrameFeatures, pixels: Image, centre: tuple[float, float] | None, size: float
    ) -> Image:
        """The answers, about 1 on the object and -1 beside it, for N pixels given by their flat indices, [N].

        learned: what `learn` returned, or a weighted mean of it. centre: the object's, x and y in pixels; if None, each
        pixel is described as if it were at the centre. size: the root of the object's area.
        """
        ridge = RIDGE * np.eye(len(self.phases), dtype=np.float32)
        weights = np.linalg.solve(learned[:, :-1] + ridge, learned[:, -1])
        chunks = np.array_split(pixels, len(pixels) // PIXELS_PER_CHUNK + 1)
        return np.concatenate([self._expand(view, chunk, centre, size) @ weights for chunk in chunks])

    def _expand(self, view: FrameFeatures, pixels: Image, centre: tuple[float, float] | None, size: float) -> Image:
        """Random features [N, features] of N pixels."""
        described = np.zeros((len(pixels), DIMENSIONS), np.float32)
        described[:, :-2] = view.features.reshape(-1, DIMENSIONS - 2)[pixels]
        if centre is not None:
            rows, columns = np.divmod(pixels, view.grey.shape[1])
            described[:, -2], described[:, -1] = (columns - centre[0]) / size, (rows - centre[1]) / size
        return np.asarray(np.cos(described @ self.waves + self.phases) * np.float32(np.sqrt(2 / len(self.phases))))
