"""`vosbench correspond` finds points and masks of one image in another one, and refuses what is not in the image."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.cli import Cli


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """source.png of 56x40 pixels, target.png of 90x50, and masks: mask.png, small.png and empty.png."""
    random = np.random.default_rng(0)
    for name, size in (("source", (40, 56)), ("target", (50, 90))):
        Image.fromarray(random.integers(0, 256, (*size, 3), np.uint8)).save(tmp_path / f"{name}.png")
    marked = np.zeros((40, 56), np.uint8)
    marked[20:, :10] = 3
    for name, labels in (("mask", marked), ("small", marked[1:]), ("empty", marked * 0)):
        Image.fromarray(labels).save(tmp_path / f"{name}.png")
    return tmp_path


@pytest.mark.slow
def test_points_and_a_mask_become_maps_and_overlays(cli: Cli, images: Path, mask_propagation_checkpoint: str) -> None:
    asked = ("correspond", "source.png", "target.png", "--point", "2,1", "--point", "55,39", "--mask", "mask.png")
    asked += ("--checkpoint", mask_propagation_checkpoint, "--gpu", "cpu", "--out", "found")
    answer = json.loads(cli(*asked, "--json").stdout)
    assert [match["point"] for match in answer["matches"]] == [[2, 1], [55, 39], None]
    for match in answer["matches"]:
        found = np.load(images / match["map"])
        assert found.shape == (50, 90)
        x, y = match["match"]
        assert found[y, x] == found.max() == pytest.approx(match["share"])
        assert Image.open(images / match["overlay"]).size == (90, 50)
    told = cli(*asked, expect=2).stderr
    assert told == "vosbench: found/point-2-1.npy: is there already; choose another --out, or give --overwrite\n"
    lines = cli(*asked, "--overwrite").stdout.splitlines()
    x, y = answer["matches"][0]["match"]
    assert lines[0].startswith(f"2,1 -> {x},{y} (0.")
    assert lines[-1] == "maps and overlays are in found"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ((), "correspond: nothing to look for; give --point X,Y or --mask FILE"),
        (("--point", "56,3"), "--point 56,3: outside of source.png, which has 56x40 pixels"),
        (("--point", "-1,3"), "--point -1,3: outside of source.png, which has 56x40 pixels"),
        (("--point", "5"), "--point 5: expected the x and y of a pixel, such as 40,30"),
        (
            ("--mask", "small.png"),
            "small.png: 56x39 pixels, but source.png has 56x40; give a mask of the source image, in its size",
        ),
        (("--mask", "empty.png"), "empty.png: a mask without any pixel; give one with pixels other than 0"),
        (
            ("--mask", "none.png"),
            "none.png: cannot be read (No such file or directory); check the path and its permissions",
        ),
        (("--point", "1,1", "--gpu", "99"), "--gpu 99: no such GPU; "),
        (
            ("--point", "1,1", "--gpu", "cpu"),
            "checkpoint mask-propagation-s012: not found at checkpoints/mask-propagation-s012.pth; "
            "run: vosbench fetch mask-propagation-s012",
        ),
    ],
)
def test_what_cannot_be_looked_for_is_refused_in_one_line(
    cli: Cli, images: Path, asked: tuple[str, ...], told: str
) -> None:
    done = cli("correspond", "source.png", "target.png", *asked, "--out", "found", expect=2)
    assert done.stderr.startswith(f"vosbench: {told}")
    assert done.stderr.count("\n") == 1
    assert not (images / "found").exists()


def test_an_image_that_cannot_be_read_is_named(cli: Cli, images: Path) -> None:
    (images / "text.png").write_text("not an image")
    told = cli("correspond", "text.png", "target.png", "--point", "1,1", expect=2).stderr
    assert told.startswith("vosbench: text.png: cannot be decoded (")
    assert told.endswith("); give an image that can be read\n")
    told = cli("correspond", "source.png", "none.png", "--point", "1,1", expect=2).stderr
    assert told == "vosbench: none.png: no such file; give the path of an image\n"
