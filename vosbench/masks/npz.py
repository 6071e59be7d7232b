"""Read predicted masks from NumPy's .npz files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.io.archives.members import DAMAGE_ERRORS
from vosbench.io.archives.volumes import Volumes
from vosbench.io.files import refuse_pipe
from vosbench.masks.labels import MAX_PIXELS, check_id_range, from_labels
from vosbench.masks.source import MaskFrames, MaskSource, Opener, SizedMasks, match_frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNREADABLE_ERRORS: tuple[type[Exception], ...] = (*DAMAGE_ERRORS, MemoryError)
SHOWN_ARRAYS = 4  # in a message
ARRAY_FORMS = {("i", 3), ("u", 3), ("b", 3), ("b", 4)}  # kind of the dtype, number of dimensions


def find_npz_videos(path: Path, merge: bool) -> dict[str, Opener]:
    """The videos in a .npz that has an array for each: video -> a function that opens its masks.

    merge: whether all objects of a frame are merged into one with id 1. Raises VosbenchError for a damaged file.
    """
    with _open_npz(path) as archive:
        videos = [name for name in _list_arrays(archive) if not name.endswith(("/frames", "/objects"))]
    return {video: partial(_open_video_array, path, video, f"{video}/", merge) for video in videos}


def open_single_array(path: Path, merge: bool, frame_names: Sequence[str]) -> MaskSource:
    """Open the masks in the .npz of one video.

    frame_names: those of the ground truth, for an array without frame names.
    Raises VosbenchError if the file is damaged, has several arrays, or its array cannot be matched with frames.
    """
    with _open_npz(path) as archive:
        names = _list_arrays(archive)
    match [name for name in names if name not in ("frames", "objects")]:
        case [key]:
            return _open_video_array(path, key, "", merge, frame_names)
    more = f" and {len(names) - SHOWN_ARRAYS} more" if len(names) > SHOWN_ARRAYS else ""
    shown = ", ".join(names[:SHOWN_ARRAYS]) or "none"
    found = f"expected one array, and optionally `frames` and `objects`, found {shown}{more}"
    raise VosbenchError(path, found, "write the masks of this video as the only array")


@contextmanager
def _open_npz(path: Path) -> Iterator[ZipFile]:
    """An NPZ that is open. Errors of reading become VosbenchError."""
    refuse_pipe(path)
    try:
        yield _open_cached_npz(path, path.stat().st_mtime_ns)
    except UNREADABLE_ERRORS as error:
        remedy = "write it again with numpy.savez_compressed, without Python objects"
        raise VosbenchError(path, f"cannot be read ({error})", remedy) from None


@lru_cache(maxsize=1)
def _open_cached_npz(path: Path, changed: int) -> ZipFile:
    """Open an NPZ once in a process and not for each video, since opening reads the list of all videos.

    changed: when the file was last changed, in nanoseconds, so that a changed file is opened again. `Volumes` reads at
    given places, so that forks of this process may read the same open file.
    """
    return ZipFile(Volumes([path], ExitStack()).open())


def _list_arrays(archive: ZipFile) -> list[str]:
    return [name.removesuffix(".npy") for name in archive.namelist()]


def _has_array(archive: ZipFile, key: str) -> bool:
    return f"{key}.npy" in archive.NameToInfo


def _read_array(archive: ZipFile, key: str) -> NDArray[Any]:
    with archive.open(f"{key}.npy") as stream:
        return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))


@lru_cache(maxsize=1)
def _cached_masks(path: Path, key: str, changed: int) -> NDArray[Any]:
    """The array of one video, kept in memory while the video's frames are read.

    changed: when the file was last changed, in nanoseconds, so that a changed file is read again.
    """
    with _open_npz(path) as archive:
        return _read_array(archive, key)


def _open_video_array(path: Path, key: str, beside: str, merge: bool, frame_names: Sequence[str]) -> MaskSource:
    """Open the masks in the array `key`.

    beside: the beginning of the names of the arrays with its frame names and object ids, which may be absent.
    """
    where = f"{path}: array {key}"
    with _open_npz(path) as archive:
        frames, objects = f"{beside}frames", f"{beside}objects"
        own = _read_array(archive, frames).astype(str).ravel().tolist() if _has_array(archive, frames) else None
        shape, dtype = _read_array_header(archive, key)
        ids = (
            tuple(_read_array(archive, objects).astype(int).ravel().tolist()) if _has_array(archive, objects) else None
        )
    if ids is not None and (len(shape) != 4 or len(set(ids)) != shape[1] or min(ids, default=0) < 0):
        found = f"has masks {list(shape)}, and {objects} gives the ids {list(ids)}"
        raise VosbenchError(where, found, "give one id, 0 or higher, to each object in masks [T, N, H, W] of bool")
    if (dtype.kind, len(shape)) not in ARRAY_FORMS or math.prod(shape[-2:]) > MAX_PIXELS:
        raise VosbenchError(
            where,
            f"is {dtype} {list(shape)}, expected at most {MAX_PIXELS} pixels a frame",
            "write masks as [T, H, W] of integers or bool, or as [T, N, H, W] of bool",
        )
    indices = {frame_name: index for index, frame_name in enumerate(match_frames(where, shape[0], own, frame_names))}
    return MaskFrames(f"{where}, frame ", indices, partial(_load_array, path, key, ids), merge)


def _read_array_header(archive: ZipFile, key: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """The shape and the type of an array, without its data."""
    with archive.open(f"{key}.npy") as stream:
        version = np.lib.format.read_magic(stream)
        headers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, _, dtype = headers[version](stream)
    return shape, dtype


def _load_array(path: Path, key: str, ids: Sequence[int] | None, name: str, index: int) -> SizedMasks:
    frame = _cached_masks(path, key, path.stat().st_mtime_ns)[index]
    size = (frame.shape[-2], frame.shape[-1])
    if frame.dtype == np.bool_:
        masks = frame.reshape(-1, *size)
        return size, dict(zip(ids or range(1, len(masks) + 1), masks, strict=True))
    check_id_range(frame, name)
    return size, from_labels(frame.astype(np.uint16))
