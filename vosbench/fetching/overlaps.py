"""Refuse to replace another split's video by one of the same name."""

from __future__ import annotations

import filecmp
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from vosbench.datasets import meta
from vosbench.errors import VosbenchError
from vosbench.io import paths


def refuse_overlaps(home: Path, staged: Path, label: str, others: Mapping[str, Any], videos: Iterable[str]) -> None:
    """Raise VosbenchError if a video of a new split is also in another split of the dataset, with other files.

    home: the dataset's folder. staged: the folder in which the new split lies. label: the new split, for messages.
    others: the other splits, as dataset.json describes them.
    """
    owners = {video: split for split, entry in others.items() for video in _list_videos(home, split, entry)}
    for video in videos:
        if video not in owners:
            continue
        for folder in (paths.FRAMES, paths.MASKS, paths.PROMPTS):
            if differing := _find_difference(home / folder / video, staged / folder / video):
                found = f"split {owners[video]} has a video {video} too, and {folder}/{video}/{differing} is another"
                remedy = "give the video another name, or fetch this split under another name with --as"
                raise VosbenchError(label, found, remedy)


def _list_videos(home: Path, split: str, entry: Mapping[str, Any]) -> Iterable[str]:
    """The videos of a fetched split; an old dataset.json does not name them, but a list does."""
    path = home / paths.LISTS / f"{split}.txt"
    if "videos" in entry or not path.is_file():
        return list(entry.get("videos", ()))
    return meta.read_video_list(path.read_bytes(), path)


def _find_difference(one: Path, other: Path) -> str | None:
    """The first path below two folders whose file only one of them has or that differs; None if all are equal."""
    files = [{str(p.relative_to(top)): p for p in top.rglob("*") if p.is_file()} for top in (one, other)]
    for name in sorted(files[0].keys() | files[1].keys()):
        pair = [found.get(name) for found in files]
        if not (pair[0] and pair[1] and _is_equal(pair[0], pair[1])):
            return name
    return None


def _is_equal(one: Path, other: Path) -> bool:
    return one.samefile(other) or filecmp.cmp(one, other, shallow=False)
