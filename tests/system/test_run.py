"""`vosbench run` fetches what it needs, tracks and scores."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.support.cli import Cli
from tests.support.server import serve
from vosbench.masks.labels import encode_labels, read_labels


@pytest.mark.slow
def test_run_fetches_a_dataset_that_is_not_there(cli: Cli, bears: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(bears.rglob("*.*")):
            packed.write(path, path.relative_to(bears))
    command = ("run", "--dataset", "./cubs.toml", "--videos", "good", "--gpus", "cpu", "--tracker")
    with serve({"cubs.zip": archive.getvalue()}) as server:
        download = f'[[downloads]]\nfile = "cubs.zip"\nurls = ["{server.url("cubs.zip")}"]'
        part = '[splits.val]\ndownloads = ["cubs.zip"]'
        (cli.folder / "cubs.toml").write_text(f'name = "cubs"\ntitle = "Cubs"\n{download}\n{part}\n')
        assert "did you mean static?" in cli(*command, "statik", expect=2).stderr
        assert not server.requests
        assert "J&F-Mean" in cli(*command, "static").stdout
    assert "fetch" not in cli(*command, "static").stderr


def test_run_fetches_a_checkpoint_and_its_failure_is_the_commands(cli: Cli, bears: Path) -> None:
    cli.environment["https_proxy"] = "http://127.0.0.1:9"
    with serve({"sam2.1_hiera_tiny.pt": b"\x80\x02 not the weights"}) as server:
        cli.environment["VOSBENCH_MIRROR"] = server.url("")
        command = ("run", "--dataset", bears, "--checkpoint", "sam2.1_hiera_tiny", "--gpus", "cpu")
        assert "sam2.1_hiera_tiny.pt" in cli(*command, expect=2).stderr
        assert [request.path for request in server.requests] == ["/sam2.1_hiera_tiny.pt"]
    assert not (cli.folder / "results").exists()


@pytest.mark.slow
def test_run_tracks_and_scores(cli: Cli, bears: Path) -> None:
    done = cli("run", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--videos", "good,long")
    assert "2 videos done" in done.stdout
    assert "all objects" in done.stdout


@pytest.mark.slow
def test_run_over_first_masks_says_where_the_result_is_and_that_there_is_nothing_to_score(
    cli: Cli, bears: Path
) -> None:
    shutil.rmtree(bears / "ImageSets")
    for mask in bears.glob("Annotations/*/0000[1-9].png"):
        mask.unlink()
    done = cli("run", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--out", "run")
    assert done.stdout.splitlines()[1:] == [
        "masks: run/masks",
        "scores: none; bears val: 4 videos with only the first mask of each object, which is its prompt, so there is "
        "nothing to score; look at the result with: vosbench overlay --results run",
    ]
    assert f"note: {bears} has no list in ImageSets, so the split is every video with frames and masks" in done.stderr
    assert "nothing to score" in cli("eval", "--results", "run", "--jobs", "1", expect=2).stderr


@pytest.mark.slow
def test_run_takes_a_tree_without_lists_and_masks_of_only_0_and_255(cli: Cli, bears: Path) -> None:
    shutil.rmtree(bears / "ImageSets")
    for mask in bears.glob("Annotations/*/*.png"):
        mask.write_bytes(encode_labels(read_labels(mask) * np.uint8(255)))
    done = cli("run", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--jobs", "1", "--out", "run")
    assert "all objects        4" in done.stdout
    told = "note: the masks of bad, good, long and 1 more hold only 0 and 255: 255 is one object there, with id 1"
    assert done.stderr.count(told) == 2  # when the videos are tracked, and when they are scored
    assert "videos:4/4" in cli("eval", "--results", "run", "--jobs", "1").stdout


def test_run_that_fails_is_not_scored(cli: Cli, bears: Path) -> None:
    done = cli("run", "--dataset", bears, "--tracker", "failing_trackers:Short", "--gpus", "cpu", expect=1)
    assert "all objects" not in done.stdout
