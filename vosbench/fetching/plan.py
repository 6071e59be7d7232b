"""Plan what a fetch needs, without network and without writing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vosbench.datasets.card import Counts, Dataset, Download, Split
from vosbench.datasets.locate import read_fetched_splits
from vosbench.errors import VosbenchError
from vosbench.fetching.additions import list_addable_names
from vosbench.fetching.part_records import is_in_parts, make_part_records, mark_unpacked
from vosbench.fetching.readers.registry import reader_name
from vosbench.fetching.sources import PlannedFile, Sources, plan_files
from vosbench.io import paths, plugins
from vosbench.io.archives.open import require_py7zr
from vosbench.io.archives.volumes import get_archive_name
from vosbench.io.disk_space import (
    count_free_bytes,
    require_space,
)


@dataclass(frozen=True)
class FetchPlan:
    """What a fetch needs, found out without network and without writing.

    needed_bytes: disk space for the downloads and what is unpacked from them, as far as sizes are known.
    not_downloadable: names of what only a person can download. by_hand: what a person can do then. counts: of the split
    if it is on disk already.
    """

    planned_files: Sequence[PlannedFile]
    needed_bytes: int
    free_bytes: int
    not_downloadable: str = ""
    by_hand: str = ""
    counts: Counts | None = None


def plan_dataset(dataset: Dataset, split: str | None, root: Path, sources: Sources) -> FetchPlan:
    """Plan what `fetch_dataset` would do.

    Raises VosbenchError for an unknown split and for a list of links that cannot be read.
    """
    chosen, home = find_split(dataset, split), root / dataset.name
    present = None if sources.force else read_fetched_splits(home).get(chosen.name)
    archives = root / paths.ARCHIVES / dataset.name
    addable = list_addable_names(chosen)
    files = plan_files(dataset.downloads, chosen.downloads, dataset.checksums, archives, sources, addable)
    in_parts = is_in_parts(chosen, files)
    if in_parts and not sources.force:
        files = mark_unpacked(files, make_part_records(archives, chosen, home))
    manual = ", ".join(file.download.file for file in files if file.needs_manual_download)
    if not files and (chosen.by_hand or reader_name(chosen.reader or dataset.reader) == "folders"):
        manual = f"{dataset.name} {chosen.name}"
    homepage = dataset.homepage or "its publisher's page"
    by_hand = (
        " ".join(chosen.by_hand.split()) or f"Download it from {homepage}, then repeat the command with --from FILE"
    )
    counts = Counts(**present["counts"]) if present else None
    return FetchPlan(files, _sum_needed_bytes(files, in_parts), count_free_bytes(root), manual, by_hand, counts)


def _sum_needed_bytes(files: Sequence[PlannedFile], in_parts: bool) -> int:
    """The disk space for the downloads, of which only one is there at a time if in parts, and for their content."""
    archives = [file for file in files if not (file.is_checksum_list or file.is_unpacked)]
    downloads = [file.missing_bytes for file in archives]
    # The unpacked frames and masks take about as much space as their archive.
    return (max(downloads, default=0) if in_parts else sum(downloads)) + sum(file.size or 0 for file in archives)


def plan_checkpoint(checkpoint: Download, folder: Path, sources: Sources) -> FetchPlan:
    """Plan what `fetch_checkpoint` would do. Raises VosbenchError for a list of links that cannot be read."""
    files = plan_files({checkpoint.file: checkpoint}, [checkpoint.file], (), folder, sources)
    return FetchPlan(files, sum(file.missing_bytes for file in files), count_free_bytes(folder))


def find_split(dataset: Dataset, split: str | None) -> Split:
    """A split of a card by its name; the default one for None. Raises VosbenchError if the card has no such split."""
    chosen = dataset.splits.get(split or dataset.default_split)
    if chosen is None:
        raise plugins.make_unknown_name_error(f"split of {dataset.name}", str(split), dataset.splits)
    return chosen


def check_plan(plan: FetchPlan, dataset: Dataset, chosen: Split, root: Path) -> None:
    """Raises VosbenchError if a fetch cannot succeed, before hours are spent on it."""
    if plan.not_downloadable:
        raise VosbenchError(plan.not_downloadable, "cannot be downloaded automatically", plan.by_hand)
    for name in (file.download.file for file in plan.planned_files):
        if (get_archive_name(name) or name).lower().endswith(".7z"):
            require_py7zr(name)
    require_space(root, plan.needed_bytes, f"{dataset.name} {chosen.name}", "make room or choose another --root")
