"""Fetch a split archive by archive: each is downloaded, unpacked and deleted before the next one.

Disk space is needed for one archive beside the split, and memory for a few videos, however many archives there are.
What is unpacked stays when the fetch is interrupted, and the next fetch continues with the first archive that is not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vosbench.datasets.card import Counts, Dataset, Split
from vosbench.datasets.contents import VideoContent
from vosbench.datasets.locate import read_described_splits
from vosbench.errors import VosbenchError
from vosbench.fetching.checksums import Hash
from vosbench.fetching.compare_with_card import compare_with_card, warn_of_objects
from vosbench.fetching.faults import find_sizes_that_differ, report_faults
from vosbench.fetching.gather import FetchedFile, gather_files
from vosbench.fetching.lock import scratch_folder
from vosbench.fetching.normalise import describe_fetched_split, open_files, read_content
from vosbench.fetching.overlaps import refuse_overlaps
from vosbench.fetching.part_records import PartRecord, PartRecords, group_parts, make_part_records
from vosbench.fetching.readers.folders import MissingFolderError, SplitContent
from vosbench.fetching.readers.video_files import list_video_files, split_into_batches
from vosbench.fetching.sources import FetchProgress, PlannedFile, Sources
from vosbench.fetching.write import check_space, describe_files, warn_of_changed_files, write_description, write_split
from vosbench.io import paths
from vosbench.io.archives.members import Member, translate_write_errors
from vosbench.io.folders import (
    move_split,
    remove_path,
)

MAX_WARNINGS = 50  # of all archives together


@dataclass(frozen=True)
class PartFetch:
    """A fetch of a split in parts. root: the folder of all datasets. by_hand: what a person can do about a file."""

    dataset: Dataset
    split: Split
    root: Path
    sources: Sources
    by_hand: str
    progress: FetchProgress

    @property
    def label(self) -> str:
        """The subject of messages, such as "sav train"."""
        return f"{self.dataset.name} {self.split.name}"

    @property
    def archives(self) -> Path:
        """The folder of the downloads."""
        return self.root / paths.ARCHIVES / self.dataset.name

    @property
    def home(self) -> Path:
        """The dataset's folder."""
        return self.root / self.dataset.name

    @property
    def records(self) -> PartRecords:
        """What is unpacked already."""
        return make_part_records(self.archives, self.split, self.home)

    def known_splits(self) -> dict[str, Any]:
        """The other splits, as dataset.json describes them."""
        splits = read_described_splits(self.home)
        return {name: entry for name, entry in splits.items() if name != self.split.name}


def fetch_parts(
    fetch: PartFetch, planned_files: Sequence[PlannedFile], hashes: Mapping[str, Hash]
) -> tuple[Counts, list[str]]:
    """Fetch each archive that is not unpacked yet, then move the split to its place. Returns its counts, and warnings.

    Raises VosbenchError if a file cannot be downloaded, is damaged, or is not what the card says. What was unpacked of
    the archives before stays, and the next fetch continues there.
    """
    fetch.records.begin(fetch.split)
    found: dict[str, PartRecord] = {}
    owners: dict[str, str] = {}
    for name, part in group_parts(planned_files).items():
        found[name] = fetch.records.read(name, part, hashes) or _fetch_part(fetch, name, part, hashes, owners)
        owners |= dict.fromkeys(found[name].videos, name)
        fetch.progress(f"{fetch.label}: videos", len(owners), fetch.split.counts.videos)
    return _finish(fetch, found.values())


def _fetch_part(
    fetch: PartFetch, name: str, part: Sequence[PlannedFile], hashes: Mapping[str, Hash], owners: Mapping[str, str]
) -> PartRecord:
    """Download, unpack, record and delete one archive. owners: the videos of other archives, with their names."""
    files, warnings = gather_files(part, hashes, fetch.by_hand, fetch.progress)
    videos: dict[str, VideoContent] = {}
    missing: dict[str, None] = {}
    with open_files(files, fetch.archives, fetch.dataset, fetch.split) as members:
        for batch in split_into_batches(members):
            content, notes = _read_batch(fetch, batch)
            if twin := next((video for video in content.videos if video in owners), None):
                found = f"video {twin} is in {owners[twin]} and in {name}"
                raise VosbenchError(fetch.label, found, "give only one of them with --from")
            more, faults = _write_batch(fetch, content)
            videos |= more
            missing |= dict.fromkeys(content.missing)
            warnings += [*notes, *faults]
            fetch.progress(f"{fetch.label}: videos", len(owners) + len(videos), fetch.split.counts.videos)
    warnings += warn_of_changed_files(files, read_described_splits(fetch.home))
    record = PartRecord(describe_files(files), videos, [*missing.keys() - videos.keys()], warnings)
    fetch.records.write(name, record)
    if not fetch.sources.keep_archives:
        _delete_files(files)
    return record


def _read_batch(fetch: PartFetch, batch: Sequence[Member]) -> tuple[SplitContent, list[str]]:
    """Read a batch of videos; if none of them has a mask, all of them are missing."""
    try:
        return read_content(batch, fetch.dataset, fetch.split)
    except MissingFolderError:
        if not (videos := list_video_files(batch)):
            raise
        return SplitContent((), (), missing=videos), []


def _write_batch(fetch: PartFetch, content: SplitContent) -> tuple[dict[str, VideoContent], list[str]]:
    """Write a batch of videos in place of what an interrupted fetch left of them. Returns what is in each, and faults.

    Raises VosbenchError if a file is damaged, if the disk is full, and if a video would replace another split's.
    """
    staged, ignore_steps = fetch.records.staged, lambda label, done, total: None
    for path in {entry.path if len(entry.path.parts) < 3 else Path(*entry.path.parts[:2]) for entry in content.entries}:
        remove_path(staged / path)
    check_space(content, fetch.label, fetch.root, scratch_folder(fetch.archives))
    videos = write_split(content, fetch.dataset, fetch.split, staged, ignore_steps)
    faults = report_faults([*find_sizes_that_differ(content.entries, staged)], fetch.label, own=False)
    refuse_overlaps(fetch.home, staged, fetch.label, fetch.known_splits(), content.videos)
    return videos, faults


def _delete_files(files: Iterable[FetchedFile]) -> None:
    """Delete the downloads among the files."""
    for file in files:
        if file.was_downloaded:
            file.path.unlink()


def _finish(fetch: PartFetch, found: Collection[PartRecord]) -> tuple[Counts, list[str]]:
    """Compare all archives with the card, and move the split to its place. Returns its counts, and warnings."""
    records, dataset, split = fetch.records, fetch.dataset, fetch.split
    videos = dict(sorted((video, content) for record in found for video, content in record.videos.items()))
    missing = sorted({video for record in found for video in record.missing} - videos.keys())
    counts = Counts(len(videos), sum(content.frames for content in videos.values()))
    try:
        warnings = compare_with_card(dataset, split, counts, missing, fetch.sources.chosen_by_user)
    except VosbenchError as error:
        remedy = f"{error.remedy}. What was unpacked is kept in {records.folder}; --force begins anew"
        raise VosbenchError(error.subject, error.found, remedy) from None
    sources = [source for record in found for source in record.sources]
    counts = write_description(records.staged, dataset, split, fetch.known_splits(), sources, videos)
    warnings += warn_of_objects(dataset, split, videos, records.staged)
    with translate_write_errors(fetch.home):
        move_split(records.staged, fetch.home)
    warnings += describe_fetched_split(dataset, split, fetch.root, list(videos))
    remove_path(records.folder)
    told = list(dict.fromkeys(warning for record in found for warning in record.warnings))
    more = [f"{fetch.label}: and {len(told) - MAX_WARNINGS} more warnings"] if len(told) > MAX_WARNINGS else []
    return counts, [*warnings, *told[:MAX_WARNINGS], *more]
