"""Fixtures for the tests of SAM2Long."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.support.pathways import SIDE, WAVERING
from vosbench.masks.labels import read_labels
from vosbench.trackers.sam2long.tracker import Sam2Long
from vosbench.types import Frame, Masks


@pytest.fixture(scope="module")
def frames(data: Path) -> list[Frame]:
    return [np.array(Image.open(path).convert("RGB")) for path in sorted((data / "sam2" / "frames").iterdir())]


@pytest.fixture(scope="module")
def ground_truth(data: Path) -> list[Masks]:
    labels = [read_labels(path) for path in sorted((data / "sam2" / "masks").iterdir())]
    return [{object_id: one == object_id for object_id in (1, 2)} for one in labels]


@pytest.fixture(scope="module")
def tracker(checkpoint: str, seeded: SimpleNamespace) -> Sam2Long:
    built = Sam2Long("cpu", checkpoint, image_size=SIDE, dtype="float32", iou_thre=0.4, uncertainty=1.0)
    built.predictor.load_state_dict(seeded.seeded_state_dict(built.predictor, **WAVERING))
    return built
