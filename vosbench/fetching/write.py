"""Write a split in the normal layout, and describe it for dataset.json."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from vosbench.datasets import read_card
from vosbench.datasets.card import Counts, Dataset, Split
from vosbench.datasets.contents import VideoContent, inspect_videos
from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.fetching.gather import FetchedFile
from vosbench.fetching.readers.folders import SplitContent
from vosbench.fetching.readers.join import describe_member
from vosbench.fetching.sources import FetchProgress
from vosbench.io import paths
from vosbench.io.archives.members import save_all
from vosbench.io.disk_space import require_space
from vosbench.io.files import (
    write_json,
    write_text,
)
from vosbench.version import __version__


def check_space(content: SplitContent, label: str, root: Path, scratch: Path) -> None:
    """Raises DiskError if the split does not fit on the disk. Files in `scratch` are linked, so they need no space."""
    files = (entry.member for entry in content.entries)
    needed = sum(
        member.size for member in files if not (member.file_on_disk and scratch in member.file_on_disk.parents)
    )
    require_space(root, needed, label, "make room or choose another --root")


def warn_of_changed_files(files: Sequence[FetchedFile], splits: Mapping[str, Any]) -> list[str]:
    """Warn of files with no published hash that differ from the file of the same name in an earlier fetch.

    splits: the content of dataset.json of the earlier fetches.
    """
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
                f"{file.path.name}: not the file that was fetched before; sha256 was {hashes}, is {file.sha256}"
            )
    return warnings


def write_split(
    content: SplitContent, dataset: Dataset, split: Split, staged: Path, progress: FetchProgress
) -> dict[str, VideoContent]:
    """Write a split to the folder `staged` in the normal layout, without its list. Returns the content of each video.

    Raises VosbenchError if a file is damaged or cannot be written.
    """
    label = f"{dataset.name} {split.name}"
    for done in save_all([(entry.member, staged / entry.path) for entry in content.entries]):
        progress(label, done, len(content.entries))
    frames, masks = staged / paths.FRAMES, staged / paths.MASKS
    dataset_split = DatasetSplit(
        dataset.name, staged, split, dataset.rules, tuple(content.videos), frames, masks, fetched=True
    )
    try:
        return inspect_videos(dataset_split, partial(progress, f"{label}, counting"))
    except VosbenchError as error:  # the folder will be gone when the message is read
        given = next((member for path, member in content.entries if str(staged / path) == error.subject), None)
        raise VosbenchError(describe_member(given), error.found, error.remedy) if given else error from None


def describe_files(files: Sequence[FetchedFile]) -> list[dict[str, Any]]:
    """Describe the files of a split for dataset.json: their origins, sizes and hashes."""
    return [
        {"file": file.path.name, "from": file.origin}
        | ({"sha256": file.sha256, "bytes": file.path.stat().st_size} if file.sha256 else {})
        for file in files
    ]


def write_description(
    staged: Path,
    dataset: Dataset,
    split: Split,
    known: Mapping[str, Any],
    sources: Sequence[Mapping[str, Any]],
    videos: Mapping[str, VideoContent],
) -> Counts:
    """Write the list of a split's videos, and dataset.json, to the folder `staged`. Returns the counts of the split.

    known: the other splits, as dataset.json describes them. sources: from `describe_files`. Raises VosbenchError if
    they cannot be written.
    """
    write_text(staged / paths.LISTS / f"{split.name}.txt", "".join(f"{video}\n" for video in videos))
    found = videos.values()
    counts = Counts(len(videos), sum(video.frames for video in found), sum(len(video.objects) for video in found))
    splits = {**known, split.name: _describe_split(counts, sources, videos)}
    write_json(staged / paths.MANIFEST, {"name": dataset.name, "splits": splits, "card": read_card.dump_card(dataset)})
    return counts


def _describe_split(
    counts: Counts, sources: Sequence[Mapping[str, Any]], videos: Mapping[str, VideoContent]
) -> dict[str, Any]:
    """Describe a split for dataset.json: its files, its videos, and the date."""
    return {
        "counts": asdict(counts),
        "sources": sources,
        "videos": {name: asdict(video) for name, video in videos.items()},
        "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
        "vosbench": __version__,
    }
