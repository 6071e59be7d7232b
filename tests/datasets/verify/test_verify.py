"""Which splits are verified, and what the command prints and mends."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli
from tests.support.golden import make_tree, squares
from tests.support.verified import KITE, ONE, TRUTH, cut, found, rewrite
from vosbench.datasets.verify import find_splits_to_verify, verify_split
from vosbench.errors import VosbenchError


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("dataset", ["synthetic", "pairs"])
def test_nothing_is_wrong_with_a_dataset_that_was_just_fetched(root: Path, dataset: str, deep: bool) -> None:
    assert found(root, dataset, deep) == []


def test_a_frame_without_a_mask_is_found_in_a_tree_where_every_frame_has_one(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "bears", {"bear": [squares(ONE)] * 4, "cub": [squares(ONE)] * 4})
    (tree / "Annotations/bear/00002.png").unlink()
    for index in (1, 2, 3):
        (tree / f"Annotations/cub/{index:05}.png").unlink()  # what is left is a prompt
    assert found(tmp_path, str(tree)) == ["Annotations/bear: has no mask of 1 of 4 frames, such as 00002"]


def test_an_object_that_is_there_twice_is_found(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "bears", {"bear/1": [squares(ONE)], "bear/01": [squares(ONE)]})
    (tree / "ImageSets/val.txt").write_text("bear\n")
    assert found(tmp_path, str(tree))[0] == "Annotations/bear: has folders 01 and 1, which are both object 1"


def test_where_the_ground_truth_is_not_public_no_list_is_needed(root: Path) -> None:
    def hide(manifest: dict[str, Any]) -> None:
        manifest["card"]["splits"]["val"]["truth"] = False

    (root / "pairs/val_meta.json").unlink()
    rewrite(root / "pairs/dataset.json", hide)
    assert found(root, "pairs") == []


def test_several_processes_find_the_same_in_the_same_order(root: Path) -> None:
    for video in ("swarm", "duet", "kite"):
        cut(root / f"synthetic/JPEGImages/{video}/00003.jpg")
    ((tree, manifest),) = find_splits_to_verify("synthetic", None, root)
    seen: list[tuple[int, int]] = []
    findings = verify_split(tree, manifest, True, 2, lambda *done: seen.append(done))
    assert findings == verify_split(tree, manifest, True, 1)
    assert [finding.where for finding in findings if "decoded" in finding.what] == [
        f"JPEGImages/{video}/00003.jpg" for video in ("duet", "kite", "swarm")
    ]
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.slow
def test_the_command_in_the_message_mends_the_dataset(cli: Cli, originals: Path) -> None:
    card = originals.parent / "pairs.toml"
    (cli.folder / "datasets/pairs/JPEGImages/pair/00003.jpg").unlink()
    done = cli("verify", card, expect=1)
    assert done.stdout.splitlines() == [
        "pairs val: Annotations/pair/000/00003.png: is a mask without a frame",
        "pairs val: JPEGImages/pair: 3 frames; dataset.json states 4",
        "pairs val: in total: 3 frames; dataset.json states 4, the card states 4",
    ]
    last = done.stderr.splitlines()[-1]
    remedy = re.fullmatch("vosbench: pairs val: 3 findings; .*vosbench (fetch [^`]*)`?", last)
    assert remedy is not None, last
    assert cli("verify", "pairs", expect=1).stderr.endswith("with --force\n")
    cli(*remedy[1].split(), "--from", originals.parent / "pairs")
    assert cli("verify", "pairs", "--deep").stdout.splitlines() == [
        "nothing is wrong with pairs val: every frame and mask was decoded"
    ]


def test_a_path_is_verified_and_mended_where_it_is(cli: Cli) -> None:
    (cli.folder / "datasets").rename(cli.folder / "elsewhere")
    (cli.folder / "elsewhere/synthetic/ImageSets/train.txt").unlink()
    done = cli("verify", "elsewhere/synthetic", "--json", expect=1)
    assert json.loads(done.stdout) == [
        {"dataset": "synthetic", "split": "train", "where": "ImageSets/train.txt", "what": "is missing"}
    ]
    assert "run: vosbench fetch synthetic --split train --force --root elsewhere" in done.stderr


def test_a_dataset_from_an_older_version_is_verified_by_its_totals(cli: Cli) -> None:
    rewrite(cli.folder / "datasets/synthetic/dataset.json", lambda manifest: manifest["splits"]["train"].pop("videos"))
    done = cli("verify", "synthetic")
    assert "synthetic train was fetched by an older version: " in done.stderr
    (cli.folder / "datasets/synthetic" / KITE / "00023.jpg").unlink()
    assert cli("verify", "synthetic", expect=1).stdout.splitlines() == [
        f"synthetic train: {TRUTH}/00023.png: is a mask without a frame",
        "synthetic train: in total: 71 frames; dataset.json states 72, the card states 72",
    ]


def test_a_tree_that_was_not_fetched_is_checked_for_what_it_holds(cli: Cli, bears: Path) -> None:
    assert cli("verify", bears).stdout.startswith(f"nothing is wrong with {bears} val")
    (bears / "JPEGImages/bad/00003.jpg").write_bytes(b"<html>")
    assert "bears val has no dataset.json" in cli("verify", bears).stderr
    done = cli("verify", bears, "--deep", expect=1)
    assert done.stdout.startswith("bears val: JPEGImages/bad/00003.jpg: cannot be decoded")
    assert done.stderr.splitlines()[-1] == "vosbench: bears val: 1 finding"


@pytest.mark.parametrize(
    ("dataset", "split", "told"),
    [
        ("synthetic", "val", r"synthetic val: not found in .*; run: vosbench fetch synthetic --split val"),
        ("synthetic", "tran", "split of synthetic 'tran'.*did you mean train"),
        ("davis", None, r"dataset davis2017: not found at .*; run: vosbench fetch davis2017"),
        ("davs", None, "dataset 'davs'.*did you mean davis"),
        ("no/such", None, "dataset no/such: no such folder; give the path of a dataset"),
    ],
)
def test_a_missing_dataset_or_split_is_refused(root: Path, dataset: str, split: str | None, told: str) -> None:
    with pytest.raises(VosbenchError, match=told):
        find_splits_to_verify(dataset, split, root)


def test_a_dataset_json_without_a_split_is_refused(root: Path) -> None:
    rewrite(root / "synthetic/dataset.json", lambda manifest: manifest["splits"].clear())
    with pytest.raises(
        VosbenchError, match=r"synthetic val: not found in .*; run: vosbench fetch synthetic --split val"
    ):
        find_splits_to_verify("synthetic", None, root)


def test_a_part_of_a_split_is_reported_and_is_not_wrong(cli: Cli, root: Path) -> None:
    rewrite(root / "synthetic/dataset.json", lambda it: it["card"]["splits"]["train"]["counts"].update(objects=9))
    told = cli("verify", "synthetic", "--split", "train", "--datasets", root)
    (warning,) = (line for line in told.stderr.splitlines() if "warning: synthetic train" in line)
    assert warning.endswith(": 6 of 9 objects")
    assert "nothing is wrong with synthetic train" in told.stdout
