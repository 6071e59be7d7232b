"""SAM 2's settings for speed: in batches, the masks are those of the exact mode up to rounding, in fewer passes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from logging import getLogger
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch._dynamo.utils import counters
from torch._subclasses import FakeTensorMode

from tests.support.tensors import PIXELS, TOLERANCE, reachable
from vosbench.masks.labels import read_labels
from vosbench.trackers.sam2.batched import BatchedPass
from vosbench.trackers.sam2.compiled import COMPILED_PARTS
from vosbench.trackers.sam2.images import ModelImages
from vosbench.trackers.sam2.memory import PROMPTED, TRACKED
from vosbench.trackers.sam2.predictor import build_predictor, resize_positions
from vosbench.trackers.sam2.settings import Sam2Settings
from vosbench.trackers.sam2.tracker import Sam2
from vosbench.trackers.sam2.video_pass import Sam2Pass
from vosbench.types import Frame, Masks, Video

pytestmark = pytest.mark.usefixtures("one_thread")

SIDE = 64
FORTH_AND_BACK = [*range(12), *range(10, -1, -1)] * 2  # 46 frames

Prompts = Mapping[int, Masks]
Passes = Counter[str]


@pytest.fixture(scope="module")
def tracker(checkpoint: str) -> Sam2:
    return Sam2("cpu", checkpoint, image_size=SIDE, dtype="float32", fast=True)


@pytest.fixture(scope="module")
def small(checkpoint: str) -> Sam2:
    return Sam2("cpu", checkpoint, image_size=32, dtype="float32", fast=True)


@pytest.fixture(scope="module")
def frames(data: Path) -> list[Frame]:
    clip = [np.array(Image.open(path).convert("RGB")) for path in sorted((data / "sam2" / "frames").iterdir())]
    return [clip[source] for source in FORTH_AND_BACK]


@pytest.fixture(scope="module")
def ground_truth(data: Path) -> list[Masks]:
    """Objects 1 and 2; object 3 is the background."""
    maps = [read_labels(path) for path in sorted((data / "sam2" / "masks").iterdir())]
    return [{1: maps[i] == 1, 2: maps[i] == 2, 3: maps[i] == 0} for i in FORTH_AND_BACK]


def follow(kind: type[Sam2Pass], tracker: Sam2, frames: list[Frame], prompts: Prompts) -> list[dict[int, Any]]:
    """The logits of each frame."""
    with ModelImages(frames, tracker.predictor.image_size, tracker.device) as images, torch.inference_mode():
        video_pass = kind(tracker.predictor, images, prompts, torch.float32)
        return [video_pass.step(index) for index in range(len(frames))]


def check(tracker: Sam2, frames: list[Frame], prompts: Prompts) -> None:
    """The fast logits are those of the exact mode within TOLERANCE, and so are nearly all pixels."""
    exact, fast = (follow(kind, tracker, frames, prompts) for kind in (Sam2Pass, BatchedPass))
    assert [list(logits) for logits in fast] == [list(logits) for logits in exact]
    pairs = [(one[object_id], other[object_id]) for one, other in zip(exact, fast, strict=True) for object_id in one]
    assert max(float((one - other).abs().max()) for one, other in pairs) < TOLERANCE
    unlike = sum(int(((one > 0) != (other > 0)).sum()) for one, other in pairs)
    assert unlike <= PIXELS * sum(one.numel() for one, _ in pairs)


@pytest.mark.slow
def test_late_objects_have_the_logits_of_the_exact_mode(
    tracker: Sam2, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    given = {0: {1: ground_truth[0][1], 7: ground_truth[0][2]}, 2: {3: ground_truth[2][3]}}
    check(tracker, frames[:20], given)  # object 3 joins the others in frame 18


@pytest.mark.slow
def test_objects_with_several_prompts_have_the_logits_of_the_exact_mode(
    tracker: Sam2, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    given = {
        0: ground_truth[0],
        2: {1: ground_truth[2][1], 2: ground_truth[2][2]},
        3: {3: ground_truth[3][3]},
        6: ground_truth[6],
    }
    check(tracker, frames[:9], given)


@pytest.mark.slow
def test_the_settings_of_the_memory_take_effect_in_batches(
    checkpoint: str, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    few = {"memory_size": 3, "max_object_pointers": 4, "temporal_stride": 2, "fill_hole_area": 20}
    tracker = Sam2("cpu", checkpoint, image_size=64, dtype="float32", fast=True, **few)
    check(tracker, frames[:9], {0: {1: ground_truth[0][1]}, 1: {2: ground_truth[1][2]}})


@pytest.mark.slow
def test_objects_may_share_pixels_where_the_video_lets_them(
    small: Sam2, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    exact = follow(Sam2Pass, small, frames[:4], {0: ground_truth[0]})
    tracked = list(small.track(Video("clip", frames[:4], {0: ground_truth[0]}, overlap=True)))
    for masks, logits in zip(tracked, exact, strict=True):
        unlike = sum(int((masks[object_id] != (logits[object_id] > 0).numpy()).sum()) for object_id in (1, 2, 3))
        assert unlike <= PIXELS * 3 * masks[1].size
    assert any((masks[1] & masks[2]).any() for masks in tracked)


def passes(tracker: Sam2, frames: list[Frame], prompts: Prompts) -> Passes:
    """How often each part of the model is called."""
    calls: Passes = Counter()
    parts = ("image_encoder", "memory_attention", "sam_mask_decoder", "memory_encoder")
    hooks = [
        tracker.predictor.get_submodule(part).register_forward_hook(lambda *_, part=part: calls.update([part]))
        for part in parts
    ]
    follow(BatchedPass, tracker, frames, prompts)
    for hook in hooks:
        hook.remove()
    return calls


@pytest.mark.slow
def test_objects_with_equal_histories_take_one_pass_a_frame(
    small: Sam2, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    assert passes(small, frames[:6], {0: ground_truth[0]}) == {
        "image_encoder": 6,
        "memory_attention": 5,
        "sam_mask_decoder": 6,
        "memory_encoder": 6,
    }


@pytest.mark.slow
def test_a_late_object_joins_the_others_once_its_memory_is_as_long(
    small: Sam2, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    prompts = {1: {1: ground_truth[1][1], 3: ground_truth[1][3]}, 4: {2: ground_truth[4][2]}}
    apart, together = 18 + 15, 4  # passes up to frame 19, of two objects and of one; from frame 20 on
    assert passes(small, frames[:24], prompts) == {
        "image_encoder": 23,
        "memory_attention": apart + together,
        "sam_mask_decoder": apart + together + 2,
        "memory_encoder": apart + together + 2,
    }


def test_with_all_masks_each_frame_is_encoded_once(small: Sam2, frames: list[Frame], ground_truth: list[Masks]) -> None:
    prompts = {
        0: {1: ground_truth[0][1]},
        2: {1: ground_truth[2][1], 2: ground_truth[2][2]},
        3: {1: ground_truth[3][1]},
        5: ground_truth[5],
    }
    assert passes(small, frames[:6], prompts)["image_encoder"] == 6


@pytest.mark.slow
def test_memory_does_not_grow_with_the_video(small: Sam2, frames: list[Frame], ground_truth: list[Masks]) -> None:
    sizes = {}
    with ModelImages(frames, 32, small.device) as images, torch.inference_mode():
        video_pass = BatchedPass(
            small.predictor, images, {0: ground_truth[0], 4: {4: ground_truth[4][2]}}, torch.float32
        )
        for index in range(40):
            video_pass.step(index)
            assert len(video_pass.ahead.features) == 1
            kept = (
                video_pass.memories,
                video_pass.state,
                video_pass.held_features,
                video_pass.ahead.features,
                video_pass.recaller.recorder.recorded,
            )
            sizes[index] = reachable(kept, set())
    assert sizes[24] == sizes[39] > 0
    assert [(cohort, list(memory[PROMPTED])) for cohort, memory in video_pass.memories.items()] == [
        ((1, 2, 3), [0]),
        ((4,), [4]),
    ]
    assert all(list(memory[TRACKED]) == list(range(25, 40)) for memory in video_pass.memories.values())


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Sam2Pass, BatchedPass])
def test_everything_is_computed_on_the_models_device(
    checkpoint: str, frames: list[Frame], ground_truth: list[Masks], kind: type[Sam2Pass]
) -> None:
    device = torch.device("meta")  # tensors there have no values, and in this mode do not mix with those of a CPU
    predictor = build_predictor(Path(checkpoint), torch.device("cpu"), Sam2Settings(image_size=32, dtype="float32"))
    del predictor.image_encoder.trunk._get_pos_embed
    prompts = {
        0: {1: ground_truth[0][1], 2: ground_truth[0][2]},
        1: {3: ground_truth[1][3]},
        2: {1: ground_truth[2][1]},
    }
    with FakeTensorMode(allow_non_fake_inputs=True), torch.inference_mode():
        video_pass = kind(
            resize_positions(predictor.to(device)), ModelImages(frames[:4], 32, device), prompts, torch.float32
        )
        for index in range(4):
            assert {one.device for one in video_pass.step(index).values()} == {device}
        outputs = [one for memory in video_pass.memories.values() for each in memory.values() for one in each.values()]
    tensors = [one for output in outputs for one in output.values() if isinstance(one, torch.Tensor)]
    assert {one.device for one in tensors} == {device}


@pytest.mark.exhaustive
@pytest.mark.slow
def test_after_the_warm_up_nothing_is_compiled(
    checkpoint: str, frames: list[Frame], ground_truth: list[Masks], monkeypatch: pytest.MonkeyPatch
) -> None:
    def compiled(*prompts: Prompts) -> int:
        for given in prompts:
            list(tracker.track(Video("clip", frames[:6], given)))
        return int(counters["stats"]["unique_graphs"])

    monkeypatch.setattr(getLogger("torch.__trace"), "disabled", True)  # pytest would keep all of its many records
    torch._dynamo.reset()
    with torch.compiler.set_stance("default", force_backend="eager"):
        tracker = Sam2("cpu", checkpoint, image_size=32, dtype="float32", fast=True, compile=True)
        warm = compiled()
        assert warm >= len(COMPILED_PARTS)
        late: Prompts = {
            0: {1: ground_truth[0][1]},
            1: {2: ground_truth[1][2], 3: ground_truth[1][3]},
            3: {4: ground_truth[3][1]},
        }
        assert compiled({0: ground_truth[0]}, late, {0: {1: ground_truth[0][1]}}) == warm


@pytest.mark.slow
def test_tf32_is_on_only_for_a_tracker_with_that_setting(checkpoint: str) -> None:
    Sam2("cpu", checkpoint, image_size=32, tf32=True)
    assert torch.backends.cuda.matmul.allow_tf32
    Sam2("cpu", checkpoint, image_size=32)
    assert not torch.backends.cuda.matmul.allow_tf32
