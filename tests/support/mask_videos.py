"""Masks of videos that hypothesis draws, and their comparison with what is read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vosbench.masks.open_anywhere import open_all_masks
from vosbench.masks.rle import encode_rle
from vosbench.types import Mask

Frames = Mapping[str, Mapping[int, Mask]]
"""The masks of a video: frame name -> object id -> bool[H, W], without empty masks."""
MaskVideos = Mapping[str, tuple[tuple[int, int], Frames]]
"""The size and the masks of each video."""

FRAME_NAMES = ("00000", "00001", "00004", "00000001", "00006", "frame00012", "00000-crop", "last", "a.b", "é")
VIDEO_NAMES = ("bear", "bmx-trees", "LaSOT_-_bear-2", "1", "sav_000001", "a.b", "_-_x", "x_auto", "ü")
ANY_IDS = st.integers(0, 70000)
ANY_NAMES: st.SearchStrategy[Sequence[str]] = st.lists(
    st.sampled_from(FRAME_NAMES), min_size=1, max_size=4, unique=True
)


@st.composite
def mask_videos(
    draw: st.DrawFn,
    overlap: bool = True,
    ids: st.SearchStrategy[int] = ANY_IDS,
    names: st.SearchStrategy[Sequence[str]] = ANY_NAMES,
) -> MaskVideos:
    """One to three videos: ids with gaps, objects that come and go, empty frames, and, if wanted, overlaps."""
    videos = {}
    for video in draw(st.lists(st.sampled_from(VIDEO_NAMES), min_size=1, max_size=3, unique=True)):
        size = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
        objects = draw(st.lists(ids, max_size=3, unique=True))
        chosen = draw(names)
        videos[video] = (size, {name: draw(frame_masks(size, objects, overlap)) for name in chosen})
    return videos


@st.composite
def frame_masks(draw: st.DrawFn, size: tuple[int, int], objects: Sequence[int], overlap: bool) -> Mapping[int, Mask]:
    """The masks of a frame, without empty ones."""
    if overlap:
        drawn = {object_id: draw(arrays(np.bool_, size)) for object_id in objects}
    else:
        owner = draw(arrays(np.uint8, size, elements=st.integers(0, len(objects))))
        drawn = {object_id: owner == index for index, object_id in enumerate(objects, 1)}
    return {object_id: mask for object_id, mask in drawn.items() if mask.any()}


def encode_rle_list(videos: MaskVideos) -> list[dict[str, Any]]:
    """The content of a JSON file with an RLE for each object in each frame."""
    return [
        {
            "video": video,
            "size": list(size),
            "frames": [
                {"frame": name, "masks": {str(key): encode_rle(mask) for key, mask in masks.items()}}
                for name, masks in frames.items()
            ],
        }
        for video, (size, frames) in videos.items()
    ]


def assert_holds(path: Path, videos: MaskVideos) -> None:
    """Compare all masks at a path with those that were drawn: videos, frame names, sizes, ids and pixels."""
    found = open_all_masks(path)
    assert set(found.videos()) == set(videos)
    for video, (size, frames) in videos.items():
        source = found.video(video, [])
        assert source is not None
        assert set(source.frame_names) == set(frames)
        for name, masks in frames.items():
            read_size, read = source.read(name)
            assert (read_size, read.keys()) == (size, masks.keys())
            assert all(np.array_equal(read[object_id], mask) for object_id, mask in masks.items())
