"""Fixtures for the tests of SAM 2."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support import official
from tests.support.official import SIDE
from vosbench.masks.labels import read_labels
from vosbench.trackers.sam2.tracker import Sam2
from vosbench.types import Frame, Mask


@pytest.fixture(scope="module")
def stock(seeded: SimpleNamespace) -> Any:
    """The stock predictor with seeded weights."""
    return official.build(seeded, SIDE)


@pytest.fixture(scope="module")
def tracker(checkpoint: str) -> Sam2:
    return Sam2("cpu", checkpoint, image_size=SIDE, dtype="float32")


@pytest.fixture(scope="module")
def clip(data: Path) -> Path:
    """The rendered clip, 12 frames, as a folder of JPEGs, which is what the stock predictor reads."""
    return data / "sam2" / "frames"


@pytest.fixture(scope="module")
def frames(clip: Path) -> list[Frame]:
    return [np.array(Image.open(path).convert("RGB")) for path in sorted(clip.iterdir())]


@pytest.fixture(scope="module")
def true_masks(data: Path) -> list[Mask]:
    """The mask of the first object in each frame."""
    return [read_labels(path) == 1 for path in sorted((data / "sam2" / "masks").iterdir())]
