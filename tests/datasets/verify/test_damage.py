"""Every damage to the files of a fetched dataset is found and named."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.support.golden import squares
from tests.support.verified import KITE, ONE, TRUTH, TWO, cut, found, rewrite
from vosbench.masks.labels import encode_labels, read_labels

Damage = Callable[[Path], object]


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
