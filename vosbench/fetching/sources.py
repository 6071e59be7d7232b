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
from vosbench.fetching.download import UnavailableError, count_present_bytes, download_file
from vosbench.io import paths
from vosbench.io.archives.volumes import is_archive
from vosbench.io.files import hash_file_sha256

LIST_SUFFIXES = (".json", ".txt")  # suffixes of meta files and lists
OPTIONAL_FILE_LIMITS = {"attempts": 2, "timeout": 10}  # for what a fetch can do without, see download

FetchProgress = Callable[[str, int, int | None], None]
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


class PlannedFile(NamedTuple):
    """A file or folder that is needed.

    source: what the card says of a file of that name. urls: tried in order; none for what is on disk already or has to
    be got by hand. folder: where it lies, or will. given: by the user, so that it may differ from what the card says.
    lists: whether it lists the hashes of others. here: the bytes of it that are there.
    """

    download: Download
    urls: tuple[str, ...]
    folder: Path
    is_given: bool = False
    is_checksum_list: bool = False
    present_bytes: int = 0

    @property
    def path(self) -> Path:
        """Where it lies, or will."""
        return self.folder / self.download.file

    @property
    def size(self) -> int | None:
        """In bytes; None if it is not known, or a folder."""
        if self.is_given:
            return None if self.urls else self.present_bytes or None
        return self.download.bytes

    @property
    def missing_bytes(self) -> int:
        """The bytes to download, as far as known."""
        return max(0, (self.size or 0) - self.present_bytes) if self.urls else 0

    @property
    def needs_manual_download(self) -> bool:
        """Whether it is needed and no program can get it."""
        return not (self.urls or self.is_given or self.is_checksum_list or self.download.optional)


class FetchedFile(NamedTuple):
    """An archive, a folder or a plain file that is there, where it is from, and what its hash is if it is no folder.

    verified: whether the hash was known beforehand.
    """

    path: Path
    origin: str
    verified: bool = False
    sha256: str | None = None


def plan_files(
    known: Mapping[str, Download], needed: Sequence[str], lists: Sequence[str], folder: Path, sources: Sources
) -> list[PlannedFile]:
    """Where the `needed` ones of the `known` files come from, the lists of hashes first. Downloads go to `folder`.

    What is given takes the place of all files that are needed, unless it consists of optional ones and lists alone. A
    folder of archives stands for the needed files in it, and for what may be a meta file or a list; if it has no needed
    archive, for all, unless it has folders as well.

    Raises VosbenchError if the file of links cannot be read.
    """
    links = read_links(sources.links) if sources.links else {}
    given: list[PlannedFile] = []
    for source in sources.given:
        if is_url(source):
            given.append(_plan_given_url(source, known, lists, folder, sources))
        else:
            given += [
                _plan_given_path(path, known, lists) for path in _expand_given_path(Path(source), (*lists, *needed))
            ]
    named = {origin.download.file for origin in given}
    replaced = any(not (origin.is_checksum_list or origin.download.optional) for origin in given)
    files = [known[name] for name in needed if name not in named and (known[name].optional or not replaced)]
    # A list is worth a request if it alone can tell; for what is given, only one that the user names can.
    open_ = replaced or not all(file.sha256 for file in files)
    usable = [name for name in lists if name not in named and open_ and (name in links or not replaced)]
    planned = [
        PlannedFile(known[name], list_urls(known[name], sources, links), folder, False, name in usable, here)
        for name in (*usable, *(file.file for file in files))
        for here in [_measure_present_bytes(known[name], folder, sources)]
    ]
    wanted = [origin for origin in planned if origin.urls or not origin.is_checksum_list]
    return sorted((*given, *wanted), key=lambda origin: not origin.is_checksum_list)


def _expand_given_path(path: Path, wanted: Sequence[str]) -> list[Path]:
    """What a path that the user names stands for."""
    try:
        visible = (file for file in sorted(path.iterdir()) if not paths.is_litter(file.name))
        there = {file.name: file for file in visible if file.is_file()}
    except OSError:  # no folder, or one that cannot be read, which whoever opens it will say
        return [path]
    if any(is_archive(name) for name in wanted if name in there):
        return [file for name, file in there.items() if name in wanted or file.suffix in LIST_SUFFIXES]
    return [*there.values()] if any(map(is_archive, there)) and not paths.list_folders(path) else [path]


def _plan_given_path(path: Path, known: Mapping[str, Download], lists: Sequence[str]) -> PlannedFile:
    file, size = known.get(path.name, Download(path.name)), path.stat().st_size if path.is_file() else 0
    return PlannedFile(file, (), path.parent, is_given=True, is_checksum_list=path.name in lists, present_bytes=size)


def _plan_given_url(
    url: str, known: Mapping[str, Download], lists: Sequence[str], folder: Path, sources: Sources
) -> PlannedFile:
    """A URL that the user names, whose file is kept apart from those of other commands."""
    name = _get_url_file_name(url)
    twins = [each for each in sources.given if is_url(each) and _get_url_file_name(each) == name]
    command = hashlib.sha256("\n".join(sources.given).encode()).hexdigest()[:8]
    file, apart = known.get(name, Download(name)), folder / command / str(twins.index(url))
    return PlannedFile(
        file,
        (url,),
        apart,
        is_given=True,
        is_checksum_list=name in lists,
        present_bytes=_measure_present_bytes(file, apart, sources),
    )


def _measure_present_bytes(file: Download, folder: Path, sources: Sources) -> int:
    return 0 if sources.force else count_present_bytes(file.file, folder)


def list_urls(source: Download, sources: Sources, links: Mapping[str, str]) -> tuple[str, ...]:
    """The URLs of a file in the order in which they are tried: the links', the mirror's, the card's."""
    linked = (links[source.file],) if source.file in links else ()
    mirrored = (f"{sources.mirror.rstrip('/')}/{source.file}",) if sources.mirror else ()
    return (*linked, *mirrored, *source.urls)


def _get_url_file_name(url: str) -> str:
    return PurePosixPath(unquote(urlsplit(url).path)).name or "download"


def gather_files(
    origins: Sequence[PlannedFile], by_hand: str, progress: FetchProgress
) -> tuple[list[FetchedFile], list[str]]:
    """The files of a plan, lists of hashes left out, and warnings: of optional files and lists that cannot be had.

    by_hand: what to do about a file that cannot be had. A download that differs from its hash is refused, and so
    is a given file from that in a list; where only the card says so, it is a warning, since a user may want a part.
    Raises VosbenchError if a file that is needed cannot be had or is not the right one.
    """
    files: list[FetchedFile] = []
    warnings: list[str] = []
    hashes: dict[str, Hash] = {}
    for origin in origins:
        try:
            file = _obtain_file(origin, hashes.get(origin.download.file), warnings, progress)
            if origin.is_checksum_list:
                hashes = {**read_hashes(file.path), **hashes}
            else:
                files.append(file)
        except VosbenchError as error:
            gone = isinstance(error, UnavailableError)
            if origin.is_given or not (origin.is_checksum_list or (gone and origin.download.optional)):
                raise VosbenchError(f"{error}. {by_hand}") if gone else error from None
            warnings.append(f"went on without {error.message if isinstance(error, UnavailableError) else error}")
    return files, warnings


def _obtain_file(origin: PlannedFile, listed: Hash | None, warnings: list[str], progress: FetchProgress) -> FetchedFile:
    """A file on disk, downloaded if it has to be, and held against the hash that is known of it."""
    source, path = origin.download, origin.path
    if origin.is_given:
        source = Download(source.file)
    elif source.sha256:
        listed = None
    elif listed and listed.algorithm == "sha256":
        source = replace(source, sha256=listed.value)
    if origin.urls:
        if origin.is_checksum_list:
            path.unlink(missing_ok=True)  # of an earlier fetch; the publisher may have a newer one
        patience = OPTIONAL_FILE_LIMITS if source.optional and not origin.is_given else {}
        download_file(source, origin.folder, origin.urls, partial(progress, source.file), **patience)
    where = origin.urls[0] if origin.urls else str(path.resolve())
    if not path.is_file():
        return FetchedFile(path, where)
    found = hash_file_sha256(path) if source.sha256 is None else source.sha256.lower()
    if listed and (differing := listed.find_mismatch(path)):
        if origin.urls:
            path.unlink()
        raise VosbenchError(f"{path}: {differing}; fetch it again, or leave out {listed.list_name}")
    if origin.is_given and not listed and origin.download.sha256 not in (None, found):
        warnings.append(f"{path} is not the publisher's: sha256 is {found}, expected {origin.download.sha256}")
    return FetchedFile(path, where, bool(listed) or found == origin.download.sha256, found)
