"""Read a compressed tar inside another archive as a stream, so that no copy of it is written to disk first."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from typing import IO

from vosbench.io.archives import tar
from vosbench.io.archives.members import Member, translate_read_errors


class PackedMember:
    """An archive inside an archive, read from its beginning without a copy of it on disk."""

    def __init__(self, member: Member) -> None:
        self._member, self.size = member, member.size

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes from an offset on, for which all bytes before it are read, too."""
        with self._member.open() as stream:
            stream.read(offset)
            return stream.read(size)

    def open(self, start: int = 0, size: int | None = None) -> IO[bytes]:
        """Return a stream over all bytes; only the whole archive can be read."""
        if start or size is not None:
            raise ValueError("an archive inside an archive is read from its beginning")
        return self._member.open()


def open_in_place(volumes: Sequence[Member]) -> PackedMember | None:
    """An archive inside an archive that can be unpacked without a copy of it: a compressed tar in one volume."""
    member = volumes[0]
    with translate_read_errors(member.source, str(member.name)), member.open() as stream:
        is_compressed_tar = stream.read(tarfile.BLOCKSIZE).startswith(tuple(tar.UNPACKERS))
    return PackedMember(member) if is_compressed_tar and len(volumes) == 1 and not member.file_on_disk else None
