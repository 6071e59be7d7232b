"""SAM2Long in batches: the masks are those of the exact mode up to rounding, in one pass for equally long histories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.pathways import WAVERING, check_bounded, torn
from tests.support.tensors import PIXELS, TOLERANCE
from vosbench.masks.labels import read_labels
from vosbench.trackers.sam2.images import ModelImages
from vosbench.trackers.sam2long.batched import BatchedNetwork
from vosbench.trackers.sam2long.network import Network
from vosbench.trackers.sam2long.tracker import Sam2Long
from vosbench.trackers.sam2long.video_pass import Sam2LongPass
from vosbench.types import Frame, Masks, Video

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:torch"),
    pytest.mark.usefixtures("one_thread"),
]

SIDE = 32

Prompts = Mapping[int, Masks]


@pytest.fixture(scope="module")
def frames(data: Path) -> list[Frame]:
    """Forwards and backwards: 22 frames."""
    clip = [np.array(Image.open(path).convert("RGB")) for path in sorted((data / "sam2" / "frames").iterdir())]
    return [*clip, *clip[-2:0:-1]]


@pytest.fixture(scope="module")
def ground_truth(data: Path) -> list[Masks]:
    """Objects 1 and 2; object 3 is the background."""
    maps = [read_labels(path) for path in sorted((data / "sam2" / "masks").iterdir())]
    return [{1: one == 1, 2: one == 2, 3: one == 0} for one in maps]


@pytest.fixture(scope="module")
def tracker(checkpoint: str, seeded: SimpleNamespace) -> Iterator[Sam2Long]:
    """With pathways that differ from the second frame after the prompt on, and a history of at most four."""
    with torch.compiler.set_stance("force_eager"):  # that a warm-up is possible shows without a compiler
        built = Sam2Long(
            "cpu",
            checkpoint,
            image_size=SIDE,
            dtype="float32",
            max_object_pointers=4,
            uncertainty=100.0,
            fast=True,
            compile=True,
        )
        built.predictor.load_state_dict(seeded.seeded_state_dict(built.predictor, **WAVERING))
        yield built


def follow(
    kind: type[Network], tracker: Sam2Long, frames: list[Frame], prompts: Prompts
) -> tuple[list[dict[int, torch.Tensor]], list[list[float]]]:
    """The logits of each frame, and the cumulative scores of all pathways after each."""
    logits, scores = [], []
    with (
        torch.inference_mode(),
        ModelImages(frames, tracker.predictor.image_size, tracker.device) as images,
    ):
        video_pass = Sam2LongPass(kind(tracker.predictor, images, torch.float32), tracker.policy, -np.inf)
        for index in range(len(frames)):
            video_pass.step(index, prompts.get(index, {}))
            scores.append([pathway.score for one in video_pass.objects.values() for pathway in one.pathways])
            while video_pass.decided():
                logits.append(video_pass.take())
    return logits, scores


@pytest.mark.slow
def test_late_objects_have_the_logits_of_the_exact_mode(
    tracker: Sam2Long, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    prompts = {1: {1: ground_truth[1][1], 7: ground_truth[1][2]}, 3: {3: ground_truth[3][3]}}
    exact, exactly = follow(Network, tracker, frames[:8], prompts)
    fast, scores = follow(BatchedNetwork, tracker, frames[:8], prompts)
    assert [list(logits) for logits in fast] == [list(logits) for logits in exact]
    assert all(np.allclose(one, other, atol=TOLERANCE) for one, other in zip(scores, exactly, strict=True))
    assert len(set(scores[-1])) > 6
    pairs = [(one[object_id], other[object_id]) for one, other in zip(exact, fast, strict=True) for object_id in one]
    assert max(float((one - other).abs().max()) for one, other in pairs) < TOLERANCE
    unlike = sum(int(((one > 0) != (other > 0)).sum()) for one, other in pairs)
    assert unlike <= PIXELS * sum(one.numel() for one, _ in pairs)


def passes(kind: type[Network], tracker: Sam2Long, frames: list[Frame], prompts: Prompts) -> Counter[str]:
    """How often each part of the model is called."""
    calls: Counter[str] = Counter()
    parts = ("image_encoder", "memory_attention", "sam_mask_decoder", "memory_encoder")
    hooks = [
        tracker.predictor.get_submodule(part).register_forward_hook(lambda *_, part=part: calls.update([part]))
        for part in parts
    ]
    follow(kind, tracker, frames, prompts)
    for hook in hooks:
        hook.remove()
    return calls


@pytest.mark.slow
def test_three_pathways_of_three_objects_take_one_pass_a_frame(
    tracker: Sam2Long, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    prompted, tracked = 3, 5  # one pass a prompt, then one a frame
    assert passes(BatchedNetwork, tracker, frames[:6], {0: ground_truth[0]}) == {
        "image_encoder": 6,
        "memory_attention": tracked,
        "sam_mask_decoder": prompted + tracked,
        "memory_encoder": prompted + tracked,
    }
    apart = 3 + 3 + 3 * 9  # each object once until its pathways differ, then each pathway
    assert passes(Network, tracker, frames[:6], {0: ground_truth[0]})["memory_attention"] == apart


@pytest.mark.slow
def test_a_late_object_joins_the_others_once_its_history_is_as_long(
    tracker: Sam2Long, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    prompts = {0: {1: ground_truth[0][1]}, 2: {2: ground_truth[2][2]}}
    apart, together = 2 + 2 * 3, 2  # of one object and of two, up to frame 5; then both remember three frames
    assert passes(torn(BatchedNetwork), tracker, frames[:8], prompts)["memory_attention"] == apart + together


def test_the_next_frame_is_encoded_ahead_and_every_frame_is_read_once_in_order(
    tracker: Sam2Long, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    events: list[object] = []

    class Watched(list[Frame]):
        def __getitem__(self, index: Any) -> Any:
            events.append(index)
            return super().__getitem__(index)

    def follow_on(*_: object) -> None:
        events.append("attention")

    images = ModelImages(Watched(frames[:5]), SIDE, torch.device("cpu"))  # which reads when it is asked
    hook = tracker.predictor.memory_attention.register_forward_hook(follow_on)
    network = BatchedNetwork(tracker.predictor, images, torch.float32)
    video_pass = Sam2LongPass(network, tracker.policy, -np.inf)
    with torch.inference_mode():
        for index in range(5):
            video_pass.step(index, {1: {1: ground_truth[1][1]}}.get(index, {}))
            assert len(network.ahead.features) <= 1
    hook.remove()
    assert events == [1, 2, 3, "attention", 4, "attention", "attention"]


@pytest.mark.slow
def test_only_compressed_masks_take_more_memory_though_no_mask_is_ever_decided(
    tracker: Sam2Long, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    check_bounded(BatchedNetwork, tracker, frames, ground_truth[0][1])


def test_the_setting_fast_batches_objects(tracker: Sam2Long, frames: list[Frame], ground_truth: list[Masks]) -> None:
    calls: list[None] = []
    hook = tracker.predictor.memory_attention.register_forward_hook(lambda *_: calls.append(None))
    tracked = list(tracker.track(Video("clip", frames[:4], {0: ground_truth[0]})))
    hook.remove()
    assert [sorted(masks) for masks in tracked] == [[1, 2, 3]] * 4
    assert len(calls) == 3
