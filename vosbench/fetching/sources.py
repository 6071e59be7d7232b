"""Plan where each file of a dataset comes from, without network and without writing.

A file comes from what the user gives (--from), the user's list of links, the mirror, or the URLs on the card, in this
order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from vosbench.datasets.card import Download
from vosbench.fetching.checksums import is_url, read_links
from vosbench.fetching.download import count_present_bytes
from vosbench.io import paths
from vosbench.io.archives.volumes import is_archive

LIST_SUFFIXES = (".json", ".txt")  # suffixes of meta files and lists

FetchProgress = Callable[[str, int, int | None], None]
"""Called with the name of a step, how much of it is done, and how much there is in all if that is known."""


@dataclass(frozen=True)
class Sources:
    """Options of a fetch: other places to get files from, and what to do with files that are there.

    given: paths and URLs that replace the card's files. links: a list of `file_name<TAB>url`. mirror: a base URL that
    holds the card's files by name. keep_archives: keep the downloads. force: fetch again what is there.
    """

    given: tuple[str, ...] = ()
    links: Path | None = None
    mirror: str | None = None
    keep_archives: bool = False
    force: bool = False

    @property
    def chosen_by_user(self) -> bool:
        """Whether the user chose where the files come from, and so may want a part of the data."""
        return bool(self.given or self.mirror or self.links)


class PlannedFile(NamedTuple):
    """A file or folder that a fetch needs.

    download: what the card says about a file of that name. urls: tried in order; empty if the file is on disk already,
    or if only a person can download it. folder: the folder of the file on disk. is_given: the user gave it, so it may
    differ from what the card says. is_checksum_list: it lists the hashes of other files. present_bytes: how much of it
    is on disk. holder: an archive that holds the file and is downloaded if the file itself cannot be.
    is_unpacked: an interrupted fetch has taken from it all that is needed.
    """

    download: Download
    urls: tuple[str, ...]
    folder: Path
    is_given: bool = False
    is_checksum_list: bool = False
    present_bytes: int = 0
    holder: PlannedFile | None = None
    is_unpacked: bool = False

    @property
    def path(self) -> Path:
        """Where the file is on disk, or will be."""
        return self.folder / self.download.file

    @property
    def size(self) -> int | None:
        """The size in bytes; None if it is not known, and for a folder."""
        if self.is_given:
            return None if self.urls else self.present_bytes or None
        return self.download.bytes

    @property
    def missing_bytes(self) -> int:
        """The bytes to download, 0 if that is not known."""
        return max(0, (self.size or 0) - self.present_bytes) if self.urls and not self.is_unpacked else 0

    @property
    def needs_manual_download(self) -> bool:
        """Whether the fetch needs the file and no URL of it is known, nor of an archive that holds it."""
        known = self.urls or (self.holder and self.holder.urls)
        return not (known or self.is_given or self.is_checksum_list or self.download.optional or self.is_unpacked)


def plan_files(
    known: Mapping[str, Download],
    needed: Sequence[str],
    lists: Sequence[str],
    folder: Path,
    sources: Sources,
    addable: Collection[str] = (),
) -> list[PlannedFile]:
    """Plan where the `needed` files of `known` come from, and `lists` of hashes, which come first.

    Downloads go to `folder`. What the user gives replaces all needed files, unless it is only optional files, lists and
    files whose names are in `addable`, such as meta files.
    A given folder of archives stands for the needed archives in it, with its .json and .txt files; if no needed archive
    is in it, it stands for all its files, unless it has subfolders too: such a folder is taken as an unpacked dataset.

    Raises VosbenchError if the list of links cannot be read.
    """
    links = read_links(sources.links) if sources.links else {}
    given: list[PlannedFile] = []
    for text in sources.given:
        if is_url(text):
            given.append(_plan_given_url(text, known, lists, folder, sources))
        else:
            given += [_plan_given_path(path, known, lists) for path in _expand_folder(Path(text), (*lists, *needed))]
    named = {name for file in given for name in (file.download.file, *file.download.holds)}
    adding = {file.download.file for file in given if file.download.optional or file.download.file in addable}
    replaced = any(not (file.is_checksum_list or file.download.file in adding) for file in given)
    required = [known[name] for name in needed if name not in named and (known[name].optional or not replaced)]
    # A list of hashes is useful if the card lacks a hash; for files that the user gives, only if a link to it is given.
    unverified = replaced or not all(file.sha256 for file in required)
    usable = [name for name in lists if name not in named and unverified and (name in links or not replaced)]
    plan = partial(_plan_download, folder=folder, sources=sources, links=links)
    holders = {name: plan(holder) for holder in known.values() for name in holder.holds}
    planned = [
        plan(known[name])._replace(is_checksum_list=name in usable, holder=holders.get(name))
        for name in (*usable, *(file.file for file in required))
    ]
    available = [file for file in planned if file.urls or not file.is_checksum_list]
    return sorted((*given, *available), key=lambda file: not file.is_checksum_list)


def _plan_download(file: Download, folder: Path, sources: Sources, links: Mapping[str, str]) -> PlannedFile:
    """Plan to download a file of the card."""
    present = _measure_present_bytes(file, folder, sources)
    return PlannedFile(file, list_urls(file, sources, links), folder, present_bytes=present)


def _expand_folder(path: Path, wanted: Sequence[str]) -> list[Path]:
    """The files that a path given by the user stands for: the path itself, unless it is a folder of archives."""
    try:
        visible = (file for file in sorted(path.iterdir()) if not paths.is_litter(file.name))
        found = {file.name: file for file in visible if file.is_file()}
    except OSError:  # no folder, or an unreadable one: the error is raised when it is opened
        return [path]
    if any(is_archive(name) for name in wanted if name in found):
        return [file for name, file in found.items() if name in wanted or file.suffix in LIST_SUFFIXES]
    return [*found.values()] if any(map(is_archive, found)) and not paths.list_folders(path) else [path]


def _plan_given_path(path: Path, known: Mapping[str, Download], lists: Sequence[str]) -> PlannedFile:
    file, size = known.get(path.name, Download(path.name)), path.stat().st_size if path.is_file() else 0
    return PlannedFile(file, (), path.parent, is_given=True, is_checksum_list=path.name in lists, present_bytes=size)


def _plan_given_url(
    url: str, known: Mapping[str, Download], lists: Sequence[str], folder: Path, sources: Sources
) -> PlannedFile:
    """Plan a download from a URL that the user gives, into a folder that other commands do not use."""
    name = _get_url_file_name(url)
    same_name = [each for each in sources.given if is_url(each) and _get_url_file_name(each) == name]
    command = hashlib.sha256("\n".join(sources.given).encode()).hexdigest()[:8]
    file, own_folder = known.get(name, Download(name)), folder / command / str(same_name.index(url))
    present = _measure_present_bytes(file, own_folder, sources)
    return PlannedFile(file, (url,), own_folder, True, is_checksum_list=name in lists, present_bytes=present)


def _measure_present_bytes(file: Download, folder: Path, sources: Sources) -> int:
    return 0 if sources.force else count_present_bytes(file.file, folder)


def list_urls(file: Download, sources: Sources, links: Mapping[str, str]) -> tuple[str, ...]:
    """The URLs of a file in the order in which they are tried: from the links, the mirror, the card."""
    linked = (links[file.file],) if file.file in links else ()
    mirrored = (f"{sources.mirror.rstrip('/')}/{file.file}",) if sources.mirror else ()
    return (*linked, *mirrored, *file.urls)


def _get_url_file_name(url: str) -> str:
    return PurePosixPath(unquote(urlsplit(url).path)).name or "download"
