"""Open folders and zip, tar and 7z archives as lists of files; every entry is checked before it is used.

Tars may be plain or compressed by gzip, bzip2 or xz, and any archive may be split into volumes. The content decides
which kind an archive is. An archive inside an archive is recognised by its name and opened in the same way, one level
deep. A single file that is not an archive is a list of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from vosbench.errors import VosbenchError
from vosbench.io.archives import tar
from vosbench.io.archives import zip as zip_archive
from vosbench.io.archives.folder import walk_folder
from vosbench.io.archives.members import (
    DamagedArchiveError,
    Member,
    make_opener,
    translate_read_errors,
    translate_write_errors,
)
from vosbench.io.archives.packed import open_in_place
from vosbench.io.archives.safety import ArchiveEntry, check_entries, make_refusal, max_unpacked_size
from vosbench.io.archives.volumes import PackedBytes, Volumes, find_volumes, get_archive_name, group_volumes, is_archive
from vosbench.io.archives.zip import ZIP_MAGICS

SEVENZIP_MAGIC = b"7z\xbc\xaf\x27\x1c"
UNSUPPORTED_SUFFIXES = (".gz", ".bz2", ".xz", ".rar", ".zst", ".br", ".lz")  # a file named so claims to be an archive
HEAD_BYTES = 512  # the beginning of a file, which tells its kind


@contextmanager
def open_members(
    sources: Sequence[Path], scratch: Path | None = None, closed: Collection[str] = ()
) -> Iterator[list[Member]]:
    """List the files of several folders and archives; they can be read until the block ends.

    The list goes source by source, each archive in its own order and folders sorted. The volumes of one archive are one
    source, named after the first volume; if only one volume is given, those beside it are added. An archive inside an
    archive is a source of its own, and its files take its place; a third level is refused. A single file that claims
    neither by its suffix nor by its content to be an archive is one member.

    Hidden files and `__MACOSX` are left out. Names are unique within a source, also when case is ignored, but two
    sources may share a name.

    scratch: a folder, made when needed, for 7z archives, compressed tars, and archives inside archives. Each is
    unpacked there once, while it is checked; its members are then files there, which are deleted when the block ends.
    Files that a killed process left there are ignored; the caller has to delete them. Without a scratch folder an
    archive inside an archive is a plain member, and an archive that has to be unpacked is refused.

    closed: names of archives that are left out, and not unpacked, where they lie inside an archive.

    Raises VosbenchError for a source that is missing, damaged, unsafe or of an unknown kind, DiskError for a full disk.
    """
    with ExitStack() as stack:
        workspace = _Workspace(scratch, stack, closed)
        yield [member for paths in _group_sources(sources) for member in _open_source(paths, workspace)]


def require_py7zr(subject: object) -> None:
    """Raise VosbenchError if py7zr, which reads 7z archives, cannot be imported. subject: the file that needs it."""
    try:
        import py7zr  # noqa: F401
    except ImportError as error:
        found = f"the package py7zr, which reads 7z archives, is not installed ({error})"
        raise VosbenchError(subject, found, 'run: pip install "vosbench[7z]"') from None


@dataclass(frozen=True)
class _Workspace:
    """The folder to unpack into, if there is one, and the stack of what is closed and deleted in the end.

    closed: names of archives inside archives that are left out.
    """

    scratch: Path | None
    stack: ExitStack
    closed: Collection[str]

    def make_folder(self, archive: Path) -> Path:
        """Make an empty folder of a new name to unpack an archive into."""
        if self.scratch is None:
            raise make_refusal(archive, "has to be unpacked before it can be read")
        with translate_write_errors(self.scratch):
            self.scratch.mkdir(parents=True, exist_ok=True)
            return self.scratch / Path(self.stack.enter_context(TemporaryDirectory(dir=self.scratch))).name

    def save(self, member: Member) -> Path:
        """Save a member to a file in a new folder."""
        file = self.make_folder(member.source) / "0"
        member.save(file)
        return file


def _group_sources(sources: Sequence[Path]) -> list[list[Path]]:
    """Group the sources: all volumes of one archive together and in order, any other source by itself."""
    given = Counter(get_archive_name(source.name) for source in sources)
    named = []
    for source in sources:
        if not source.exists():
            raise VosbenchError(source, "no such file or folder", "check the path")
        archive = get_archive_name(source.name)
        paths = find_volumes(source) if archive and given[archive] == 1 else [source]
        named += [(path.name, path) for path in paths]
    return group_volumes(named)


def _open_source(paths: Sequence[Path], workspace: _Workspace) -> list[Member]:
    """List the files of a folder or archive and of the archives inside it. paths: the folder, or all volumes."""
    source = paths[0]
    with translate_read_errors(source):
        if source.is_dir():
            return list(walk_folder(source))
        max_bytes = max_unpacked_size(sum(path.stat().st_size for path in paths))
        packed = Volumes(paths, workspace.stack)
    members = _open_archive(packed, source, workspace, max_bytes)
    return members if workspace.scratch is None else list(_open_inner_archives(members, workspace, max_bytes))


def _open_archive(packed: PackedBytes, source: Path, workspace: _Workspace, max_bytes: int) -> list[Member]:
    """List the members of one archive, of at most so many bytes in all; a file that is no archive is its own member.

    source: what to call it, for an archive inside an archive its path in the outer one.
    """
    with translate_read_errors(source):
        max_bytes = min(max_bytes, max_unpacked_size(packed.size))
        entries = _read_entries(source, packed, workspace, max_bytes)
        if entries is None:
            name, file = PurePosixPath(source.name), source.resolve()
            return [Member(name, packed.size, source, make_opener(source), file, read_in_parallel=True)]
        return check_entries(source, entries, max_bytes)


def _read_entries(
    source: Path, packed: PackedBytes, workspace: _Workspace, max_bytes: int
) -> Iterable[ArchiveEntry] | None:
    """Iterate over the entries of an archive in its order; None for a file that neither is nor claims to be one."""
    head = packed.read_at(0, HEAD_BYTES)
    if isinstance(packed, Volumes) and head.startswith(ZIP_MAGICS):
        return zip_archive.read_zip_entries(source, packed)
    if isinstance(packed, Volumes) and head.startswith(SEVENZIP_MAGIC):
        require_py7zr(source)
        from vosbench.io.archives import sevenzip

        return sevenzip.read_sevenzip_entries(source, packed, partial(workspace.make_folder, source))
    if tar.is_tar(head):
        return tar.read_tar_entries(source, packed, partial(workspace.make_folder, source), max_bytes)
    if is_archive(source.name) or source.suffix.lower() in UNSUPPORTED_SUFFIXES:
        remedy = "download it again, or unpack it by hand and give the folder instead"
        raise DamagedArchiveError(source, "neither a folder nor a zip, tar or 7z archive", remedy)
    return None


def _open_inner_archives(members: Sequence[Member], workspace: _Workspace, max_bytes: int) -> Iterator[Member]:
    """Replace the archives among an archive's members by their own members. max_bytes: for all members together."""
    bytes_left = max_bytes - sum(member.size for member in members)
    for volumes in group_volumes((str(member.name), member) for member in members):
        first = volumes[0]
        if not is_archive(first.name.name):
            yield first
            continue
        if first.name.name in workspace.closed:
            continue
        inner = first.source / first.name
        packed = open_in_place(volumes) or Volumes(
            [volume.file_on_disk or workspace.save(volume) for volume in volumes], workspace.stack
        )
        for member in _open_archive(packed, inner, workspace, bytes_left):
            if is_archive(member.name.name):
                raise make_refusal(inner, "lies two archives deep, where only one is opened", str(member.name))
            bytes_left -= member.size
            yield replace(member, name=first.name.parent / member.name)
