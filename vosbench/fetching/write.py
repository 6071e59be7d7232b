"""A split in the normal layout: held against its card, written, and described as dataset.json has it."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from vosbench.datasets.card import Counts, Dataset, Split
from vosbench.datasets.contents import VideoContent, inspect_videos
from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.fetching.readers.folders import SplitContent
from vosbench.fetching.sources import FetchedFile, FetchProgress
from vosbench.io import paths
from vosbench.io.archives.members import DiskError, save_all
from vosbench.io.files import write_text
from vosbench.version import __version__

MAX_NAMES_SHOWN = 20  # names that one line holds


def compare_with_card(dataset: Dataset, part: Split, content: SplitContent, chosen_by_user: bool) -> list[str]:
    """What differs from the card: a warning if the user chose the source, since he may want a part; else an error."""
    if not content.videos:
        raise VosbenchError(f"{dataset.name} {part.name}: none of its videos is in what was given")
    frames = sum(1 for entry in content.entries if entry.path.parts[0] == paths.FRAMES)
    found = {"videos": len(content.videos), "frames": frames}
    published = asdict(part.counts)
    differing = [f"{found[k]} of {published[k]} {k}" for k in found if published[k] not in (None, found[k])]
    if content.missing:
        differing.append(f"missing are {_shorten_names(content.missing)}")
    if not differing:
        return []
    line = f"{dataset.name} {part.name} is not complete: {'; '.join(differing)}"
    if not chosen_by_user:
        raise VosbenchError(f"{line}; the publisher's files have changed, take the right ones with --from or --mirror")
    return [line]


def warn_of_empty_videos(videos: Mapping[str, VideoContent], dataset: Dataset, part: Split) -> list[str]:
    """A warning of videos that no tracker can be run on."""
    empty = [video for video, found in videos.items() if not found.objects]
    return [f"{dataset.name} {part.name}: no mask shows an object in {_shorten_names(empty)}"] if empty else []


def check_space(content: SplitContent, root: Path, scratch: Path) -> None:
    """Raises DiskError if what is not already unpacked in `scratch`, and only linked, does not fit on the disk."""
    files = (entry.member for entry in content.entries)
    needed = sum(
        member.size for member in files if not (member.file_on_disk and scratch in member.file_on_disk.parents)
    )
    if needed > (free := shutil.disk_usage(root).free):
        raise DiskError(f"{root}: {needed / 1e9:.2f} GB are needed and {free / 1e9:.2f} GB free; choose another --root")


def warn_of_changed_files(files: Sequence[FetchedFile], splits: Mapping[str, Any]) -> list[str]:
    """Warnings of files whose hash nobody states, and is not that of the file of that name that was fetched before."""
    seen: dict[str, dict[str, str]] = defaultdict(dict)
    for split in splits.values():
        for source in split["sources"]:
            if "sha256" in source:
                seen[source["file"]][source["sha256"]] = split["fetched"]
    warnings = []
    for file in files:
        before = seen[file.path.name]
        if before and file.sha256 and file.sha256 not in before and not file.verified:
            hashes = ", ".join(f"{known} on {date}" for known, date in before.items())
            warnings.append(
                f"{file.path.name} is not the file that was fetched before: sha256 was {hashes}, is {file.sha256}"
            )
    return warnings


def write_split(
    content: SplitContent, dataset: Dataset, part: Split, staged: Path, progress: FetchProgress
) -> dict[str, VideoContent]:
    """Fill a folder with the normal layout of a split, and look through what is in it."""
    label = f"{dataset.name} {part.name}"
    try:
        for done in save_all([(entry.member, staged / entry.path) for entry in content.entries]):
            progress(label, done, len(content.entries))
        write_text(staged / paths.LISTS / f"{part.name}.txt", "".join(f"{video}\n" for video in content.videos))
    except OSError as error:
        raise VosbenchError(
            f"{staged.parent}: cannot write {dataset.name} ({error.strerror}); nothing was kept"
        ) from None
    frames, masks = staged / paths.FRAMES, staged / paths.MASKS
    dataset_split = DatasetSplit(
        dataset.name, staged, part, dataset.rules, tuple(content.videos), frames, masks, fetched=True
    )
    return inspect_videos(dataset_split, partial(progress, f"{label}, counted"))


def describe_split(files: Sequence[FetchedFile], videos: Mapping[str, VideoContent]) -> dict[str, Any]:
    """What dataset.json says of a split: what was fetched, from where, its hash and size, what is in it, and when."""
    found = videos.values()
    counts = Counts(len(videos), sum(video.frames for video in found), sum(len(video.objects) for video in found))
    known = [
        {"file": file.path.name, "from": file.origin}
        | ({"sha256": file.sha256, "bytes": file.path.stat().st_size} if file.sha256 else {})
        for file in files
    ]
    return {
        "counts": asdict(counts),
        "sources": known,
        "videos": {name: asdict(video) for name, video in videos.items()},
        "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
        "vosbench": __version__,
    }


def _shorten_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMES_SHOWN} more" if len(names) > MAX_NAMES_SHOWN else ""
    return f"{', '.join(names[:MAX_NAMES_SHOWN])}{more}"
