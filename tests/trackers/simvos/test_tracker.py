"""SimVOS equals recordings of the authors' code, stage by stage and mask by mask."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.recordings import count_differences, prompts_of_recording
from vosbench.errors import VosbenchError
from vosbench.trackers.propagation.frames import PreparedFrames
from vosbench.trackers.simvos.network import SimVosNetwork, cut_windows, join_windows, weigh_tokens
from vosbench.trackers.simvos.tracker import SimVos
from vosbench.trackers.simvos.variants import VARIANTS, choose_variant
from vosbench.types import Video

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(data: Path) -> Path:
    return data / "models"


@pytest.fixture(scope="module")
def checkpoint(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Files with seeded weights in the form of the released ones, "base" or "large"."""
    weights = SimpleNamespace(**runpy.run_path(str(folder / "weights.py")))
    made = tmp_path_factory.mktemp("simvos")

    @cache
    def make(size: str) -> str:
        tensors = json.loads((folder / f"simvos_vit_{size}_state_dict.json").read_text())["tensors"]
        torch.save(weights.make(tensors, 0, weights.SIMVOS), made / f"{size}.pth")
        return str(made / f"{size}.pth")

    yield make
    for path in made.iterdir():
        path.unlink()  # up to 1.3 GB that pytest would keep


@pytest.mark.parametrize(("size", "channels", "depth"), [("base", 768, 12), ("large", 1024, 24)])
def test_the_tensors_are_those_of_a_released_file(folder: Path, size: str, channels: int, depth: int) -> None:
    expected = json.loads((folder / f"simvos_vit_{size}_state_dict.json").read_text())["tensors"]
    unused = {"cls_token", "pos_embed", "head.weight", "head.bias", "fc_norm.weight", "fc_norm.bias"}
    with torch.device("meta"):
        found = SimVosNetwork(channels, depth, (384, 384)).state_dict()
    assert {name: list(tensor.shape) for name, tensor in found.items()} == {
        name: entry["shape"] for name, entry in expected.items() if name not in unused
    }


@pytest.mark.exhaustive
@pytest.mark.slow
def test_every_stage_of_the_first_step_equals_the_recording(folder: Path, checkpoint: Callable[[str], str]) -> None:
    inputs, recorded = (np.load(folder / name) for name in ("inputs_synth.npz", "simvos/synth_intermediates.npz"))
    network = SimVos("cpu", checkpoint("base"), variant="BS").network
    frames = PreparedFrames(list(inputs["frames"]), 0, CPU)
    given = torch.stack([frames.mask(inputs["labels"][0] == object_id) for object_id in (1, 2)])
    with torch.inference_mode():
        tokens = network.run_early(network.embed(frames.image(0), given[:1]), 4, frames.grid, window=False)
        inside, around = weigh_tokens(given, frames.grid)
        prototypes = torch.cat([network.tlearner(tokens, inside[0]), network.tlearner_back(tokens, around[0])], dim=1)
        query = network.run_early(network.embed(frames.image(1)), 4, frames.grid, window=False)
        logit = network.run_late(prototypes, query, 4, frames.grid)
        plain = network.run_late(
            network.embed(frames.image(0), given[:1]), network.embed(frames.image(1)), 0, frames.grid
        )
    grid = frames.grid
    stages = {
        "pos_embed": (network.place(grid), recorded["pos_embed"][:, 1:]),
        "bs_feat_mask": (tokens.transpose(1, 2).reshape(1, -1, *grid), recorded["bs_feat_mask"][:1]),
        "bs_tokens": (prototypes, recorded["bs_tokens"]),
        "bs_search": (query, recorded["bs_search"]),
        "bs_logit": (logit, recorded["bs_logit"]),
        "b_logit": (plain, recorded["b_logit"]),
    }
    for name, (stage, expected) in stages.items():
        np.testing.assert_allclose(stage.detach().numpy(), expected, atol=5e-4, err_msg=name)


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["synth_1obj_B", "synth_1obj_BS", "synth_1obj_L_tokens4", "synth_2obj_BS_window", "synth_yv_late_B_mem2"],
)
def test_masks_equal_the_recording(folder: Path, checkpoint: Callable[[str], str], name: str) -> None:
    inputs, recorded = np.load(folder / "inputs_synth.npz"), np.load(folder / "simvos" / f"{name}.npz")
    large = "_L_" in name
    settings: dict[str, Any] = {
        "variant": "L" if large else "B",
        "early_blocks": int(recorded["layer_index"]),
        "token_learner": "on" if recorded["token_learner"] else "off",
        "local_window": bool(recorded.get("window", False)),
    }
    tracker = SimVos("cpu", checkpoint("large" if large else "base"), **settings)
    prompts, expected = prompts_of_recording(recorded, inputs["labels"])
    masks = tracker.track(Video("synth", list(inputs["frames"][: len(expected)]), prompts))
    assert count_differences(masks, expected) <= 0.0002 * expected.size


@pytest.mark.parametrize("grid", [(8, 10), (9, 11), (4, 7)])
def test_windows_are_joined_as_they_were_cut(grid: tuple[int, int]) -> None:
    tokens = torch.arange(2 * grid[0] * grid[1] * 3).reshape(2, grid[0] * grid[1], 3).float()
    side = grid[0] // 2
    windows = cut_windows(tokens, grid, side)
    assert windows.shape[1] == side * side
    torch.testing.assert_close(join_windows(windows, grid, side), tokens)
    as_map = tokens.reshape(2, *grid, 3)
    torch.testing.assert_close(windows[0], as_map[0, :side, :side].reshape(-1, 3))


def test_the_background_counts_only_where_nothing_is_found() -> None:
    masks = torch.zeros(2, 1, 32, 32)
    masks[0, 0, :16, :16] = 1
    masks[1, 0, :16, 16:] = 0.4
    masks[1, 0, 16:, 16:] = 1e-9  # lost in the sum
    inside, around = weigh_tokens(masks, (2, 2))
    torch.testing.assert_close(inside[:, 0], torch.tensor([[1.0, 0.0], [0.0, 0.4]]))
    assert (inside[:, 1] == 0).all()
    torch.testing.assert_close(around[0], torch.tensor([[0.0, 1.0], [1.0, 1.0]]))


@pytest.mark.parametrize(
    ("name", "variant"), [("simvos-b", "B"), ("SimVOS_BS", "BS"), ("simvos-l-epoch9", "L"), ("my-simvosbs", "BS")]
)
def test_the_variant_is_taken_from_the_checkpoints_name(name: str, variant: str) -> None:
    assert choose_variant("auto", Path(f"{name}.pth")) == VARIANTS[variant]


def test_a_name_that_tells_no_variant_is_refused() -> None:
    with pytest.raises(VosbenchError, match=r"model\.pth: its name does not tell the variant: B, BS, L; give --set"):
        choose_variant("auto", Path("model.pth"))


@pytest.mark.parametrize("early_blocks", [12, 50])
def test_blocks_that_see_the_memory_must_be_left(early_blocks: int) -> None:
    with pytest.raises(VosbenchError, match=rf"early_blocks={early_blocks}: this variant has 12 blocks.* at most 11"):
        SimVos.check_checkpoint("simvos-b.pth", early_blocks=early_blocks)


def test_a_frame_of_a_single_row_of_patches_has_windows() -> None:
    network = SimVosNetwork(64, 1, (0, 0))
    tokens = torch.rand(1, 3, 64)
    with torch.inference_mode():
        found = network.run_early(tokens, 1, (1, 3), window=True)
        alone = [network.blocks[0](tokens[:, index : index + 1]) for index in range(3)]
    torch.testing.assert_close(found, torch.cat(alone, dim=1))


def test_weights_of_another_variant_are_refused_with_what_is_missing(tmp_path: Path) -> None:
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in SimVosNetwork(768, 12, (0, 0)).state_dict().items()}
    torch.save({name: torch.zeros(1).expand(shape) for name, shape in shapes.items()}, tmp_path / "simvos-b.pth")
    with pytest.raises(
        VosbenchError, match=r"expected one of 1024 channels, found a transformer of 768 channels; give weights of"
    ):
        SimVos("cpu", str(tmp_path / "simvos-b.pth"), variant="L")
    with pytest.raises(VosbenchError, match=r"expected a whole SimVOS; .* missing \(such as tlearner\."):
        SimVos("cpu", str(tmp_path / "simvos-b.pth"), variant="BS")


def test_a_file_without_one_of_the_blocks_or_with_one_more_is_refused(tmp_path: Path) -> None:
    for depth, fault in ((11, r"12 missing \(such as blocks\.11\."), (13, r"12 unexpected \(such as blocks\.12\.")):
        with torch.device("meta"):
            shapes = {name: tensor.shape for name, tensor in SimVosNetwork(768, depth, (0, 0)).state_dict().items()}
        torch.save({name: torch.zeros(1).expand(shape) for name, shape in shapes.items()}, tmp_path / "simvos-b.pth")
        with pytest.raises(VosbenchError, match=rf"expected a whole SimVOS; of \d+ tensors {fault}"):
            SimVos("cpu", str(tmp_path / "simvos-b.pth"))
