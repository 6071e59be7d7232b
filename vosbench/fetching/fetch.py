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
from vosbench.datasets.split import fetched, open_tree
from vosbench.datasets.verify_video import unscorable
from vosbench.errors import VosbenchError
from vosbench.fetching import sources as fetching_sources
from vosbench.fetching.checksums import is_url
from vosbench.fetching.download import download
from vosbench.fetching.lock import alone, discard, scratch, tidy
from vosbench.fetching.readers.registry import load_reader, reader_name
from vosbench.fetching.sources import File, Origin, Progress, Sources, gather
from vosbench.fetching.write import bare, changed, check_space, compare, describe, write
from vosbench.io import paths, plugins
from vosbench.io.archives.members import DiskError, Member
from vosbench.io.archives.open import open_members
from vosbench.io.files import merging, remove, replacing, sha256, write_json


@dataclass(frozen=True)
class Plan:
    """What a fetch takes, found out without asking anybody and without writing anything.

    needed: the bytes that downloads, and what is unpacked from them, take on the disk, as far as sizes are known, of
    `free` ones. lacking: what no program can get. by_hand: what a person can do then. counts: of the split if it is
    there.
    """

    origins: Sequence[Origin]
    needed: int
    free: int
    lacking: str = ""
    by_hand: str = ""
    counts: Counts | None = None


@dataclass(frozen=True)
class Fetched:
    """Where a dataset or checkpoint lies. fresh: whether anything was done. warnings: what is not as published."""

    path: Path
    fresh: bool
    counts: Counts | None = None
    warnings: tuple[str, ...] = ()


def renamed(dataset: Dataset, name: str) -> Dataset:
    """The dataset with another name, which its folder then has, and no alias.

    Raises VosbenchError if that is no name of a folder, or another card's.
    """
    if not re.fullmatch(r"[^./\\][^/\\]*", name):
        raise VosbenchError(f"--as {name}: take the name of a folder, without slashes and without a dot before it")
    others = (known for known in registry.datasets().values() if known.name != dataset.name)
    if other := next((known for known in others if name in (known.name, *known.aliases)), None):
        raise VosbenchError(f"--as {name}: {other.name} is called so; take another name")
    return replace(dataset, name=name, aliases=())


def plan_dataset(dataset: Dataset, split: str | None, root: Path, sources: Sources) -> Plan:
    """What `fetch_dataset` would take. Raises VosbenchError for an unknown split or links that cannot be read."""
    part, home = _part(dataset, split), root / dataset.name
    there = None if sources.force else fetched(home).get(part.name)
    archives = root / paths.ARCHIVES / dataset.name
    found = fetching_sources.plan(dataset.downloads, part.downloads, dataset.checksums, archives, sources)
    # Frames and masks hardly shrink in an archive.
    needed = sum(origin.missing + (origin.size or 0) for origin in found if not origin.lists)
    lacking = ", ".join(origin.source.file for origin in found if origin.by_hand)
    if not found and (part.by_hand or reader_name(part.reader or dataset.reader) == "folders"):
        lacking = f"{dataset.name} {part.name}"
    by_hand = (
        " ".join(part.by_hand.split()) or f"Get it from {dataset.homepage or 'its publisher'}. Give it with --from."
    )
    counts = Counts(**there["counts"]) if there else None
    return Plan(found, needed, _free(root), lacking, by_hand, counts)


def plan_checkpoint(checkpoint: Download, folder: Path, sources: Sources) -> Plan:
    """What `fetch_checkpoint` would take. Raises VosbenchError for links that cannot be read."""
    found = fetching_sources.plan({checkpoint.file: checkpoint}, [checkpoint.file], (), folder, sources)
    return Plan(found, sum(origin.missing for origin in found), _free(folder))


def fetch_dataset(dataset: Dataset, split: str | None, root: Path, sources: Sources, progress: Progress) -> Fetched:
    """Download a split, check it and normalise it into `root/<dataset>`; a split that is there already is left alone.

    Raises VosbenchError, with nothing changed, if it cannot be had, is damaged or hostile, or not what the card says.
    """
    part, plan = _part(dataset, split), plan_dataset(dataset, split, root, sources)
    home, archives = root / dataset.name, root / paths.ARCHIVES / dataset.name
    if plan.counts:
        tidy(root, dataset.name)
        return Fetched(home, False, plan.counts)
    with alone(root, dataset.name):
        if sources.force:
            discard(archives, plan.origins)
        _check_plan(plan, dataset, part, root)
        files, warnings = gather(plan.origins, plan.by_hand, progress)
        with _opened(files, archives, plan) as members, merging(home) as staged:
            content = load_reader(part.reader or dataset.reader)(members, part)
            known = datasets_split.described(home)
            warnings += compare(dataset, part, content, bool(sources.given or sources.mirror or sources.links))
            warnings += changed(files, known)
            check_space(content, root, scratch(archives))
            videos = write(content, dataset, part, staged, progress)
            warnings += bare(videos, dataset, part)
            splits = {**known, part.name: describe(files, videos)}
            described = {"name": dataset.name, "splits": splits, "card": card.dump(dataset)}
            write_json(staged / paths.MANIFEST, described)
        if not sources.keep_archives:
            discard(archives, plan.origins)
        found = unscorable(open_tree(dataset.name, part.name, root), content.videos)
        warnings += [f"{dataset.name} {part.name} cannot be scored as it is: {finding.what}" for finding in found]
        return Fetched(home, True, Counts(**splits[part.name]["counts"]), tuple(warnings))


def fetch_checkpoint(checkpoint: Download, folder: Path, sources: Sources, progress: Progress) -> Fetched:
    """Download a checkpoint into `folder`, or take it from a file that is given; one that is there is left alone."""
    path = folder / checkpoint.file
    if path.is_file() and not sources.force:
        return Fetched(path, False)
    with alone(folder, checkpoint.file):
        if not sources.given or is_url(sources.given[0]):
            urls = (
                sources.given
                or fetching_sources.plan({path.name: checkpoint}, [path.name], (), folder, sources)[0].urls
            )
            return Fetched(download(checkpoint, folder, urls, partial(progress, path.name)), True)
        given = Path(sources.given[0])
        if not given.is_file():
            raise VosbenchError(f"--from {given}: no such file")
        if checkpoint.sha256 and sha256(given) != checkpoint.sha256:
            raise VosbenchError(f"{given} is not {checkpoint.file}: its sha256 differs; use it as --checkpoint {given}")
        with replacing(path) as beside:
            shutil.copyfile(given, beside)
        return Fetched(path, True)


def _part(dataset: Dataset, split: str | None) -> Split:
    part = dataset.splits.get(split or dataset.default_split)
    if part is None:
        raise plugins.unknown(f"split of {dataset.name}", str(split), dataset.splits)
    return part


def _free(folder: Path) -> int:
    """The bytes that are free where a folder is, or will be."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


@contextmanager
def _opened(files: Sequence[File], archives: Path, plan: Plan) -> Iterator[list[Member]]:
    """What is in the files. Downloads that turn out to be wrong are deleted, or the next fetch would find them again;
    those whose hash is known are right."""
    try:
        with open_members([file.path for file in files], scratch(archives)) as members:
            yield members
    except DiskError:
        raise
    except VosbenchError:
        if not all(file.verified for file in files):
            discard(archives, plan.origins)
        raise
    finally:
        remove(scratch(archives))


def _check_plan(plan: Plan, dataset: Dataset, part: Split, root: Path) -> None:
    """Raises VosbenchError if a fetch cannot succeed, before hours are spent on it."""
    if plan.lacking:
        raise VosbenchError(f"{plan.lacking}: not to be had by program. {plan.by_hand}")
    if plan.needed > plan.free:
        raise VosbenchError(
            f"{dataset.name} {part.name}: needs about {plan.needed / 1e9:.1f} GB in {root} to download and unpack, "
            f"{plan.free / 1e9:.1f} GB are free; make room or choose another --root"
        )
