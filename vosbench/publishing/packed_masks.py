"""Find the masks of each video in a zip for a server, and whatever else is in it."""

from __future__ import annotations

import stat
import zipfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from vosbench.datasets.card import Submission
from vosbench.errors import VosbenchError
from vosbench.io.archives.members import DAMAGE_ERRORS
from vosbench.io.archives.volumes import Volumes
from vosbench.io.files import refuse_pipe
from vosbench.io.wording import count_of
from vosbench.publishing.fault import MaskFault

MAX_FILE_BYTES = 2**27  # of a mask in a zip; a larger one is a decompression bomb
ENCRYPTED = 1  # the flag of an encrypted entry


class PackedMasks(NamedTuple):
    """What is in a zip. files: video -> the paths of its files. faults: of the layout and of files of no video."""

    files: Mapping[str, Sequence[str]]
    faults: Sequence[MaskFault]


@lru_cache(maxsize=1)
def _open_cached_zip(path: Path, changed: int) -> zipfile.ZipFile:
    """Open a zip once in a process. changed: when the file was last changed, so that a changed file is opened again.

    `Volumes` reads at given places, so that forks of this process may read the same open file.
    """
    refuse_pipe(path)
    try:
        return zipfile.ZipFile(Volumes([path], ExitStack()).open())
    except DAMAGE_ERRORS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise VosbenchError(path, f"cannot be read as a zip ({reason})", "write the zip again") from None


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip. Raises VosbenchError if it is not there, or no zip."""
    if not path.is_file():
        raise VosbenchError(path, "no such file", "give the path of a zip")
    return _open_cached_zip(path, path.stat().st_mtime_ns)


def read_zip_entry(path: Path, name: str) -> bytes:
    """The content of an entry of a zip. Raises VosbenchError if it is damaged, encrypted or too large for a mask."""
    archive = open_zip(path)
    info = archive.getinfo(name)
    if info.flag_bits & ENCRYPTED:
        raise VosbenchError(name, "is encrypted")
    if info.file_size > MAX_FILE_BYTES:
        raise VosbenchError(name, f"has {info.file_size} bytes, which is too large for a mask")
    try:
        return archive.read(info)
    except DAMAGE_ERRORS as error:
        raise VosbenchError(name, f"cannot be read ({' '.join(str(error).split()) or type(error).__name__})") from None


def find_packed_masks(path: Path, submission: Submission, videos: Collection[str]) -> PackedMasks:
    """Find the files of each of the given videos in a zip.

    Videos that lie elsewhere than the server expects them are a fault, and are found all the same. Raises VosbenchError
    for a file that is no zip.
    """
    infos = [info for info in open_zip(path).infolist() if not info.filename.endswith("/")]
    faults = list(_find_strange_entries(infos))
    names = list(dict.fromkeys(info.filename for info in infos))
    place = _find_videos_place(names, PurePosixPath(submission.folder), videos)
    if place != PurePosixPath(submission.folder) and not _is_accepted(place, submission, names):
        expected = f"in {submission.folder}/" if submission.folder else "at the top of the zip"
        where = f"{place}/" if place.parts else "the top of the zip"
        faults.append(MaskFault("wrong layout", "", where, f"the videos lie there, the server expects them {expected}"))
    files, others = _group_by_video(names, place, videos)
    nested = {video: [name for name in files[video] if _depth(name, place) > 2] for video in files}
    if deep := [name for inside in nested.values() for name in inside]:
        found = f"folders in the folder of a video, with {count_of(len(deep), 'file')}; expected <video>/<frame>.png"
        faults.append(MaskFault("wrong layout", "", str(PurePosixPath(deep[0]).parent), found))
    flat = {video: [name for name in files[video] if _depth(name, place) <= 2] for video in files}
    return PackedMasks(flat, [*faults, *_describe_others(others, place)])


def _depth(name: str, place: PurePosixPath) -> int:
    return len(PurePosixPath(name).relative_to(place).parts)


def _find_strange_entries(infos: Iterable[zipfile.ZipInfo]) -> Iterator[MaskFault]:
    """Entries that are there twice, and links, which servers do not follow."""
    seen: set[str] = set()
    for info in infos:
        if info.filename in seen:
            yield MaskFault("repeated file", "", info.filename, "is in the zip twice")
        seen.add(info.filename)
        if stat.S_IFMT(info.external_attr >> 16) == stat.S_IFLNK:
            yield MaskFault("damaged file", "", info.filename, "is a link")


def _find_videos_place(names: Iterable[str], expected: PurePosixPath, videos: Collection[str]) -> PurePosixPath:
    """The folder of the zip in which the videos lie: the expected one, or else the highest one that has a video."""
    places = {
        parents[index + 1]
        for name in names
        for parents in [PurePosixPath(name).parents]
        for index, parent in enumerate(parents)
        if parent.name in videos
    }
    return expected if expected in places or not places else min(places, key=lambda place: (len(place.parts), place))


def _is_accepted(place: PurePosixPath, submission: Submission, names: Sequence[str]) -> bool:
    """Whether the server also takes the videos in this folder: one more folder around everything, where it allows."""
    is_around = submission.wrapper and len(place.parts) == len(PurePosixPath(submission.folder).parts) + 1
    return is_around and all(PurePosixPath(name).parts[0] == place.parts[0] for name in names)


def _group_by_video(
    names: Iterable[str], place: PurePosixPath, videos: Collection[str]
) -> tuple[dict[str, list[str]], list[str]]:
    files: dict[str, list[str]] = defaultdict(list)
    others = []
    for name in names:
        path = PurePosixPath(name)
        parts = path.relative_to(place).parts if path.is_relative_to(place) else ()
        if len(parts) > 1 and parts[0] in videos and ".." not in parts:
            files[parts[0]].append(name)
        else:
            others.append(name)
    return dict(files), others


def _describe_others(names: Iterable[str], place: PurePosixPath) -> Iterator[MaskFault]:
    """A fault for each file that belongs to no video, and one for each folder of such files."""
    folders: dict[str, list[str]] = defaultdict(list)
    for name in names:
        path = PurePosixPath(name)
        inside = path.relative_to(place) if path.is_relative_to(place) else path
        folders[str(path.parents[len(inside.parts) - 2]) if len(inside.parts) > 1 else name].append(name)
    for folder, inside_it in folders.items():
        if inside_it == [folder]:
            yield MaskFault("extra file", "", folder, "belongs to no video of the split")
        else:
            found = f"no video of the split has this name, and it holds {count_of(len(inside_it), 'file')}"
            yield MaskFault("extra file", "", f"{folder}/", found)
