"""Fetch a dataset or a checkpoint: download, verify, and put it in its place only when it is complete."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from vosbench.datasets import registry
from vosbench.datasets.card import Counts, Dataset, Download, Split
from vosbench.errors import VosbenchError
from vosbench.fetching.additions import add_files, find_additions
from vosbench.fetching.checksums import is_url
from vosbench.fetching.cleanup import delete_downloads
from vosbench.fetching.download import download_file, find_mismatch
from vosbench.fetching.gather import gather_files, gather_lists
from vosbench.fetching.lock import lock_fetch, remove_leftovers
from vosbench.fetching.normalise import normalise_split, open_files
from vosbench.fetching.part_records import is_in_parts, make_part_records
from vosbench.fetching.parts import PartFetch, fetch_parts
from vosbench.fetching.plan import FetchPlan, check_plan, find_split, plan_checkpoint, plan_dataset
from vosbench.fetching.sources import FetchProgress, Sources
from vosbench.io import paths
from vosbench.io.files import replacing
from vosbench.io.folders import remove_path


@dataclass(frozen=True)
class FetchResult:
    """Where a dataset or checkpoint is. was_fetched: False if it was there. warnings: what is not as published."""

    path: Path
    was_fetched: bool
    counts: Counts | None = None
    warnings: tuple[str, ...] = ()


def rename_dataset(dataset: Dataset, name: str) -> Dataset:
    """Give a dataset another name, and so another folder, and no alias.

    Raises VosbenchError if the name cannot be a folder's, or belongs to another card.
    """
    if not re.fullmatch(r"[^./\\][^/\\]*", name):
        raise VosbenchError(f"--as {name}", "not a name for a folder", "take one without slashes and a leading dot")
    others = (known for known in registry.known_datasets().values() if known.name != dataset.name)
    if other := next((known for known in others if name in (known.name, *known.aliases)), None):
        raise VosbenchError(f"--as {name}", f"already a name of {other.name}", "take another name")
    return replace(dataset, name=name, aliases=())


def fetch_dataset(
    dataset: Dataset, split: str | None, root: Path, sources: Sources, progress: FetchProgress
) -> FetchResult:
    """Download a split of a dataset, verify it, and write it to `root/<dataset>` in the normal layout.

    split: its name, or None for the card's default. A split that is there is left as it is, unless `sources.force`; a
    meta file or a list that is given is added to it.

    Raises VosbenchError if a file cannot be downloaded, is damaged or unsafe, or is not what the card says; the
    datasets in `root` are then unchanged.
    """
    chosen, plan = find_split(dataset, split), plan_dataset(dataset, split, root, sources)
    home, archives = root / dataset.name, root / paths.ARCHIVES / dataset.name
    if plan.counts:
        remove_leftovers(root, dataset.name, make_part_records(archives, chosen, home).folder)
        warnings = _add_given_files(plan, dataset, chosen, root, progress)
        return FetchResult(home, warnings is not None, plan.counts, tuple(warnings or ()))
    with lock_fetch(root, dataset.name):
        if sources.force:
            delete_downloads(archives, plan.planned_files)
        check_plan(plan, dataset, chosen, root)
        hashes, warnings = gather_lists(plan.planned_files, progress)
        if is_in_parts(chosen, plan.planned_files):
            parts = PartFetch(dataset, chosen, root, sources, plan.by_hand, progress)
            counts, more = fetch_parts(parts, plan.planned_files, hashes)
        else:
            files, found = gather_files(plan.planned_files, hashes, plan.by_hand, progress)
            warnings += found
            with open_files(files, archives, dataset, chosen) as members:
                counts, more = normalise_split(members, files, dataset, chosen, root, sources, progress)
        if not sources.keep_archives:
            delete_downloads(archives, plan.planned_files)
        return FetchResult(home, True, counts, (*warnings, *more))


def _add_given_files(
    plan: FetchPlan, dataset: Dataset, split: Split, root: Path, progress: FetchProgress
) -> list[str] | None:
    """Add the files that the user gives to a split that is there. Returns warnings, or None if there is none to add."""
    additions = find_additions(plan.planned_files, split)
    if not additions:
        return None
    with lock_fetch(root, dataset.name):
        try:
            files, warnings = gather_files(additions, {}, plan.by_hand, progress)
            return warnings + add_files(files, dataset, split, root)
        finally:
            for file in additions:
                if file.urls:
                    remove_path(file.folder.parent)  # the folder of this command's downloads


def fetch_checkpoint(checkpoint: Download, folder: Path, sources: Sources, progress: FetchProgress) -> FetchResult:
    """Download a checkpoint into `folder`, or copy the file that the user gives.

    A checkpoint that is there is left as it is, unless `sources.force`. Raises VosbenchError if it cannot be
    downloaded, or if a given file has another size or hash than the catalogue says.
    """
    path = folder / checkpoint.file
    if path.is_file() and not sources.force:
        return FetchResult(path, False)
    with lock_fetch(folder, checkpoint.file):
        if sources.given and not is_url(sources.given[0]):
            _copy_checkpoint(Path(sources.given[0]), checkpoint, path)
        else:
            urls = sources.given or plan_checkpoint(checkpoint, folder, sources).planned_files[0].urls
            download_file(checkpoint, folder, urls, partial(progress, path.name))
        return FetchResult(path, True)


def _copy_checkpoint(given: Path, checkpoint: Download, path: Path) -> None:
    if not given.is_file():
        raise VosbenchError(f"--from {given}", "no such file", "check the path")
    if mismatch := find_mismatch(given, checkpoint):
        raise VosbenchError(given, f"not {checkpoint.file}: {mismatch}", f"use it as it is with --checkpoint {given}")
    with replacing(path) as beside:
        shutil.copyfile(given, beside)
