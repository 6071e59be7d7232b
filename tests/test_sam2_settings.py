"""Each setting of SAM 2 does what it says, as the stock predictor does that is set up alike; checkpoints are known."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import official
import pytest
import torch
from conftest import Cli
from hydra import compose
from hydra.utils import instantiate
from PIL import Image
from sam2.build_sam import HF_MODEL_ID_TO_FILENAMES
from sam2.utils.misc import fill_holes_in_mask_scores

from vosbench.errors import VosbenchError
from vosbench.fetching import checkpoints
from vosbench.masks.labels import read_labels
from vosbench.trackers.sam2 import holes
from vosbench.trackers.sam2.checkpoint import recognise_sam2_config, resize_memory
from vosbench.trackers.sam2.predictor import build_predictor
from vosbench.trackers.sam2.tracker import Sam2
from vosbench.types import Frame, Mask, Masks, Video

pytestmark = pytest.mark.usefixtures("one_thread")

SIDE = 64  # a small model input: what is compared does not depend on it, and the time does
TOKENS = (SIDE // 16) ** 2  # of a remembered frame; an object pointer has 4
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def stock(seeded: ModuleType) -> Any:
    return official.build(seeded, SIDE)


@pytest.fixture(scope="module")
def clip(data: Path) -> Path:
    return data / "sam2" / "frames"


@pytest.fixture(scope="module")
def frames(clip: Path) -> list[Frame]:
    return [np.array(Image.open(path).convert("RGB")) for path in sorted(clip.iterdir())]


@pytest.fixture(scope="module")
def prompt(data: Path) -> dict[int, Mask]:
    """Object 1 of the first frame."""
    return {1: read_labels(data / "sam2" / "masks" / "00000.png") == 1}


@pytest.fixture(scope="module")
def plain(stock: Any, clip: Path, prompt: Masks) -> list[Masks]:
    """What comes out without any setting."""
    return official.together(stock, clip, prompt)


def sam2(checkpoint: str, **settings: Any) -> Sam2:
    return Sam2("cpu", checkpoint, image_size=SIDE, dtype="float32", **settings)


def track(tracker: Sam2, frames: Sequence[Frame], prompt: Masks) -> list[Masks]:
    return list(tracker.track(Video("clip", frames, {0: prompt})))


def same(ours: Sequence[Masks], theirs: Sequence[Masks]) -> bool:
    return all(np.array_equal(own[1], other[1]) for own, other in zip(ours, theirs, strict=True))


def watched(tracker: Sam2, frames: Sequence[Frame], prompt: Masks) -> tuple[list[Masks], list[tuple[int, int]]]:
    """The masks; and how many remembered frames and object pointers the model was given in each frame but the first."""
    memories: list[tuple[int, int]] = []

    def note(module: Any, arguments: Any, given: Mapping[str, Any]) -> None:
        pointers = given["num_obj_ptr_tokens"] // 4
        memories.append(((len(given["memory"]) - 4 * pointers) // TOKENS, pointers))

    hook = tracker.predictor.memory_attention.register_forward_pre_hook(note, with_kwargs=True)
    tracked = track(tracker, frames, prompt)
    hook.remove()
    return tracked, memories


def recency(rows: torch.Tensor) -> list[float]:
    """The first number of each temporal embedding."""
    return rows[:, 0, 0, 0].tolist()


def test_a_bank_of_another_size_keeps_the_recent_rows_and_the_prompts_row_last() -> None:
    rows = torch.tensor([10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 99.0])[:, None, None, None].expand(7, 1, 1, 2)
    for extension in ("repeat", "interpolate"):
        assert recency(resize_memory(rows, 1, extension)) == [99]
        assert recency(resize_memory(rows, 3, extension)) == [10, 20, 99]
        assert recency(resize_memory(rows, 7, extension)) == recency(rows)
    assert recency(resize_memory(rows, 9, "repeat")) == [10, 20, 30, 40, 50, 60, 60, 60, 99]
    assert recency(resize_memory(rows, 12, "interpolate")) == [10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 99]
    assert resize_memory(rows, 12, "interpolate").shape == (12, 1, 1, 2)


@pytest.mark.parametrize(("size", "extension"), [(1, "repeat"), (3, "repeat"), (9, "repeat"), (9, "interpolate")])
def test_another_memory_size_equals_the_stock_predictor_with_its_rows(
    checkpoint: str,
    stock: Any,
    clip: Path,
    frames: list[Frame],
    prompt: Masks,
    plain: list[Masks],
    size: int,
    extension: str,
) -> None:
    tracker = sam2(checkpoint, memory_size=size, memory_extension=extension)
    rows = tracker.predictor.maskmem_tpos_enc.data
    assert torch.equal(rows, resize_memory(stock.maskmem_tpos_enc.data, size, extension))
    tracked, memories = watched(tracker, frames, prompt)
    with official.having(stock, rows=rows):
        assert same(tracked, official.together(stock, clip, prompt))
    assert not same(tracked, plain)
    assert [remembered for remembered, _ in memories] == [min(index, size) for index in range(1, 12)]


def test_the_prompted_frame_is_remembered_with_the_last_row(
    checkpoint: str, frames: list[Frame], prompt: Masks
) -> None:
    tracker = sam2(checkpoint, memory_size=3)
    rows = tracker.predictor.maskmem_tpos_enc.data
    plain = track(tracker, frames[:2], prompt)  # in frame 1 the prompted frame is all there is to remember
    rows[:2] += 10
    assert same(track(tracker, frames[:2], prompt), plain)
    rows[2:] += 10
    assert not same(track(tracker, frames[:2], prompt), plain)


@pytest.mark.parametrize(
    ("settings", "attributes", "memories"),
    [
        (
            {"max_object_pointers": 4},
            {"max_obj_ptrs_in_encoder": 4},
            [(min(index, 7), min(index, 4)) for index in range(1, 12)],
        ),
        (
            {"temporal_stride": 3},
            {"memory_temporal_stride_for_eval": 3},
            # the prompted frame, the latest, and 3, 6, ... from two frames ago
            [(1, 1), (2, 2), (2, 3), (2, 4), (3, 5), (3, 6), (3, 7), (4, 8), (4, 9), (4, 10), (5, 11)],
        ),
        (
            {"memory_size": 4, "temporal_stride": 2, "max_object_pointers": 3},
            {"memory_temporal_stride_for_eval": 2, "max_obj_ptrs_in_encoder": 3},
            [(1, 1), (2, 2), (2, 3), (3, 3), (3, 3), (4, 3), (4, 3), (4, 3), (4, 3), (4, 3), (4, 3)],
        ),
    ],
    ids=["pointers", "stride", "both"],
)
def test_other_windows_into_the_past_equal_the_stock_predictor_set_up_alike(
    checkpoint: str,
    stock: Any,
    clip: Path,
    frames: list[Frame],
    prompt: Masks,
    plain: list[Masks],
    settings: dict[str, Any],
    attributes: dict[str, Any],
    memories: list[tuple[int, int]],
) -> None:
    tracker = sam2(checkpoint, **settings)
    tracked, given = watched(tracker, frames, prompt)
    with official.having(stock, rows=tracker.predictor.maskmem_tpos_enc.data, **attributes):
        assert same(tracked, official.together(stock, clip, prompt))
    assert not same(tracked, plain)
    assert given == memories


def test_image_size_and_score_threshold_take_effect(checkpoint: str, frames: list[Frame], prompt: Masks) -> None:
    plain, tracker = sam2(checkpoint), sam2(checkpoint, score_threshold=3.0)
    for lower, higher in zip(track(plain, frames[:4], prompt), track(tracker, frames[:4], prompt), strict=True):
        assert higher[1].sum() < lower[1].sum()
    small = Sam2("cpu", checkpoint, image_size=32, dtype="float32")
    sizes = []
    hook = small.predictor.image_encoder.register_forward_pre_hook(lambda _, given: sizes.append(given[0].shape))
    track(small, frames[:1], prompt)
    hook.remove()
    assert sizes == [(1, 3, 32, 32)]


def test_holes_are_filled_as_the_stock_predictor_does_with_its_extension(
    checkpoint: str, stock: Any, clip: Path, frames: list[Frame]
) -> None:
    ring = {1: np.zeros((240, 320), bool)}
    ring[1][60:180, 80:240] = True
    ring[1][100:140, 140:180] = False  # a hole of 2 by 2 or 3 by 3 pixels where it is filled, at a quarter of SIDE
    tracker = sam2(checkpoint, fill_hole_area=9)
    with official.extension(), official.having(stock, fill_hole_area=9):
        expected = official.together(stock, clip, ring)
    tracked = track(tracker, frames, ring)
    assert same(tracked, expected)
    assert tracked[0][1][120, 160]
    assert not track(sam2(checkpoint), frames[:1], ring)[0][1][120, 160]


def test_a_hole_is_a_small_piece_of_background_whose_pixels_touch_at_sides_or_corners() -> None:
    logits = torch.from_numpy(np.random.default_rng(0).normal(0.3, 1, (5, 1, 24, 32)).astype(np.float32))
    logits[4] = torch.tensor([[-1.0, 2.0] * 16, [2.0, -1.0] * 16] * 12)  # one piece that touches at corners alone
    for area in (1, 2, 8, 1000):
        with official.extension():
            expected = fill_holes_in_mask_scores(logits, area)
        assert torch.equal(holes.fill_holes(logits, area), expected)
    assert torch.equal(holes.fill_holes(logits, 383)[4], logits[4])
    assert (holes.fill_holes(logits, 384)[4] > 0).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"memory_size": 0}, "memory_size 0: at least 1, or the model forgets the prompt itself"),
        ({"memory_size": -3}, "memory_size -3: at least 1"),
        ({"memory_extension": "repeated"}, "memory_extension 'repeated': choose one of repeat, interpolate"),
        ({"max_object_pointers": 1}, "max_object_pointers 1: at least 2"),
        ({"temporal_stride": 0}, "temporal_stride 0: at least 1"),
        ({"image_size": 0}, "image_size 0: the model needs a positive multiple of 32"),
        ({"image_size": 1000}, "image_size 1000: the model needs a positive multiple of 32"),
        ({"dtype": "int8"}, "dtype 'int8': choose one of bfloat16, float16, float32"),
        ({"score_threshold": -1025.0}, "score_threshold -1025.0: at least -1024.0"),
        ({"score_threshold": float("nan")}, "score_threshold nan: at least -1024.0"),
        ({"fill_hole_area": -1}, "fill_hole_area -1: a number of pixels, or 0"),
    ],
)
def test_a_setting_that_the_model_cannot_have_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(VosbenchError, match=message):
        Sam2("cpu", "never-read.pt", **settings)


def test_the_catalogue_has_every_released_checkpoint_by_name() -> None:
    assert set(checkpoints.known_checkpoints()) == {Path(file).stem for _, file in HF_MODEL_ID_TO_FILENAMES.values()}


@pytest.mark.parametrize("config", [config for config, _ in HF_MODEL_ID_TO_FILENAMES.values()])
def test_a_released_model_is_known_by_its_tensors(config: str) -> None:
    weights = instantiate(compose(config_name=config).model).state_dict()
    assert f"configs/{recognise_sam2_config(weights, Path('any.pt'))}.yaml" == config


def hollow(stock: Any) -> dict[str, torch.Tensor]:
    """Tensors of the right names and shapes that take no room in a file."""
    return {name: torch.zeros(()).expand(tensor.shape) for name, tensor in stock.state_dict().items()}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (
            {"no_mem_embed": None},
            "not a whole sam2.1_hiera_t checkpoint: of 471 tensors 1 missing (such as no_mem_embed)",
        ),
        ({"extra": torch.zeros(2)}, "1 unexpected (such as extra)"),
        ({"no_mem_embed": torch.zeros(3)}, "1 misshapen (such as no_mem_embed)"),
        ({"maskmem_tpos_enc": torch.zeros(())}, "1 misshapen (such as maskmem_tpos_enc)"),
        ({"no_mem_embed": torch.zeros((1, 1, 256), dtype=torch.int8)}, "1 of another kind of numbers"),
        ({"no_mem_embed": torch.full((1, 1, 256), torch.nan)}, "1 not finite (such as no_mem_embed)"),
        ({"maskmem_tpos_enc": None}, "found 470 tensors, an image encoder of 12 blocks and 96 channels"),
        ({"image_encoder.trunk.blocks.12.norm1.weight": torch.zeros(2)}, "13 blocks and 96 channels"),
    ],
)
def test_a_checkpoint_with_odd_tensors_is_refused_in_one_line(
    stock: Any, tmp_path: Path, change: dict[str, torch.Tensor | None], found: str
) -> None:
    weights = {name: tensor for name, tensor in (hollow(stock) | change).items() if tensor is not None}
    assert found in refusal(tmp_path / "odd.pt", {"model": weights})


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "0 bytes that torch cannot read"),
        (b"version https://git-lfs.github.com/spec/v1\n", "43 bytes that torch cannot read"),
        (b"PK\x03\x04" + bytes(96), "100 bytes that torch cannot read"),
        ([1, 2], "found a list"),
        ({"state_dict": {}}, "found the keys ['state_dict']"),
        ({"model": {"a": 1}}, "found the keys ['model']"),
        ({"model": {1: torch.zeros(1)}}, "found the keys ['model']"),
        ({"model": {}}, "found 0 tensors, an image encoder of 0 blocks"),
        (Path("anything"), "bytes that torch cannot read (UnpicklingError)"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_refused_in_one_line(tmp_path: Path, content: object, found: str) -> None:
    assert found in refusal(tmp_path / "damaged.pt", content)


def test_a_file_in_which_a_number_has_changed_on_the_disk_is_refused(tmp_path: Path) -> None:
    whole = io.BytesIO()
    torch.save({"model": {"a": torch.frombuffer(bytearray(b"12345678"), dtype=torch.float32)}}, whole)
    assert "found 1 tensors" in refusal(tmp_path / "whole.pt", whole.getvalue())
    rotten = whole.getvalue().replace(b"12345678", b"12345679")
    assert "bytes that torch cannot read (BadZipFile)" in refusal(tmp_path / "rotten.pt", rotten)


def test_a_released_name_belongs_to_the_model_that_was_released_by_it(stock: Any, tmp_path: Path) -> None:
    message = refusal(tmp_path / "sam2.1_hiera_large.pt", {"model": hollow(stock)})
    assert "what it holds is sam2.1_hiera_tiny; rename it or fetch it again" in message
    torch.save({"model": hollow(stock)}, tmp_path / "sam2.1_hiera_tiny.pt")
    assert build_predictor(tmp_path / "sam2.1_hiera_tiny.pt", CPU, SIDE, 7, torch.float32)


def refusal(path: Path, content: object) -> str:
    """What is said about a file with this content; one line that names the file."""
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(VosbenchError) as refused:
        build_predictor(path, CPU, SIDE, 7, torch.float32)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(VosbenchError, match=r"none\.pt: no such file"):
        Sam2("cpu", str(tmp_path / "none.pt"))


@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x03\x04" + bytes(96)], ids=["empty", "page", "cut"])
def test_the_command_line_refuses_a_damaged_checkpoint_before_a_run_begins(
    cli: Cli, bears: Path, content: bytes
) -> None:
    (cli.folder / "cut.pt").write_bytes(content)
    done = cli("infer", "--dataset", bears, "--checkpoint", "cut.pt", "--gpus", "cpu", expect=2)
    assert f"cut.pt: {len(content)} bytes that are not a whole checkpoint" in done.stderr
    assert not (cli.folder / "results").exists()
