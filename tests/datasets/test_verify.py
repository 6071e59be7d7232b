"""Whatever is wrong with a fetched dataset is found and named, and nothing else is."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.cli import Cli
from tests.support.golden import make_tree, squares, write_frames, write_masks
from vosbench.datasets.verify import find_splits_to_verify, verify_split
from vosbench.errors import VosbenchError
from vosbench.masks.labels import encode_labels, read_labels

Damage = Callable[[Path], object]

ONE, TWO = (1, 2, 2), (2, 14, 2)

CARD = """
name = "pairs"
title = "Two squares that are masked apart"
[rules]
objects = "listed"
unseen_videos = "unseen.txt"
[splits.val]
meta = ["meta.json"]
beside = ["unseen.txt"]
counts = { videos = 1, frames = 4, objects = 2 }
"""


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with two fetched datasets: drawn videos with label maps, and a video with folders of objects 0 and 12."""
    folder = tmp_path_factory.mktemp("originals")
    cli = Cli(folder)
    cli("fetch", "synthetic", "--split", "train")
    (folder / "pairs.toml").write_text(CARD)
    tree = make_tree(folder / "pairs", {}, frames=False)
    (tree / "ImageSets/val.txt").write_text("pair\n")
    (tree / "meta.json").write_text(json.dumps({"videos": {"pair": {"objects": ["0", "12"]}}}))
    (tree / "unseen.txt").write_text("")
    write_frames(tree / "JPEGImages", {"pair": [squares(ONE, TWO)] * 4})
    write_masks(tree / "Annotations", {"pair/000": [squares(ONE)] * 4, "pair/012": [squares(), squares(ONE)]})
    cli("fetch", "pairs.toml", "--from", tree)
    return folder / "datasets"


@pytest.fixture
def cli(cli: Cli, originals: Path) -> Cli:
    """The command line beside copies of both datasets."""
    shutil.copytree(originals, cli.folder / "datasets")
    return cli


@pytest.fixture
def root(cli: Cli) -> Path:
    return cli.folder / "datasets"


def found(root: Path, dataset: str, deep: bool = False) -> list[str]:
    """What is wrong with a dataset, as lines in which a * replaces the root and numbers of bytes."""
    ((tree, manifest),) = find_splits_to_verify(dataset, None, root)
    lines = [f"{where}: {what}" for where, what in verify_split(tree, manifest, deep, jobs=1)]
    return [
        re.sub(r"\d+ bytes; dataset.json states \d+", "* bytes; dataset.json states *", line).replace(str(root), "*")
        for line in lines
    ]


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


def rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("dataset", ["synthetic", "pairs"])
def test_nothing_is_wrong_with_a_dataset_that_was_just_fetched(root: Path, dataset: str, deep: bool) -> None:
    assert found(root, dataset, deep) == []


KITE = "JPEGImages/kite"
TRUTH = "Annotations/kite"

# Damage to the drawn videos, and all findings.
DAMAGES: list[tuple[Damage, list[str]]] = [
    (
        lambda home: (home / KITE / "00003.jpg").unlink(),
        [
            f"{TRUTH}/00003.png: is a mask without a frame",
            f"{KITE}: 23 frames; dataset.json states 24",
            "in total: 71 frames; dataset.json states 72, the card states 72",
        ],
    ),
    (lambda home: (home / TRUTH / "00003.png").unlink(), [f"{TRUTH}: 23 masks; dataset.json states 24"]),
    (
        lambda home: shutil.rmtree(home / KITE),
        [
            f"{KITE}: 0 frames; dataset.json states 24",
            "in total: 2 videos; dataset.json states 3, the card states 3",
            "in total: 48 frames; dataset.json states 72, the card states 72",
        ],
    ),
    (lambda home: shutil.rmtree(home / TRUTH), [f"{TRUTH}: 0 masks; dataset.json states 24"]),
    (
        lambda home: shutil.copy(home / KITE / "00003.jpg", home / KITE / "00024.jpg"),
        [
            f"{KITE}: 25 frames; dataset.json states 24",
            "in total: 73 frames; dataset.json states 72, the card states 72",
        ],
    ),
    (
        lambda home: (home / TRUTH / "00003.png").rename(home / TRUTH / "3.png"),
        [f"{TRUTH}/3.png: is a mask without a frame"],
    ),
    (
        lambda home: shutil.copy(home / KITE / "00003.jpg", home / KITE / "00004.jpg"),
        ["kite: * bytes; dataset.json states *, so a file was changed"],
    ),
    (lambda home: (home / KITE / "00003.jpg").write_bytes(b""), [f"{KITE}/00003.jpg: is empty"]),
    (lambda home: (home / TRUTH / "00003.png").write_bytes(b""), [f"{TRUTH}/00003.png: is empty"]),
    (
        lambda home: [(home / KITE / "00003.jpg").unlink(), (home / KITE / "00003.jpg").symlink_to("nowhere")],
        [f"{KITE}/00003.jpg: is empty"],
    ),
    (lambda home: (home / KITE / ".DS_Store").touch(), [f"{KITE}/.DS_Store: is not a frame"]),
    (lambda home: (home / KITE / "notes.txt").touch(), [f"{KITE}/notes.txt: is not a frame"]),
    (
        lambda home: (home / TRUTH / "dog").mkdir(),
        [f"{TRUTH}/dog: is neither a mask nor a folder named after an object id"],
    ),
    (lambda home: (home / "ImageSets/train.txt").unlink(), ["ImageSets/train.txt: is missing"]),
    (
        lambda home: (home / "ImageSets/train.txt").write_bytes(b"\xff"),
        ["ImageSets/train.txt: not a list of videos, expected one name a line in UTF-8"],
    ),
    (
        lambda home: (home / "ImageSets/train.txt").write_text("duet\nswarm\n"),
        ["ImageSets/train.txt: lacks kite, which dataset.json lists"],
    ),
    (
        lambda home: (home / "ImageSets/train.txt").write_text("duet\nkite\nowl\nswarm\n"),
        [
            "ImageSets/train.txt: lists owl, which dataset.json does not",
            "JPEGImages/owl: 0 frames",
            "Annotations/owl: 0 masks",
        ],
    ),
    (
        lambda home: (home / "ImageSets/train.txt").write_text("swarm\nkite\nduet\n"),
        ["ImageSets/train.txt: lists the videos in another order than dataset.json"],
    ),
    (
        lambda home: rewrite(home / "dataset.json", lambda it: it["splits"]["train"]["counts"].update(frames=70)),
        ["in total: 72 frames; dataset.json states 70"],
    ),
]


@pytest.mark.parametrize(("damage", "told"), DAMAGES, ids=[told[0] for _, told in DAMAGES])
def test_damage_that_can_be_seen_without_decoding_is_named(root: Path, damage: Damage, told: list[str]) -> None:
    damage(root / "synthetic")
    assert found(root, "synthetic") == told


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2000])


def halved(path: Path) -> None:
    with Image.open(path) as image:
        half = image.resize((image.width // 2, image.height // 2), Image.Resampling.NEAREST)
    half.save(path)


def coloured(path: Path) -> None:
    with Image.open(path) as image:
        rgb = image.convert("RGB")
    rgb.save(path)


def relabelled(paths: Iterator[Path], old: int, new: int) -> None:
    for path in paths:
        label_map = read_labels(path).copy()
        label_map[label_map == old] = new
        path.write_bytes(encode_labels(label_map))


# Damage to images, and the finding beside the one about the number of bytes.
CHANGES: list[tuple[Damage, str]] = [
    (
        lambda home: cut(home / KITE / "00003.jpg"),
        rf"{KITE}/00003.jpg: cannot be decoded \(image file is truncated \(\d+ bytes not processed\)\)",
    ),
    (
        lambda home: (home / KITE / "00003.jpg").write_text("<html>"),
        rf"{KITE}/00003.jpg: cannot be decoded \(cannot identify image file '.*'\)",
    ),
    (
        lambda home: (home / TRUTH / "00003.png").write_text("<html>"),
        rf"{TRUTH}/00003.png: cannot be decoded \(it is not a PNG\)",
    ),
    (lambda home: halved(home / KITE / "00000.jpg"), f"{KITE}/00000.jpg: is 216x120; the video's frames are 432x240"),
    (lambda home: halved(home / TRUTH / "00003.png"), f"{TRUTH}/00003.png: is 216x120; the video's frames are 432x240"),
    (
        lambda home: coloured(home / TRUTH / "00003.png"),
        f"{TRUTH}/00003.png: a mask is a single-channel PNG whose pixels are object ids, this one is RGB",
    ),
    (
        lambda home: relabelled((home / "Annotations/duet").glob("0000[3-5].png"), old=2, new=9),
        "Annotations/duet: object 9 appears in frame 00003; dataset.json states 1, 2",
    ),
    (
        lambda home: relabelled((home / "Annotations/duet").iterdir(), old=2, new=1),
        "Annotations/duet: object 2, which dataset.json states, is in no mask that is a prompt",
    ),
    (
        lambda home: relabelled((home / TRUTH).iterdir(), old=1, new=0),
        f"{TRUTH}: no mask that is a prompt under the rules of synthetic shows an object",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("damage", "told"), CHANGES, ids=[told for _, told in CHANGES])
def test_wrong_pixels_are_named_when_they_are_decoded(root: Path, damage: Damage, told: str) -> None:
    damage(root / "synthetic")
    (changed_bytes,) = found(root, "synthetic")
    changed, line = found(root, "synthetic", deep=True)
    assert changed == changed_bytes
    assert re.fullmatch(told, line)


# Objects that have folders, and lists that the rules need

PAIR = "Annotations/pair"
APART: list[tuple[Damage, list[str]]] = [
    (
        lambda home: shutil.rmtree(home / PAIR / "012"),
        [
            f"{PAIR}: 4 masks; dataset.json states 6",
            f"{PAIR}: objects 0; dataset.json states 0, 12",
            f"{PAIR}: object 12, which dataset.json states, is in no mask that is a prompt",
        ],
    ),
    (
        lambda home: (home / PAIR / "012").rename(home / PAIR / "dog"),
        [
            f"{PAIR}/dog: is neither a mask nor a folder named after an object id",
            f"{PAIR}: 4 masks; dataset.json states 6",
            f"{PAIR}: objects 0; dataset.json states 0, 12",
            f"{PAIR}: object 12, which dataset.json states, is in no mask that is a prompt",
        ],
    ),
    (
        lambda home: shutil.copy(home / PAIR / "012/00001.png", home / PAIR),
        [f"{PAIR}/00001.png: is ignored, since this video has a folder for each object"],
    ),
    (
        lambda home: (home / PAIR / "012/._00001.png").touch(),
        [f"{PAIR}/012/._00001.png: is neither a mask nor a folder named after an object id"],
    ),
    (
        lambda home: (home / PAIR / "012/00001.png").write_bytes(encode_labels(squares(ONE, TWO))),
        [
            "pair: * bytes; dataset.json states *, so a file was changed",
            f"{PAIR}/012/00001.png: holds several ids; the masks in an object's folder are binary",
        ],
    ),
    (
        lambda home: shutil.copy(home / PAIR / "012/00000.png", home / PAIR / "012/00001.png"),
        [
            "pair: * bytes; dataset.json states *, so a file was changed",
            f"{PAIR}: object 12, which dataset.json states, is in no mask that is a prompt",
        ],
    ),
    (
        lambda home: (home / "val_meta.json").unlink(),
        [
            "scoring: */pairs: the rules of pairs need the publisher's meta file, named meta.json; "
            "save it in this folder"
        ],
    ),
    (
        lambda home: (home / "val_meta.json").write_text('{"videos": {}}'),
        [
            "scoring: */pairs/val_meta.json: video pair is not listed; "
            "if this is the file of another split, replace it by this split's"
        ],
    ),
    (
        lambda home: (home / "unseen.txt").unlink(),
        [
            "scoring: */pairs/unseen.txt: is missing, and the rules of pairs need the list of unseen videos; "
            "save the publisher's list there"
        ],
    ),
]


@pytest.mark.parametrize(("damage", "told"), APART, ids=[told[-1] for _, told in APART])
def test_folders_of_objects_and_the_publishers_lists_are_checked(root: Path, damage: Damage, told: list[str]) -> None:
    damage(root / "pairs")
    assert found(root, "pairs", deep=True) == told


def test_where_the_ground_truth_is_not_public_no_list_is_needed(root: Path) -> None:
    def hide(manifest: dict[str, Any]) -> None:
        manifest["card"]["splits"]["val"]["truth"] = False

    (root / "pairs/val_meta.json").unlink()
    rewrite(root / "pairs/dataset.json", hide)
    assert found(root, "pairs") == []


# Which splits are verified, and what the command prints


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
