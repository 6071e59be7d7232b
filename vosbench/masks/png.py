"""PNGs of the kind that masks are published in, decoded several times faster than Pillow does.

A file is believed only if every length and checksum up to its end is right: a damaged one gives no mask at all.
The format: https://www.w3.org/TR/png-3/.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import deflate
import numpy as np
from numpy.typing import NDArray

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY_HEADER, PALETTE_HEADER = (
    b"\x08\0\0\0\0",
    b"\x08\3\0\0\0",
)  # depth, colour, compression, set of filters, interlacing
SUB, UP, AVERAGE, PAETH = range(1, 5)


class DamagedError(Exception):
    """Why a file is no PNG, or not as it was written; the message does not name the file."""


def decode_png(png: bytes, most_pixels: int) -> NDArray[np.uint8] | None:
    """The pixels [H, W] of an 8-bit grey or palette PNG that is not interlaced, as stored; None for other PNGs.

    What stands behind the end of the image is ignored. Raises DamagedError; before anything is unpacked where the
    header declares more than `most_pixels`, and as soon as more is unpacked than it declares.
    """
    if not png.startswith(PNG_SIGNATURE):
        raise DamagedError("it is not a PNG")
    chunks = _read_chunks(png)
    kind, header = next(chunks)
    if kind != b"IHDR" or len(header) != 13:
        raise DamagedError("its header is missing")
    width, height, form = struct.unpack(">II5s", header)
    if form not in (GREY_HEADER, PALETTE_HEADER):
        return None
    if not 0 < width * height <= most_pixels:
        raise DamagedError(f"{width}x{height} pixels is too {'large' if width * height else 'small'} for a mask")
    size = height * (1 + width)
    try:
        lines = deflate.zlib_decompress(_collect_packed_pixels(chunks), size)
    except deflate.DeflateError:
        raise DamagedError("its pixels do not unpack to its size") from None
    if len(lines) != size:
        raise DamagedError("pixels are missing")
    return _unfilter(np.frombuffer(lines, np.uint8).reshape(height, 1 + width))


def _read_chunks(png: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """The kind and the content of each chunk, to the end of the image. Raises DamagedError where one is not whole."""
    view, start, kind = memoryview(png), len(PNG_SIGNATURE), b""
    while kind != b"IEND":
        end = start + 8 + int.from_bytes(view[start : start + 4])
        if len(png) < end + 4:
            raise DamagedError("it is cut off")
        kind = png[start + 4 : start + 8]
        if deflate.crc32(view[start + 4 : end]) != int.from_bytes(view[end : end + 4]):
            raise DamagedError(f"the checksum of chunk {kind!r} is wrong")
        yield kind, view[start + 8 : end]
        start = end + 4


def _collect_packed_pixels(chunks: Iterator[tuple[bytes, memoryview]]) -> bytes:
    """The packed pixels. Raises DamagedError for a critical chunk that is unknown or has its place elsewhere.

    An animation is refused too: readers differ about its pixels.
    """
    parts: list[memoryview] = []
    previous = b""
    for kind, content in chunks:
        if kind == b"IDAT" and (not parts or previous == kind):
            parts.append(content)
        elif kind == b"fcTL" or not (kind[:1].islower() or kind in (b"PLTE", b"IEND")):
            raise DamagedError(f"chunk {kind!r} is out of place")
        previous = kind
    return b"".join(parts)


def _unfilter(lines: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pixels [H, W] of lines [H, 1 + W] that each begin with a filter's number. Raises DamagedError."""
    filters = lines[:, 0]
    pixels = np.ascontiguousarray(lines[:, 1:])  # a copy costs less than the first comparison on the gaps between rows
    if filters.max() > PAETH:
        raise DamagedError("a line has an unknown filter")
    if (sub := filters == SUB).any():
        pixels[sub] = _running_sums(pixels[sub])
    if filters.max() > SUB:
        above = np.zeros_like(pixels[0])
        for kind, row in zip(filters.tobytes(), pixels, strict=True):
            if kind == UP:
                np.add(row, above, out=row)
            elif kind == AVERAGE:
                _add_average(row, above)
            elif kind == PAETH:
                _add_paeth(row, above)
            above = row
    return pixels


def _running_sums(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The sums along each row, in place; log2(W) additions of whole arrays are twice as fast as np.cumsum."""
    step = 1
    while step < rows.shape[1]:
        rows[:, step:] += rows[:, :-step]
        step *= 2
    return rows


def _add_average(row: NDArray[np.uint8], above: NDArray[np.uint8]) -> None:
    """Add to each pixel the mean of its left and its upper neighbour."""
    left, restored = 0, bytearray()
    for rest, up in zip(row.tobytes(), above.tobytes(), strict=True):
        left = rest + (left + up) // 2 & 255
        restored.append(left)
    row[:] = np.frombuffer(restored, np.uint8)


def _add_paeth(row: NDArray[np.uint8], above: NDArray[np.uint8]) -> None:
    """Add to each pixel that of its left, upper and upper left neighbours that is closest to left + up - upper left.

    Where the upper two are equal that is the left one, so a mask needs a closer look at its objects' edges only.
    """
    corners = np.concatenate((np.zeros(1, np.uint8), above[:-1]))
    edges = np.flatnonzero((row != 0) | (above != corners))
    left, steps = 0, bytearray()
    for rest, up, corner in zip(*(pixels[edges].tobytes() for pixels in (row, above, corners)), strict=True):
        to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
        nearest = left if to_left <= to_up and to_left <= to_corner else up if to_up <= to_corner else corner
        steps.append(rest + nearest - left & 255)
        left = rest + nearest & 255
    row[edges] = np.frombuffer(steps, np.uint8)
    np.add.accumulate(row, out=row)
