"""Folders of frames and masks become the normal layout, wherever in the sources they are."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

import pytest

from vosbench.datasets.card import Split
from vosbench.errors import VosbenchError
from vosbench.fetching.readers.folders import SplitContent, read_folders
from vosbench.io.archives.members import Member


def members(source: str, *files: str, **contents: str) -> Iterator[Member]:
    """The members of a source: `a/b/#2.jpg` stands for the frames 00000 and 00001."""
    for file in files:
        head, mark, tail = file.partition("#")
        names = [f"{head}{index:05}{tail[1:]}" for index in range(int(tail[0]))] if mark else [file]
        for name in names:
            content = f"{source}:{name}".encode()
            yield Member(PurePosixPath(name), len(content), Path(source), partial(io.BytesIO, content))


def lists(source: str, name: str, content: str) -> Iterator[Member]:
    """A source with a list in it."""
    yield Member(PurePosixPath(name), len(content), Path(source), partial(io.BytesIO, content.encode()))


def read(*sources: Iterable[Member], split: Split | None = None) -> SplitContent:
    return read_folders([member for source in sources for member in source], split or Split("val"))


def paths(content: SplitContent) -> list[str]:
    return [str(entry.path) for entry in content.entries]


BEAR = ("JPEGImages/bear/#2.jpg", "Annotations/bear/#2.png")


def test_frames_masks_and_lists_may_come_from_different_sources() -> None:
    content = read(
        members("frames.zip", "all/JPEGImages/bear/#2.jpg", "all/JPEGImages/ape/#1.jpg"),
        members("gt.zip", "gt/Annotations/ape/#1.png", "gt/Annotations/bear/#1.png"),
        lists("meta.json", "meta.json", '{"videos": {"bear": {}, "ape": {}}}'),
        split=Split("val", lists=("meta.json",)),
    )
    assert content.videos == ["ape", "bear"]
    assert paths(content) == [
        "JPEGImages/bear/00000.jpg",
        "JPEGImages/bear/00001.jpg",
        "JPEGImages/ape/00000.jpg",
        "Annotations/ape/00000.png",
        "Annotations/bear/00000.png",
        "val_meta.json",
    ]


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_sources_of_frames_the_fuller_one_counts_whatever_the_order(turned: bool) -> None:
    some, every = [*members("some.zip", *BEAR)], [*members("all.zip", "all/JPEGImages/bear/#3.JPG")]
    content = read(every, some) if turned else read(some, every)
    assert {str(entry.path): entry.member.source.name for entry in content.entries} == {
        "Annotations/bear/00000.png": "some.zip",
        "Annotations/bear/00001.png": "some.zip",
        "JPEGImages/bear/00000.jpg": "all.zip",
        "JPEGImages/bear/00001.jpg": "all.zip",
        "JPEGImages/bear/00002.jpg": "all.zip",
    }
    assert content.notes == (
        "frames that some.zip and all.zip both have (2) are from all.zip, which has more of the same videos",
    )


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("files", "path"),
    [
        ("Annotations/bear/#1.png", "Annotations/bear/00000.png"),
        ("JPEGImages/bear/#2.jpg", "JPEGImages/bear/00000.jpg"),
    ],
)
def test_two_files_for_one_path_that_differ_are_refused_whatever_the_order(files: str, path: str, turned: bool) -> None:
    one, other = [*members("a.zip", *BEAR)], [*members("b.zip", f"x/{files}")]
    found = f"^{path}: a.zip: {path} and b.zip: x/{path} differ, and both are files for it; give only one of them"
    with pytest.raises(VosbenchError, match=found):
        read(other, one) if turned else read(one, other)


def test_two_files_for_one_path_may_be_equal() -> None:
    twice = [replace(member, source=Path("b.zip")) for member in members("a.zip", *BEAR)]
    assert len(read(members("a.zip", *BEAR), twice).entries) == 4


def test_the_cards_folder_is_preferred_to_the_normal_layouts() -> None:
    own = Split("val", frames="JPEGImages/480p", masks="Annotations/480p")
    tree = ["JPEGImages/480p/bear/#1.jpg", "Annotations/480p/bear/#1.png", "Annotations/1080p/bear/#2.png"]
    assert paths(read(members("a", *tree), split=own)) == ["JPEGImages/bear/00000.jpg", "Annotations/bear/00000.png"]
    assert len(paths(read(members("a", *BEAR), split=own))) == 4


def test_several_folders_of_frames_in_one_source_are_refused() -> None:
    twice = ["one/JPEGImages/bear/#1.jpg", "two/JPEGImages/bear/#1.jpg", "one/Annotations/bear/#1.png"]
    with pytest.raises(VosbenchError, match=r"^a: several folders JPEGImages, in one, two; give one of them"):
        read(members("a", *twice))


def test_each_split_is_read_from_the_folder_named_after_it() -> None:
    both = [f"{top}/{path}" for top in ("MOSE/train", "MOSE/valid") for path in BEAR]
    assert {e.member.name.parts[1] for e in read(members("a", *both)).entries} == {"valid"}
    assert {e.member.name.parts[1] for e in read(members("a", *both), split=Split("train")).entries} == {"train"}
    with pytest.raises(VosbenchError, match="found MOSE/train/JPEGImages of another split; give"):
        read(members("a", *both), split=Split("test-dev"))


@pytest.mark.parametrize("source", ["train", "train.tar.gz", "train.7z.001", "Test.zip"])
def test_a_source_named_just_after_another_split_is_refused(source: str) -> None:
    with pytest.raises(VosbenchError, match="found JPEGImages of another split"):
        read(members(source, *BEAR))
    assert read(members(f"my-{source}", *BEAR)).videos == ["bear"]


def test_if_there_are_no_frames_or_masks_the_message_says_what_was_found() -> None:
    with pytest.raises(VosbenchError, match="no JPEGImages/<video>/<frame> in a, found only beach;"):
        read(members("a", "beach/sand.jpg"))
    with pytest.raises(VosbenchError, match="no Annotations/<video>/<frame> in a, found only x;"):
        read(members("a", "x/JPEGImages/bear/#1.jpg"))


def test_a_list_is_found_beside_the_folders_and_above_them() -> None:
    both = ["data/valid/JPEGImages/bear/#1.jpg", "data/valid/Annotations/bear/#1.png"]
    both += ["data/valid/JPEGImages/ape/#1.jpg", "data/valid/Annotations/ape/#1.png"]
    for place in ("ImageSets/val.txt", "data/ImageSets/val.txt", "data/valid/ImageSets/val.txt"):
        assert read(members("a", *both), lists("a", place, "bear\n")).videos == ["bear"]
        assert read(members("a", *both), lists("b", place, "bear\n")).videos == ["bear"]
    assert read(members("a", *both), lists("a", "elsewhere/ImageSets/val.txt", "bear\n")).videos == ["ape", "bear"]


def test_a_json_list_and_the_folders_give_the_same_videos() -> None:
    split = Split("val", lists=("meta_valid.json",))
    tree = [path.replace("bear", video) for path in BEAR for video in ("b10", "a9", "a10")]
    suffixed = json.dumps({"videos": {"b10.mp4": {}, "a9.mp4": {}, "a10": {}}})
    content = read(members("a", *tree), lists("b", "meta_valid.json", suffixed), split=split)
    assert content.videos == read(members("a", *tree), split=split).videos == ["a10", "a9", "b10"]
    assert content.missing == []


@pytest.mark.parametrize("content", ["{", "[]", '{"videos": ["bear"]}', "\xff"])
def test_a_damaged_json_list_is_refused(content: str) -> None:
    with pytest.raises(
        VosbenchError, match=r"^b: entry 'meta\.json' is not JSON with a table `videos`; download it again"
    ):
        read(members("a", *BEAR), lists("b", "meta.json", content), split=Split("val", lists=("meta.json",)))


def test_a_source_with_only_lists_of_other_splits_is_refused() -> None:
    with pytest.raises(
        VosbenchError, match=r"^split val: no list of its videos, found only ImageSets/train\.txt; give"
    ):
        read(members("a", *BEAR), lists("a", "ImageSets/train.txt", "bear\n"))


def test_without_a_list_the_videos_are_those_that_the_card_names() -> None:
    named = Split("val", names=("bear", "cow"))
    content = read(members("a", *BEAR, "JPEGImages/ape/#1.jpg", "Annotations/ape/#1.png"), split=named)
    assert (content.videos, content.missing) == (["bear"], ["cow"])


def test_videos_without_masks_or_without_frames_are_missing() -> None:
    tree = [*BEAR, "JPEGImages/cow/#1.jpg", "Annotations/dog/#1.png"]
    assert read(members("a", *tree)).missing == ["cow"]
    content = read(members("a", *tree), lists("a", "ImageSets/val.txt", "dog\nbear\ncow\nowl\n"))
    assert (content.videos, content.missing) == (["bear"], ["dog", "cow", "owl"])
    assert {path.split("/")[1] for path in paths(content)} == {"bear"}


def test_only_frames_and_masks_are_taken_out_of_the_folders() -> None:
    stray = ["JPEGImages/bear/Thumbs", "JPEGImages/bear/small/00000.jpg", "Annotations/bear/00000.jpg"]
    stray += ["Annotations/bear/scribbles/00000.png", "Annotations/bear/000/meta.json"]
    assert len(paths(read(members("a", *BEAR, *stray)))) == 4


def test_objects_may_have_folders_of_their_own_and_few_masks() -> None:
    content = read(members("a", "JPEGImages/bear/#3.jpeg", "Annotations/bear/000/#1.PNG", "Annotations/bear/12/#2.png"))
    assert paths(content)[3:] == [f"Annotations/bear/{p}.png" for p in ("000/00000", "12/00000", "12/00001")]


META = '{"videos": {"bear": {"objects": {"1": {}}}}}'


@pytest.mark.parametrize("turned", [False, True])
def test_a_meta_file_that_is_given_by_itself_is_preferred_to_one_in_an_archive(turned: bool) -> None:
    tree = [*members("a.zip", "val/valid_meta.json", *(f"val/{path}" for path in BEAR))]
    alone = [*lists("meta.json", "meta.json", META)]
    split = Split("val", meta=("valid_meta.json", "meta.json"))
    content = read(alone, tree, split=split) if turned else read(tree, alone, split=split)
    assert {e.member.source.name for e in content.entries if str(e.path) == "val_meta.json"} == {"meta.json"}


@pytest.mark.parametrize(("attributes", "taken"), [(META, True), ('{"bear": ["BC", "LRA"]}', False), ("{", False)])
def test_where_no_meta_file_is_found_another_file_of_its_form_is_tried(attributes: str, taken: bool) -> None:
    split = Split("val", beside=("attributes.json",))
    content = read(members("a", *BEAR), lists("attributes.json", "attributes.json", attributes), split=split)
    assert ("val_meta.json" in paths(content), paths(content)[-1]) == (taken, "attributes.json")
    content = read(members("a", *BEAR, "meta.json"), lists("attributes.json", "attributes.json", META), split=split)
    assert [str(e.member.source) for e in content.entries if str(e.path) == "val_meta.json"] == ["a"]


def test_the_meta_file_and_the_other_files_of_the_card_are_kept() -> None:
    split = Split("val", meta=("valid_meta.json", "meta.json"), beside=("unseen.txt",))
    tree = members("a", "valid/meta.json", *(f"valid/{path}" for path in BEAR))
    carried = paths(read(tree, lists("b", "data/unseen.txt", ""), lists("c", "unseen.txt", "bear\n"), split=split))
    assert (carried[0], carried[-1], len(carried)) == ("val_meta.json", "unseen.txt", 6)
