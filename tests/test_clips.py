"""Video files become folders of frames, and SA-V's JSON files folders of masks; what does not fit is refused."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import Cli
from golden import squares
from PIL import Image

from vosbench.datasets import registry
from vosbench.datasets.card import Split
from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.fetching.readers.folders import read_folders
from vosbench.fetching.readers.video_files import read_video_files
from vosbench.io.archives.open import open_members
from vosbench.masks.labels import encode_labels
from vosbench.masks.rle import encode_rle

TRAIN = Split("train")
SIZE = (32, 48)  # height, width
STEP = 9  # how much brighter each frame is than the one before


def film(path: Path, frames: int, size: tuple[int, int] = SIZE, code: str = "mp4v") -> Path:
    """A video of which frame i is grey of the level i * STEP."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*code), 24, size[::-1])
    for index in range(frames):
        writer.write(np.full((*size, 3), index * STEP, np.uint8))
    writer.release()
    return path


def draw(folder: Path, *stems: str) -> None:
    """Masks under these names, a square that moves."""
    folder.mkdir(parents=True, exist_ok=True)
    for column, stem in enumerate(stems):
        (folder / f"{stem}.png").write_bytes(encode_labels(squares((1, 4, column), size=SIZE)))


def annotate(path: Path, frames: float, steps: Sequence[Sequence[Any]], ids: Sequence[int] | None = None) -> None:
    """A JSON file in SA-V's form."""
    ids = range(len(steps[0])) if ids is None else ids
    content = {"video_frame_count": frames, "masklet_id": list(ids), "masklet": steps}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def square(row: int, column: int) -> dict[str, Any]:
    return encode_rle(squares((1, row, column), size=SIZE) > 0)


def pack(folder: Path, archive: Path) -> Path:
    with tarfile.open(archive, "w") as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, path.relative_to(folder), recursive=False)
    return archive


def read(*sources: Path, split: Split = TRAIN) -> tuple[list[str], dict[str, bytes], list[str]]:
    """The videos, the files by their paths, and the missing videos."""
    with open_members(sources) as members:
        content = read_video_files(members, split)
        files = {str(entry.path): entry.member.read() for entry in content.entries}
    return list(content.videos), files, list(content.missing)


def refusal(source: Path) -> str:
    """The one line with which a source is refused."""
    with pytest.raises(VosbenchError) as caught:
        read(source)
    message = str(caught.value)
    assert message.startswith(f"{source}: ")
    assert "\n" not in message
    return message


def levels(files: Mapping[str, bytes], video: str) -> list[int]:
    """Which frames of the film the files 00000.jpg, 00001.jpg, ... show."""
    images = [content for path, content in sorted(files.items()) if path.startswith(f"JPEGImages/{video}/")]
    return [round(np.asarray(Image.open(io.BytesIO(image))).mean() / STEP) for image in images]


def names(video: str, frames: int, *masks: str) -> set[str]:
    """The paths of a video's frames and masks."""
    return {
        *(f"JPEGImages/{video}/{index:05}.jpg" for index in range(frames)),
        *(f"Annotations/{video}/{mask}.png" for mask in masks),
    }


# Trees of a user's own


@pytest.mark.parametrize("kind", ["folder", "tar"])
@pytest.mark.parametrize("place", ["bear.mp4", "videos/bear.mp4", "JPEGImages/bear.mp4", "JPEGImages/some/bear.mp4"])
def test_a_file_with_a_first_mask_is_a_video_wherever_it_lies(tmp_path: Path, place: str, kind: str) -> None:
    film(tmp_path / "own" / place, 20)
    draw(tmp_path / "own/Annotations/bear", "00000")
    source = tmp_path / "own" if kind == "folder" else pack(tmp_path / "own", tmp_path / "own.tar")
    videos, files, missing = read(source)
    assert (videos, missing) == (["bear"], [])
    assert set(files) == names("bear", 20, "00000")
    assert levels(files, "bear") == list(range(20))
    assert files["Annotations/bear/00000.png"] == (tmp_path / "own/Annotations/bear/00000.png").read_bytes()


@pytest.mark.parametrize(("suffix", "code"), [("avi", "MJPG"), ("mkv", "mp4v"), ("MOV", "mp4v"), ("webm", "VP80")])
def test_other_containers_are_read_too(tmp_path: Path, suffix: str, code: str) -> None:
    film(tmp_path / f"bear.{suffix}", 7, code=code)
    draw(tmp_path / "Annotations/bear", "00000")
    assert levels(read(tmp_path)[1], "bear") == list(range(7))


def test_a_frame_has_the_size_and_colours_of_the_video_and_the_same_bytes_every_time(tmp_path: Path) -> None:
    path = tmp_path / "red.mp4"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), 24, SIZE[::-1])
    writer.write(np.full((*SIZE, 3), (20, 40, 220), np.uint8))  # blue, green, red
    writer.release()
    draw(tmp_path / "Annotations/red", "00000")
    (first, again) = (read(tmp_path)[1]["JPEGImages/red/00000.jpg"] for _ in range(2))
    image = np.asarray(Image.open(io.BytesIO(first)))
    assert image.shape == (*SIZE, 3)
    assert np.abs(image.reshape(-1, 3).mean(axis=0) - (220, 40, 20)).max() < 5
    assert first == again


def test_masks_may_be_of_many_frames_and_in_a_folder_an_object(tmp_path: Path) -> None:
    film(tmp_path / "bear.mp4", 9)
    draw(tmp_path / "Annotations/bear/001", "00000", "00004", "00008")
    draw(tmp_path / "Annotations/bear/7", "00004")
    assert set(read(tmp_path)[1]) == names("bear", 9, "001/00000", "001/00004", "001/00008", "7/00004")


def test_videos_are_those_of_the_list_and_others_are_not_even_opened(tmp_path: Path) -> None:
    for video in ("dog", "cat", "bear"):
        film(tmp_path / f"{video}.mp4", 2)
        draw(tmp_path / f"Annotations/{video}", "00000")
    (tmp_path / "bear.mp4").write_bytes(b"damaged")
    (tmp_path / "ImageSets").mkdir()
    (tmp_path / "ImageSets/train.txt").write_text("dog\nyak\ncat\n")
    videos, files, missing = read(tmp_path)
    assert (videos, missing) == (["dog", "cat"], ["yak"])
    assert set(files) == names("dog", 2, "00000") | names("cat", 2, "00000")


def test_without_a_list_videos_are_sorted_and_one_without_masks_is_missing(tmp_path: Path) -> None:
    for video in ("dog", "cat", "bear"):
        film(tmp_path / f"{video}.mp4", 2)
    draw(tmp_path / "Annotations/dog", "00000")
    draw(tmp_path / "Annotations/bear", "00000")
    videos, files, missing = read(tmp_path)
    assert (videos, missing) == (["bear", "dog"], ["cat"])
    assert set(files) == names("bear", 2, "00000") | names("dog", 2, "00000")


def test_videos_and_masks_may_come_from_two_sources(tmp_path: Path) -> None:
    film(tmp_path / "a/bear.mp4", 2)
    draw(tmp_path / "b/export/Annotations/bear", "00000")
    assert set(read(tmp_path / "a", tmp_path / "b")[1]) == names("bear", 2, "00000")


def test_folders_of_another_name_are_those_of_the_card(tmp_path: Path) -> None:
    film(tmp_path / "x/bear.mp4", 2)
    draw(tmp_path / "x/GT/480p/bear", "00000")
    split = Split("val", frames="RGB/480p", masks="GT/480p")
    assert set(read(tmp_path, split=split)[1]) == names("bear", 2, "00000")


def test_each_split_of_a_tree_has_its_own_folders(tmp_path: Path) -> None:
    for split, video in (("train", "dog"), ("val", "cat")):
        film(tmp_path / split / "videos" / f"{video}.mp4", 2)
        draw(tmp_path / split / "Annotations" / video, "00000")
    assert [read(tmp_path, split=Split(name))[0] for name in ("train", "val")] == [["dog"], ["cat"]]


def test_files_and_folders_of_frames_may_stand_in_one_tree_and_a_folder_counts_more(tmp_path: Path) -> None:
    for video in ("dog", "cat"):
        film(tmp_path / "x/Videos" / f"{video}.mp4", 5)
        draw(tmp_path / "x/Annotations" / video, "00000")
    frame = tmp_path / "x/JPEGImages/dog/frame7.jpg"
    frame.parent.mkdir(parents=True)
    Image.new("RGB", SIZE[::-1]).save(frame)
    videos, files, missing = read(tmp_path)
    assert (videos, missing) == (["cat", "dog"], [])
    assert set(files) == names("cat", 5, "00000") | {"JPEGImages/dog/frame7.jpg", "Annotations/dog/00000.png"}
    assert files["JPEGImages/dog/frame7.jpg"] == frame.read_bytes()


def test_a_tree_without_video_files_is_read_as_ever(tmp_path: Path, bears: Path) -> None:
    with open_members([bears]) as members:
        assert read_video_files(members, Split("val")) == read_folders(members, Split("val"))


def test_frames_may_be_asked_for_in_any_order_and_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for video in ("cat", "dog"):
        film(tmp_path / "own" / f"{video}.mp4", 6)
        draw(tmp_path / "own/Annotations" / video, "00000")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    assert gettempdir() == str(tmp_path / "temporary")
    with open_members([pack(tmp_path / "own", tmp_path / "own.tar")]) as members:
        entries = [e for e in read_video_files(members, TRAIN).entries if e.path.suffix == ".jpg"]
        expected = {entry.path: entry.member.read() for entry in entries}
        assert list((tmp_path / "temporary").iterdir()) == []
        shuffled = [entries[index] for index in (11, 2, 2, 5, 4, 7, 0, 10)]
        assert {entry.path: entry.member.read() for entry in shuffled} == {e.path: expected[e.path] for e in shuffled}
        assert len(list((tmp_path / "temporary").iterdir())) == 1
        del entries, shuffled
    assert list((tmp_path / "temporary").iterdir()) == []


def test_no_frame_takes_much_more_than_was_said_before(data: Path, tmp_path: Path) -> None:
    frames = sorted((data / "davis2016-real/DAVIS/JPEGImages/480p").glob("*/00000.jpg"))
    images = [cv2.imread(str(path)) for path in frames]
    writer = cv2.VideoWriter(str(tmp_path / "x.avi"), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"FFV1"), 24, (854, 480))
    for image in images:
        writer.write(image)
    writer.release()
    draw(tmp_path / "Annotations/x", "00000")
    with open_members([tmp_path]) as members:
        made = [e.member for e in read_video_files(members, TRAIN).entries if e.path.suffix == ".jpg"]
        ratios = [len(member.read()) / member.size for member in made]
    assert len(ratios) == 6
    assert 0.6 < min(ratios) < max(ratios) < 1.4


# What is wrong with a video


def test_a_file_that_is_no_video_is_named(tmp_path: Path) -> None:
    (tmp_path / "bear.mp4").write_bytes(b"<html>Quota exceeded</html>")
    draw(tmp_path / "Annotations/bear", "00000")
    assert "'bear.mp4' in it cannot be decoded; fetch it again" in refusal(tmp_path)


def test_nothing_is_printed_about_a_damaged_video(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    content = film(tmp_path / "bear.mp4", 20).read_bytes()
    (tmp_path / "bear.mp4").write_bytes(content[: len(content) // 2])
    draw(tmp_path / "Annotations/bear", "00000")
    capfd.readouterr()
    assert "'bear.mp4' in it cannot be decoded" in refusal(tmp_path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["folder", "tar"])
def test_a_video_that_decodes_to_fewer_frames_than_it_announces_is_refused(tmp_path: Path, kind: str) -> None:
    path = film(tmp_path / "own/bear.mp4", 20)
    content = path.read_bytes()
    frames, index = content.index(b"mdat"), content.index(b"moov") - 4
    middle = (frames + index) // 2
    path.write_bytes(content[:middle] + bytes(index - middle) + content[index:])
    draw(tmp_path / "own/Annotations/bear", "00000")
    source = tmp_path / "own" if kind == "folder" else pack(tmp_path / "own", tmp_path / "own.tar")
    assert re.search("'bear.mp4' in it decodes to 1?[0-9] frames and announces 20; fetch it again", refusal(source))


@pytest.mark.parametrize("stem", ["00005", "5", "frame00001"])
def test_a_mask_of_a_frame_that_is_not_there_is_refused(tmp_path: Path, stem: str) -> None:
    film(tmp_path / "bear.mp4", 5)
    draw(tmp_path / "Annotations/bear", "00000", stem)
    assert f"'bear.mp4' in it decodes to 5 frames, from 00000 on, and has a mask of frame {stem};" in refusal(tmp_path)


def test_two_files_of_one_video_are_refused(tmp_path: Path) -> None:
    film(tmp_path / "a/bear.mp4", 2)
    film(tmp_path / "b/bear.mov", 2)
    draw(tmp_path / "Annotations/bear", "00000")
    assert "a/bear.mp4 and b/bear.mov are one video; keep one of them" in refusal(tmp_path)


def test_a_file_that_changes_after_it_was_counted_is_refused(tmp_path: Path) -> None:
    film(tmp_path / "bear.mp4", 9)
    draw(tmp_path / "Annotations/bear", "00000")
    with open_members([tmp_path]) as members:
        entries = {entry.path.name: entry.member for entry in read_video_files(members, TRAIN).entries}
        film(tmp_path / "bear.mp4", 5)
        assert entries["00004.jpg"].read()
        with pytest.raises(VosbenchError, match="has no frame 5 of the first one's 32x48 pixels"):
            entries["00005.jpg"].read()


# Masks in JSON


def runs(code: Mapping[str, Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """A compressed COCO RLE, decoded character by character."""
    counts: list[int] = []
    number = shift = 0
    for character in code["counts"]:
        group = ord(character) - 48
        number |= (group & 31) << shift
        shift += 5
        if not group & 32:
            if group & 16:
                number -= 1 << shift
            counts.append(number + (counts[-2] if len(counts) > 2 else 0))
            number = shift = 0
    height, width = code["size"]
    pixels = [bool(run % 2) for run, count in enumerate(counts) for _ in range(count)]
    return np.array(pixels).reshape(width, height).T


@pytest.fixture(scope="module")
def real(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shard with a real annotation, of which six of the 121 steps are left; the object 3 appears in the fifth."""
    shard = tmp_path_factory.mktemp("shard") / "sav_train/sav_000"
    film(shard / "sav_000001.mp4", 23, (848, 480))
    for kind in ("manual", "auto"):
        content = json.loads((data / f"sav/sav_000001_{kind}.json").read_text())
        content |= {"video_frame_count": 23.0, "masklet": [content["masklet"][i] for i in (0, 1, 2, 112, 113, 114)]}
        (shard / f"sav_000001_{kind}.json").write_text(json.dumps(content))
    return shard


def test_real_masklets_become_one_bit_masks_of_every_fourth_frame(real: Path) -> None:
    videos, files, missing = read(real.parents[1])
    assert (videos, missing) == (["sav_000001"], [])
    masks = [f"{number:03}/{frame:05}" for number in range(5) for frame in range(0, 23, 4)]
    assert set(files) == names("sav_000001", 23, *masks)
    steps = json.loads((real / "sav_000001_manual.json").read_text())["masklet"]
    for path in masks:
        image = Image.open(io.BytesIO(files[f"Annotations/sav_000001/{path}.png"]))
        number, frame = map(int, path.split("/"))
        assert (image.mode, image.size) == ("1", (480, 848))
        assert np.array_equal(np.asarray(image), runs(steps[frame // 4][number])), path


def test_a_tracker_sees_a_masklet_only_where_it_first_appears(real: Path, tmp_path: Path) -> None:
    with open_members([real]) as members:
        content = read_video_files(members, TRAIN)
        for entry in content.entries:
            entry.member.save(tmp_path / entry.path)
    rules = registry.find_dataset("sav").rules
    videos = tuple(content.videos)
    tree = DatasetSplit("x", tmp_path, TRAIN, rules, videos, tmp_path / "JPEGImages", tmp_path / "Annotations")
    video = tree.video("sav_000001")
    assert {frame: list(masks) for frame, masks in video.prompts.items()} == {0: [0, 1, 2, 4], 16: [3]}
    assert len(video.frames) == 23
    assert video.overlap
    assert all(mask.shape == video.frames[0].shape[:2] for masks in video.prompts.values() for mask in masks.values())


def test_shards_are_read_together_in_the_order_of_their_archives(tmp_path: Path) -> None:
    sources = []
    for shard, video in (("sav_000", "b"), ("sav_001", "a")):
        folder = tmp_path / shard
        film(folder / f"sav_train/{shard}/{video}.mp4", 10)
        annotate(folder / f"sav_train/{shard}/{video}_manual.json", 10, [[square(2, 2)]] * 3)
        sources.append(pack(folder, tmp_path / f"{shard}.tar"))
    videos, files, _ = read(*sources)
    masks = ("000/00000", "000/00004", "000/00008")
    assert videos == ["a", "b"]
    assert set(files) == names("a", 10, *masks) | names("b", 10, *masks)
    assert [path.split("/")[1] for path in files] == ["b"] * 13 + ["a"] * 13


def test_a_mask_that_is_null_is_empty_and_ids_are_kept(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", 10)
    annotate(tmp_path / "a_manual.json", 10, [[None, square(2, 2)], [None, None], [square(4, 4), None]], [12, 3])
    _, files, _ = read(tmp_path)
    areas = {
        path.removeprefix("Annotations/a/"): int(np.asarray(Image.open(io.BytesIO(content))).sum())
        for path, content in files.items()
        if path.startswith("Annotations")
    }
    assert areas == {
        **{"012/00000.png": 0, "012/00004.png": 0, "012/00008.png": 36},
        **{"003/00000.png": 36, "003/00004.png": 0, "003/00008.png": 0},
    }


@pytest.mark.parametrize(
    ("frames", "steps", "stems"),
    [
        (5, 5, ["00000", "00001", "00002", "00003", "00004"]),
        (12, 3, None),  # 4 or 5 apart
        (13, 4, ["00000", "00004", "00008", "00012"]),
        (16, 4, None),  # 4 or 5 apart
        (17, 5, ["00000", "00004", "00008", "00012", "00016"]),
        (9, 1, ["00000"]),
        (9, 6, None),  # 1 apart would be 9 steps, 2 apart 5
        (4, 5, None),
    ],
)
def test_the_distance_of_the_steps_follows_from_their_number(
    tmp_path: Path, frames: int, steps: int, stems: list[str] | None
) -> None:
    film(tmp_path / "a.mp4", frames)
    annotate(tmp_path / "a_manual.json", frames, [[square(2, 2)]] * steps)
    if stems:
        assert set(read(tmp_path)[1]) == names("a", frames, *(f"000/{stem}" for stem in stems))
    else:
        assert f"has masks in {steps} of {frames} frames, which does not tell in which" in refusal(tmp_path)


@pytest.mark.parametrize("steps", [[], [[]], [[None]]])
def test_a_video_whose_masklets_are_none_is_missing(tmp_path: Path, steps: list[list[None]]) -> None:
    for video, drawn in (("a", [[square(2, 2)]]), ("b", steps)):
        film(tmp_path / f"{video}.mp4", 1)
        annotate(tmp_path / f"{video}_manual.json", 1, drawn, [0])
    assert read(tmp_path)[::2] == (["a"], ["b"])


def test_a_video_with_automatic_masklets_alone_is_missing(tmp_path: Path) -> None:
    for video, kind in (("a", "manual"), ("b", "auto")):
        film(tmp_path / f"{video}.mp4", 1)
        annotate(tmp_path / f"{video}_{kind}.json", 1, [[square(2, 2)]])
    assert read(tmp_path)[::2] == (["a"], ["b"])


@pytest.mark.parametrize(
    ("frames", "size", "told"),
    [
        (17, (48, 32), "has frames of 48x32 pixels (height x width) and masks of 32x48"),
        (17, (64, 96), "has frames of 64x96 pixels (height x width) and masks of 32x48"),
        (16, SIZE, "decodes to 16 frames, from 00000 on, and has a mask of frame 00016"),
        (19, SIZE, "decodes to 19 frames, and its _manual.json says 20"),
    ],
)
def test_a_video_that_does_not_fit_its_annotation_is_refused(
    tmp_path: Path, frames: int, size: tuple[int, int], told: str
) -> None:
    film(tmp_path / "a.mp4", frames, size)
    announced = max(frames, 17) + (frames == 19)
    annotate(tmp_path / "a_manual.json", announced, [[square(2, 2)]] * 5)
    assert f"'a.mp4' in it {told}" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "has no masklets in it that can be read (JSONDecodeError"),
        ("[]", "has no masklets in it that can be read (TypeError"),
        ('{"video_frame_count": 1, "masklet_id": [0]}', "has no masklets in it that can be read (KeyError: 'masklet')"),
        ('{"video_frame_count": Infinity, "masklet_id": [0], "masklet": []}', "can be read (OverflowError"),
        ('{"video_frame_count": 1, "masklet_id": [0], "masklet": [[3]]}', "can be read (TypeError"),
        ('{"video_frame_count": 1, "masklet_id": [0, 0], "masklet": [[RLE, RLE]]}', "objects, [0, 0]"),
        ('{"video_frame_count": 1, "masklet_id": [0], "masklet": [[RLE, RLE]]}', "has not one mask in every step"),
        ('{"video_frame_count": 1, "masklet_id": [-1], "masklet": [[RLE]]}', "has not one mask in every step"),
        (
            '{"video_frame_count": 5, "masklet_id": [0], "masklet": [[RLE], [{"size": [8, 8], "counts": "P2"}]]}',
            "sizes",
        ),
        (
            '{"video_frame_count": 1, "masklet_id": [0], "masklet": [[{"size": [32, 48], "counts": "11"}]]}',
            "is damaged in step 0, object 0 (the RLE's counts add up to 2, the mask has 32x48 pixels)",
        ),
    ],
)
def test_a_damaged_annotation_is_named(tmp_path: Path, content: str, told: str) -> None:
    film(tmp_path / "a.mp4", 5)
    (tmp_path / "a_manual.json").write_text(content.replace("RLE", json.dumps(square(2, 2))))
    message = refusal(tmp_path)
    assert "'a_manual.json' in it" in message
    assert told in message


def test_fetch_makes_a_dataset_of_video_files(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "own.toml").write_text(
        'name = "own"\ntitle = "Own"\nreader = "video_files"\n[splits.val]\nlists = []\n'
    )
    film(tmp_path / "tree/bear.mp4", 4)
    draw(tmp_path / "tree/Annotations/bear", "00000")
    film(tmp_path / "tree/cat.mp4", 10)
    annotate(tmp_path / "tree/cat_manual.json", 10, [[square(2, 2)]] * 3)
    cli("fetch", "own.toml", "--from", pack(tmp_path / "tree", tmp_path / "tree.tar"))
    files = [p for p in (tmp_path / "datasets/own").rglob("*") if p.suffix in (".jpg", ".png")]
    expected = names("bear", 4, "00000") | names("cat", 10, "000/00000", "000/00004", "000/00008")
    assert {str(path.relative_to(tmp_path / "datasets/own")) for path in files} == expected
    assert (tmp_path / "datasets/own/ImageSets/val.txt").read_text() == "bear\ncat\n"
