"""Turn downloaded files into a split in the normal layout, with dataset.json."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from vosbench.datasets.card import Counts, Dataset, Split
from vosbench.datasets.locate import read_described_splits
from vosbench.datasets.notes import describe_split_notes
from vosbench.datasets.split import open_split
from vosbench.datasets.verify_video import explain_unscorable
from vosbench.errors import VosbenchError
from vosbench.fetching.cleanup import delete_damaged, explain_kept
from vosbench.fetching.compare_with_card import compare_with_card, warn_of_objects
from vosbench.fetching.faults import find_sizes_that_differ, find_unpaired, is_own_data, report_faults
from vosbench.fetching.gather import FetchedFile
from vosbench.fetching.lock import scratch_folder
from vosbench.fetching.misplaced import find_misplaced, find_unmasked, list_framed_videos
from vosbench.fetching.overlaps import refuse_overlaps
from vosbench.fetching.readers.folders import SplitContent
from vosbench.fetching.readers.registry import load_reader
from vosbench.fetching.sources import FetchProgress, Sources
from vosbench.fetching.write import check_space, describe_files, warn_of_changed_files, write_description, write_split
from vosbench.io import paths
from vosbench.io.archives.members import DamagedArchiveError, Member
from vosbench.io.archives.open import open_members
from vosbench.io.files import DiskError
from vosbench.io.folders import (
    merging,
    remove_path,
)


@contextmanager
def open_files(files: Sequence[FetchedFile], archives: Path, dataset: Dataset, split: Split) -> Iterator[list[Member]]:
    """Open the files and list what is in them, without the archives among it that hold only other splits.

    If a download without a known hash turns out to be damaged it is deleted, or the next fetch would take it again.
    Every other error says where the downloads are kept.
    """
    closed = dataset.downloads.keys() - set(split.downloads)
    try:
        with open_members([file.path for file in files], scratch_folder(archives), closed) as members:
            yield members
    except DamagedArchiveError as error:
        raise delete_damaged(error, files) from None
    except DiskError:
        raise
    except VosbenchError as error:
        raise explain_kept(error, files) from None
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
    """Write a split to `root/<dataset>` in the normal layout, with dataset.json. Returns its counts, and warnings.

    Raises VosbenchError if a file is damaged or is not what the card says, if own data have a fault, and if a video
    would replace another split's.
    """
    home, label, own = root / dataset.name, f"{dataset.name} {split.name}", is_own_data(dataset)
    with merging(home) as staged:
        content, warnings = read_content(members, dataset, split)
        known = read_described_splits(home)
        frames = sum(1 for entry in content.entries if entry.path.parts[0] == paths.FRAMES)
        found = Counts(len(content.videos), frames)
        warnings += compare_with_card(dataset, split, found, content.missing, sources.chosen_by_user)
        warnings += warn_of_changed_files(files, known)
        check_space(content, label, root, scratch_folder(root / paths.ARCHIVES / dataset.name))
        videos = write_split(content, dataset, split, staged, progress)
        warnings += report_faults([*find_sizes_that_differ(content.entries, staged)], label, own)
        warnings += warn_of_objects(dataset, split, videos, staged)
        others = {name: entry for name, entry in known.items() if name != split.name}
        refuse_overlaps(home, staged, label, others, content.videos)
        counts = write_description(staged, dataset, split, known, describe_files(files), videos)
    return counts, [*warnings, *describe_fetched_split(dataset, split, root, content.videos)]


def describe_fetched_split(dataset: Dataset, split: Split, root: Path, videos: Sequence[str]) -> list[str]:
    """Say what the pixels of a fetched split mean, and if the rules need a list of the publisher that it lacks."""
    opened, label = open_split(dataset.name, split.name, root), f"{dataset.name} {split.name}"
    unscorable = [f"cannot be scored yet ({finding.what})" for finding in explain_unscorable(opened, videos)]
    return [f"{label}: {line}" for line in (*describe_split_notes(opened, videos), *unscorable)]


def read_content(members: Sequence[Member], dataset: Dataset, split: Split) -> tuple[SplitContent, list[str]]:
    """Read what the files hold of a split. Returns it with warnings.

    Raises VosbenchError if they do not hold the split, and if own data have a fault.
    """
    label, own = f"{dataset.name} {split.name}", is_own_data(dataset)
    try:
        content = load_reader(split.reader or dataset.reader)(members, split)
    except VosbenchError:
        if own:  # a fault of a file says more than what the reader lacks
            report_faults([*find_misplaced(members, split)], label, own)
            report_faults([*find_unmasked(members, split)], label, own)
        raise
    warnings = [f"{label}: {note}" for note in content.notes]
    if own:
        warnings += _check_places(members, split, content, label)
    return content, warnings + report_faults([*find_unpaired(content.entries)], label, own)


def _check_places(members: Sequence[Member], split: Split, content: SplitContent, label: str) -> list[str]:
    """Warn of files of own data that are not read, and of videos without masks. Raises VosbenchError for most."""
    others = list_framed_videos(members, split).difference(content.videos, content.missing)
    warnings = report_faults([*find_misplaced(members, split, skipped=others)], label, own=True)
    unmasked = find_unmasked(members, split, content.missing if content.videos else None)
    return warnings + report_faults([*unmasked], label, own=True)
