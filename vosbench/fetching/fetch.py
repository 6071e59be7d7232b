"""Get a dataset or a checkpoint and put it in its place: either complete or not there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from vosbench.datasets import card, registry
from vosbench.datasets import split as datasets_split
from vosbench.datasets.card import Counts, Dataset, Download, Split
from vosbench.datasets.split import open_split, read_fetched_splits
from vosbench.datasets.verify_video import explain_unscorable
from vosbench.errors import VosbenchError
from vosbench.fetching import sources as fetching_sources
from vosbench.fetching.checksums import is_url
from vosbench.fetching.download import download_file
from vosbench.fetching.lock import delete_downloads, lock_fetch, remove_leftovers, scratch_folder
from vosbench.fetching.readers.registry import load_reader, reader_name
from vosbench.fetching.sources import FetchedFile, FetchProgress, PlannedFile, Sources, gather_files
from vosbench.fetching.write import (
    check_space,
    compare_with_card,
    describe_split,
    warn_of_changed_files,
    warn_of_empty_videos,
    write_split,
)
from vosbench.io import paths, plugins
from vosbench.io.archives.members import DiskError, Member
from vosbench.io.archives.open import open_members
from vosbench.io.files import hash_file_sha256, merging, remove_path, replacing, write_json


@dataclass(frozen=True)
class FetchPlan:
    """What a fetch takes, found out without asking anybody and without writing anything.

    needed: the bytes that downloads, and what is unpacked from them, take on the disk, as far as sizes are known, of
    `free` ones. lacking: what no program can get. by_hand: what a person can do then. counts: of the split if it is
    there.
    """

    planned_files: Sequence[PlannedFile]
    needed_bytes: int
    free_bytes: int
    not_downloadable: str = ""
    by_hand: str = ""
    counts: Counts | None = None


@dataclass(frozen=True)
class FetchResult:
    """Where a dataset or checkpoint lies. fresh: whether anything was done. warnings: what is not as published."""

    path: Path
    was_fetched: bool
    counts: Counts | None = None
    warnings: tuple[str, ...] = ()


def rename_dataset(dataset: Dataset, name: str) -> Dataset:
    """The dataset with another name, which its folder then has, and no alias.

    Raises VosbenchError if that is no name of a folder, or another card's.
    """
    if not re.fullmatch(r"[^./\\][^/\\]*", name):
        raise VosbenchError(f"--as {name}: take the name of a folder, without slashes and without a dot before it")
    others = (known for known in registry.known_datasets().values() if known.name != dataset.name)
    if other := next((known for known in others if name in (known.name, *known.aliases)), None):
        raise VosbenchError(f"--as {name}: {other.name} is called so; take another name")
    return replace(dataset, name=name, aliases=())


def plan_dataset(dataset: Dataset, split: str | None, root: Path, sources: Sources) -> FetchPlan:
    """What `fetch_dataset` would take. Raises VosbenchError for an unknown split or links that cannot be read."""
    part, home = _find_split(dataset, split), root / dataset.name
    there = None if sources.force else read_fetched_splits(home).get(part.name)
    archives = root / paths.ARCHIVES / dataset.name
    found = fetching_sources.plan_files(dataset.downloads, part.downloads, dataset.checksums, archives, sources)
    # Frames and masks hardly shrink in an archive.
    needed = sum(origin.missing_bytes + (origin.size or 0) for origin in found if not origin.is_checksum_list)
    lacking = ", ".join(origin.download.file for origin in found if origin.needs_manual_download)
    if not found and (part.by_hand or reader_name(part.reader or dataset.reader) == "folders"):
        lacking = f"{dataset.name} {part.name}"
    by_hand = (
        " ".join(part.by_hand.split()) or f"Get it from {dataset.homepage or 'its publisher'}. Give it with --from."
    )
    counts = Counts(**there["counts"]) if there else None
    return FetchPlan(found, needed, _measure_free_space(root), lacking, by_hand, counts)


def plan_checkpoint(checkpoint: Download, folder: Path, sources: Sources) -> FetchPlan:
    """What `fetch_checkpoint` would take. Raises VosbenchError for links that cannot be read."""
    found = fetching_sources.plan_files({checkpoint.file: checkpoint}, [checkpoint.file], (), folder, sources)
    return FetchPlan(found, sum(origin.missing_bytes for origin in found), _measure_free_space(folder))


def fetch_dataset(
    dataset: Dataset, split: str | None, root: Path, sources: Sources, progress: FetchProgress
) -> FetchResult:
    """Download a split, check it and normalise it into `root/<dataset>`; a split that is there already is left alone.

    Raises VosbenchError, with nothing changed, if it cannot be had, is damaged or hostile, or not what the card says.
    """
    part, plan = _find_split(dataset, split), plan_dataset(dataset, split, root, sources)
    home, archives = root / dataset.name, root / paths.ARCHIVES / dataset.name
    if plan.counts:
        remove_leftovers(root, dataset.name)
        return FetchResult(home, False, plan.counts)
    with lock_fetch(root, dataset.name):
        if sources.force:
            delete_downloads(archives, plan.planned_files)
        _check_plan(plan, dataset, part, root)
        files, warnings = gather_files(plan.planned_files, plan.by_hand, progress)
        with _open_files(files, archives, plan) as members, merging(home) as staged:
            content = load_reader(part.reader or dataset.reader)(members, part)
            known = datasets_split.read_described_splits(home)
            warnings += compare_with_card(
                dataset, part, content, bool(sources.given or sources.mirror or sources.links)
            )
            warnings += warn_of_changed_files(files, known)
            check_space(content, root, scratch_folder(archives))
            videos = write_split(content, dataset, part, staged, progress)
            warnings += warn_of_empty_videos(videos, dataset, part)
            splits = {**known, part.name: describe_split(files, videos)}
            described = {"name": dataset.name, "splits": splits, "card": card.dump_card(dataset)}
            write_json(staged / paths.MANIFEST, described)
        if not sources.keep_archives:
            delete_downloads(archives, plan.planned_files)
        found = explain_unscorable(open_split(dataset.name, part.name, root), content.videos)
        warnings += [f"{dataset.name} {part.name} cannot be scored as it is: {finding.what}" for finding in found]
        return FetchResult(home, True, Counts(**splits[part.name]["counts"]), tuple(warnings))


def fetch_checkpoint(checkpoint: Download, folder: Path, sources: Sources, progress: FetchProgress) -> FetchResult:
    """Download a checkpoint into `folder`, or take it from a file that is given; one that is there is left alone."""
    path = folder / checkpoint.file
    if path.is_file() and not sources.force:
        return FetchResult(path, False)
    with lock_fetch(folder, checkpoint.file):
        if not sources.given or is_url(sources.given[0]):
            urls = (
                sources.given
                or fetching_sources.plan_files({path.name: checkpoint}, [path.name], (), folder, sources)[0].urls
            )
            return FetchResult(download_file(checkpoint, folder, urls, partial(progress, path.name)), True)
        given = Path(sources.given[0])
        if not given.is_file():
            raise VosbenchError(f"--from {given}: no such file")
        if checkpoint.sha256 and hash_file_sha256(given) != checkpoint.sha256:
            raise VosbenchError(f"{given} is not {checkpoint.file}: its sha256 differs; use it as --checkpoint {given}")
        with replacing(path) as beside:
            shutil.copyfile(given, beside)
        return FetchResult(path, True)


def _find_split(dataset: Dataset, split: str | None) -> Split:
    part = dataset.splits.get(split or dataset.default_split)
    if part is None:
        raise plugins.make_unknown_name_error(f"split of {dataset.name}", str(split), dataset.splits)
    return part


def _measure_free_space(folder: Path) -> int:
    """The bytes that are free where a folder is, or will be."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


@contextmanager
def _open_files(files: Sequence[FetchedFile], archives: Path, plan: FetchPlan) -> Iterator[list[Member]]:
    """What is in the files. Downloads that turn out to be wrong are deleted, or the next fetch would find them again;
    those whose hash is known are right."""
    try:
        with open_members([file.path for file in files], scratch_folder(archives)) as members:
            yield members
    except DiskError:
        raise
    except VosbenchError:
        if not all(file.verified for file in files):
            delete_downloads(archives, plan.planned_files)
        raise
    finally:
        remove_path(scratch_folder(archives))


def _check_plan(plan: FetchPlan, dataset: Dataset, part: Split, root: Path) -> None:
    """Raises VosbenchError if a fetch cannot succeed, before hours are spent on it."""
    if plan.not_downloadable:
        raise VosbenchError(f"{plan.not_downloadable}: not to be had by program. {plan.by_hand}")
    if plan.needed_bytes > plan.free_bytes:
        raise VosbenchError(
            f"{dataset.name} {part.name}: needs about {plan.needed_bytes / 1e9:.1f} GB in {root} to download "
            f"and unpack, "
            f"{plan.free_bytes / 1e9:.1f} GB are free; make room or choose another --root"
        )
