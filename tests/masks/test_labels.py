"""Label maps come back from disk with the same ids; images that do not hold the ids are refused."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from tests.support.golden import squares, unhurried
from vosbench.errors import VosbenchError
from vosbench.masks.labels import check_id_range, encode_labels, from_labels, make_palette, read_labels, to_labels
from vosbench.types import Labels

MAPS = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=12))


def saved(path: Path, pixels: object, mode: str | None = None) -> Path:
    image = Image.fromarray(np.asarray(pixels))
    (image.convert(mode) if mode else image).save(path)
    return path


def test_a_label_map_comes_back_as_it_was_written(tmp_path: Path) -> None:
    label_map = np.arange(256, dtype=np.uint8).reshape(8, 32)
    (tmp_path / "a.png").write_bytes(encode_labels(label_map))
    assert np.array_equal(read_labels(tmp_path / "a.png"), label_map)
    with Image.open(tmp_path / "a.png") as image:
        assert (image.mode, image.size) == ("P", (32, 8))


@unhurried
@given(MAPS)
def test_masks_of_a_label_map_paint_the_same_label_map(label_map: Labels) -> None:
    assert np.array_equal(to_labels(from_labels(label_map), label_map.shape), label_map)


def test_the_palette_is_that_of_the_published_masks(data: Path) -> None:
    with Image.open(data / "golden/DAVIS/Annotations/480p/judo/00000.png") as image:
        assert bytes(image.getpalette() or ()) == make_palette()


def test_one_bit_masks_are_object_1(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", [[False, True], [True, True]])
    assert read_labels(path).tolist() == [[0, 1], [1, 1]]
    assert read_labels(path).dtype == np.uint8


def test_16_bit_masks_keep_ids_above_255(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", np.array([[0, 300], [65535, 7]], np.uint16))
    assert read_labels(path).tolist() == [[0, 300], [65535, 7]]
    assert sorted(from_labels(read_labels(path))) == [7, 300, 65535]


def test_alpha_beside_grey_is_dropped(tmp_path: Path) -> None:
    grey_alpha = np.array([[[0, 255], [255, 0]], [[255, 255], [3, 9]]], np.uint8)
    assert read_labels(saved(tmp_path / "a.png", grey_alpha)).tolist() == [[0, 255], [255, 3]]


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_colour_mask_is_refused_with_the_likely_cause(tmp_path: Path, mode: str) -> None:
    path = saved(tmp_path / "a.png", squares((1, 2, 2)), mode)
    with pytest.raises(VosbenchError, match=rf"a\.png: .* this one is {mode}; .*OpenCV expands palettes"):
        read_labels(path)


def test_ids_beyond_16_bits_are_refused() -> None:
    check_id_range(np.array([[0, 65535]], np.int32), "a.png")
    told = r"^a\.png: object ids must lie between 0 and 65535, found 0 to 65536; write"
    with pytest.raises(VosbenchError, match=told):
        check_id_range(np.array([[0, 65536]], np.int32), "a.png")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(VosbenchError, match=r"a\.png: cannot be read \(No such file or directory\); check the path"):
        read_labels(tmp_path / "a.png")


def test_a_truncated_mask_is_refused(tmp_path: Path) -> None:
    whole = encode_labels(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8))
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(VosbenchError, match=r"a\.png: cannot be decoded"):
        read_labels(tmp_path / "a.png")


@pytest.mark.parametrize("content", [b"", b"no image at all"])
def test_a_file_that_is_not_an_image_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(VosbenchError, match=r"a\.png: .*not a PNG"):
        read_labels(tmp_path / "a.png")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [12_000, 100_000])
def test_a_mask_that_claims_to_be_huge_is_refused_before_it_is_decoded(tmp_path: Path, side: int) -> None:
    png = encode_labels(squares())
    header = b"IHDR" + struct.pack(">II", side, side) + png[24:29]
    (tmp_path / "a.png").write_bytes(png[:12] + header + struct.pack(">I", zlib.crc32(header)) + png[33:])
    with pytest.raises(VosbenchError, match=r"a\.png: .*too large"):
        read_labels(tmp_path / "a.png")


def test_an_id_above_255_does_not_fit_an_indexed_png() -> None:
    with pytest.raises(VosbenchError, match="object id 256: does not fit an indexed PNG"):
        encode_labels(np.array([[0, 256]], np.uint16))


def test_the_smallest_id_wins_where_objects_overlap() -> None:
    masks = {9: np.array([[1, 1, 1]], np.bool_), 2: np.array([[0, 1, 0]], np.bool_), 300: np.ones((1, 3), np.bool_)}
    assert to_labels(masks, (1, 3)).tolist() == [[9, 2, 9]]


def test_no_object_is_an_empty_label_map() -> None:
    assert not to_labels({}, (4, 5)).any()
    assert from_labels(np.zeros((4, 5), np.uint8)) == {}


def test_void_is_background_and_merging_leaves_one_object() -> None:
    label_map = np.array([[0, 1, 2, 255]], np.uint8)
    assert sorted(from_labels(label_map, void=(255,))) == [1, 2]
    assert from_labels(label_map, merge=True)[1].tolist() == [[False, True, True, True]]
    assert from_labels(label_map, void=(255,), merge=True)[1].tolist() == [[False, True, True, False]]
