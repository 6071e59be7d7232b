"""The publisher's prompts stay apart from ground truth, whatever the order of the sources."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.fetches import card, fetch
from tests.support.golden import Maps, make_tree, squares
from vosbench.datasets.card import Counts, Dataset, Rules
from vosbench.datasets.split import DatasetSplit, open_split
from vosbench.datasets.verify import find_splits_to_verify, verify_split
from vosbench.fetching.fetch import FetchResult

BOTH = squares((1, 2, 2), (3, 14, 20))
TRUTH: Mapping[str, Maps] = {"ann": [BOTH] * 4}
PROMPTS: Mapping[str, Maps] = {"ann": {"00000": squares((1, 2, 2))}}  # object 3 is not prompted


@pytest.fixture
def sources(tmp_path: Path) -> list[str]:
    """The publisher's prompts and frames, and the ground truth from elsewhere."""
    prompts = make_tree(tmp_path / "valid", PROMPTS)
    make_tree(tmp_path / "all", TRUTH)
    (tmp_path / "all/JPEGImages/ann").replace(tmp_path / "moved")
    for frame in (tmp_path / "moved").iterdir():
        frame.replace(prompts / "JPEGImages/ann" / frame.name)
    return [str(prompts), str(tmp_path / "all")]


def apart(**val: Any) -> Dataset:
    return card({"file": "valid.zip"}, {"file": "gt.zip"}, **{"separate_prompts": True, **val})


def opened(folder: Path) -> DatasetSplit:
    return open_split("cubs", "val", folder / "datasets")


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("val", [{"separate_prompts": True}, {"separate_prompts": False, "truth": False}])
def test_only_the_objects_of_the_publishers_prompts_are_prompted(
    tmp_path: Path, sources: list[str], val: Mapping[str, bool], turned: bool
) -> None:
    fetch(apart(**val), tmp_path, given=tuple(sources[::-1] if turned else sources))
    split = opened(tmp_path)
    assert {index: sorted(masks) for index, masks in split.video("ann").prompts.items()} == {0: [1]}
    truth = split.ground_truth("ann")
    assert truth.frame_names == ["00000", "00001", "00002", "00003"]
    assert sorted(truth.read("00000")[1]) == [1, 3]


def test_all_masks_of_the_prompted_objects_come_from_the_ground_truth(tmp_path: Path, sources: list[str]) -> None:
    fetch(apart(), tmp_path, given=tuple(sources))
    prompts = opened(tmp_path).with_prompts("all").video("ann").prompts
    assert {index: sorted(masks) for index, masks in prompts.items()} == {0: [1], 1: [1], 2: [1], 3: [1]}


def test_verify_counts_the_prompts_and_finds_one_that_is_missing(tmp_path: Path, sources: list[str]) -> None:
    fetch(apart(), tmp_path, given=tuple(sources))
    [(split, entry)] = find_splits_to_verify("cubs", "val", tmp_path / "datasets")
    assert verify_split(split, entry, deep=True, jobs=1) == []
    (split.root / "Prompts/ann/00000.png").unlink()
    assert ("Prompts/ann", "0 prompts; dataset.json states 1") in verify_split(split, entry)


def test_prompts_of_an_earlier_fetch_do_not_stay(tmp_path: Path, sources: list[str]) -> None:
    fetched = fetch(apart(), tmp_path, given=tuple(sources))
    assert (fetched.path / "Prompts/ann").is_dir()
    (tmp_path / "valid/Annotations/ann/00000.png").unlink()
    warnings = fetch(apart(), tmp_path, given=tuple(sources), force=True).warnings
    assert not (fetched.path / "Prompts/ann").exists()
    assert warnings == (
        "cubs val: the publisher's prompts are not among the files, so the first mask of each object in the ground "
        "truth prompts it",
    )


def test_videos_without_prompts_or_without_ground_truth_are_counted(tmp_path: Path) -> None:
    prompts = make_tree(tmp_path / "valid", {video: [BOTH] for video in ("ann", "bob", "cat")})
    truth = make_tree(tmp_path / "gt", {"ann": [BOTH] * 3, "dan": [BOTH] * 3})
    fetched = fetch(apart(), tmp_path, given=(str(prompts), str(truth)))
    assert [line for line in fetched.warnings if "ground truth" in line] == [
        "cubs val: 2 of 4 videos have prompts and no ground truth, such as bob",
        "cubs val: 1 of 4 videos have ground truth and none of the publisher's prompts, such as dan; the first mask of "
        "each object prompts it",
    ]
    assert sorted(opened(tmp_path).video("bob").prompts[0]) == [1, 3]


# Objects are compared with the card and the meta file


def listed(folder: Path, stated: Mapping[str, Any], **rules: Any) -> FetchResult:
    """Fetch the video ann, with objects 1 and 3, and a meta file that lists the `stated` objects for it."""
    tree = make_tree(folder / "cubs", TRUTH)
    (tree / "val_meta.json").write_text(json.dumps({"videos": {"ann": {"objects": stated}}}))
    dataset = replace(card({"file": "cubs.zip"}), rules=Rules("cubs", **rules))
    return fetch(dataset, folder, given=(str(tree),))


def test_objects_that_are_listed_and_not_prompted_are_named_and_so_is_the_reverse(tmp_path: Path) -> None:
    assert listed(tmp_path, {"1": {}, "7": {}}).warnings == (
        "cubs val: val_meta.json lists 1 object without a prompt: ann/7; it lists 2, and 2 are prompted",
        "cubs val: val_meta.json does not list 1 object with a prompt: ann/3; it lists 2, and 2 are prompted",
    )
    assert listed(tmp_path / "equal", {"1": {}, "3": {}}).warnings == ()


def test_another_number_of_objects_than_on_the_card_is_said(tmp_path: Path) -> None:
    dataset = card({"file": "cubs.zip"}, counts={"videos": 1, "objects": 5})
    tree = make_tree(tmp_path / "cubs", TRUTH)
    assert fetch(dataset, tmp_path, given=(str(tree),)).warnings == (
        "cubs val: of 5 objects that the card states, 2 are prompted",
    )
    assert dataset.splits["val"].counts == Counts(1, None, 5)


def test_a_category_that_the_card_does_not_list_is_named(tmp_path: Path) -> None:
    stated = {"1": {"category": "bear"}, "3": {"category": "others"}}
    rules = {"objects": "listed", "seen": ("bear",)}
    assert listed(tmp_path, stated, **rules).warnings == (
        "cubs val: categories that the card lists neither as seen nor as unseen, with 1 of 2 objects, count as unseen: "
        "others",
    )
    assert listed(tmp_path / "known", stated, unseen=("others",), **rules).warnings == ()
