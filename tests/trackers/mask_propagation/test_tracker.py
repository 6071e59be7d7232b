"""Mask-Propagation equals recordings of the authors' code, stage by stage and mask by mask."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.recordings import count_differences, prompts_of_recording
from vosbench.errors import VosbenchError
from vosbench.trackers.mask_propagation.correspondence import Correspondence, find_match
from vosbench.trackers.mask_propagation.memory import Memorized, Reading, read_memory
from vosbench.trackers.mask_propagation.network import MaskPropagationNetwork
from vosbench.trackers.mask_propagation.tracker import MaskPropagation
from vosbench.trackers.propagation.aggregation import aggregate
from vosbench.trackers.propagation.frames import PreparedFrames
from vosbench.types import Video

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(data: Path) -> Path:
    return data / "models"


@pytest.fixture(scope="module")
def checkpoint(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A file with seeded weights in the form of the released one."""
    weights = SimpleNamespace(**runpy.run_path(str(folder / "weights.py")))
    tensors = json.loads((folder / "maskprop_state_dict.json").read_text())["tensors"]
    path = tmp_path_factory.mktemp("maskprop") / "seeded.pth"
    torch.save(weights.make(tensors, 0, weights.MASKPROP_SYNTH), path)
    yield str(path)
    path.unlink()  # 215 MB that pytest would keep


def test_the_tensors_are_those_of_a_released_file(folder: Path) -> None:
    expected = json.loads((folder / "maskprop_state_dict.json").read_text())["tensors"]
    with torch.device("meta"):
        found = MaskPropagationNetwork().state_dict()
    assert {name: [list(tensor.shape), str(tensor.dtype)] for name, tensor in found.items()} == {
        name: [entry["shape"], f"torch.{entry['dtype']}"] for name, entry in expected.items()
    }


@pytest.mark.slow
def test_every_stage_of_the_first_step_equals_the_recording(folder: Path, checkpoint: str) -> None:
    inputs, recorded = (np.load(folder / name) for name in ("inputs_synth.npz", "maskprop/synth_intermediates.npz"))
    network = MaskPropagation("cpu", checkpoint).network
    frames = PreparedFrames(list(inputs["frames"]), 0, CPU)
    with torch.inference_mode():
        given = aggregate(torch.stack([frames.mask(inputs["labels"][0] == object_id) for object_id in (1, 2)]))
        keys, values = network.memorize(frames.image(0), given[1:])
        f4, f8, f16 = network.rgb_encoder(frames.image(1))
        query, own = network.kv_q_f16(f16)
        memory = [Memorized(keys[0].flatten(1), values[0].flatten(1), True)]
        read = read_memory(memory, query[0].flatten(1), frames.grid, Reading(50, 5.6)).reshape(1, 512, *frames.grid)
        logit = network.decoder(torch.cat([read, own], dim=1), f8, f4)
    stages = {"prob0": given, "mem_key": keys, "mem_val": values, "f16": f16, "f8": f8, "f4": f4, "q_key": query}
    stages |= {"q_val": own, "readout_obj1_top50_km": read, "logit_obj1": logit}
    for name, stage in stages.items():
        np.testing.assert_allclose(stage.numpy(), recorded[name].reshape(stage.shape), 1e-4, 1e-4, err_msg=name)


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "synth_1obj_top50_mem5",
        "synth_2obj_full_mem2",
        "synth_2obj_top50_mem5",
        "synth_yv_late_top50_km_mem5",
        "synth_yv_late_top50_mem2",
    ],
)
def test_masks_equal_the_recording(folder: Path, checkpoint: str, name: str) -> None:
    inputs, recorded = np.load(folder / "inputs_synth.npz"), np.load(folder / "maskprop" / f"{name}.npz")
    settings: dict[str, Any] = {
        "top_k": max(0, int(recorded["top_k"])),
        "kernelized": bool(recorded["km"]),
        "memory_every": int(recorded["mem_freq"]),
    }
    tracker = MaskPropagation("cpu", checkpoint, **settings)
    prompts, expected = prompts_of_recording(recorded, inputs["labels"])
    masks = tracker.track(Video("synth", list(inputs["frames"]), prompts))
    assert count_differences(masks, expected) <= 0.0002 * expected.size


@pytest.mark.exhaustive
@pytest.mark.slow
def test_a_batch_of_objects_changes_only_roundings(folder: Path, checkpoint: str) -> None:
    inputs = np.load(folder / "inputs_synth.npz")
    prompts = {0: {object_id: inputs["labels"][0] == object_id for object_id in (1, 2)}}
    video = Video("synth", list(inputs["frames"][:4]), prompts)
    masks = [list(MaskPropagation("cpu", checkpoint, fast=fast).track(video)) for fast in (False, True)]
    differing = sum(int((a[each] != b[each]).sum()) for a, b in zip(*masks, strict=True) for each in a)
    assert differing < 10


@pytest.mark.exhaustive
@pytest.mark.slow
def test_forgetting_keeps_the_given_frames(folder: Path, checkpoint: str) -> None:
    inputs = np.load(folder / "inputs_synth.npz")
    tracker = MaskPropagation("cpu", checkpoint, memory_every=1, max_memory_frames=2)
    memory = tracker.open_memory((8, 10))
    frames = PreparedFrames(list(inputs["frames"]), 0, CPU)
    mask = frames.mask(inputs["labels"][0] == 1)
    with torch.inference_mode():
        for index in range(5):
            memory.remember(frames.image(index), {1: mask}, {1: mask} if not index else {})
    assert [entry.given for entry in memory.lasting[1]] == [True, False]


@pytest.mark.slow
def test_correspondences_equal_the_recording(folder: Path, checkpoint: str) -> None:
    inputs, recorded = np.load(folder / "inputs_synth.npz"), np.load(folder / "maskprop" / "corr_synth.npz")
    found = Correspondence(MaskPropagation("cpu", checkpoint), inputs["frames"][0], inputs["frames"][3])
    np.testing.assert_allclose(found.weights.numpy(), recorded["W"], atol=1e-6)
    for (x, y), expected in zip(recorded["clicks"], recorded["maps"], strict=True):
        transferred = found.transfer_point(int(x), int(y))
        np.testing.assert_allclose(transferred, expected, atol=1e-6)
        assert transferred[find_match(transferred)[::-1]] == transferred.max()


def test_another_file_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    torch.save({"rgb_encoder.conv1.weight": torch.zeros(64, 3, 7, 7), "other": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(VosbenchError, match=r"a\.pth: expected a whole Mask-Propagation; of 597 tensors 596 missing"):
        MaskPropagation("cpu", str(tmp_path / "a.pth"))
