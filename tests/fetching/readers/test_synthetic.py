"""The synthetic videos are what scenes.toml says, and are drawn only when they are read."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from vosbench.datasets.card import Split
from vosbench.errors import VosbenchError
from vosbench.fetching.readers import synthetic
from vosbench.fetching.readers.drawing import draw, draw_labels
from vosbench.masks.labels import encode_labels
from vosbench.types import Labels

SCENES = {scene.name: scene for split in synthetic.load_scenes().values() for scene in split}

# zlib.crc32 over the label maps of all frames in order. Who changes a scene on purpose takes the new number from the
# failing test; every score on that video changes with it.
MASKS = {
    "duet": 0x39A3EBD6,
    "kite": 0x371E9964,
    "swarm": 0xA6A78186,
    "solo": 0xE50028B6,
    "crossing": 0x93C177AA,
    "late": 0xC141EFD3,
    "return": 0x67624A9A,
    "lookalike": 0x1101F830,
    "shake": 0xE00EEED8,
    "behind": 0x3C34EB69,
    "crowd": 0x617F149B,
}


def label_maps(video: str) -> Iterator[Labels]:
    return (draw_labels(SCENES[video], index) for index in range(SCENES[video].length))


def areas(video: str, label: int) -> list[int]:
    return [int((labels == label).sum()) for labels in label_maps(video)]


@pytest.mark.slow
@pytest.mark.parametrize("video", SCENES)
def test_the_masks_of_a_video_never_change(video: str) -> None:
    crc = 0
    for labels in label_maps(video):
        crc = zlib.crc32(labels.tobytes(), crc)
    assert f"0x{crc:08X}" == f"0x{MASKS[video]:08X}"


@pytest.mark.slow
@pytest.mark.parametrize("video", SCENES)
def test_every_object_of_the_table_is_seen_and_no_other(video: str) -> None:
    seen = set().union(*(np.unique(labels).tolist() for labels in label_maps(video)))
    assert seen == {sprite.id for sprite in SCENES[video].sprites} | {0}


@pytest.mark.parametrize("video", SCENES)
def test_every_object_but_the_late_one_is_large_in_the_first_frame(video: str) -> None:
    first = np.bincount(next(label_maps(video)).ravel(), minlength=256)
    missing = {sprite.id for sprite in SCENES[video].sprites if first[sprite.id] < 1000}
    assert missing == ({2} if video == "late" else set())


def test_ids_may_have_gaps_and_scenery_has_none() -> None:
    assert sorted(np.unique(next(label_maps("crowd")))) == [0, 1, 2, 4, 7]
    assert sorted(np.unique(next(label_maps("lookalike")))) == [0, 1]


def test_the_late_object_is_absent_before_frame_12_and_whole_from_there_on() -> None:
    area = areas("late", 2)
    assert not any(area[:12])
    assert min(area[12:]) > 4000


def test_the_object_that_leaves_has_empty_masks_and_comes_back() -> None:
    present = [area > 0 for area in areas("return", 2)]
    left, back = present.index(False), len(present) - present[::-1].index(False)
    assert 10 < left < back - 5 < back < 30
    assert all(present[:left])
    assert not any(present[left:back])


def test_crossing_objects_hide_one_another() -> None:
    area = areas("crossing", 1)
    assert min(area) < 0.6 * area[0]
    assert area[-1] > area[0]


def test_scenery_hides_what_is_behind_it() -> None:
    row = draw_labels(SCENES["behind"], 14)[140] == 1
    assert (np.diff(row.astype(int)) == 1).sum() == 2  # the object goes on at the other side of the post


@pytest.mark.slow
@pytest.mark.parametrize("video", SCENES)
def test_frames_are_textured_and_move(video: str) -> None:
    (first, labels), (later, _) = (draw(SCENES[video], index) for index in (0, 8))
    assert first.shape == later.shape == (*labels.shape, 3) == (240, 432, 3)
    assert first.dtype == labels.dtype == np.uint8
    assert all(first[labels == label].std(axis=0).max() > 12 for label in np.unique(labels))
    assert np.abs(first.astype(int) - later).mean() > 8


def test_objects_stand_out_from_what_is_around_them() -> None:
    frame, labels = draw(SCENES["solo"], 0)
    inside, outside = (frame[mask].mean(axis=0) for mask in (labels == 1, labels == 0))
    assert np.abs(inside - outside).max() > 60


def test_splits_have_different_videos_of_the_lengths_in_the_table() -> None:
    names = {split: [scene.name for scene in scenes] for split, scenes in synthetic.load_scenes().items()}
    assert names["train"] == ["duet", "kite", "swarm"]
    assert names["val"] == ["solo", "crossing", "late", "return", "lookalike", "shake", "behind", "crowd"]


def test_a_file_is_drawn_only_when_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthetic, "draw", lambda scene, index: pytest.fail("drawn too early"))
    content = synthetic.read_synthetic((), Split("val"))
    assert len(content.entries) == 2 * sum(scene.length for scene in synthetic.load_scenes()["val"])


def test_an_unknown_split_names_the_known_ones() -> None:
    with pytest.raises(VosbenchError, match=r"unknown split of the synthetic videos 'test': known are train, val"):
        synthetic.read_synthetic((), Split("test"))


def test_the_reader_puts_the_drawn_videos_into_the_normal_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    short = {"train": (replace(SCENES["duet"], length=3), replace(SCENES["kite"], length=2))}
    monkeypatch.setattr(synthetic, "load_scenes", lambda: short)
    content = synthetic.read_synthetic((), Split("train"))
    files = {str(path): member.read() for path, member in content.entries}
    videos = {"duet": 3, "kite": 2}
    assert (list(content.videos), list(content.missing)) == (list(videos), [])
    stems = [f"{video}/{index:05}" for video, length in videos.items() for index in range(length)]
    assert set(files) == {*(f"JPEGImages/{s}.jpg" for s in stems), *(f"Annotations/{s}.png" for s in stems)}
    frame, labels = draw(short["train"][0], 2)
    decoded = np.asarray(Image.open(io.BytesIO(files["JPEGImages/duet/00002.jpg"])))
    assert np.abs(decoded.astype(int) - frame).mean() < 4
    assert files["Annotations/duet/00002.png"] == encode_labels(labels)
