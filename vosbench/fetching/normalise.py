"""Turn downloaded files into a split in the normal layout, with dataset.json."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from vosbench.datasets import card
from vosbench.datasets.card import Counts, Dataset, Split
from vosbench.datasets.notes import describe_split_notes
from vosbench.datasets.split import open_split, read_described_splits
from vosbench.datasets.verify_video import explain_unscorable
from vosbench.errors import VosbenchError
from vosbench.fetching.gather import FetchedFile
from vosbench.fetching.lock import delete_downloads, scratch_folder
from vosbench.fetching.readers.registry import load_reader
from vosbench.fetching.sources import FetchProgress, PlannedFile, Sources
from vosbench.fetching.write import (
    check_space,
    compare_with_card,
    describe_split,
    warn_of_changed_files,
    warn_of_empty_videos,
    write_split,
)
from vosbench.io import paths
from vosbench.io.archives.members import Member
from vosbench.io.archives.open import open_members
from vosbench.io.files import DiskError, merging, remove_path, write_json


@contextmanager
def open_files(
    files: Sequence[FetchedFile], archives: Path, planned_files: Sequence[PlannedFile]
) -> Iterator[list[Member]]:
    """Open the files and list what is in them.

    If they turn out to be wrong, downloads without a known hash are deleted, or the next fetch would take them again.
    """
    try:
        with open_members([file.path for file in files], scratch_folder(archives)) as members:
            yield members
    except DiskError:
        raise
    except VosbenchError:
        if not all(file.verified for file in files):
            delete_downloads(archives, planned_files)
        raise
    finally:
        remove_path(scratch_folder(archives))


def normalise_split(
    members: Sequence[Member],
    files: Sequence[FetchedFile],
    dataset: Dataset,
    split: Split,
    root: Path,
    sources: Sources,
    progress: FetchProgress,
) -> tuple[Counts, list[str]]:
    """Write a split to `root/<dataset>` in the normal layout, with dataset.json. Returns its counts, and warnings."""
    home, label = root / dataset.name, f"{dataset.name} {split.name}"
    with merging(home) as staged:
        content = load_reader(split.reader or dataset.reader)(members, split)
        known = read_described_splits(home)
        warnings = compare_with_card(dataset, split, content, bool(sources.given or sources.mirror or sources.links))
        warnings += warn_of_changed_files(files, known)
        check_space(content, label, root, scratch_folder(root / paths.ARCHIVES / dataset.name))
        videos = write_split(content, dataset, split, staged, progress)
        warnings += warn_of_empty_videos(videos, label)
        splits = {**known, split.name: describe_split(files, videos)}
        described = {"name": dataset.name, "splits": splits, "card": card.dump_card(dataset)}
        write_json(staged / paths.MANIFEST, described)
    opened = open_split(dataset.name, split.name, root)
    warnings += [f"{label}: {note}" for note in describe_split_notes(opened, content.videos)]
    unscorable = explain_unscorable(opened, content.videos)
    warnings += [f"{label}: cannot be scored yet ({finding.what})" for finding in unscorable]
    return Counts(**splits[split.name]["counts"]), warnings
