"""A fetch that is killed at any step damages nothing, and the next fetch gives the same result as one undisturbed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.support.golden import make_tree, squares
from vosbench.datasets.read_card import parse_card
from vosbench.datasets.split import open_split
from vosbench.errors import VosbenchError
from vosbench.fetching.fetch import fetch_dataset
from vosbench.fetching.sources import Sources

STEPS = ("open", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir")
CARD = parse_card({"name": "cubs", "title": "Cubs", "splits": {"val": {}, "train": {}}}, "card")
VIDEOS = {"val": "ann", "train": "bob"}


@pytest.fixture
def volumes(tmp_path: Path) -> dict[str, tuple[str, ...]]:
    """Split -> the two volumes of a compressed archive with its video and its meta file."""
    found = {}
    for split, video in VIDEOS.items():
        tree = make_tree(tmp_path / split / "cubs", {video: [squares((1, 2, 2))] * 2})
        (tree / "ImageSets/val.txt").rename(tree / f"ImageSets/{split}.txt")
        (tree / "meta.json").write_text(json.dumps({"videos": {video: {}}}))
        path = tmp_path / f"{split}.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            archive.add(tree, "cubs")
        content = path.read_bytes()
        parts = (path.with_name(f"{path.name}.aa"), path.with_name(f"{path.name}.ab"))
        parts[0].write_bytes(content[:300])
        parts[1].write_bytes(content[300:])
        found[split] = tuple(map(str, parts))
    return found


def fetch(split: str, given: Mapping[str, tuple[str, ...]], root: Path, force: bool = False) -> None:
    fetch_dataset(CARD, split, root, Sources(given[split], force=force), lambda label, done, total: None)


def killed(step: int, work: Callable[[], None]) -> bool:
    """Do the work in a process that kills itself after `step` file operations. Returns whether it got that far."""
    child = os.fork()
    if not child:
        left = iter(range(step))

        def watch(event: str, arguments: tuple[Any, ...]) -> None:
            if event in STEPS and next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        work()
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL)
    return status != 0


def contents(root: Path) -> Iterator[tuple[str, object]]:
    """All files and folders below the datasets root with their content, except the time in dataset.json."""
    for path in sorted(root.rglob("*")):
        if path.name == "dataset.json":
            described = json.loads(path.read_text())
            for split in described["splits"].values():
                del split["fetched"]
            yield path.name, described
        elif path.name != ".archives":
            yield str(path.relative_to(root)), path.read_bytes() if path.is_file() else None


def is_whole(root: Path, expected: Mapping[str, object]) -> bool:
    """Whether the split val can be opened; if so, all of its files must be there."""
    try:
        tree = open_split("cubs", "val", root)
    except VosbenchError:
        return False
    found = dict(contents(root))
    assert all(found[name] == content for name, content in expected.items() if name.startswith("cubs/"))
    return bool(tree.video("ann").frames)


@pytest.mark.slow
@pytest.mark.parametrize("force", [False, True])
def test_a_second_split_is_killed_at_any_step(tmp_path: Path, volumes: dict[str, tuple[str, ...]], force: bool) -> None:
    fetch("train", volumes, tmp_path / "undisturbed")
    shutil.copytree(tmp_path / "undisturbed", tmp_path / "begun")
    fetch("val", volumes, tmp_path / "undisturbed")
    expected = dict(contents(tmp_path / "undisturbed"))
    assert "cubs/val_meta.json" in expected
    outcomes = []
    for step in count(0):
        root = tmp_path / f"killed at {step}"
        shutil.copytree(tmp_path / ("undisturbed" if force else "begun"), root)
        if not killed(step, lambda: fetch("val", volumes, root, force)):  # noqa: B023
            break
        assert open_split("cubs", "train", root).video("bob").frames
        outcomes.append(is_whole(root, expected))
        fetch("val", volumes, root)
        assert dict(contents(root)) == expected
    assert set(outcomes) == {True, False}


@pytest.mark.slow
def test_a_fetch_in_parts_is_killed_at_any_step(tmp_path: Path) -> None:
    names = ("one.tar", "two.tar")
    for name in names:
        tree = make_tree(tmp_path / name[:3] / "cubs", {name[:3]: [squares((1, 2, 2))] * 2})
        shutil.rmtree(tree / "ImageSets")
        with tarfile.open(tmp_path / name, "w") as archive:
            archive.add(tree, "cubs")
    files: list[dict[str, Any]] = [{"file": name} for name in names]
    split = {"downloads": list(names), "separable": True}
    card = parse_card({"name": "cubs", "title": "Cubs", "downloads": files, "splits": {"val": split}}, "card")

    def fetch_both(root: Path) -> None:
        given = Sources(tuple(str(tmp_path / name) for name in names))
        fetch_dataset(card, "val", root, given, lambda label, done, total: None)

    fetch_both(tmp_path / "undisturbed")
    expected = dict(contents(tmp_path / "undisturbed"))
    for step in count(0):
        root = tmp_path / f"killed at {step}"
        if not killed(step, lambda: fetch_both(root)):  # noqa: B023
            break
        fetch_both(root)
        assert dict(contents(root)) == expected
