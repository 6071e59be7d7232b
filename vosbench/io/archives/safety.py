"""Check the entries of an archive before they are used.

An entry is refused if it could write outside its folder, write twice, fill the disk, or hide that a file is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from vosbench.errors import VosbenchError
from vosbench.io.archives.members import Member
from vosbench.io.paths import is_litter

# Frames and masks hardly shrink in an archive. The extreme is one empty mask 20,000 times: 5:1 in a zip and 162:1 in a
# tar.gz (measured). Bombs aim at deflate's limit, 1032:1. Up to SMALL_ARCHIVE_BYTES, any ratio is harmless.
# A zip is judged by entry and as a whole; a tar or 7z does not state an entry's packed size, so only as a whole.
MAX_RATIO = 200
SMALL_ARCHIVE_BYTES = 16 * 2**20


class ArchiveEntry(NamedTuple):
    """What an archive states about one entry.

    kind: "file", "folder", or, for an entry to refuse, what it is, such as "a link". packed_size: its bytes in the
    archive. open: returns a stream of its bytes. file: where it lies unpacked once the archive's last entry has been
    read, if it is wanted.
    """

    name: str
    kind: str
    size: int
    packed_size: int
    open: Callable[[], IO[bytes]]
    file: Path | None = None

    @property
    def parts(self) -> list[str]:
        """The folders that it lies in, and its own name."""
        return [part for part in self.name.split("/") if part not in ("", ".")]

    @property
    def is_wanted(self) -> bool:
        """Whether it is a file and not litter."""
        return self.kind == "file" and not any(map(is_litter, self.parts))


def check_entries(archive: Path, entries: Iterable[ArchiveEntry], max_bytes: int) -> list[Member]:
    """Return the wanted entries of an archive, which may unpack to `max_bytes` in all.

    Raises VosbenchError for the first unsafe entry, before the next one is read.
    """
    unpacked = 0
    members: dict[str, Member] = {}
    for entry in entries:
        unpacked += entry.size
        flaw = _find_flaw(entry) or ("makes the archive unpack to too much: a bomb" if unpacked > max_bytes else None)
        if flaw:
            raise make_refusal(archive, flaw, entry.name)
        if entry.is_wanted:
            member = Member(
                PurePosixPath(entry.name), entry.size, archive, entry.open, entry.file, read_in_parallel=True
            )
            twin = members.setdefault(str(member.name).casefold(), member)
            if twin is not member:
                raise make_refusal(archive, f"has the name of another entry, {str(twin.name)!r}", entry.name)
    for folder in _add_parents({member.name.parent for member in members.values()}):
        if str(folder).casefold() in members:
            raise make_refusal(archive, "is both a file and a folder", str(folder))
    return list(members.values())


def _add_parents(folders: Collection[PurePosixPath]) -> set[PurePosixPath]:
    """Return the folders and all folders that they lie in."""
    return {above for folder in folders for above in (folder, *folder.parents)}


def _find_flaw(entry: ArchiveEntry) -> str | None:
    """Say why an entry is unsafe by itself; None if it is safe."""
    if entry.name.startswith("/") or re.match("[A-Za-z]:", entry.name):
        return "has an absolute path"
    if re.search(r"[\x00-\x1f\\]", entry.name):
        return "has a backslash or a control character in its name"
    if ".." in entry.name.split("/"):
        return "leads out of its folder"
    if entry.kind not in ("file", "folder"):
        return f"is {entry.kind}"
    if entry.kind == "file" and not entry.parts:
        return "has no name"
    if not 0 <= entry.size <= max_unpacked_size(entry.packed_size):
        return f"unpacks to {entry.size} bytes from {entry.packed_size}: a bomb"
    return None


def max_unpacked_size(packed_size: int) -> int:
    """Return how many bytes an archive or entry of `packed_size` bytes may unpack to."""
    return max(SMALL_ARCHIVE_BYTES, MAX_RATIO * packed_size)


def make_refusal(archive: Path, flaw: str, name: str | None = None) -> VosbenchError:
    """Return the error for an archive that is not read. name: of the entry that has the flaw, if it is one entry."""
    found = flaw if name is None else f"entry {name!r} {flaw}"
    return VosbenchError(archive, found, "if you trust it, unpack it by hand and give the folder instead")
