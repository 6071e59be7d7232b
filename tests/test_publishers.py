"""From every publisher's archives comes the normal layout, and of it a tracker sees the prompts and nothing else."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import pytest
from conftest import Cli
from publishers import PUBLISHERS, Published

from vosbench.datasets import registry
from vosbench.datasets.card import Split
from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.fetching.readers.folders import DatasetReader, SplitContent, read_folders
from vosbench.fetching.readers.registry import load_reader
from vosbench.io.archives.members import Member
from vosbench.io.archives.open import open_members
from vosbench.io.files import write_text
from vosbench.io.paths import FRAMES, MASKS

# Another split of the embedded dataset would take seconds to draw, with the same reader.
SPLITS = [
    (n, s) for n, card in registry.known_datasets().items() for s in card.splits if (n, s) != ("synthetic", "val")
]


class Normalised(NamedTuple):
    """What a publisher offers, and the same in the normal layout."""

    published: Published
    content: SplitContent
    tree: DatasetSplit


def normalised(name: str, split: str, published: Published, root: Path) -> Normalised:
    """What `vosbench fetch` makes of a publisher's files, without its manifest."""
    card, home = registry.find_dataset(name), root / name
    part = card.splits[split]
    reader: DatasetReader = load_reader(part.reader or card.reader)
    with open_members(published.files, root / "scratch") as members:
        content = reader(members, part)
        for path, member in content.entries:
            member.save(home / path)
    write_text(home / f"ImageSets/{split}.txt", "".join(f"{video}\n" for video in content.videos))
    tree = DatasetSplit(name, home, part, card.rules, tuple(content.videos), home / FRAMES, home / MASKS, True)
    return Normalised(published, content, tree)


@pytest.fixture(scope="module", params=SPLITS, ids="-".join)
def split(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, data: Path) -> Normalised:
    """Every split of every card."""
    name, split = request.param
    folder = tmp_path_factory.mktemp("publisher")
    return normalised(name, split, PUBLISHERS[name](folder, data, split), tmp_path_factory.mktemp("datasets"))


# Every split of every card


def test_the_videos_are_the_publishers_in_his_order(split: Normalised) -> None:
    assert list(split.content.videos) == [clip.name for clip in split.published.clips]
    assert set(split.content.missing) == set(split.tree.split.names) - set(split.content.videos)


def test_every_file_is_the_publishers_byte_for_byte_and_there_is_no_other(split: Normalised) -> None:
    expected: dict[str, bytes | None] = {f"ImageSets/{split.tree.split.name}.txt": None, **split.published.beside}
    for clip in split.published.clips:
        expected |= {f"JPEGImages/{clip.name}/{stem}.jpg": content for stem, content in clip.frames.items()}
        expected |= {f"Annotations/{clip.name}/{path}.png": content for path, content in clip.masks.items()}
    found = {str(path.relative_to(split.tree.root)): path for path in split.tree.root.rglob("*") if path.is_file()}
    assert found.keys() == expected.keys()
    differing = [name for name, content in expected.items() if content and found[name].read_bytes() != content]
    assert differing == []


def test_ground_truth_that_is_no_prompt_never_reaches_a_tracker(split: Normalised) -> None:
    for clip in split.published.clips:
        video = split.tree.video(clip.name)
        assert set(vars(video)) == {"name", "frames", "prompts", "overlap"}
        assert vars(video.frames) == {
            "paths": [split.tree.frames_folder / clip.name / f"{stem}.jpg" for stem in clip.frames]
        }
        stems = list(clip.frames)
        given = {stems[index]: masks for index, masks in video.prompts.items()}
        assert {stem: sorted(masks) for stem, masks in given.items()} == {
            stem: sorted(masks) for stem, masks in clip.prompts.items()
        }
        for stem, masks in clip.prompts.items():
            assert all(np.array_equal(given[stem][label], mask) for label, mask in masks.items())


def test_objects_that_may_share_pixels_stay_apart(split: Normalised) -> None:
    for clip in split.published.clips:
        assert split.tree.video(clip.name).overlap == any("/" in path for path in clip.masks)


# Particular ones


@pytest.mark.parametrize("name", ["mosev1", "mosev2"])
@pytest.mark.parametrize("split", ["train", "val"])
def test_mose_is_listed_alike_with_and_without_its_json(name: str, split: str, data: Path, tmp_path: Path) -> None:
    published = PUBLISHERS[name](tmp_path, data, split)
    archives = [path for path in published.files if path.suffix != ".json"]
    listed = normalised(name, split, published, tmp_path / "with")
    unlisted = normalised(name, split, Published(archives, published.clips), tmp_path / "without")
    assert len(archives) == len(published.files) - 1
    assert listed.content.videos == unlisted.content.videos == sorted(listed.content.videos)


@pytest.mark.parametrize(
    ("name", "split"), [("mose", "val"), ("sav", "test"), ("lvos", "val"), ("ytvos2018-allframes", "val")]
)
def test_the_command_makes_the_same_of_a_publishers_files(cli: Cli, data: Path, name: str, split: str) -> None:
    name = registry.find_dataset(name).name
    published = PUBLISHERS[name](cli.folder, data, split)
    given = [argument for path in published.files for argument in ("--from", path)]
    cli("fetch", name, "--split", split, *given)
    expected = normalised(name, split, published, cli.folder / "expected")
    home = cli.folder / "datasets" / name
    found = {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert json.loads(found.pop("dataset.json"))["splits"][split]["counts"]["videos"] == len(published.clips)
    root = expected.tree.root
    assert found == {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_train_archive_never_becomes_the_validation_split(cli: Cli, data: Path) -> None:
    archive, meta = PUBLISHERS["mosev1"](cli.folder, data, "train").files
    meta.rename(meta.with_name("meta_valid.json"))
    done = cli("fetch", "mose", "--from", archive, "--from", "meta_valid.json", expect=2)
    assert "found train/JPEGImages of another split: give what holds the split val with --from" in done.stderr
    assert not (cli.folder / "datasets/mosev1").exists()


def test_a_test_archive_never_becomes_another_test_split(data: Path, tmp_path: Path) -> None:
    dev = PUBLISHERS["davis2017"](tmp_path, data, "test-dev")
    with pytest.raises(VosbenchError, match=r"no list of the split test-challenge .* found .*2017/test-dev\.txt"):
        normalised("davis2017", "test-challenge", dev, tmp_path / "challenge")
    challenge = PUBLISHERS["davis2017"](tmp_path, data, "test-challenge")
    assert normalised("davis2017", "test-dev", challenge, tmp_path / "dev").content.videos == []


# The reader of folders


def members(source: str, *files: str, **contents: str) -> Iterator[Member]:
    """What is in a source: `a/b/#2.jpg` stands for the frames 00000 and 00001."""
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


def test_frames_masks_and_lists_may_come_from_sources_of_their_own() -> None:
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


def test_of_two_files_with_one_path_the_later_sources_counts() -> None:
    content = read(members("a.zip", *BEAR), members("b.zip", "x/Annotations/bear/#1.png", "x/JPEGImages/bear/#3.JPG"))
    sources = {str(entry.path): entry.member.source.name for entry in content.entries}
    assert sources == {
        "Annotations/bear/00000.png": "b.zip",
        "Annotations/bear/00001.png": "a.zip",
        "JPEGImages/bear/00000.jpg": "b.zip",
        "JPEGImages/bear/00001.jpg": "b.zip",
        "JPEGImages/bear/00002.jpg": "b.zip",
    }


def test_the_cards_folder_counts_before_the_normal_layouts() -> None:
    own = Split("val", frames="JPEGImages/480p", masks="Annotations/480p")
    tree = ["JPEGImages/480p/bear/#1.jpg", "Annotations/480p/bear/#1.png", "Annotations/1080p/bear/#2.png"]
    assert paths(read(members("a", *tree), split=own)) == ["JPEGImages/bear/00000.jpg", "Annotations/bear/00000.png"]
    assert len(paths(read(members("a", *BEAR), split=own))) == 4


def test_two_places_in_one_source_are_named() -> None:
    twice = ["one/JPEGImages/bear/#1.jpg", "two/JPEGImages/bear/#1.jpg", "one/Annotations/bear/#1.png"]
    with pytest.raises(VosbenchError, match=r"^a: JPEGImages is there more than once, in one, two: give one of them"):
        read(members("a", *twice))


def test_each_split_takes_the_folder_that_is_called_after_it() -> None:
    both = [f"{top}/{path}" for top in ("MOSE/train", "MOSE/valid") for path in BEAR]
    assert {e.member.name.parts[1] for e in read(members("a", *both)).entries} == {"valid"}
    assert {e.member.name.parts[1] for e in read(members("a", *both), split=Split("train")).entries} == {"train"}
    with pytest.raises(VosbenchError, match="found MOSE/train/JPEGImages of another split: give"):
        read(members("a", *both), split=Split("test-dev"))


@pytest.mark.parametrize("source", ["train", "train.tar.gz", "train.7z.001", "Test.zip"])
def test_a_source_that_is_called_after_another_split_alone_is_none_of_this_one(source: str) -> None:
    with pytest.raises(VosbenchError, match="found JPEGImages of another split"):
        read(members(source, *BEAR))
    assert read(members(f"my-{source}", *BEAR)).videos == ["bear"]


def test_what_was_found_is_told_where_there_are_no_frames_or_no_masks() -> None:
    with pytest.raises(VosbenchError, match="no JPEGImages/<video>/<frame> in what was given; found beach at the top"):
        read(members("a", "beach/sand.jpg"))
    with pytest.raises(VosbenchError, match="no Annotations/<video>/<frame> in what was given; found x at the top"):
        read(members("a", "x/JPEGImages/bear/#1.jpg"))


def test_a_list_is_looked_for_beside_the_folders_and_above_them() -> None:
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
def test_a_json_list_that_is_none_is_named(content: str) -> None:
    with pytest.raises(VosbenchError, match=r"^b: meta\.json: no JSON with a table `videos`; fetch it again"):
        read(members("a", *BEAR), lists("b", "meta.json", content), split=Split("val", lists=("meta.json",)))


def test_a_tree_that_lists_other_splits_alone_does_not_hold_this_one() -> None:
    with pytest.raises(VosbenchError, match=r"^no list of the split val .* found ImageSets/train\.txt alone$"):
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


def test_the_meta_file_and_what_goes_beside_are_carried() -> None:
    split = Split("val", meta=("valid_meta.json", "meta.json"), beside=("unseen.txt",))
    tree = members("a", "valid/meta.json", *(f"valid/{path}" for path in BEAR))
    carried = paths(read(tree, lists("b", "data/unseen.txt", ""), lists("c", "unseen.txt", "bear\n"), split=split))
    assert (carried[0], carried[-1], len(carried)) == ("val_meta.json", "unseen.txt", 6)
