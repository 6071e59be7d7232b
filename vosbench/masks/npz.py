"""Masks in NumPy arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.io.archives.members import DAMAGE_ERRORS
from vosbench.masks.labels import MAX_PIXELS, from_labels
from vosbench.masks.source import MaskFrames, MaskSource, Opener, SizedMasks, match_frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNREADABLE_ERRORS: tuple[type[Exception], ...] = (*DAMAGE_ERRORS, MemoryError)
ARRAY_FORMS = {("i", 3), ("u", 3), ("b", 3), ("b", 4)}  # kinds of dtype and numbers of dimensions


@contextmanager
def _open_npz(path: Path) -> Iterator[tuple[ZipFile, list[str]]]:
    """An NPZ and the names of its arrays."""
    try:
        with ZipFile(path) as archive:
            yield archive, [name.removesuffix(".npy") for name in archive.namelist()]
    except UNREADABLE_ERRORS as error:
        raise VosbenchError(
            f"{path}: cannot be read ({error}); write it again with numpy.savez_compressed, without Python objects"
        ) from None


def _read_array(archive: ZipFile, key: str) -> NDArray[Any]:
    with archive.open(f"{key}.npy") as stream:
        return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))


@lru_cache(maxsize=1)
def _cached_masks(path: Path, key: str, changed: int) -> NDArray[Any]:
    """The array of one video, kept while its frames are read."""
    with _open_npz(path) as (archive, _):
        return _read_array(archive, key)


def find_npz_videos(path: Path, merge: bool) -> dict[str, Opener]:
    with _open_npz(path) as (_, names):
        videos = [name for name in names if not name.endswith("/frames")]
    return {video: partial(_open_video_array, path, video, f"{video}/frames", merge) for video in videos}


def open_single_array(path: Path, merge: bool, frame_names: Sequence[str]) -> MaskSource:
    with _open_npz(path) as (_, names):
        match [name for name in names if name != "frames"]:
            case [key]:
                return _open_video_array(path, key, "frames", merge, frame_names)
    raise VosbenchError(f"{path}: expected one array, and optionally `frames`, found {', '.join(names) or 'none'}")


def _open_video_array(path: Path, key: str, frames: str, merge: bool, frame_names: Sequence[str]) -> MaskSource:
    where = f"{path}: array {key}"
    with _open_npz(path) as (archive, names):
        own = _read_array(archive, frames).astype(str).ravel().tolist() if frames in names else None
        with archive.open(f"{key}.npy") as stream:
            version = np.lib.format.read_magic(stream)
            headers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            shape, _, dtype = headers[version](stream)
    if (dtype.kind, len(shape)) not in ARRAY_FORMS or math.prod(shape[-2:]) > MAX_PIXELS:
        found = f"{dtype} {list(shape)}"
        raise VosbenchError(
            f"{where} is {found}: masks are [T, H, W] of integers or bool, or [T, N, H, W] of bool, "
            f"of at most {MAX_PIXELS} pixels a frame; write them so"
        )
    indices = {frame_name: index for index, frame_name in enumerate(match_frames(where, shape[0], own, frame_names))}
    return MaskFrames(f"{where}, frame ", indices, partial(_load_array, path, key), merge)


def _load_array(path: Path, key: str, name: str, index: int) -> SizedMasks:
    frame = _cached_masks(path, key, path.stat().st_mtime_ns)[index]
    size = (frame.shape[-2], frame.shape[-1])
    if frame.dtype == np.bool_:
        return size, dict(enumerate(frame.reshape(-1, *size), 1))
    if frame.size and not 0 <= int(frame.min()) <= int(frame.max()) < 2**16:
        raise VosbenchError(f"{name}: object ids must lie between 0 and 65535")
    return size, from_labels(frame.astype(np.uint16))
