"""SA-V's JSON files become folders of masks; a file that does not fit its video is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.films import SIZE, TRAIN, annotate, film, names, pack, read, refusal, square
from vosbench.datasets import registry
from vosbench.datasets.split import DatasetSplit
from vosbench.fetching.readers.video_files import read_video_files
from vosbench.io.archives.open import open_members


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


@pytest.mark.slow
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
def test_a_video_without_any_mask_is_missing(tmp_path: Path, steps: list[list[None]]) -> None:
    for video, drawn in (("a", [[square(2, 2)]]), ("b", steps)):
        film(tmp_path / f"{video}.mp4", 1)
        annotate(tmp_path / f"{video}_manual.json", 1, drawn, [0])
    assert read(tmp_path)[::2] == (["a"], ["b"])


def test_a_video_with_only_automatic_masklets_is_missing(tmp_path: Path) -> None:
    for video, kind in (("a", "manual"), ("b", "auto")):
        film(tmp_path / f"{video}.mp4", 1)
        annotate(tmp_path / f"{video}_{kind}.json", 1, [[square(2, 2)]])
    assert read(tmp_path)[::2] == (["a"], ["b"])


@pytest.mark.parametrize(
    ("frames", "size", "told"),
    [
        (17, (48, 32), "has frames of 48x32 pixels (height x width), but masks of 32x48"),
        (17, (64, 96), "has frames of 64x96 pixels (height x width), but masks of 32x48"),
        (16, SIZE, "decodes to 16 frames from 00000 on, but has a mask of frame 00016"),
        (19, SIZE, "decodes to 19 frames, but its _manual.json states 20"),
    ],
)
def test_a_video_that_does_not_fit_its_annotation_is_refused(
    tmp_path: Path, frames: int, size: tuple[int, int], told: str
) -> None:
    film(tmp_path / "a.mp4", frames, size)
    announced = max(frames, 17) + (frames == 19)
    annotate(tmp_path / "a_manual.json", announced, [[square(2, 2)]] * 5)
    assert f"entry 'a.mp4' {told}" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "has no masklets that can be read (JSONDecodeError"),
        ("[]", "has no masklets that can be read (TypeError"),
        ('{"video_frame_count": 1, "masklet_id": [0]}', "has no masklets that can be read (KeyError: 'masklet')"),
        ('{"video_frame_count": Infinity, "masklet_id": [0], "masklet": []}', "can be read (OverflowError"),
        ('{"video_frame_count": 1, "masklet_id": [0], "masklet": [[3]]}', "can be read (TypeError"),
        ('{"video_frame_count": 1, "masklet_id": [0, 0], "masklet": [[RLE, RLE]]}', "objects, [0, 0]"),
        (
            '{"video_frame_count": 1, "masklet_id": [0], "masklet": [[RLE, RLE]]}',
            "does not have one mask in every step",
        ),
        ('{"video_frame_count": 1, "masklet_id": [-1], "masklet": [[RLE]]}', "does not have one mask in every step"),
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
    assert "entry 'a_manual.json' " in message
    assert told in message
