"""The compiled decoder and NumPy give the same masks, and say the same of what is damaged."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.kernel import decoding_with, load_module, run_under_sanitizers
from vosbench.errors import VosbenchError
from vosbench.io.compiled import DECODING
from vosbench.masks.frame_codes import open_frame_codes
from vosbench.masks.label_map import LabelMap
from vosbench.masks.rle import compress_counts, decode_rle, encode_rle
from vosbench.types import Mask

TWINS = ("compiled", "NumPy")


def draw_mask(generator: np.random.Generator, size: tuple[int, int]) -> Mask:
    """A random mask: empty, full, noise, or rectangles, which may reach the edges of the frame."""
    mask, kind = np.zeros(size, np.bool_), generator.integers(6)
    if kind == 1:
        mask[:] = True
    elif kind == 2:
        mask[:] = generator.integers(2, size=size)
    elif kind > 2:
        for _ in range(generator.integers(1, 5)):
            (top, bottom), (left, right) = (np.sort(generator.integers(0, side + 1, 2)) for side in size)
            mask[top:bottom, left:right] ^= True
    return mask


def draw_frame(generator: np.random.Generator, size: tuple[int, int]) -> dict[int, Mask]:
    """Random objects of a frame, of which some overlap, and some have an id above 255, or 0."""
    ids = generator.choice([0, 1, 2, 3, 200, 255, 256, 4000, 65535, 65536], generator.integers(6), replace=False)
    masks = {int(object_id): draw_mask(generator, size) for object_id in ids}
    if generator.integers(2):
        taken = np.zeros(size, np.bool_)
        for object_id, mask in masks.items():
            masks[object_id] = mask & ~taken
            taken |= mask
    return masks


def split_run(counts: list[int], draw: random.Random) -> list[int]:
    """The same runs, one of them interrupted by a run without pixels."""
    at = draw.randrange(len(counts))
    length = draw.randrange(counts[at] + 1)
    return [*counts[:at], length, 0, counts[at] - length, *counts[at + 1 :]]


def read_runs(mask: Mask) -> list[int]:
    """The counts of a mask, as they are before they are compressed."""
    pixels = np.concatenate(([False], mask.ravel(order="F")))
    changes = np.flatnonzero(pixels[1:] != pixels[:-1])
    return [int(count) for count in np.diff(changes, prepend=0, append=mask.size)]


def decode_with(twin: str, code: Mapping[str, Any]) -> Mask | str:
    """The mask of an RLE, or what is wrong with it."""
    with decoding_with(twin):
        try:
            return decode_rle(code)
        except VosbenchError as error:
            return str(error)


def decode_damaged_codes(seed: int) -> tuple[int, int]:
    """Decode RLEs that may be damaged with both twins; return how many are read, and how many refused."""
    generator, draw, refused = np.random.default_rng(seed), random.Random(seed), 0
    for _ in range(60):
        size = int(generator.integers(1, 20)), int(generator.integers(1, 20))
        counts = read_runs(draw_mask(generator, size))
        for _ in range(draw.randrange(3)):
            counts = split_run(counts, draw)
        if draw.randrange(3) == 0:
            counts[draw.randrange(len(counts))] += draw.choice([-1, 1, 2**33, -(2**33)])
        text = bytearray(compress_counts(np.array(counts, np.int64)).encode())
        if draw.randrange(3) == 0:
            text[draw.randrange(len(text))] = draw.choice([0, 47, 48, 79, 80, 111, 112, 255])
        found = [decode_with(twin, {"size": list(size), "counts": bytes(text)}) for twin in TWINS]
        if isinstance(found[0], str):
            assert found[0] == found[1]
            refused += 1
        else:
            np.testing.assert_array_equal(found[0], found[1])
    return 60 - refused, refused


def check_masks_one_by_one(label_map: LabelMap) -> None:
    """The mask of each object that a label map gives is the one that it splits into."""
    split = label_map.split()
    assert label_map.find_ids() == sorted(split)
    for object_id in {0, 1, 2, 3, 200, 255, 256, 4000, 65535, 65536, *split}:
        mask = label_map.find_mask(object_id)
        assert (mask is None) == (object_id not in split)
        assert mask is None or np.array_equal(mask, split[object_id])


def check_frames(seed: int) -> tuple[int, int]:
    """Read random frames with both twins; return how many have a label map, and how many have not."""
    generator, flat = np.random.default_rng(seed), 0
    for _ in range(30):
        size = int(generator.integers(1, 30)), int(generator.integers(1, 30))
        masks = draw_frame(generator, size)
        codes = {object_id: encode_rle(mask) for object_id, mask in masks.items()}
        shown = {object_id: mask for object_id, mask in masks.items() if mask.any()}
        overlap = sum(map(np.count_nonzero, shown.values())) > np.count_nonzero(np.any([*shown.values()], axis=0))
        is_flat = not overlap and 0 not in masks and 65536 not in masks
        for twin, merge in ((twin, merge) for twin in TWINS for merge in (False, True)):
            with decoding_with(twin):
                source = open_frame_codes("here", {"0": codes}, size, merge)
                label_map, (found, read) = source.read_label_map("0"), source.read("0")
            expected = {1: np.any([*shown.values()], axis=0)} if merge and shown else shown
            assert found == size
            assert read.keys() == expected.keys()
            assert all(np.array_equal(read[object_id], expected[object_id]) for object_id in expected)
            assert (label_map is not None) == is_flat
            if label_map is not None:
                split = label_map.split()
                assert label_map.size == size
                assert split.keys() == expected.keys()
                assert all(np.array_equal(split[object_id], expected[object_id]) for object_id in expected)
                check_masks_one_by_one(LabelMap(label_map.values, tuple(generator.choice([1, 2, 255], 1)), merge))
                check_masks_one_by_one(label_map)
        flat += is_flat
    return flat, 30 - flat


def test_both_read_the_same_codes_and_refuse_the_same_ones_with_the_same_words() -> None:
    read, refused = np.sum([decode_damaged_codes(seed) for seed in range(6)], axis=0)
    assert read > 100
    assert refused > 100


def test_the_label_map_of_a_frame_shows_its_masks_and_there_is_none_where_they_overlap() -> None:
    flat, others = np.sum([check_frames(seed) for seed in range(6)], axis=0)
    assert flat > 40
    assert others > 40


def test_a_frame_that_is_not_in_the_file_has_no_label_map() -> None:
    source = open_frame_codes("here", {"0": {}}, (4, 6), False)
    assert source.read_label_map("1") is None
    label_map = source.read_label_map("0")
    assert label_map is not None
    assert label_map.size == (4, 6)
    assert not label_map.values.any()


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize(
    ("code", "told"),
    [
        ({"size": [4, 5], "counts": [20]}, r"here, frame 0, object 2: its size is \[4, 5\], the video's first"),
        ({"size": [4, 6], "counts": [20]}, "here, frame 0, object 2: the RLE's counts add up to 20"),
        ({"size": [4, 6], "counts": "`"}, "here, frame 0, object 2: the string of the RLE's counts is empty, damaged"),
        ({"size": [4, 6]}, "here, frame 0, object 2: not a COCO RLE"),
    ],
)
def test_a_damaged_code_is_refused_by_the_label_map_as_by_the_masks(
    code: Mapping[str, Any], told: str, twin: str
) -> None:
    source = open_frame_codes("here", {"0": {1: {"size": [4, 6], "counts": [24]}, 2: code}}, None, False)
    for read in (source.read, source.read_label_map):
        with decoding_with(twin), pytest.raises(VosbenchError, match=told):
            read("0")


@pytest.mark.parametrize(
    "arguments",
    [
        (b"", np.zeros((2, 3), np.float32), 1),
        (b"", np.zeros(3, np.uint8), 1),
        (b"", np.zeros((0, 3), np.uint8), 1),
        (b"", np.zeros((2, 6), np.uint8)[:, ::2], 1),
        (b"", np.zeros((2, 3), np.uint8), 256),
        (b"", np.zeros((2, 3), np.uint16), 2**16),
        (b"", np.zeros((2, 3), np.uint8), -1),
    ],
)
def test_what_is_no_frame_of_changes_is_refused(arguments: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="expected changes"):
        load_module(DECODING).draw_runs(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        (bytes(7), np.zeros((2, 3), np.uint8)),
        (bytes(8), np.zeros((2, 3), np.uint16)),
        (bytes(8), np.zeros(6, np.uint8)),
    ],
)
def test_lines_that_do_not_fit_the_pixels_are_refused(arguments: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="expected lines"):
        load_module(DECODING).unfilter(*arguments)


@pytest.mark.slow
def test_the_decoder_is_clean_under_the_sanitizers(tmp_path: Path) -> None:
    code = (
        "from tests.masks import test_decoding as tests, test_png as pngs\n"
        "for seed in range(6): tests.decode_damaged_codes(seed); tests.check_frames(seed)\n"
        "for damage in (pngs.flipped, pngs.refiltered):\n"
        "    pngs.test_a_file_damaged_at_random_gives_the_pixels_that_pillow_reads_or_none(damage)\n"
    )
    run_under_sanitizers(DECODING, tmp_path, code)
