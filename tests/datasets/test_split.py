"""A tracker sees the frames and the prompts of a video and nothing else, in every layout of a dataset."""

from __future__ import annotations

import os
import pickle
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.golden import Maps, fetched, make_tree, opened, squares, write_frames, write_masks
from vosbench.datasets import meta
from vosbench.datasets.card import Rules, Split
from vosbench.datasets.notes import describe_split_notes
from vosbench.datasets.split import open_split
from vosbench.errors import VosbenchError
from vosbench.io import files, paths

ONE, TWO, THREE = (1, 2, 2), (2, 14, 2), (3, 14, 20)
BEAR = [squares(ONE), squares(ONE), squares(ONE, THREE), squares(THREE), squares(ONE, TWO, THREE)]

CARD = """
name = "animals"
title = "Animals"
[splits.val]
prompts = "{prompts}"
[rules]
objects = "all"
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A dataset of one video: object 1 from the start with a pause, 3 from frame 2 on, 2 in the last frame."""
    return make_tree(tmp_path / "animals", {"bear": BEAR})


def davis_tree(root: Path, top: Path) -> Path:
    """The same files as DAVIS packs them."""
    for folder in ("JPEGImages", "Annotations"):
        (top / folder).mkdir(parents=True)
        (root / folder).rename(top / folder / "480p")
    (top / "ImageSets/2017").mkdir(parents=True)
    (top / "ImageSets/2017/val.txt").write_text("bear\n")
    return top


def test_the_prompts_are_only_the_first_mask_of_each_object(root: Path) -> None:
    video = opened(root).video("bear")
    assert {index: sorted(masks) for index, masks in video.prompts.items()} == {0: [1], 2: [3], 4: [2]}
    assert np.array_equal(video.prompts[2][3], BEAR[2] == 3)
    assert video.prompts[2][3].dtype == np.bool_
    assert (video.name, len(video.frames), video.overlap) == ("bear", 5, False)


def test_a_video_holds_no_ground_truth_except_prompts(root: Path) -> None:
    video = opened(root).video("bear")
    assert set(vars(video)) == {"name", "frames", "prompts", "overlap"}
    assert vars(video.frames).keys() == {"paths", "on_read"}
    assert video.frames.paths == sorted((root / "JPEGImages/bear").iterdir())  # type: ignore[attr-defined]
    assert sum(len(masks) for masks in video.prompts.values()) == 3


def test_where_only_the_first_frame_prompts_later_objects_are_ignored(root: Path, tmp_path: Path) -> None:
    (tmp_path / "first.toml").write_text(CARD.format(prompts="first_frame"))
    (tmp_path / "every.toml").write_text(CARD.format(prompts="first_appearance"))
    assert opened(root, str(tmp_path / "first.toml")).video("bear").prompts.keys() == {0}
    assert opened(root, str(tmp_path / "every.toml")).video("bear").prompts.keys() == {0, 2, 4}


def test_void_is_not_an_object_and_merged_objects_are_one(tmp_path: Path) -> None:
    root = make_tree(tmp_path / "animals", {"bear": [squares(ONE, TWO, (255, 14, 20))] * 3})
    assert opened(root).video("bear").prompts[0].keys() == {1, 2}
    (prompt,) = opened(root, "davis2016").video("bear").prompts[0].items()
    assert prompt[0] == 1
    assert prompt[1].sum() == 3 * 36


def test_void_in_published_masks_is_not_an_object(data: Path, tmp_path: Path) -> None:
    tree = shutil.copytree(data / "davis2017-void", tmp_path / "davis")
    (tree / "ImageSets/2017").mkdir(parents=True)
    (tree / "ImageSets/2017/val.txt").write_text("tennis\n")
    assert opened(tree).video("tennis").prompts[0].keys() == {1, 2}


def test_objects_that_have_folders_may_overlap(tmp_path: Path) -> None:
    root = make_tree(tmp_path / "animals", {"bear": BEAR})
    shutil.rmtree(root / "Annotations/bear")
    write_masks(root / "Annotations", {"bear/1": [squares(ONE)], "bear/2": {"00003": squares(ONE)}})
    video = opened(root).video("bear")
    assert video.overlap
    assert {index: sorted(masks) for index, masks in video.prompts.items()} == {0: [1], 3: [2]}


def test_the_index_of_a_prompt_counts_existing_frames(tmp_path: Path) -> None:
    masks = {"00000": squares(THREE), "00010": squares(ONE), "00030": squares(TWO)}  # the first one has no frame
    root = make_tree(tmp_path / "animals", {"bear": masks}, frames=False)
    write_frames(root / "JPEGImages", {"bear": {f"{number:05}": squares() for number in (5, 10, 20, 30)}})
    assert opened(root).video("bear").prompts.keys() == {1, 3}


# Finding a dataset


def test_a_fetched_dataset_is_found_by_its_name_and_scored_by_its_own_card(root: Path) -> None:
    card = {"name": "animals", "title": "Animals", "splits": {"val": {}}, "rules": {"objects": "all"}}
    (root / paths.MANIFEST).write_text(files.to_json({"card": card}))
    tree = open_split("animals", None, root.parent)
    assert (tree.name, tree.split.name, tree.videos) == ("animals", "val", ("bear",))
    assert (tree.rules.name, tree.rules.objects) == ("animals", "all")


def test_editing_a_card_does_not_change_a_dataset_that_is_fetched(root: Path, tmp_path: Path) -> None:
    card = {"name": "animals", "title": "Animals", "splits": {"val": {}}, "rules": {"objects": "all"}}
    (root / paths.MANIFEST).write_text(files.to_json({"card": card}))
    (tmp_path / "animals.toml").write_text(CARD.format(prompts="first_frame").replace('"all"', '"listed"'))
    fetched = open_split(str(tmp_path / "animals.toml"), None, root.parent)
    assert (fetched.rules.objects, fetched.split.prompts) == ("all", "first_appearance")


def test_a_tree_without_a_card_has_the_default_rules_or_the_chosen_ones(root: Path) -> None:
    assert opened(root).rules.name == "davis2017"
    assert opened(root, "davis2016").rules.merge
    assert opened(root).name == "animals"


def test_a_tree_in_the_layout_of_davis_is_read(root: Path, tmp_path: Path) -> None:
    tree = opened(davis_tree(root, tmp_path / "DAVIS"))
    assert tree.videos == ("bear",)
    assert tree.video("bear").prompts.keys() == {0, 2, 4}
    assert (len(tree.frames_of("bear")), len(tree.ground_truth("bear").frame_names)) == (5, 5)


def test_the_only_list_of_a_split_is_found_in_any_folder(root: Path, tmp_path: Path) -> None:
    assert opened(davis_tree(root, tmp_path / "DAVIS"), "davis2016").videos == ("bear",)  # its card looks elsewhere


def test_a_list_may_hold_a_pair_of_paths_a_frame(root: Path, tmp_path: Path) -> None:
    top = davis_tree(root, tmp_path / "DAVIS")
    shutil.rmtree(top / "ImageSets/2017")
    (top / "ImageSets/480p").mkdir()
    pairs = [f"/JPEGImages/480p/bear/{i:05}.jpg /Annotations/480p/bear/{i:05}.png\n" for i in range(5)]
    (top / "ImageSets/480p/val.txt").write_text("".join(pairs))
    assert opened(top, "davis2016").videos == ("bear",)


def test_the_real_trees_are_read(data: Path) -> None:
    tree = opened(data / "davis2016-real/DAVIS", "davis2016")
    assert tree.videos == ("blackswan", "bmx-trees", "car-shadow", "dog", "libby", "scooter-black")
    assert sum(len(tree.frames_of(video)) for video in tree.videos) == 322
    assert tree.video("dog").frames[0].shape == (480, 854, 3)
    assert len(opened(data / "golden/DAVIS").videos) == 30


def test_another_split_is_the_list_of_that_name(root: Path) -> None:
    (root / "ImageSets/test-dev.txt").write_text("\n  bear  \n\nbear\n")
    tree = open_split(str(root), "test-dev", Path("datasets"))
    assert (tree.split.name, tree.videos) == ("test-dev", ("bear",))


def test_the_meta_file_of_a_fetched_split_is_read_rather_than_the_publishers(root: Path) -> None:
    split, rules = Split("val", meta=("meta.json",)), Rules("animals", objects="listed")
    (root / "meta.json").write_text('{"videos": {"bear": {"objects": [1]}}}')
    assert meta.load_listing(root, split, rules, {"bear": ["00000"]})["bear"].keys() == {1}
    (root / "val_meta.json").write_text('{"videos": {"bear": {"objects": [1, 3]}}}')
    assert meta.load_listing(root, split, rules, {"bear": ["00000"]})["bear"].keys() == {1, 3}


# Frames


def test_frames_are_decoded_when_they_are_indexed(root: Path) -> None:
    path = root / "JPEGImages/bear/00001.jpg"
    path.write_bytes(path.read_bytes()[:100])
    frames = opened(root).video("bear").frames
    assert frames[0].shape == (24, 32, 3)
    assert frames[0].dtype == np.uint8
    assert [frame.shape for frame in frames[2:]] == [(24, 32, 3)] * 3
    with pytest.raises(VosbenchError, match=r"bear/00001\.jpg: cannot be decoded .* fetch the dataset again"):
        frames[1]


def test_a_grey_frame_has_three_channels(root: Path) -> None:
    Image.fromarray(squares(ONE)).save(root / "JPEGImages/bear/00001.jpg")
    assert opened(root).video("bear").frames[1].shape == (24, 32, 3)


def test_a_damaged_png_is_a_frame_that_cannot_be_decoded(root: Path) -> None:
    path = root / "JPEGImages/bear/00005.png"
    Image.fromarray(squares(ONE)).save(path)
    path.write_bytes(path.read_bytes().replace(b"\x0dIHDR", b"\x00IHDR"))  # says that the header is empty
    with pytest.raises(VosbenchError, match=r"bear/00005\.png: cannot be decoded"):
        opened(root).frames_of("bear")[5]


def test_a_pipe_among_the_frames_is_named_and_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "JPEGImages/bear/00005.jpg")
    with pytest.raises(VosbenchError, match=r"bear/00005\.jpg: is a pipe, a socket or a device, not a file"):
        opened(root).frames_of("bear")[5]


def test_a_sequence_of_frames_ends(root: Path) -> None:
    frames = opened(root).frames_of("bear")
    assert len(list(frames)) == len(frames) == 5
    assert np.array_equal(frames[-1], frames[4])
    with pytest.raises(IndexError):
        frames[5]


def test_every_frame_that_is_decoded_is_reported(root: Path) -> None:
    read: list[int] = []
    frames = opened(root).video("bear", on_read=lambda: read.append(1)).frames
    frames[0]
    assert len(read) == 1
    assert len(list(frames)) == 5
    assert len(read) == 6
    later = frames[1:4]
    assert len(read) == 6  # a slice decodes nothing
    list(later)
    assert len(read) == 9


def test_a_frame_that_cannot_be_decoded_is_not_reported(root: Path) -> None:
    (root / "JPEGImages/bear/00001.jpg").write_bytes(b"damaged")
    read: list[int] = []
    with pytest.raises(VosbenchError):
        opened(root).video("bear", on_read=lambda: read.append(1)).frames[1]
    assert read == []


def test_frames_can_be_sent_to_another_process(root: Path) -> None:
    frames = pickle.loads(pickle.dumps(opened(root).video("bear").frames))
    assert np.array_equal(frames[0], opened(root).frames_of("bear")[0])


# Errors


@pytest.mark.parametrize("given", ["./twin", "twin/", Path("twin")])
def test_what_looks_like_a_path_is_never_a_name_under_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | Path
) -> None:
    make_tree(tmp_path / "datasets/twin", {"bear": [squares((1, 2, 2))] * 3})
    make_tree(tmp_path / "twin", {"fox": [squares((1, 2, 2))] * 3})
    monkeypatch.chdir(tmp_path)
    assert open_split(given, None, tmp_path / "datasets").videos == ("fox",)
    assert open_split("twin", None, tmp_path / "datasets").videos == ("bear",)
    (tmp_path / "twin").rename(tmp_path / "gone")
    with pytest.raises(VosbenchError, match="no such folder"):
        open_split("./twin", None, tmp_path / "datasets")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(VosbenchError, match="dataset some/where: no such folder; give the path of a dataset"):
        open_split("some/where", None, tmp_path)


def test_the_error_for_a_dataset_that_was_not_fetched_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(
        VosbenchError, match=r"dataset davis2017: not found at .*davis2017; run: vosbench fetch davis2017"
    ):
        open_split("davis", None, tmp_path)


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(VosbenchError, match=r"dataset 'davis2071'.*did you mean davis20"):
        open_split("davis2071", None, tmp_path)


def test_the_error_for_a_missing_split_names_the_lists(root: Path) -> None:
    with pytest.raises(
        VosbenchError, match=r"animals: has no split test: expected ImageSets/test\.txt, found .*val\.txt; choose"
    ):
        open_split(str(root), "test", Path("datasets"))


@pytest.mark.parametrize("place", ["", "480p"])
def test_a_tree_without_lists_has_all_its_videos(tmp_path: Path, place: str) -> None:
    for folder, write in (("JPEGImages", write_frames), ("Annotations", write_masks)):
        write(tmp_path / "animals" / folder / place, {"cat10": BEAR, "cat9": BEAR})
    (tmp_path / "animals/JPEGImages/notes").mkdir()
    tree = opened(tmp_path / "animals")
    assert (tree.split.name, tree.videos) == ("val", ("cat9", "cat10"))
    assert (
        tree.note
        == f"{tmp_path}/animals has no list in ImageSets, so the split is every video with frames and masks, 2 in all"
    )
    assert tree.video("cat9").prompts.keys() == {0, 2, 4}


def test_a_video_that_a_tree_without_lists_leaves_out_is_named(root: Path) -> None:
    shutil.rmtree(root / "ImageSets")
    write_frames(root / "JPEGImages", {"wolf": BEAR})
    tree = opened(root)
    assert tree.videos == ("bear",)
    assert tree.note.endswith("every video with frames and masks, 1 in all; without masks are wolf")


@pytest.mark.parametrize("masks", [{"0001": BEAR}, {"0001/1": BEAR}], ids=["maps", "apart"])
def test_a_tree_without_lists_and_frames_has_the_videos_with_masks(tmp_path: Path, masks: dict[str, Maps]) -> None:
    write_masks(tmp_path / "animals/Annotations", masks)
    assert opened(tmp_path / "animals").videos == ("0001",)


def test_a_folder_without_lists_and_videos_is_refused(root: Path) -> None:
    shutil.rmtree(root / "ImageSets")
    shutil.rmtree(root / "Annotations")
    with pytest.raises(VosbenchError, match=r"animals: found no list in ImageSets and no video, expected JPEGImages/"):
        opened(root)


def test_where_other_splits_have_lists_a_split_needs_one(root: Path) -> None:
    (root / "ImageSets/val.txt").rename(root / "ImageSets/train.txt")
    with pytest.raises(VosbenchError, match=r"has no split val: .* found ImageSets/train\.txt"):
        opened(root)


def test_an_empty_list_is_refused(root: Path) -> None:
    (root / "ImageSets/val.txt").write_text("\n \n")
    with pytest.raises(VosbenchError, match=r"ImageSets/val\.txt: lists no video; write the names"):
        opened(root)


def test_a_video_without_frames_is_refused(root: Path) -> None:
    shutil.rmtree(root / "JPEGImages/bear")
    with pytest.raises(VosbenchError, match=r"animals val: video bear has no frames in .*JPEGImages/bear"):
        opened(root).video("bear")


def test_a_frame_that_is_there_twice_is_refused(root: Path) -> None:
    shutil.copy(root / "Annotations/bear/00002.png", root / "JPEGImages/bear")
    with pytest.raises(VosbenchError, match=r"JPEGImages/bear: 00002.jpg and 00002.png are the same frame; remove one"):
        opened(root).video("bear")


# Masks of only 0 and 255

WHITE = [squares((255, 2, 2 + step)) for step in range(3)]


def test_in_a_tree_masks_of_only_0_and_255_are_one_object(tmp_path: Path) -> None:
    tree = opened(make_tree(tmp_path / "animals", {"bear": [squares(), *WHITE], "fox": BEAR}))
    (index, prompt), *others = tree.video("bear").prompts.items()
    assert (index, prompt.keys(), others) == (1, {1}, [])
    assert np.array_equal(prompt[1], WHITE[0] == 255)
    assert describe_split_notes(tree, tree.videos) == [
        "the masks of bear hold only 0 and 255: 255 is one object there, with id 1, and not void"
    ]


def test_beside_other_ids_255_is_void(tmp_path: Path) -> None:
    tree = opened(make_tree(tmp_path / "animals", {"bear": [squares(ONE, (255, 14, 20)), *WHITE]}))
    assert tree.video("bear").prompts[0].keys() == {1}
    assert describe_split_notes(tree, tree.videos) == []


def test_an_id_after_masks_of_only_0_and_255_is_refused(tmp_path: Path) -> None:
    tree = opened(make_tree(tmp_path / "animals", {"bear": [*WHITE, squares(TWO)]}))
    with pytest.raises(
        VosbenchError, match=r"bear/00003\.png: holds the id 2, and the video's first mask only 0 and 255"
    ):
        tree.video("bear")


@pytest.mark.parametrize(("card", "object_ids"), [("davis2016", {1}), ("sav", {255}), ("folder", {1})])
def test_what_255_is_in_a_fetched_dataset_its_card_says(tmp_path: Path, card: str, object_ids: set[int]) -> None:
    root = fetched(make_tree(tmp_path / "animals", {"bear": WHITE}), card)
    assert opened(root).video("bear").prompts[0].keys() == object_ids
    assert opened(root, "davis2017").rules.binary == (card == "folder")


def test_the_error_for_a_damaged_split_names_the_command_that_fetches_it_again(root: Path) -> None:
    card = {"name": "synthetic", "title": "Drawn", "splits": {"val": {}}}
    (root / paths.MANIFEST).write_text(files.to_json({"card": card}))
    shutil.rmtree(root / "JPEGImages/bear")
    remedy = f"run: vosbench fetch synthetic --split val --root {root.parent} --force"
    with pytest.raises(VosbenchError, match=re.escape(remedy)):
        opened(root).video("bear")
    (root / paths.MANIFEST).write_text(files.to_json({"card": {**card, "name": "animals"}}))
    with pytest.raises(VosbenchError, match="the same command as before and --force"):
        opened(root).video("bear")


def test_a_video_without_objects_is_refused(tmp_path: Path) -> None:
    root = fetched(make_tree(tmp_path / "animals", {"bear": [squares((255, 2, 2))] * 3}), "davis2017")
    with pytest.raises(VosbenchError, match=r"no mask of video bear .* davis2017, in which 255 is void; .* --rules"):
        opened(root).video("bear")
