"""SAM2Long's masks equal a recording of the authors' code, and its parts follow the described method."""

from __future__ import annotations

import copy
import subprocess
import sys
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product, takewhile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from tests.support import official
from tests.support.cli import Cli
from tests.support.golden import make_tree
from tests.support.pathways import RECORDED, SIDE, check_bounded
from tests.support.tensors import CPU
from vosbench.errors import VosbenchError
from vosbench.masks.labels import read_labels, to_labels
from vosbench.trackers.sam2.images import ModelImages
from vosbench.trackers.sam2.tracker import ModelTracker, Sam2
from vosbench.trackers.sam2long.batched import BatchedNetwork
from vosbench.trackers.sam2long.network import FrameQuery, MaskMemory, Network
from vosbench.trackers.sam2long.tracker import Sam2Long
from vosbench.trackers.sam2long.tree import PathwayPolicy, key_scales
from vosbench.trackers.sam2long.video_pass import Sam2LongPass
from vosbench.types import Frame, Mask, Masks, Video

pytestmark = pytest.mark.usefixtures("one_thread")

AREA = (SIDE // 16) ** 2  # tokens of a frame

Prompts = Mapping[int, Mapping[int, Mask]]


@pytest.fixture(scope="module")
def long_frames(frames: list[Frame]) -> list[Frame]:
    """The same frames forwards and backwards: 22 frames, more than the model remembers."""
    return [*frames, *frames[-2:0:-1]]


@pytest.fixture(scope="module")
def late(ground_truth: list[Masks]) -> Prompts:
    """Object 7 starts in frame 1, object 3 in frame 4."""
    return {1: {7: ground_truth[1][1]}, 4: {3: ground_truth[4][2]}}


def with_policy(tracker: Sam2Long, **changes: Any) -> Sam2Long:
    """The same model under another policy."""
    other = copy.copy(tracker)
    other.policy = tracker.policy._replace(**changes)
    return other


def track(tracker: ModelTracker, frames: Sequence[Frame], prompts: Prompts, overlap: bool = False) -> list[Masks]:
    return list(tracker.track(Video("clip", frames, prompts, overlap)))


def maps(tracked: Sequence[Masks]) -> list[list[list[int]]]:
    return [to_labels(masks, (240, 320)).tolist() for masks in tracked]


class Followed(NamedTuple):
    """An object in a pass: its logits, how many frames were decided after each frame, its pathways after each."""

    logits: list[Any]
    decided: list[int]
    pathways: list[Any]


@pytest.fixture(scope="module")
def followed(seeded: SimpleNamespace, frames: list[Frame], ground_truth: list[Masks]) -> dict[int, Followed]:
    """Both objects of the recording, each in its own pass, on frames that are encoded once."""
    predictor = official.build(seeded, 256)
    predictor.load_state_dict(seeded.seeded_state_dict(predictor, **RECORDED))
    network = Network(predictor, ModelImages(frames, 256, CPU), torch.float32)
    passes = {object_id: Sam2LongPass(network, PathwayPolicy(3, 0.22, 0.5), threshold=-np.inf) for object_id in (1, 2)}
    kept = {object_id: Followed([], [], []) for object_id in passes}
    with torch.inference_mode():
        for index, (object_id, video_pass) in product(range(12), passes.items()):
            video_pass.step(index, {object_id: ground_truth[0][object_id]} if index == 0 else {})
            while video_pass.decided():
                kept[object_id].logits.append(video_pass.take()[object_id].numpy())
            kept[object_id].decided.append(len(kept[object_id].logits))
            kept[object_id].pathways.append(video_pass.objects[object_id].pathways)
    return kept


@pytest.mark.slow
@pytest.mark.parametrize("object_id", [1, 2])
def test_logits_scores_and_decisions_equal_the_recording(
    data: Path, followed: dict[int, Followed], object_id: int
) -> None:
    logits, decided, tips = followed[object_id]
    scores = np.array([[pathway.score for pathway in pathways] for pathways in tips[1:]])
    memories = [[pathway.history[-1] for pathway in pathways] for pathways in tips[1:]]
    ious = np.array([[memory.iou for memory in kept] for kept in memories])
    object_scores = np.array([[memory.object_score for memory in kept] for kept in memories])
    with np.load(data / "sam2" / "reference_sam2long.npz") as file:
        recorded = {name: file[f"o{object_id}_{name}"] for name in ("video_logits", "acc", "iou", "obj", "pick")}
    assert np.abs(np.stack(logits) - recorded["video_logits"]).max() < 1e-3
    assert ((np.stack(logits) > 0) != (recorded["video_logits"] > 0)).sum() <= 5
    assert np.abs(scores - recorded["acc"]).max() < 1e-3
    assert np.abs(ious - recorded["iou"]).max() < 1e-3
    assert np.abs(object_scores - recorded["obj"]).max() < 1e-3
    assert decided[1:] == [*shared(recorded["pick"], recorded["acc"])[:-1], 12]


def shared(picks: Any, scores: Any) -> list[int]:
    """After each frame but the first the number of frames in which all recorded pathways go through the same mask.

    picks[t, n, f]: the slot in frame f through which the pathway n went after frame t + 1. scores[f - 1]: of the slots
    in frame f; those of one score hold the same mask.
    """
    counts = []
    for time, pathways in enumerate(picks):
        through = (len({*scores[frame - 1][pathways[:, frame]]}) == 1 for frame in range(1, time + 2))
        counts.append(1 + sum(takewhile(bool, through)))
    return counts


def attention_input(tracker: Sam2Long, frame: Frame, length: int) -> dict[str, Any]:
    """What the memory attention is given, in frame 60 of 100, with the memories 0 to length - 1 in the history.

    They are filled with their number, that of the prompt in frame 20 with 99; their object scores are 20 - number.
    """

    def filled(number: int) -> MaskMemory:
        shape = 1, 64, SIDE // 16, SIDE // 16
        features, pointer = torch.full(shape, float(number)), torch.full((1, 256), float(number))
        output = {"maskmem_features": features, "maskmem_pos_enc": [torch.zeros(shape)], "obj_ptr": pointer}
        return MaskMemory(output, 0.5, 10.0 if number == 99 else 20.0 - number)

    network = Network(tracker.predictor, ModelImages([frame] * 100, SIDE, CPU), torch.float32)
    seen: dict[str, Any] = {}
    hook = tracker.predictor.memory_attention.register_forward_hook(
        lambda _, args, inputs, output: seen.update(inputs), with_kwargs=True
    )
    with torch.inference_mode():
        network.query(60, [FrameQuery({20: filled(99)}, [filled(number) for number in range(length)])])
    hook.remove()
    return seen


@pytest.mark.parametrize("length", [1, 2, 6, 15, 16])
def test_the_memory_attention_is_given_the_chosen_history_of_whatever_frames(
    tracker: Sam2Long, frames: list[Frame], length: int
) -> None:
    seen = attention_input(tracker, frames[0], length)
    recent = [99, *range(length)[-6:]]
    pointed = [99, *range(length - 1, 0, -1)]
    numbers = np.repeat([*recent, *pointed], [AREA] * len(recent) + [4] * len(pointed))  # tokens of 64 channels
    assert seen["num_obj_ptr_tokens"] == 4 * len(pointed)
    assert seen["memory"][:, 0].tolist() == [[float(number)] * 64 for number in numbers]
    keys = (seen["memory"] + seen["memory_pos"])[: AREA * len(recent), 0].view(-1, AREA, 64)
    rows = tracker.predictor.maskmem_tpos_enc[[6, *range(len(recent) - 2, -1, -1)], 0]
    scales = key_scales([10.0, *(20.0 - number for number in recent[1:])])
    for number, row, scale, key in zip(recent, rows, scales, keys, strict=True):
        assert torch.allclose(key, scale * (number + row), atol=1e-4)


def test_with_a_memory_of_only_the_prompt_no_key_is_scaled(checkpoint: str, frames: list[Frame]) -> None:
    tracker = Sam2Long("cpu", checkpoint, memory_size=1, image_size=SIDE, dtype="float32")
    seen = attention_input(tracker, frames[0], 2)
    assert seen["memory"][:, 0, 0].tolist() == [99.0] * AREA + [99.0] * 4 + [1.0] * 4
    assert torch.equal(seen["memory_pos"][:AREA, 0], tracker.predictor.maskmem_tpos_enc[0, 0].expand(AREA, -1))


def test_the_model_is_left_unchanged(tracker: Sam2Long, frames: list[Frame], ground_truth: list[Masks]) -> None:
    hooks = dict(tracker.predictor.memory_attention._forward_pre_hooks)
    track(tracker, frames[:4], {0: ground_truth[0]})
    assert tracker.predictor.memory_attention._forward_pre_hooks == hooks


def test_the_frame_after_the_prompt_equals_that_of_sam_2(
    tracker: Sam2Long, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    video = Video("clip", frames[:2], {0: ground_truth[0]})
    plain = object.__new__(Sam2)
    vars(plain).update(vars(tracker), fill_hole_area=0)
    assert maps(list(tracker.track(video))) == maps(list(plain.track(video)))


@pytest.mark.slow
def test_pathways_that_are_always_certain_are_one_pathway(
    tracker: Sam2Long, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    one, sure = with_policy(tracker, num_pathway=1), with_policy(tracker, uncertainty=0.0)
    expected = maps(track(one, frames[:6], {0: ground_truth[0]}))
    with counting(sure.predictor.memory_attention) as passes:
        assert maps(track(sure, frames[:6], {0: ground_truth[0]})) == expected
    assert len(passes) == 2 * 5  # one of each object in each frame, not three
    with counting(tracker.predictor.memory_attention) as passes:
        track(tracker, frames[:6], {0: ground_truth[0]})
    assert len(passes) > 2 * 5


@contextmanager
def counting(module: torch.nn.Module) -> Iterator[list[None]]:
    """A list that gets an entry at each call of the module."""
    calls: list[None] = []
    hook = module.register_forward_hook(lambda *_: calls.append(None))
    try:
        yield calls
    finally:
        hook.remove()


@pytest.mark.slow
def test_a_frame_is_read_and_encoded_once_for_all_objects_and_pathways(
    tracker: Sam2Long, frames: list[Frame], late: Prompts
) -> None:
    reads: list[int] = []

    class Watched(list[Frame]):
        def __getitem__(self, index: Any) -> Any:
            reads.append(index)
            return super().__getitem__(index)

    with counting(tracker.predictor.image_encoder) as encoded:
        tracked = track(tracker, Watched(frames), late)
    assert reads == [*range(1, 12)]
    assert len(encoded) == 11
    assert [sorted(masks) for masks in tracked] == [[], *[[7]] * 3, *[[3, 7]] * 8]


@pytest.mark.slow
def test_objects_do_not_influence_each_other(tracker: Sam2Long, frames: list[Frame], late: Prompts) -> None:
    both = track(tracker, frames[:8], late, overlap=True)
    for start, prompts in late.items():
        for object_id in prompts:
            alone = track(tracker, frames[:8], {start: prompts}, overlap=True)
            assert all(np.array_equal(both[index][object_id], alone[index][object_id]) for index in range(start, 8))


@pytest.mark.slow
def test_waiting_changes_no_mask(tracker: Sam2Long, frames: list[Frame], ground_truth: list[Masks]) -> None:
    """A threshold below all logits keeps them exactly; the masks are then decided here, by the highest above 0."""
    network = Network(tracker.predictor, ModelImages(frames, SIDE, CPU), torch.float32)
    video_pass = Sam2LongPass(network, tracker.policy, threshold=-np.inf)
    expected, lag = [], []
    with torch.inference_mode():
        for index in range(12):
            video_pass.step(index, ground_truth[0] if index == 0 else {})
            while video_pass.decided():
                logits = torch.stack([torch.zeros(240, 320), *video_pass.take().values()])
                expected.append(logits.argmax(0).tolist())
            lag.append(index + 1 - len(expected))
    assert max(lag) > 3
    assert lag[-1] == 0
    assert maps(track(tracker, frames, {0: ground_truth[0]})) == expected


@pytest.mark.slow
def test_masks_that_no_pathway_goes_through_any_more_are_freed(
    tracker: Sam2Long, long_frames: list[Frame], ground_truth: list[Masks]
) -> None:
    network = BatchedNetwork(tracker.predictor, ModelImages(long_frames, SIDE, CPU), torch.float32)
    nodes: set[weakref.ref[Any]] = set()
    video_pass = Sam2LongPass(network, tracker.policy, threshold=0.0)
    with torch.inference_mode():
        for index in range(20):
            video_pass.step(index, {1: ground_truth[0][1]} if index == 0 else {})
            while video_pass.decided():
                video_pass.take()
            nodes |= {weakref.ref(pathway.node) for pathway in video_pass.objects[1].pathways}
        assert len(nodes) > 30
        assert sum(ref() is not None for ref in nodes) <= 3 * len(video_pass.waiting) + 1


@pytest.mark.exhaustive
@pytest.mark.slow
def test_only_compressed_masks_take_more_memory_though_no_mask_is_ever_decided(
    tracker: Sam2Long, long_frames: list[Frame], ground_truth: list[Masks]
) -> None:
    check_bounded(Network, tracker, long_frames, ground_truth[0][1])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_video_of_few_frames_has_as_many_masks(
    tracker: Sam2Long, frames: list[Frame], ground_truth: list[Masks], count: int
) -> None:
    tracked = track(tracker, frames[:count], {0: ground_truth[0]})
    assert [sorted(masks) for masks in tracked] == [[1, 2]] * count
    assert track(tracker, frames[:count], {}) == [{}] * count


def test_an_object_that_starts_in_the_last_frame_is_its_prompt(
    tracker: Sam2Long, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    tracked = track(tracker, frames[:3], {2: {5: ground_truth[2][1]}})
    assert tracked[:2] == [{}, {}]
    assert (tracked[2][5] ^ ground_truth[2][1]).mean() < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_mixed_precision_tracks(checkpoint: str, frames: list[Frame], ground_truth: list[Masks], dtype: str) -> None:
    tracked = track(Sam2Long("cpu", checkpoint, image_size=32, dtype=dtype), frames[:4], {0: ground_truth[0]})
    assert [sorted(masks) for masks in tracked] == [[1, 2]] * 4


def test_an_object_with_two_prompts_is_refused(
    tracker: Sam2Long, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    message = "video clip: object 1 has prompts in frames 0 and 5, but sam2long takes one prompt for each object"
    with counting(tracker.predictor.image_encoder) as encoded, pytest.raises(VosbenchError, match=message):
        track(tracker, frames, {0: ground_truth[0], 5: {1: ground_truth[5][1]}})
    assert not encoded


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_pathway": 0}, "num_pathway=0: expected a whole number of at least 1"),
        ({"iou_thre": 1.5}, "iou_thre=1.5: expected a finite number from 0 to 1"),
        ({"iou_thre": float("nan")}, "iou_thre=nan: expected a finite number from 0 to 1"),
        ({"uncertainty": -0.5}, "uncertainty=-0.5: expected a finite number of at least 0"),
        ({"uncertainty": float("nan")}, "uncertainty=nan: expected a finite number of at least 0"),
        ({"memory_size": 0}, "memory_size=0: expected a whole number of at least 1"),
        ({"dtype": "int8"}, "dtype='int8': expected one of bfloat16, float16, float32"),
    ],
)
def test_a_setting_out_of_range_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(VosbenchError, match=message):
        Sam2Long("cpu", "never-read.pt", **settings)


@pytest.mark.slow
def test_the_command_line_follows_a_late_object(
    cli: Cli, checkpoint: str, data: Path, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    clip = make_tree(cli.folder / "clips", {"clip": {"00000": ground_truth[0][1].astype(np.uint8)}}, frames=False)
    (clip / "Annotations/clip/00004.png").symlink_to(data / "sam2/masks/00004.png")
    (clip / "JPEGImages").mkdir()
    (clip / "JPEGImages/clip").symlink_to(data / "sam2/frames")
    settings = ("--set", f"image_size={SIDE}", "--set", "dtype=float32", "--set", "num_pathway=2")
    command = ("infer", "--dataset", clip, "--tracker", "sam2long", "--checkpoint", checkpoint, *settings)
    refused = cli(*command, "--set", "prompts=all", expect=2)
    assert "--set prompts=all: sam2long starts an object only from a single mask" in refused.stderr
    printed = " ".join(cli(*command, "--gpus", "cpu").stderr.split())
    assert "num_pathway=2, iou_thre=0.1, uncertainty=2.0" in printed
    (run,) = (cli.folder / "results" / "clips-val").iterdir()
    assert "num_pathway=2" in run.name
    ours = Sam2Long("cpu", checkpoint, image_size=SIDE, dtype="float32", num_pathway=2)
    expected = maps(track(ours, frames, {0: {1: ground_truth[0][1]}, 4: {2: ground_truth[4][2]}}))
    written = [read_labels(path).tolist() for path in sorted((run / "masks" / "clip").iterdir())]
    assert written == expected


def test_importing_the_tracker_does_not_import_torch() -> None:
    code = "import sys, vosbench.trackers.sam2long; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
