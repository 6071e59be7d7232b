"""Read predicted masks from a zip of PNGs without unpacking it to disk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from vosbench.errors import VosbenchError
from vosbench.io.archives.members import Member
from vosbench.io.archives.open import open_members
from vosbench.masks.labels import decode_labels, from_labels
from vosbench.masks.source import (
    MaskFrames,
    MaskSource,
    Opener,
    SizedMasks,
    find_video_folder,
    index_by_object_id,
    refuse_label_maps_beside_objects,
)


class _ZippedFile(NamedTuple):
    """What a Member holds besides its path and its archive, which 150,000 files would hold each for itself."""

    size: int
    open: Callable[[], IO[bytes]]


@lru_cache(maxsize=1)
def _open_cached_archive(archive: Path, changed: int) -> tuple[ExitStack, dict[str, _ZippedFile]]:
    """Open an archive and check its members, once in a process; it stays open until another archive is opened.

    changed: when the file was last changed, in nanoseconds, so that a changed file is opened again.
    """
    stack = ExitStack()
    members = stack.enter_context(open_members([archive]))
    return stack, {str(member.name): _ZippedFile(member.size, member.open) for member in members}


def _get_zipped_files(archive: Path) -> dict[str, _ZippedFile]:
    return _open_cached_archive(archive, archive.stat().st_mtime_ns)[1]


def _read_zipped(archive: Path, file: str) -> bytes:
    size, opener = _get_zipped_files(archive)[file]
    return Member(PurePosixPath(file), size, archive, opener).read()


def _list_pngs(archive: Path) -> list[str]:
    return [file for file in _get_zipped_files(archive) if file.lower().endswith(".png")]


def list_zipped_masks(archive: Path) -> list[PurePosixPath]:
    """The paths of the PNGs in a zip. Raises VosbenchError for an archive that is damaged or unsafe."""
    return list(map(PurePosixPath, _list_pngs(archive)))


def find_zip_videos(archive: Path, merge: bool, videos: Collection[str]) -> dict[str, Opener]:
    """The videos in a zip: video -> a function that opens its masks.

    merge: whether all objects of a frame are merged into one with id 1.
    videos: the names of the videos to be scored, by which the folder that contains them is found.
    Raises VosbenchError for an archive that is damaged or unsafe.
    """
    files = _list_pngs(archive)
    top = find_video_folder(lambda place: {inside[0] for _, inside in _list_below(place, files) if inside[1:]}, videos)
    found: dict[str, dict[str, list[str]]] = {}
    for file, inside in _list_below(top, files):
        match inside:
            case [video, _]:
                found.setdefault(video, {}).setdefault("", []).append(file)
            case [video, object_id, _] if object_id.isdecimal():
                found.setdefault(video, {}).setdefault(object_id, []).append(file)
    return {video: partial(_open_zipped, archive, top / video, folders, merge) for video, folders in found.items()}


def _list_below(folder: PurePosixPath, files: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each file in a folder of the zip with the parts of its path below this folder."""
    before = f"{folder}/" if folder.parts else ""
    return ((file, file[len(before) :].split("/")) for file in files if file.startswith(before))


def _open_zipped(
    archive: Path, video: PurePosixPath, folders: Mapping[str, Sequence[str]], merge: bool, _: object
) -> MaskSource:
    """Open the masks of a video.

    folders: the name of an object's folder -> the files in it; "" -> the files beside these folders, or the label maps.
    """
    where = archive / video
    objects = index_by_object_id(where, {name: files for name, files in folders.items() if name})
    by_object: list[tuple[int | None, Sequence[str]]] = [*objects.items()] or [(None, folders[""])]
    frames: dict[str, dict[int | None, str]] = defaultdict(dict)
    for object_id, files in by_object:
        for file in files:
            frames[PurePosixPath(file).stem][object_id] = file
    if objects:
        beside = (PurePosixPath(file).stem for file in folders.get("", ()))
        refuse_label_maps_beside_objects(where, beside, frames)
    load, load_file = partial(_load_zipped, archive), partial(_read_zipped_file, archive)
    return MaskFrames(f"{archive / video}/", dict(frames), load, merge, ".png", load_file=load_file)


def _read_zipped_file(archive: Path, files: Mapping[int | None, str]) -> bytes | None:
    return _read_zipped(archive, files[None]) if None in files else None


def _load_zipped(archive: Path, name: str, files: Mapping[int | None, str]) -> SizedMasks:
    label_maps = {
        object_id: decode_labels(_read_zipped(archive, file), archive / file) for object_id, file in files.items()
    }
    sizes = {(label_map.shape[0], label_map.shape[1]) for label_map in label_maps.values()}
    if len(sizes) > 1:
        raise VosbenchError(name, "the masks of its objects differ in size", "write them in the same size")
    if None in label_maps:
        return sizes.pop(), from_labels(label_maps[None])
    return sizes.pop(), {
        object_id: label_map > 0 for object_id, label_map in label_maps.items() if object_id is not None
    }
