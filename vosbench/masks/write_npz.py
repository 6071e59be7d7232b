"""Write the masks of videos as NumPy's .npz, frame by frame, so that memory does not grow with the video.

A video is [T, H, W] of its object ids, or, where objects overlap or an id has no place in that, [T, N, H, W] of bool
with the ids in `objects`. `frames` has the frame names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from vosbench.masks.labels import to_labels
from vosbench.masks.source import MaskSource, find_overlap
from vosbench.masks.write_folder import MaskWriter
from vosbench.masks.write_json import require_one_size
from vosbench.types import Masks

HIGHEST_ID = 2**16 - 1  # in a label map


class _Contents(NamedTuple):
    """What an array has to hold. apart: whether each object has its own plane."""

    size: tuple[int, int]
    objects: Sequence[int]
    apart: bool


@contextmanager
def writing_npz_file(path: Path) -> Iterator[MaskWriter]:
    """Write one file with `<video>`, `<video>/frames` and, where needed, `<video>/objects` for each video."""
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        yield lambda video, source: _write_arrays(archive, video, f"{video}/", video, source)


def npz_folder_writer(folder: Path) -> MaskWriter:
    """A function that writes `<video>.npz` with `masks`, `frames` and, where needed, `objects` into a folder."""
    return partial(_write_npz_file, folder)


def _write_npz_file(folder: Path, video: str, source: MaskSource) -> None:
    with ZipFile(folder / f"{video}.npz", "w", ZIP_DEFLATED) as archive:
        _write_arrays(archive, "masks", "", video, source)


def _write_arrays(archive: ZipFile, key: str, beside: str, video: str, source: MaskSource) -> None:
    contents = _survey(video, source)
    if contents.apart:
        shape: tuple[int, ...] = (len(source.frame_names), len(contents.objects), *contents.size)
        dtype: np.dtype[Any] = np.dtype(np.bool_)
    else:
        shape = (len(source.frame_names), *contents.size)
        dtype = np.dtype(np.uint8 if max(contents.objects, default=0) < 2**8 else np.uint16)
    frames = (_lay_out(source.read(name)[1], contents, dtype) for name in source.frame_names)
    _write_array(archive, key, shape, dtype, frames)
    _write_whole(archive, f"{beside}frames", np.array(source.frame_names))
    if contents.apart:
        _write_whole(archive, f"{beside}objects", np.array(contents.objects, np.int64))


def _survey(video: str, source: MaskSource) -> _Contents:
    """Read all masks of a video once, for the size, the ids, and whether objects overlap."""
    sizes: dict[str, tuple[int, int]] = {}
    ids: set[int] = set()
    apart = False
    for frame_name in source.frame_names:
        sizes[frame_name], masks = source.read(frame_name)
        ids.update(masks)
        apart = apart or find_overlap(masks) is not None
    outside = any(not 0 < object_id <= HIGHEST_ID for object_id in ids)
    return _Contents(require_one_size(video, sizes), sorted(ids), apart or outside)


def _lay_out(masks: Masks, contents: _Contents, dtype: np.dtype[Any]) -> NDArray[Any]:
    if not contents.apart:
        return to_labels(masks, contents.size).astype(dtype)
    nothing = np.zeros(contents.size, np.bool_)
    return np.stack([masks.get(object_id, nothing) for object_id in contents.objects])


def _write_whole(archive: ZipFile, key: str, array: NDArray[Any]) -> None:
    _write_array(archive, key, array.shape, array.dtype, iter([array]))


def _write_array(
    archive: ZipFile, key: str, shape: tuple[int, ...], dtype: np.dtype[Any], parts: Iterator[NDArray[Any]]
) -> None:
    """Write an array whose parts follow each other. The file has the same bytes each time."""
    info = ZipInfo(f"{key}.npy")
    info.compress_type = ZIP_DEFLATED
    with archive.open(info, "w", force_zip64=True) as file:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            file.write(np.ascontiguousarray(part).tobytes())
