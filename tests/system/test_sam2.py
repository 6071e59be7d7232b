"""With the prompts that the card states, `vosbench infer` writes the masks of SAM 2's official script."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support import official
from tests.support.cli import Cli
from tests.support.golden import make_tree, squares
from tests.support.official import SIDE
from tests.support.runs import masks

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE = (240, 320)
COUNT = 5  # frames

Maps = list[NDArray[np.uint8]]


def maps(*frames: tuple[tuple[int, int, int], ...]) -> Maps:
    """Label maps of COUNT frames: squares of 6 pixels, enlarged ten times. A frame that is not given is empty."""
    small = [squares(*objects, size=(24, 32)) for objects in (*frames, *[()] * (COUNT - len(frames)))]
    return [np.kron(labels, np.ones((10, 10), np.uint8)) for labels in small]


VOID = maps(((1, 2, 2), (2, 12, 20), (255, 14, 4)), (), ((1, 4, 4), (255, 2, 20)))
LATE = maps((), ((2, 3, 3),), ((2, 4, 4), (4, 14, 22)), ((2, 5, 5),))
LATE[2][239, 0] = 3  # a pixel that vanishes where prompts are resized
FIRST = maps(((1, 4, 4),), (), ((1, 6, 6),))
SECOND = maps((), (), ((1, 8, 8),), ((1, 9, 9),))  # over the first; its mask of frame 0 is there and empty


@pytest.fixture(scope="module")
def stock(seeded: SimpleNamespace) -> Any:
    return official.build(seeded, SIDE)


@pytest.fixture(scope="module")
def tree(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos: one with void pixels, one with late objects, and one with a folder of masks for each object."""
    videos = {"void": VOID, "late": LATE, "apart/000": FIRST, "apart/005": SECOND}
    root = make_tree(tmp_path_factory.mktemp("tree") / "tree", videos, frames=False)
    for video in ("void", "late", "apart"):
        (root / "JPEGImages" / video).mkdir(parents=True)
        for frame in sorted((data / "sam2" / "frames").iterdir())[:COUNT]:
            (root / "JPEGImages" / video / frame.name).write_bytes(frame.read_bytes())
    (root / "ImageSets" / "val.txt").write_text("void\nlate\napart\n")
    return root


def infer(cli: Cli, tree: Path, checkpoint: str, *options: str) -> Path:
    """Run sam2 with one thread, which gives one order of summation."""
    cli.environment["OMP_NUM_THREADS"] = "1"
    arguments = ("--checkpoint", checkpoint, "--set", f"image_size={SIDE}", "--set", "dtype=float32", *options)
    cli("infer", "--dataset", tree, "--gpus", "cpu", *arguments)
    (run,) = (cli.folder / "results" / "tree-val").iterdir()
    return run


def written(folder: Path) -> NDArray[np.uint8]:
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.iterdir())])


def logits(stock: Any, tree: Path, maps: Maps, every: bool) -> Mapping[int, NDArray[np.float32]]:
    return official.separate(stock, tree / "JPEGImages" / "late", official.first_masks(maps, every))


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("prompts", ["first", "all"])
def test_first_masks_or_all_masks_are_given_and_void_is_no_object(
    cli: Cli, tree: Path, checkpoint: str, stock: Any, prompts: str
) -> None:
    run, every = infer(cli, tree, checkpoint, "--set", f"prompts={prompts}"), prompts == "all"
    for video, one in (("void", [np.where(labels == 255, 0, labels) for labels in VOID]), ("late", LATE)):
        expected = official.labels(stock, logits(stock, tree, one, every))
        assert np.array_equal(written(run / "masks" / video), expected)
    for name, one in (("000", FIRST), ("005", SECOND)):
        assert np.array_equal(written(run / "masks/apart" / name), logits(stock, tree, one, every)[1] > 0)
    assert (written(run / "masks/apart/000") & written(run / "masks/apart/005")).any()
    assert run.name == f"sam2-seeded+dtype=float32+image_size=64{'+prompts=all' if every else ''}"
    settings = json.loads((run / "run.json").read_text())["settings"]
    assert settings == {"dtype": "float32", "image_size": 64} | ({"prompts": "all"} if every else {})


@pytest.mark.exhaustive
@pytest.mark.slow
def test_masks_do_not_depend_on_the_number_of_workers_but_may_on_that_of_threads_which_is_recorded(
    cli: Cli, tree: Path, checkpoint: str
) -> None:
    """Without OMP_NUM_THREADS, each worker has its part of the cores, and keeps it when the run goes on."""
    del cli.environment["OMP_NUM_THREADS"]
    given = ("--checkpoint", checkpoint, "--set", f"image_size={SIDE}", "--set", "dtype=float32", "--dataset", tree)
    given += ("--videos", "void,late")
    runs = {
        "two": [("--gpus", "cpu,cpu", "--threads", "1")],
        "one": [("--gpus", "cpu", "--workers-per-gpu", "1", "--threads", "1")],
        "later": [("--gpus", "cpu", "--threads", "1", "--limit", "1"), ("--gpus", "cpu", "--workers-per-gpu", "1")],
    }
    for out, commands in runs.items():
        for command in commands:
            cli("infer", *given, *command, "--out", out)
    assert masks(cli.folder / "one") == masks(cli.folder / "two") == masks(cli.folder / "later")
    for out in runs:
        facts = json.loads((cli.folder / out / "run.json").read_text())
        assert (facts["threads"], {video["threads"] for video in facts["videos"].values()}) == (1, {1})
    assert cli("reproduce", "two", "--gpus", "cpu", "--sample", "1").stdout.endswith(": same\n")
    cli("infer", *given, "--gpus", "cpu", "--threads", "2", "--limit", "1", "--overwrite", "--out", "one")
    assert "threads     1 (of 1 video), 2 (of 1 video)" in cli("show", "one").stdout


def test_prompts_that_are_neither_first_nor_all_are_refused(cli: Cli, tree: Path, checkpoint: str) -> None:
    done = cli("infer", "--dataset", tree, "--checkpoint", checkpoint, "--set", "prompts=some", expect=2)
    assert "setting prompts='some': expected first or all" in done.stderr


@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x03\x04" + bytes(96)], ids=["empty", "page", "cut"])
def test_the_command_line_refuses_a_damaged_checkpoint_before_a_run_begins(
    cli: Cli, bears: Path, content: bytes
) -> None:
    (cli.folder / "cut.pt").write_bytes(content)
    done = cli("infer", "--dataset", bears, "--checkpoint", "cut.pt", "--gpus", "cpu", expect=2)
    assert f"cut.pt: {len(content)} bytes that are not a whole checkpoint" in done.stderr
    assert not (cli.folder / "results").exists()
