"""Fixtures of the tests of `vosbench fetch`."""

from __future__ import annotations

import io
from itertools import product

import numpy as np
import pytest
from PIL import Image

from tests.support.cli import Cli
from tests.support.fetched import SEQUENCES
from tests.support.golden import squares
from tests.support.published_clips import png


@pytest.fixture
def cli(cli: Cli) -> Cli:
    """The command line, which reaches no server except that of the test."""
    cli.environment["https_proxy"] = "http://127.0.0.1:9"
    return cli


@pytest.fixture(scope="session")
def davis2016() -> dict[str, bytes]:
    """The publisher's tree of DAVIS 2016, by path: four frames of noise (70 kB each) in six of its sequences."""
    dice, files = np.random.default_rng(0), {}
    for index, video in product(range(4), SEQUENCES):
        noise = Image.fromarray(dice.integers(0, 256, (240, 320, 3), np.uint8))
        noise.save(frame := io.BytesIO(), "JPEG", quality=90)
        files[f"DAVIS/JPEGImages/480p/{video}/{index:05}.jpg"] = frame.getvalue()
        mask = squares((255, 6 + index, 9), size=(240, 320))
        files[f"DAVIS/Annotations/480p/{video}/{index:05}.png"] = png(mask, "L")
    files["DAVIS/ImageSets/480p/val.txt"] = "".join(
        f"/JPEGImages/480p/{video}/{index:05}.jpg /Annotations/480p/{video}/{index:05}.png \n"
        for video in SEQUENCES
        for index in range(4)
    ).encode()
    files["DAVIS/Annotations/db_info.yml"] = b"not of interest"
    files["DAVIS/Annotations/1080p/dog/00000.png"] = b"another resolution"
    files["__MACOSX/DAVIS/JPEGImages/480p/dog/._00000.jpg"] = b"litter"
    return files
