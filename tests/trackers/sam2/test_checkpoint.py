"""Checkpoints of SAM 2 are recognised by their tensors, and a fault in one is named in one line."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose
from hydra.utils import instantiate
from sam2.build_sam import HF_MODEL_ID_TO_FILENAMES

from tests.support.official import SIDE
from tests.support.tensors import CPU
from vosbench.datasets import checkpoints
from vosbench.errors import VosbenchError
from vosbench.trackers.sam2.checkpoint import recognise_sam2_config
from vosbench.trackers.sam2.predictor import build_predictor
from vosbench.trackers.sam2.settings import Sam2Settings
from vosbench.trackers.sam2.tracker import Sam2

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = Sam2Settings(image_size=SIDE, dtype="float32")


def test_the_catalogue_has_every_released_checkpoint_by_name() -> None:
    found = {name for name in checkpoints.known_checkpoints() if name.startswith("sam2")}
    assert found == {Path(file).stem for _, file in HF_MODEL_ID_TO_FILENAMES.values()}


@pytest.mark.slow
@pytest.mark.parametrize(
    "config",
    [
        pytest.param(config, marks=pytest.mark.slow) if config.endswith(("_l.yaml", "_b+.yaml")) else config
        for config, _ in HF_MODEL_ID_TO_FILENAMES.values()
    ],
)
def test_a_released_model_is_recognised_by_its_tensors(config: str) -> None:
    weights = instantiate(compose(config_name=config).model).state_dict()
    assert f"configs/{recognise_sam2_config(weights, Path('any.pt'))}.yaml" == config


def hollow(stock: Any) -> dict[str, torch.Tensor]:
    """Tensors of the right names and shapes that take no space in a file."""
    return {name: torch.zeros(()).expand(tensor.shape) for name, tensor in stock.state_dict().items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "found"),
    [
        (
            {"no_mem_embed": None},
            "expected a whole sam2.1_hiera_t checkpoint; of 471 tensors 1 missing (such as no_mem_embed)",
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
    assert found in message_about(tmp_path / "odd.pt", {"model": weights})


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
    assert found in message_about(tmp_path / "damaged.pt", content)


def test_a_file_with_a_damaged_byte_is_refused(tmp_path: Path) -> None:
    whole = io.BytesIO()
    torch.save({"model": {"a": torch.frombuffer(bytearray(b"12345678"), dtype=torch.float32)}}, whole)
    assert "found 1 tensors" in message_about(tmp_path / "whole.pt", whole.getvalue())
    rotten = whole.getvalue().replace(b"12345678", b"12345679")
    assert "bytes that torch cannot read (BadZipFile)" in message_about(tmp_path / "rotten.pt", rotten)


def test_a_file_with_the_name_of_another_released_model_is_refused(stock: Any, tmp_path: Path) -> None:
    message = message_about(tmp_path / "sam2.1_hiera_large.pt", {"model": hollow(stock)})
    assert "expected the model sam2.1_hiera_large, found sam2.1_hiera_tiny; rename the file to" in message
    torch.save({"model": hollow(stock)}, tmp_path / "sam2.1_hiera_tiny.pt")
    assert build_predictor(tmp_path / "sam2.1_hiera_tiny.pt", CPU, SMALL)


def message_about(path: Path, content: object) -> str:
    """The message about a file with this content: one line that begins with the file's path."""
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(VosbenchError) as refused:
        build_predictor(path, CPU, SMALL)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        VosbenchError,
        match=r"none\.pt: no such file; to see which checkpoints can be fetched, run: vosbench list checkpoints",
    ):
        Sam2("cpu", str(tmp_path / "none.pt"))
