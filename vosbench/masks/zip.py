"""Read predicted masks from a zip of PNGs without unpacking it to disk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath

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


@lru_cache(maxsize=1)
def _open_cached_archive(archive: Path, changed: int) -> tuple[ExitStack, dict[PurePosixPath, Member]]:
    """Open an archive and check its members, once in a process; it stays open until another archive is opened.

    changed: when the file was last changed, in nanoseconds, so that a changed file is opened again.
    """
    stack = ExitStack()
    members = stack.enter_context(open_members([archive]))
    return stack, {member.name: member for member in members}


def _get_zip_members(archive: Path) -> dict[PurePosixPath, Member]:
    return _open_cached_archive(archive, archive.stat().st_mtime_ns)[1]


def list_zipped_masks(archive: Path) -> list[PurePosixPath]:
    """The paths of the PNGs in a zip. Raises VosbenchError for an archive that is damaged or unsafe."""
    return [file for file in _get_zip_members(archive) if file.suffix.lower() == ".png"]


def find_zip_videos(archive: Path, merge: bool, videos: Collection[str]) -> dict[str, Opener]:
    """The videos in a zip: video -> a function that opens its masks.

    merge: whether all objects of a frame are merged into one with id 1.
    videos: the names of the videos to be scored, by which the folder that contains them is found.
    Raises VosbenchError for an archive that is damaged or unsafe.
    """
    files = list_zipped_masks(archive)
    top = find_video_folder(
        lambda place: {f.relative_to(place).parts[0] for f in files if place in f.parents[1:]}, videos
    )
    found: dict[str, dict[str, list[PurePosixPath]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        match file.relative_to(top).parts if file.is_relative_to(top) else ():
            case [video, _]:
                found[video][""].append(file)
            case [video, object_id, _] if object_id.isdecimal():
                found[video][object_id].append(file)
    return {video: partial(_open_zipped, archive, top / video, dict(found[video]), merge) for video in found}


def _open_zipped(
    archive: Path, video: PurePosixPath, folders: Mapping[str, Sequence[PurePosixPath]], merge: bool, _: object
) -> MaskSource:
    """Open the masks of a video.

    folders: the name of an object's folder -> the files in it; "" -> the files beside these folders, or the label maps.
    """
    where = archive / video
    objects = index_by_object_id(where, {name: files for name, files in folders.items() if name})
    by_object: list[tuple[int | None, Sequence[PurePosixPath]]] = [*objects.items()] or [(None, folders[""])]
    frames: dict[str, dict[int | None, PurePosixPath]] = defaultdict(dict)
    for object_id, files in by_object:
        for file in files:
            frames[file.stem][object_id] = file
    if objects:
        refuse_label_maps_beside_objects(where, (file.stem for file in folders.get("", ())), frames)
    load, load_file = partial(_load_zipped, archive), partial(_read_zipped_file, archive)
    return MaskFrames(f"{archive / video}/", dict(frames), load, merge, ".png", load_file=load_file)


def _read_zipped_file(archive: Path, files: Mapping[int | None, PurePosixPath]) -> bytes | None:
    return _get_zip_members(archive)[files[None]].read() if None in files else None


def _load_zipped(archive: Path, name: str, files: Mapping[int | None, PurePosixPath]) -> SizedMasks:
    contents = {object_id: _get_zip_members(archive)[file].read() for object_id, file in files.items()}
    label_maps = {
        object_id: decode_labels(content, archive / files[object_id]) for object_id, content in contents.items()
    }
    sizes = {(label_map.shape[0], label_map.shape[1]) for label_map in label_maps.values()}
    if len(sizes) > 1:
        raise VosbenchError(name, "the masks of its objects differ in size", "write them in the same size")
    if None in label_maps:
        return sizes.pop(), from_labels(label_maps[None])
    return sizes.pop(), {
        object_id: label_map > 0 for object_id, label_map in label_maps.items() if object_id is not None
    }
