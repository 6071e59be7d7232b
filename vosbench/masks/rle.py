"""Encode and decode masks as COCO run-length codes (RLE): `{"size": [H, W], "counts": ...}`.

The counts are the lengths of the runs of background and object in turn, beginning with background, down the columns.
They are a list of integers ("uncompressed") or a string ("compressed"). In the string, each count from the fourth on is
replaced by its difference from the count two places before. Each number is split into groups of 5 bits in two's
complement, lowest group first. A group becomes the character chr(48 + group), plus 32 if more groups follow.

Source: pycocotools, `common/maskApi.c`. `encode_rle` gives the same strings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.io.compiled import DECODING, find_compiled
from vosbench.types import Labels, Mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers: TypeAlias = NDArray[np.int64]

OFFSET = 48  # the character "0"
GROUP = 5  # bits in a group
MORE = 1 << GROUP  # set in a character if more groups of the same number follow
SIGN = 1 << (GROUP - 1)
GROUPS = 7  # the most groups in a number: pycocotools stores counts in 32 bits
WORD_BYTES = 8  # bytes of a machine word

RLE_REMEDY = "encode the mask again, for example with pycocotools.mask.encode"


def encode_rle(mask: Mask) -> dict[str, Any]:
    """Encode a mask, bool[H, W], as COCO RLE with compressed counts."""
    pixels = mask.ravel(order="F")
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    counts = np.diff(changes, prepend=0, append=pixels.size)
    if pixels.size and pixels[0]:
        counts = np.insert(counts, 0, 0)
    return {"size": list(mask.shape), "counts": compress_counts(counts)}


def decode_rle(rle: Mapping[str, Any]) -> Mask:
    """Decode a COCO RLE with compressed or uncompressed counts to a mask, bool[H, W].

    Raises VosbenchError if `rle` is not a COCO RLE, if a count is negative, or if the counts do not add up to H x W.
    The error names no file: catch it and raise it again with the file as the subject.
    """
    height, width = _read_size(rle)
    changes = make_changes((height, width))
    draw_rle(rle, changes[:, :width], 1)
    return np.ascontiguousarray(show_changes(changes, width)).view(np.bool_)


def make_changes(size: tuple[int, int], is_wide: bool = False) -> Labels:
    """Changes down the columns of a frame of `size` (H, W), of which there are none yet, with columns up to a word.

    is_wide: uint16 for values above 255, else uint8.
    """
    step = WORD_BYTES // (2 if is_wide else 1)
    shape = (size[0], -(-size[1] // step) * step)
    return np.zeros(shape, np.uint16) if is_wide else np.zeros(shape, np.uint8)


def show_changes(changes: Labels, width: int) -> Labels:
    """The label map [H, width] that `make_changes` and `draw_rle` have made, in the same memory.

    Each row is what the row above it is, but for its changes. Where masks overlap, the pixels mean nothing.
    """
    words = changes.view(np.uint64)
    np.bitwise_xor.accumulate(words, axis=0, out=words)
    return changes[:, :width]


def draw_rle(rle: Mapping[str, Any], changes: Labels, value: int) -> int:
    """Draw a mask as `value` into the changes [H, W] of a frame of its size, and return its area in pixels.

    Raises VosbenchError as `decode_rle` does.
    """
    _read_size(rle)
    stored, compiled = rle["counts"], find_compiled(DECODING)
    if compiled and not isinstance(stored, list):
        area = int(compiled.draw_runs(_encode_counts(stored), changes, value))
        if area >= 0:
            return area
    counts = _read_counts(rle)  # which says why the compiled twin has refused them
    _draw_counts(counts, changes, value)
    return int(counts[1::2].sum())


def _draw_counts(counts: Integers, changes: Labels, value: int) -> None:
    height, width = changes.shape
    ends = counts.cumsum()
    inner = ends[ends % height > 0]
    np.bitwise_xor.at(changes, (inner % height, inner // height), value)
    changes[0, np.searchsorted(ends, np.arange(width) * height, "right") % 2 == 1] ^= value  # columns that begin in it


def _read_size(rle: Mapping[str, Any]) -> tuple[int, int]:
    match rle:
        case {"size": [int(height), int(width)], "counts": str() | bytes() | list()} if height > 0 < width:
            return height, width
    raise VosbenchError(
        "mask", 'not a COCO RLE, expected {"size": [height, width], "counts": a string or a list}', RLE_REMEDY
    )


def _read_counts(rle: Mapping[str, Any]) -> Integers:
    """The counts of an RLE, which are not negative and add up to its size. Raises VosbenchError for other counts."""
    (height, width), stored = _read_size(rle), rle["counts"]
    counts = _to_integers(stored) if isinstance(stored, list) else decompress_counts(stored)
    if counts.size and not 0 <= counts.min() <= counts.max() <= height * width:
        raise VosbenchError(
            "mask", f"a run of the RLE is shorter than 0 or longer than the mask's {height}x{width} pixels", RLE_REMEDY
        )
    if counts.sum() != height * width:
        raise VosbenchError(
            "mask", f"the RLE's counts add up to {counts.sum()}, the mask has {height}x{width} pixels", RLE_REMEDY
        )
    return counts


def measure_rle(rle: Mapping[str, Any]) -> tuple[int, list[int]]:
    """The area of an RLE in pixels, and its box as COCO states it: left, top, width, height; zeros without pixels.

    Raises VosbenchError as `decode_rle` does.
    """
    mask = decode_rle(rle)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return 0, [0, 0, 0, 0]
    left, top = int(columns[0]), int(rows[0])
    return int(mask.sum()), [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1]


def compress_counts(counts: Integers) -> str:
    """Write counts as COCO's string."""
    numbers = counts.copy()
    numbers[3:] -= counts[1:-2]
    numbers = numbers[:, None]
    place = np.arange(GROUPS)
    bounds = SIGN << GROUP * place[:-1]  # a number beyond a bound needs one more group
    last = np.count_nonzero((numbers < -bounds) | (numbers >= bounds), axis=1)[:, None]
    groups = (numbers >> GROUP * place) % MORE + MORE * (place < last) + OFFSET
    return str(groups[place <= last].astype(np.uint8).tobytes(), "ascii")


def decompress_counts(text: str | bytes) -> Integers:
    """Read counts from COCO's string. Raises VosbenchError if the string is damaged."""
    groups = np.frombuffer(_encode_counts(text), np.uint8).astype(np.int64) - OFFSET
    ends = np.flatnonzero(groups < MORE)
    lengths = np.diff(ends, prepend=-1)
    if not groups.size or groups.min() < 0 or groups.max() >= 2 * MORE or groups[-1] >= MORE or lengths.max() > GROUPS:
        raise VosbenchError("mask", "the string of the RLE's counts is empty, damaged or cut off", RLE_REMEDY)
    starts = ends - lengths + 1
    place = np.arange(groups.size) - np.repeat(starts, lengths)
    numbers: Integers = np.add.reduceat(groups % MORE << GROUP * place, starts)
    numbers -= (groups[ends] & SIGN != 0) * (1 << GROUP * lengths)
    numbers[1::2] = numbers[1::2].cumsum()
    numbers[2::2] = numbers[2::2].cumsum()
    return numbers


def _encode_counts(text: str | bytes) -> bytes:
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


def _to_integers(counts: Sequence[object]) -> Integers:
    if not all(type(count) is int and abs(count) < 2**63 for count in counts):
        raise VosbenchError("mask", "the RLE's counts are not all integers", RLE_REMEDY)
    return np.array(counts, np.int64)
