"""Get a dataset or a checkpoint and put it in its place: either complete or not there."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from filelock import FileLock, Timeout

from vosbench import __version__, cards, datasets, plugins, store
from vosbench.archives import Member, open_members
from vosbench.download import download, sha256
from vosbench.normalise import Content, Reader
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
    with _alone(root, dataset.name):
        manifest = store.read_json(home / store.MANIFEST) if (home / store.MANIFEST).is_file() else {}
        known = manifest.get("splits", {})
        if sources.force:
            store.remove(archives)
        elif part.name in known:
            return Fetched(home, False, Counts(**known[part.name]["counts"]))
        files = _files(dataset, part, archives, sources, progress)
        with _opened(files, archives) as members, store.merging(home) as staged:
            reader: Reader = plugins.load(dataset.reader)
            content = reader(members, part)
            warnings = _compare(dataset, part, content, bool(sources.given or sources.mirror))
            _check_space(content, root)
            counts = _write(content, dataset, part, staged, progress)
            splits = {**known, part.name: _describe(files, counts)}
            described = {"name": dataset.name, "splits": splits, "card": cards.dump(dataset)}
            store.write_json(staged / store.MANIFEST, described)
        if not sources.keep_archives:
            store.remove(archives)
        return Fetched(home, True, counts, tuple(warnings))


@contextmanager
def _opened(files: Sequence[tuple[Path, Mapping[str, Any]]], archives: Path) -> Iterator[list[Member]]:
    """What is in the files. Downloads that are damaged or hostile are deleted: the next fetch must not find them."""
    with ExitStack() as stack:
        try:
            members = stack.enter_context(open_members([path for path, _ in files]))
        except VosbenchError:
            store.remove(archives)
            raise
        yield members


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
    except PermissionError as error:
        raise VosbenchError(f"{folder}: cannot write there ({error.strerror}); choose another folder") from None


def _files(
    dataset: Dataset, part: Split, archives: Path, sources: Sources, progress: Progress
) -> list[tuple[Path, Mapping[str, Any]]]:
    """The archives and folders that hold a split, with where each is from."""
    if sources.given:
        wanted = [(Download(PurePosixPath(unquote(urlsplit(s).path)).name, (s,)), s) for s in sources.given]
    else:
        wanted = [(dataset.downloads[name], "") for name in part.downloads]
    files: list[tuple[Path, Mapping[str, Any]]] = []
    for source, given in wanted:
        if given and not _is_url(given):
            path, origin = Path(given), str(Path(given).resolve())
        else:
            urls = source.urls if given else _urls(source, sources)
            path, origin = download(source, archives, urls, _labelled(progress, source.file)), urls[0]
        files.append((path, {"file": path.name, "from": origin}))
    return files


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
    tree = datasets.Tree(
        dataset.name, staged, part, dataset.rules, tuple(content.videos), staged / store.FRAMES, staged / store.MASKS
    )
    return tree.counts()


def _describe(files: Sequence[tuple[Path, Mapping[str, Any]]], counts: Counts) -> dict[str, Any]:
    """What dataset.json says of a split: what was fetched, from where, its hash and size, what is in it, and when."""
    known = [
        {**origin, "sha256": sha256(path), "bytes": path.stat().st_size} if path.is_file() else origin
        for path, origin in files
    ]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"counts": asdict(counts), "sources": known, "fetched": now, "vosbench": __version__}
