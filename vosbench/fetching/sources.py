"""Where files come from: what the user gives, his links, his mirror, the addresses on the card, in this order.

A plan is made without asking anybody and without writing anything. Then the files are gathered, the publisher's lists
of hashes first, as they verify the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from vosbench.datasets.card import Download
from vosbench.errors import VosbenchError
from vosbench.fetching.checksums import Hash, is_url, read_hashes, read_links
from vosbench.fetching.download import UnavailableError, begun, download
from vosbench.io import paths
from vosbench.io.archives.volumes import is_archive
from vosbench.io.files import sha256

BESIDE = (".json", ".txt")  # suffixes of meta files and lists
HURRY = {"attempts": 2, "timeout": 10}  # for what a fetch can do without, see download

Progress = Callable[[str, int, int | None], None]
"""Called with what is going on, how much of it is done, and how much there is in all if that is known."""


@dataclass(frozen=True)
class Sources:
    """Where to get things from before or in place of what the card says, and what to do with what is there.

    given: paths and URLs in place of the card's files. links: a file that lists URLs by the names of files.
    mirror: a base URL that holds the card's files by name.
    """

    given: tuple[str, ...] = ()
    links: Path | None = None
    mirror: str | None = None
    keep_archives: bool = False
    force: bool = False


class Origin(NamedTuple):
    """A file or folder that is needed.

    source: what the card says of a file of that name. urls: tried in order; none for what is on disk already or has to
    be got by hand. folder: where it lies, or will. given: by the user, so that it may differ from what the card says.
    lists: whether it lists the hashes of others. here: the bytes of it that are there.
    """

    source: Download
    urls: tuple[str, ...]
    folder: Path
    given: bool = False
    lists: bool = False
    here: int = 0

    @property
    def path(self) -> Path:
        """Where it lies, or will."""
        return self.folder / self.source.file

    @property
    def size(self) -> int | None:
        """In bytes; None if it is not known, or a folder."""
        if self.given:
            return None if self.urls else self.here or None
        return self.source.bytes

    @property
    def missing(self) -> int:
        """The bytes to download, as far as known."""
        return max(0, (self.size or 0) - self.here) if self.urls else 0

    @property
    def by_hand(self) -> bool:
        """Whether it is needed and no program can get it."""
        return not (self.urls or self.given or self.lists or self.source.optional)


class File(NamedTuple):
    """An archive, a folder or a plain file that is there, where it is from, and what its hash is if it is no folder.

    verified: whether the hash was known beforehand.
    """

    path: Path
    origin: str
    verified: bool = False
    sha256: str | None = None


def plan(
    known: Mapping[str, Download], needed: Sequence[str], lists: Sequence[str], folder: Path, sources: Sources
) -> list[Origin]:
    """Where the `needed` ones of the `known` files come from, the lists of hashes first. Downloads go to `folder`.

    What is given takes the place of all files that are needed, unless it consists of optional ones and lists alone. A
    folder of archives stands for the needed files in it, and for what may be a meta file or a list; if it has no needed
    archive, for all, unless it has folders as well.

    Raises VosbenchError if the file of links cannot be read.
    """
    links = read_links(sources.links) if sources.links else {}
    given: list[Origin] = []
    for source in sources.given:
        if is_url(source):
            given.append(_linked(source, known, lists, folder, sources))
        else:
            given += [_local(path, known, lists) for path in _archives(Path(source), (*lists, *needed))]
    named = {origin.source.file for origin in given}
    replaced = any(not (origin.lists or origin.source.optional) for origin in given)
    files = [known[name] for name in needed if name not in named and (known[name].optional or not replaced)]
    # A list is worth a request if it alone can tell; for what is given, only one that the user names can.
    open_ = replaced or not all(file.sha256 for file in files)
    usable = [name for name in lists if name not in named and open_ and (name in links or not replaced)]
    planned = [
        Origin(known[name], addresses(known[name], sources, links), folder, False, name in usable, here)
        for name in (*usable, *(file.file for file in files))
        for here in [_here(known[name], folder, sources)]
    ]
    wanted = [origin for origin in planned if origin.urls or not origin.lists]
    return sorted((*given, *wanted), key=lambda origin: not origin.lists)


def _archives(path: Path, wanted: Sequence[str]) -> list[Path]:
    """What a path that the user names stands for."""
    try:
        visible = (file for file in sorted(path.iterdir()) if not paths.is_litter(file.name))
        there = {file.name: file for file in visible if file.is_file()}
    except OSError:  # no folder, or one that cannot be read, which whoever opens it will say
        return [path]
    if any(is_archive(name) for name in wanted if name in there):
        return [file for name, file in there.items() if name in wanted or file.suffix in BESIDE]
    return [*there.values()] if any(map(is_archive, there)) and not paths.folders(path) else [path]


def _local(path: Path, known: Mapping[str, Download], lists: Sequence[str]) -> Origin:
    file, size = known.get(path.name, Download(path.name)), path.stat().st_size if path.is_file() else 0
    return Origin(file, (), path.parent, given=True, lists=path.name in lists, here=size)


def _linked(url: str, known: Mapping[str, Download], lists: Sequence[str], folder: Path, sources: Sources) -> Origin:
    """A URL that the user names, whose file is kept apart from those of other commands."""
    name = _name(url)
    twins = [each for each in sources.given if is_url(each) and _name(each) == name]
    command = hashlib.sha256("\n".join(sources.given).encode()).hexdigest()[:8]
    file, apart = known.get(name, Download(name)), folder / command / str(twins.index(url))
    return Origin(file, (url,), apart, given=True, lists=name in lists, here=_here(file, apart, sources))


def _here(file: Download, folder: Path, sources: Sources) -> int:
    return 0 if sources.force else begun(file.file, folder)


def addresses(source: Download, sources: Sources, links: Mapping[str, str]) -> tuple[str, ...]:
    """The URLs of a file in the order in which they are tried: the links', the mirror's, the card's."""
    linked = (links[source.file],) if source.file in links else ()
    mirrored = (f"{sources.mirror.rstrip('/')}/{source.file}",) if sources.mirror else ()
    return (*linked, *mirrored, *source.urls)


def _name(url: str) -> str:
    return PurePosixPath(unquote(urlsplit(url).path)).name or "download"


def gather(origins: Sequence[Origin], by_hand: str, progress: Progress) -> tuple[list[File], list[str]]:
    """The files of a plan, lists of hashes left out, and warnings: of optional files and lists that cannot be had.

    by_hand: what to do about a file that cannot be had. A download that differs from its hash is refused, and so
    is a given file from that in a list; where only the card says so, it is a warning, since a user may want a part.
    Raises VosbenchError if a file that is needed cannot be had or is not the right one.
    """
    files: list[File] = []
    warnings: list[str] = []
    hashes: dict[str, Hash] = {}
    for origin in origins:
        try:
            file = _obtain(origin, hashes.get(origin.source.file), warnings, progress)
            if origin.lists:
                hashes = {**read_hashes(file.path), **hashes}
            else:
                files.append(file)
        except VosbenchError as error:
            gone = isinstance(error, UnavailableError)
            if origin.given or not (origin.lists or (gone and origin.source.optional)):
                raise VosbenchError(f"{error}. {by_hand}") if gone else error from None
            warnings.append(f"went on without {error.what if isinstance(error, UnavailableError) else error}")
    return files, warnings


def _obtain(origin: Origin, listed: Hash | None, warnings: list[str], progress: Progress) -> File:
    """A file on disk, downloaded if it has to be, and held against the hash that is known of it."""
    source, path = origin.source, origin.path
    if origin.given:
        source = Download(source.file)
    elif source.sha256:
        listed = None
    elif listed and listed.algorithm == "sha256":
        source = replace(source, sha256=listed.value)
    if origin.urls:
        if origin.lists:
            path.unlink(missing_ok=True)  # of an earlier fetch; the publisher may have a newer one
        patience = HURRY if source.optional and not origin.given else {}
        download(source, origin.folder, origin.urls, partial(progress, source.file), **patience)
    where = origin.urls[0] if origin.urls else str(path.resolve())
    if not path.is_file():
        return File(path, where)
    found = sha256(path) if source.sha256 is None else source.sha256.lower()
    if listed and (differing := listed.flaw(path)):
        if origin.urls:
            path.unlink()
        raise VosbenchError(f"{path}: {differing}; fetch it again, or leave out {listed.by}")
    if origin.given and not listed and origin.source.sha256 not in (None, found):
        warnings.append(f"{path} is not the publisher's: sha256 is {found}, expected {origin.source.sha256}")
    return File(path, where, bool(listed) or found == origin.source.sha256, found)
