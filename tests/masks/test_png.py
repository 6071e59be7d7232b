"""A PNG is decoded to the pixels that Pillow reads or refused with a reason, however the file is damaged."""

from __future__ import annotations

import io
import random
import struct
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from tests.support.golden import squares, unhurried
from vosbench.masks.png import PNG_SIGNATURE, DamagedError, decode_png
from vosbench.types import Labels

Chunks = list[tuple[bytes, bytes]]

pytestmark = pytest.mark.usefixtures("each_twin")

MOST = 2**20
FILTERS = {"none": 0, "sub": 1, "up": 2, "average": 3, "paeth": 4}
MAPS = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=12))
NOISE = np.random.default_rng(0).integers(0, 256, (20, 31), np.uint8)


def joined(chunks: Chunks) -> bytes:
    """A PNG file of these chunks, with the right lengths and checksums."""
    parts = [struct.pack(">I4s", len(body), kind) + body + zlib.crc32(kind + body).to_bytes(4) for kind, body in chunks]
    return PNG_SIGNATURE + b"".join(parts)


def split(png: bytes) -> Chunks:
    """The complete chunks of a file."""
    chunks, at = [], len(PNG_SIGNATURE)
    while at + 12 <= len(png):
        end = at + 8 + int.from_bytes(png[at : at + 4])
        chunks.append((png[at + 4 : at + 8], png[at + 8 : end]))
        at = end + 4
    return chunks


def header(width: int, height: int, form: bytes = b"\x08\0\0\0\0") -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">II", width, height) + form


def filtered(pixels: Labels, filters: Sequence[int]) -> bytes:
    """The lines of a PNG before they are packed, each with its own filter."""
    padded = np.pad(pixels.astype(int), ((1, 0), (1, 0)))
    left, up, corner = padded[1:, :-1], padded[:-1, 1:], padded[:-1, :-1]
    distances = np.abs(np.stack((left, up, corner)) - (left + up - corner))
    paeth = np.choose(distances.argmin(axis=0), (left, up, corner))
    predicted = np.stack((np.zeros_like(up), left, up, (left + up) // 2, paeth))
    rests = (pixels - predicted[list(filters), np.arange(len(pixels))]).astype(np.uint8)
    return bytes(np.insert(rests, 0, np.array(filters, np.uint8), axis=1))


def chunks_of(pixels: Labels, filters: Sequence[int] | None = None) -> Chunks:
    """The chunks of a grey PNG."""
    height, width = pixels.shape
    packed = zlib.compress(filtered(pixels, filters or [0] * height))
    return [header(width, height), (b"IDAT", packed), (b"IEND", b"")]


def saved(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def indexed(pixels: Labels) -> Image.Image:
    image = Image.fromarray(pixels)
    image.putpalette(bytes(range(256)) * 3)
    return image


def by_pillow(png: bytes) -> Labels:
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        return np.asarray(image)


def same(found: Labels | None, expected: Labels) -> bool:
    return found is not None and found.dtype == np.uint8 and np.array_equal(found, expected)


@pytest.mark.parametrize("number", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("pixels", [NOISE, squares((1, 2, 2), (255, 6, 5)), NOISE[:1], NOISE[:, :1], NOISE[:1, :1]])
def test_each_filter_is_undone(pixels: Labels, number: int) -> None:
    png = joined(chunks_of(pixels, [number] * len(pixels)))
    assert same(decode_png(png, MOST), pixels)
    assert same(by_pillow(png), pixels)


@pytest.mark.slow
@unhurried
@given(MAPS, st.data())
def test_lines_with_different_filters_are_undone(pixels: Labels, data: st.DataObject) -> None:
    filters = data.draw(st.lists(st.integers(0, 4), min_size=len(pixels), max_size=len(pixels)))
    assert same(decode_png(joined(chunks_of(pixels, filters)), MOST), pixels)


@pytest.mark.parametrize("level", [0, 1, 9])
def test_images_written_by_pillow_are_decoded(level: int) -> None:
    label_map = squares((1, 2, 2), (2, 6, 5), (200, 16, 20))
    assert same(decode_png(saved(Image.fromarray(label_map), compress_level=level), MOST), label_map)
    assert same(decode_png(saved(indexed(label_map), compress_level=level), MOST), label_map)
    assert same(decode_png(saved(indexed(label_map), transparency=0), MOST), label_map)


def test_published_masks_have_the_pixels_that_pillow_reads(data: Path) -> None:
    masks = sorted((data / "golden").rglob("*.png"))[::40] + sorted((data / "davis2016-real").rglob("*.png"))[::4]
    contents = [path.read_bytes() for path in (*masks, *(data / "davis2017-void").rglob("*.png"))]
    assert len(contents) > 200
    assert all(same(decode_png(png, MOST), by_pillow(png)) for png in contents)


def test_the_pixels_are_writeable_and_contiguous() -> None:
    for number in FILTERS.values():
        pixels = decode_png(joined(chunks_of(NOISE, [number] * len(NOISE))), MOST)
        assert pixels is not None
        assert pixels.flags.writeable
        assert pixels.flags.c_contiguous


def test_packed_pixels_may_lie_in_many_chunks_with_others_around_them() -> None:
    head, (_, packed), end = chunks_of(NOISE)
    pieces = [(b"IDAT", packed[at : at + 7]) for at in range(0, len(packed), 7)]
    png = joined([head, (b"tIME", b"1234567"), (b"prVt", b""), *pieces, (b"IDAT", b""), (b"tEXt", b"a\0b"), end])
    assert same(decode_png(png, MOST), NOISE)


def test_bytes_after_the_end_are_ignored() -> None:
    assert same(decode_png(joined(chunks_of(NOISE)) + b"litter", MOST), NOISE)


@pytest.mark.parametrize("mode", ["LA", "RGB", "RGBA", "I;16"])
def test_another_mode_is_left_to_pillow(mode: str) -> None:
    image = Image.fromarray(NOISE.astype(np.uint16)) if mode == "I;16" else Image.fromarray(NOISE).convert(mode)
    assert decode_png(saved(image), MOST) is None


@pytest.mark.parametrize("bits", [2, 4])
def test_several_pixels_a_byte_are_left_to_pillow(bits: int) -> None:
    assert decode_png(saved(indexed(NOISE % 2), bits=bits), MOST) is None


@pytest.mark.parametrize("colour", [b"\0", b"\3"], ids=["grey", "palette"])
@pytest.mark.parametrize("number", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("width", [1, 7, 8, 9, 16, 31])
def test_eight_pixels_a_byte_are_those_that_pillow_reads(width: int, number: int, colour: bytes) -> None:
    packed = np.random.default_rng(width).integers(
        0, 256, (20, -(-width // 8)), np.uint8
    )  # unused bits are set as well
    head = header(width, 20, b"\1" + colour + b"\0\0\0")
    chunks = [head, (b"IDAT", zlib.compress(filtered(packed, [number] * 20))), (b"IEND", b"")]
    if colour == b"\3":
        chunks.insert(1, (b"PLTE", bytes(range(6))))
    expected = np.unpackbits(packed, axis=1)[:, :width]
    for contiguous in (True, False):
        assert same(decode_png(joined(chunks), MOST, contiguous), expected)
    assert same(by_pillow(joined(chunks)).astype(np.uint8), expected)


@pytest.mark.slow
@unhurried
@given(MAPS, st.booleans())
def test_one_bit_masks_written_by_pillow_are_decoded(pixels: Labels, palette: bool) -> None:
    mask = pixels % 2
    image, options = (indexed(mask), {"bits": 1}) if palette else (Image.fromarray(mask > 0), {})
    assert same(decode_png(saved(image, **options), MOST), mask)


@pytest.mark.parametrize(
    "form",
    [b"\x08\0\0\0\1", b"\x08\3\0\0\1", b"\x08\0\1\0\0", b"\x08\0\0\1\0", b"\1\0\0\0\1", b"\1\3\0\0\1"],
)
def test_interlaced_pixels_and_unknown_methods_are_left_to_pillow(form: bytes) -> None:
    assert decode_png(joined([header(31, 20, form), *chunks_of(NOISE)[1:]]), MOST) is None


HEAD, DATA, END = chunks_of(NOISE)
WHOLE = joined([HEAD, DATA, END])
LINES = filtered(NOISE, [0] * 20)


def packing(lines: bytes) -> bytes:
    return joined([HEAD, (b"IDAT", zlib.compress(lines)), END])


@pytest.mark.parametrize(
    ("png", "reason"),
    [
        (b"", "not a PNG"),
        (b"no image at all", "not a PNG"),
        (PNG_SIGNATURE, "cut off"),
        (WHOLE[:300], "cut off"),
        (WHOLE[:-1], "cut off"),
        (WHOLE[:-12], "cut off"),
        (WHOLE[:33] + b"\xff" * 4 + WHOLE[37:], "cut off"),
        (WHOLE[:20] + b"\1" + WHOLE[21:], "checksum of chunk b'IHDR'"),
        (WHOLE[:99] + bytes([WHOLE[99] ^ 1]) + WHOLE[100:], "checksum of chunk b'IDAT'"),
        (WHOLE[:-1] + b"\0", "checksum of chunk b'IEND'"),
        (joined([DATA, END]), "header is missing"),
        (joined([(b"IHDR", b"short"), DATA, END]), "header is missing"),
        (joined([HEAD, HEAD, DATA, END]), "chunk b'IHDR' is out of place"),
        (joined([HEAD, (b"ABCD", b""), DATA, END]), "chunk b'ABCD' is out of place"),
        (joined([HEAD, (b"fcTL", b""), DATA, END]), "chunk b'fcTL' is out of place"),
        (joined([HEAD, DATA, (b"tEXt", b"a\0b"), DATA, END]), "chunk b'IDAT' is out of place"),
        (joined([HEAD, END]), "do not decompress"),
        (joined([HEAD, (b"IDAT", DATA[1][:-1]), END]), "do not decompress"),
        (joined([HEAD, (b"IDAT", DATA[1][:-4] + b"\0\0\0\0"), END]), "do not decompress"),
        (packing(LINES + b"\0"), "do not decompress"),
        (packing(LINES[:-1]), "pixels are missing"),
        (packing(b"\5" + LINES[1:]), "unknown filter"),
        (joined([header(0, 20), DATA, END]), "0x20 pixels is too small"),
    ],
)
def test_a_damaged_file_is_refused_with_the_reason(png: bytes, reason: str) -> None:
    with pytest.raises(DamagedError, match=reason):
        decode_png(png, MOST)


@pytest.mark.parametrize(("width", "height"), [(2**10 + 1, 2**10), (2**31 - 1, 2**31 - 1), (1, 2**32 - 1)])
def test_a_file_that_claims_to_be_huge_is_refused_before_it_is_unpacked(width: int, height: int) -> None:
    with pytest.raises(DamagedError, match=f"{width}x{height} pixels is too large"):
        decode_png(joined([header(width, height), DATA, END]), MOST)


def test_a_bomb_takes_no_more_memory_than_it_declares() -> None:
    bomb = joined([header(8, 8), (b"IDAT", zlib.compress(bytes(2**25))), END])
    tracemalloc.start()
    try:
        with pytest.raises(DamagedError, match="do not decompress"):
            decode_png(bomb, MOST)
        assert tracemalloc.get_traced_memory()[1] < 2 * len(bomb) < 2**17
    finally:
        tracemalloc.stop()


def flipped(png: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(png))
    return png[:at] + bytes([png[at] ^ 1 << draw.randrange(8)]) + png[at + 1 :]


def cut(png: bytes, draw: random.Random) -> bytes:
    start, stop = sorted(draw.choices(range(len(png) + 1), k=2))
    return draw.choice((png[:start], png[stop:], png[:start] + png[stop:], png[:stop] + png[start:]))


def rearranged(png: bytes, draw: random.Random) -> bytes:
    chunks = split(png)
    return joined(draw.choice((draw.sample(chunks, len(chunks)), draw.choices(chunks, k=4), sorted(chunks * 2))))


def rewritten(png: bytes, draw: random.Random) -> bytes:
    """A bit of a chunk's kind or content changes, and its checksum with it."""
    chunks = split(png)
    at = draw.randrange(len(chunks))
    body = flipped(b"".join(chunks[at]), draw)
    chunks[at] = body[:4], body[4:]
    return joined(chunks)


def refiltered(png: bytes, draw: random.Random) -> bytes:
    """A bit changes under the packing: in a filter, a pixel, or the number of pixels."""
    change: Callable[[bytes, random.Random], bytes] = draw.choice((flipped, flipped, cut))
    unpacked = [(kind, zlib.decompress(body) if kind == b"IDAT" else body) for kind, body in split(png)]
    return joined([(kind, zlib.compress(change(b, draw)) if kind == b"IDAT" else b) for kind, b in unpacked])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("damage", [flipped, cut, rearranged, rewritten, refiltered])
def test_a_file_damaged_at_random_gives_the_pixels_that_pillow_reads_or_none(
    damage: Callable[[bytes, random.Random], bytes],
) -> None:
    draw = random.Random(0)
    pixels = squares((1, 1, 1), (7, 4, 3), size=(13, 11))
    pngs = [joined(chunks_of(pixels, draw.choices(range(5), k=13))) for _ in range(8)]
    pngs += [saved(image) for image in (indexed(pixels), Image.fromarray(pixels), Image.fromarray(pixels > 0))]
    pngs.append(saved(indexed(pixels % 2), bits=1))
    seen: Counter[str] = Counter()
    for _ in range(1000):
        png = damage(draw.choice(pngs), draw)
        try:
            found = decode_png(png, MOST)
        except DamagedError:
            seen["refused"] += 1
            continue
        seen["read" if found is not None else "left to Pillow"] += 1
        assert found is None or same(found, by_pillow(png).astype(np.uint8)), png
    assert seen["refused"] > 100, seen
