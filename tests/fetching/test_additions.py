"""A meta file or a list completes a split that is fetched already."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.fetches import card, fetch, manifest
from tests.support.golden import make_tree, squares
from tests.support.server import serve
from vosbench.datasets.card import Dataset, Rules
from vosbench.errors import VosbenchError

LVOS = replace(
    card({"file": "valid.zip"}, beside=["unseen.txt"], meta=["valid_meta.json"]),
    rules=Rules("cubs", objects="listed", unseen_videos="unseen.txt"),
)


def stated(folder: Path, videos: Sequence[str] = ("ann",), objects: Sequence[str] = ("1",)) -> Path:
    """A meta file with these videos, each with these objects."""
    path = folder / "valid_meta.json"
    path.write_text(json.dumps({"videos": {video: {"objects": {key: {} for key in objects}} for video in videos}}))
    return path


@pytest.fixture
def fetched(tmp_path: Path) -> Path:
    """A dataset without the files that its rules need."""
    tree = make_tree(tmp_path / "valid", {"ann": [squares((1, 2, 2))] * 3})
    [warning] = fetch(LVOS, tmp_path, given=(str(tree),)).warnings
    assert "meta file, named valid_meta.json" in warning
    return tmp_path / "datasets/cubs"


def test_the_file_that_the_last_warning_asked_for_completes_the_dataset(tmp_path: Path, fetched: Path) -> None:
    added = fetch(LVOS, tmp_path, given=(str(stated(tmp_path)),))
    assert (added.was_fetched, added.counts and added.counts.frames) == (True, 3)
    [warning] = added.warnings
    assert "cannot be scored yet" in warning
    assert "list of unseen videos" in warning
    (tmp_path / "unseen.txt").write_text("ann\n")
    assert fetch(LVOS, tmp_path, given=(str(tmp_path / "unseen.txt"),)).warnings == ()
    assert (fetched / "val_meta.json").read_bytes() == (tmp_path / "valid_meta.json").read_bytes()
    assert (fetched / "unseen.txt").read_text() == "ann\n"
    assert [source["file"] for source in manifest(tmp_path)["sources"]] == ["valid", "valid_meta.json", "unseen.txt"]
    assert not fetch(LVOS, tmp_path).was_fetched


def test_it_may_come_from_a_url_and_leaves_no_download(tmp_path: Path, fetched: Path) -> None:
    with serve({"valid_meta.json": stated(tmp_path).read_bytes()}) as server:
        assert fetch(LVOS, tmp_path, given=(server.url("valid_meta.json"),)).was_fetched
    assert (fetched / "val_meta.json").is_file()
    assert [path.name for path in fetched.parent.iterdir()] == ["cubs"]


def test_another_splits_meta_file_is_refused_and_so_is_one_that_differs(tmp_path: Path, fetched: Path) -> None:
    with pytest.raises(VosbenchError, match=r"meta\.json: states the objects of none of the 1 videos of cubs val;"):
        fetch(LVOS, tmp_path, given=(str(stated(tmp_path, ["bob"])),))
    assert not (fetched / "val_meta.json").exists()
    fetch(LVOS, tmp_path, given=(str(stated(tmp_path)),))
    with pytest.raises(VosbenchError, match=r"val_meta\.json: is there already, and differs from .*valid_meta\.json;"):
        fetch(LVOS, tmp_path, given=(str(stated(tmp_path, objects=["1", "2"])),))
    assert list(json.loads((fetched / "val_meta.json").read_text())["videos"]["ann"]["objects"]) == ["1"]


def test_objects_of_the_added_file_are_compared(tmp_path: Path, fetched: Path) -> None:
    warnings = fetch(LVOS, tmp_path, given=(str(stated(tmp_path, objects=["1", "2"])),)).warnings
    assert warnings[0] == (
        "cubs val: val_meta.json lists 1 object without a prompt: ann/2; it lists 2, and 1 are prompted"
    )


def test_a_meta_file_replaces_no_download(tmp_path: Path, zipped: bytes) -> None:
    with serve({"cubs.zip": zipped}) as server:
        dataset: Dataset = card({"file": "cubs.zip", "urls": [server.url("cubs.zip")]}, meta=["valid_meta.json"])
        fetch(dataset, tmp_path, given=(str(stated(tmp_path, ["ann", "bob"])),))
    assert [source["file"] for source in manifest(tmp_path)["sources"]] == ["valid_meta.json", "cubs.zip"]
    assert (tmp_path / "datasets/cubs/val_meta.json").is_file()
