"""Read the entries of a zip in place."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

from vosbench.io.archives.safety import ArchiveEntry, make_refusal
from vosbench.io.archives.volumes import Volumes

ZIP_MAGICS = (b"PK\3\4", b"PK\5\6")
ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
ZIP_HEADER_BYTES = 30  # before an entry's name


def read_zip_entries(path: Path, packed: Volumes) -> Iterator[ArchiveEntry]:
    """Yield the entries in the order of the zip's directory.

    Raises what zipfile raises for damage, and VosbenchError for entries that overlap.
    """
    archive = zipfile.ZipFile(packed.open())
    placed = sorted(archive.infolist(), key=lambda info: info.header_offset)
    starts = [info.header_offset for info in placed] + [archive.start_dir]
    for info, (start, following) in zip(placed, pairwise(starts), strict=True):
        if start + ZIP_HEADER_BYTES + len(info.orig_filename) + info.compress_size > following:
            raise make_refusal(path, "overlaps another entry: a bomb", info.orig_filename)
    open_entry = archive.open  # one bound method for all entries, of which there may be very many
    for info in archive.infolist():
        name = info.orig_filename  # info.filename ends at the first NUL
        yield ArchiveEntry(name, _get_zip_kind(info), info.file_size, info.compress_size, partial(open_entry, info))


def _get_zip_kind(info: zipfile.ZipInfo) -> str:
    form = stat.S_IFMT(info.external_attr >> 16)
    if form not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a link" if form == stat.S_IFLNK else "a device"
    if info.flag_bits & 1:
        return "encrypted"
    if info.compress_type not in ZIP_METHODS:
        return f"packed by method {info.compress_type}, which cannot be read here"
    return "folder" if info.orig_filename.endswith("/") else "file"
