"""Get a dataset or a checkpoint and put it in its place: either complete or not there."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from filelock import FileLock, Timeout

from vosbench import __version__, cards, datasets, plugins, store
from vosbench.archives import Member, open_members
from vosbench.download import download, sha256
from vosbench.normalise import FOLDERS, Content, Reader
from vosbench.types import Counts, Dataset, Download, Split, VosbenchError

Progress = Callable[[str, int, int | None], None]
"""Called with what is going on, how much of it is done, and how much there is in all if that is known."""


@dataclass(frozen=True)
class Sources:
    """Where to get things from in place of what the card says, and what to do with what is there."""

    given: tuple[str, ...] = ()
    mirror: str | None = None
    keep_archives: bool = False
    force: bool = False


@dataclass(frozen=True)
class Fetched:
    """Where a dataset or checkpoint lies. fresh: whether anything was done. warnings: what is not as published."""

    path: Path
    fresh: bool
    counts: Counts | None = None
    warnings: tuple[str, ...] = ()


def fetch_dataset(dataset: Dataset, split: str | None, root: Path, sources: Sources, progress: Progress) -> Fetched:
    """Download a split, check it and normalise it into `root/<dataset>`; a split that is there already is left alone.

    Raises VosbenchError, with nothing changed, if it cannot be had, is damaged or hostile, or not what the card says.
    """
    part = dataset.splits.get(split or dataset.default_split)
    if part is None:
        raise plugins.unknown(f"split of {dataset.name}", str(split), dataset.splits)
    home, archives = root / dataset.name, root / store.ARCHIVES / dataset.name
    if part.name in (known := datasets.fetched(home)) and not sources.force:
        return Fetched(home, False, Counts(**known[part.name]["counts"]))
    with _alone(root, dataset.name):
        if sources.force:
            store.remove(archives)
        files = _files(dataset, part, archives, sources, progress)
        with _opened(files, archives) as members, store.merging(home) as staged:
            reader: Reader = plugins.load(dataset.reader)
            content = reader(members, part)
            warnings = _compare(dataset, part, content, bool(sources.given or sources.mirror))
            _check_space(content, root)
            counts = _write(content, dataset, part, staged, progress)
            splits = {**datasets.fetched(home), part.name: _describe(files, counts)}
            described = {"name": dataset.name, "splits": splits, "card": cards.dump(dataset)}
            store.write_json(staged / store.MANIFEST, described)
        if not sources.keep_archives:
            store.remove(archives)
        return Fetched(home, True, counts, tuple(warnings))


@contextmanager
def _opened(files: Sequence[File], archives: Path) -> Iterator[list[Member]]:
    """What is in the files. Downloads that turn out to be wrong are deleted, or the next fetch would find them again;
    those whose hash is known are right."""
    try:
        with open_members([file.path for file in files]) as members:
            yield members
    except VosbenchError:
        if not all(file.verified for file in files):
            store.remove(archives)
        raise


def fetch_checkpoint(checkpoint: Download, folder: Path, sources: Sources, progress: Progress) -> Fetched:
    """Download a checkpoint into `folder`, or take it from a file that is given; one that is there is left alone."""
    path = folder / checkpoint.file
    if path.is_file() and not sources.force:
        return Fetched(path, False)
    with _alone(folder, checkpoint.file):
        if not sources.given or _is_url(sources.given[0]):
            urls = sources.given or _urls(checkpoint, sources)
            return Fetched(download(checkpoint, folder, urls, _labelled(progress, checkpoint.file)), True)
        given = Path(sources.given[0])
        if not given.is_file():
            raise VosbenchError(f"--from {given}: no such file")
        if checkpoint.sha256 and sha256(given) != checkpoint.sha256:
            raise VosbenchError(f"{given} is not {checkpoint.file}: its sha256 differs; use it as --checkpoint {given}")
        with store.replacing(path) as beside:
            shutil.copyfile(given, beside)
        return Fetched(path, True)


@contextmanager
def _alone(folder: Path, name: str) -> Iterator[None]:
    """Keep two fetches of the same thing apart."""
    path = folder / f".{name}.lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(path, timeout=0):
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
    except Timeout:
        raise VosbenchError(f"{name} is being fetched into {folder} by another process: wait for it") from None
    except (PermissionError, FileExistsError, NotADirectoryError) as error:
        raise VosbenchError(f"{folder}: cannot write there ({error.strerror}); choose another folder") from None


class File(NamedTuple):
    """An archive or a folder, where it is from, and whether its hash was known beforehand."""

    path: Path
    origin: str
    verified: bool


def _files(dataset: Dataset, part: Split, archives: Path, sources: Sources, progress: Progress) -> list[File]:
    """The archives and folders that hold a split."""
    if sources.given:
        return [_given(source, archives, progress) for source in sources.given]
    if not part.downloads and dataset.reader == FOLDERS:
        where = f", see {dataset.homepage}" if dataset.homepage else ""
        raise VosbenchError(f"{dataset.name} {part.name} is not to be had by program{where}: give it with --from")
    files = []
    for name in part.downloads:
        source = dataset.downloads[name]
        urls = _urls(source, sources)
        path = download(source, archives, urls, _labelled(progress, source.file))
        files.append(File(path, urls[0], source.sha256 is not None))
    return files


def _given(source: str, archives: Path, progress: Progress) -> File:
    """A source that the user names: a path, or a URL, whose file is kept apart from others of the same name."""
    if not _is_url(source):
        return File(Path(source), str(Path(source).resolve()), False)
    name = PurePosixPath(unquote(urlsplit(source).path)).name or "download"
    apart = archives / hashlib.sha256(source.encode()).hexdigest()[:8]
    return File(download(Download(name), apart, [source], _labelled(progress, name)), source, False)


def _urls(source: Download, sources: Sources) -> tuple[str, ...]:
    return (f"{sources.mirror.rstrip('/')}/{source.file}",) if sources.mirror else source.urls


def _is_url(text: str) -> bool:
    return urlsplit(text).scheme in ("http", "https")


def _labelled(progress: Progress, label: str) -> Callable[[int, int | None], None]:
    return lambda done, total: progress(label, done, total)


def _compare(dataset: Dataset, part: Split, content: Content, chosen_by_user: bool) -> list[str]:
    """What differs from the card: a warning if the user chose the source, since he may want a part; else an error."""
    if not content.videos:
        raise VosbenchError(f"{dataset.name} {part.name}: none of its videos is in what was given")
    frames = sum(1 for entry in content.entries if entry.path.parts[0] == store.FRAMES)
    found = {"videos": len(content.videos), "frames": frames}
    published = asdict(part.counts)
    differing = [f"{found[k]} of {published[k]} {k}" for k in found if published[k] not in (None, found[k])]
    if content.missing:
        differing.append(f"missing are {', '.join(content.missing)}")
    if not differing:
        return []
    line = f"{dataset.name} {part.name} is not complete: {'; '.join(differing)}"
    if not chosen_by_user:
        raise VosbenchError(f"{line}; the publisher's files have changed, take the right ones with --from or --mirror")
    return [line]


def _check_space(content: Content, root: Path) -> None:
    needed, free = sum(entry.member.size for entry in content.entries), shutil.disk_usage(root).free
    if needed > free:
        raise VosbenchError(
            f"{root}: {needed / 1e9:.2f} GB are needed and {free / 1e9:.2f} GB free; choose another --root"
        )


def _write(content: Content, dataset: Dataset, part: Split, staged: Path, progress: Progress) -> Counts:
    """Fill a folder with the normal layout of a split, and count what is in it."""
    try:
        for done, entry in enumerate(content.entries, 1):
            entry.member.save(staged / entry.path)
            progress(f"{dataset.name} {part.name}", done, len(content.entries))
        store.write_text(staged / store.LISTS / f"{part.name}.txt", "".join(f"{video}\n" for video in content.videos))
    except OSError as error:
        raise VosbenchError(
            f"{staged.parent}: cannot write {dataset.name} ({error.strerror}); nothing was kept"
        ) from None
    frames, masks = staged / store.FRAMES, staged / store.MASKS
    tree = datasets.Tree(dataset.name, staged, part, dataset.rules, tuple(content.videos), frames, masks, fetched=True)
    return tree.counts()


def _describe(files: Sequence[File], counts: Counts) -> dict[str, Any]:
    """What dataset.json says of a split: what was fetched, from where, its hash and size, what is in it, and when."""
    known = []
    for file in files:
        content = {"sha256": sha256(file.path), "bytes": file.path.stat().st_size} if file.path.is_file() else {}
        known.append({"file": file.path.name, "from": file.origin, **content})
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"counts": asdict(counts), "sources": known, "fetched": now, "vosbench": __version__}
