"""What an archive says of what is in it, and what of that is refused before anything is believed.

Refused is whatever could write elsewhere, write twice, fill the disk or hide a loss.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from vosbench.errors import VosbenchError
from vosbench.io.archives.members import Member
from vosbench.io.paths import is_litter

# Frames and masks hardly shrink in an archive; the extreme, 20,000 times one empty mask, is 5:1 in a zip and 162:1 in a
# tar.gz (measured), while bombs aim at deflate's limit, 1032:1. Less than SMALL harms nobody at any ratio.
# A zip is judged by member and as a whole; a tar and a 7z do not say what a member takes, and are judged as a whole.
MAX_RATIO = 200
SMALL_ARCHIVE_BYTES = 16 * 2**20  # bytes


class ArchiveEntry(NamedTuple):
    """What an archive says of one entry. kind: "file", "folder" or what is refused. packed: the bytes that it takes.

    open: its bytes. file: where it lies unpacked when the archive's last entry has been asked for, if it is wanted.
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
        """Whether it is a file and no litter."""
        return self.kind == "file" and not any(map(is_litter, self.parts))


def check_entries(archive: Path, entries: Iterable[ArchiveEntry], most: int) -> list[Member]:
    """The wanted ones among the entries of an archive that may hold `most` bytes.

    Raises VosbenchError for the first entry that is unsafe, before the next one is asked for.
    """
    unpacked = 0
    members: dict[str, Member] = {}
    for entry in entries:
        unpacked += entry.size
        if flaw := _find_unsafe_trait(entry) or ("makes the whole too large: a bomb" if unpacked > most else None):
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
    """Folders with those that they lie in."""
    return {above for folder in folders for above in (folder, *folder.parents)}


def _find_unsafe_trait(entry: ArchiveEntry) -> str | None:
    """Why an entry is unsafe by itself, if it is."""
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


def max_unpacked_size(packed: int) -> int:
    """The most bytes that so many packed bytes may become."""
    return max(SMALL_ARCHIVE_BYTES, MAX_RATIO * packed)


def make_refusal(archive: Path, flaw: str, name: str | None = None) -> VosbenchError:
    """Why an archive is not read, as one line."""
    what = f"{archive}:" if name is None else f"{archive}: {name!r} in it"
    return VosbenchError(f"{what} {flaw}; if you trust it, unpack it by hand and give the folder")
