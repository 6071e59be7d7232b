"""Video files become folders of frames; masks that do not fit them are refused."""

from __future__ import annotations

import io
import re
from pathlib import Path
from tempfile import gettempdir

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.support.films import SIZE, TRAIN, draw, film, levels, names, pack, read, refusal
from vosbench.datasets.card import Split
from vosbench.errors import VosbenchError
from vosbench.fetching.readers.folders import read_folders
from vosbench.fetching.readers.video_files import read_video_files
from vosbench.io.archives.open import open_members

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


def test_masks_may_be_of_many_frames_and_in_one_folder_an_object(tmp_path: Path) -> None:
    film(tmp_path / "bear.mp4", 9)
    draw(tmp_path / "Annotations/bear/001", "00000", "00004", "00008")
    draw(tmp_path / "Annotations/bear/7", "00004")
    assert set(read(tmp_path)[1]) == names("bear", 9, "001/00000", "001/00004", "001/00008", "7/00004")


def test_only_the_videos_of_the_list_are_opened(tmp_path: Path) -> None:
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


def test_the_card_may_name_the_folders_otherwise(tmp_path: Path) -> None:
    film(tmp_path / "x/bear.mp4", 2)
    draw(tmp_path / "x/GT/480p/bear", "00000")
    split = Split("val", frames="RGB/480p", masks="GT/480p")
    assert set(read(tmp_path, split=split)[1]) == names("bear", 2, "00000")


def test_each_split_of_a_tree_has_its_own_folders(tmp_path: Path) -> None:
    for split, video in (("train", "dog"), ("val", "cat")):
        film(tmp_path / split / "videos" / f"{video}.mp4", 2)
        draw(tmp_path / split / "Annotations" / video, "00000")
    assert [read(tmp_path, split=Split(name))[0] for name in ("train", "val")] == [["dog"], ["cat"]]


def test_a_folder_of_frames_is_preferred_to_a_video_file_of_the_same_name(tmp_path: Path) -> None:
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


def test_a_dataset_without_video_files_is_read_as_folders(tmp_path: Path, bears: Path) -> None:
    with open_members([bears]) as members:
        assert read_video_files(members, Split("val")) == read_folders(members, Split("val"))


def test_frames_may_be_read_in_any_order_and_no_temporary_file_is_left(
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


def test_no_frame_is_much_larger_than_its_estimate(data: Path, tmp_path: Path) -> None:
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


def test_a_file_that_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bear.mp4").write_bytes(b"<html>Quota exceeded</html>")
    draw(tmp_path / "Annotations/bear", "00000")
    assert "entry 'bear.mp4' cannot be decoded; download it again" in refusal(tmp_path)


def test_nothing_is_printed_about_a_damaged_video(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    content = film(tmp_path / "bear.mp4", 20).read_bytes()
    (tmp_path / "bear.mp4").write_bytes(content[: len(content) // 2])
    draw(tmp_path / "Annotations/bear", "00000")
    capfd.readouterr()
    assert "entry 'bear.mp4' cannot be decoded" in refusal(tmp_path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["folder", "tar"])
def test_a_video_that_decodes_to_fewer_frames_than_it_states_is_refused(tmp_path: Path, kind: str) -> None:
    path = film(tmp_path / "own/bear.mp4", 20)
    content = path.read_bytes()
    frames, index = content.index(b"mdat"), content.index(b"moov") - 4
    middle = (frames + index) // 2
    path.write_bytes(content[:middle] + bytes(index - middle) + content[index:])
    draw(tmp_path / "own/Annotations/bear", "00000")
    source = tmp_path / "own" if kind == "folder" else pack(tmp_path / "own", tmp_path / "own.tar")
    assert re.search("entry 'bear.mp4' decodes to 1?[0-9] frames, but states 20; download it again", refusal(source))


@pytest.mark.parametrize("stem", ["00005", "5", "frame00001"])
def test_a_mask_of_a_frame_that_is_not_there_is_refused(tmp_path: Path, stem: str) -> None:
    film(tmp_path / "bear.mp4", 5)
    draw(tmp_path / "Annotations/bear", "00000", stem)
    assert f"entry 'bear.mp4' decodes to 5 frames from 00000 on, but has a mask of frame {stem};" in refusal(tmp_path)


def test_two_files_of_one_video_are_refused(tmp_path: Path) -> None:
    film(tmp_path / "a/bear.mp4", 2)
    film(tmp_path / "b/bear.mov", 2)
    draw(tmp_path / "Annotations/bear", "00000")
    assert "a/bear.mp4 and b/bear.mov are the same video; remove one of them" in refusal(tmp_path)


def test_a_file_that_changes_after_it_was_counted_is_refused(tmp_path: Path) -> None:
    film(tmp_path / "bear.mp4", 9)
    draw(tmp_path / "Annotations/bear", "00000")
    with open_members([tmp_path]) as members:
        entries = {entry.path.name: entry.member for entry in read_video_files(members, TRAIN).entries}
        film(tmp_path / "bear.mp4", 5)
        assert entries["00004.jpg"].read()
        with pytest.raises(VosbenchError, match="has no frame 5 of 32x48 pixels, the size of its first frame"):
            entries["00005.jpg"].read()
