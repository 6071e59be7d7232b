"""SAM 2's masks equal those of the official script's steps on the stock predictor with the same seeded weights.

tests/system/test_end_to_end.py compares it with the script's recorded masks, through the command line.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sam2.utils.misc import load_video_frames

from tests.support import official
from tests.support.official import SIDE
from tests.support.tensors import CPU, reachable
from vosbench.masks.labels import read_labels, to_labels
from vosbench.trackers.sam2.images import FRAMES_READ_AHEAD, ModelImages
from vosbench.trackers.sam2.logits import decide_logits
from vosbench.trackers.sam2.memory import PROMPTED, TRACKED
from vosbench.trackers.sam2.tracker import Sam2
from vosbench.trackers.sam2.video_pass import MAX_HELD_FRAMES, Sam2Pass
from vosbench.types import Frame, Mask, Masks, Video

pytestmark = pytest.mark.usefixtures("one_thread")

FORTH_AND_BACK = [*range(12), *range(10, -1, -1)] * 2  # 46 frames
LONG = 18  # frames: more than the 16 and 7 that the model remembers

Prompts = Mapping[int, Mapping[int, Mask]]
Logits = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


@pytest.fixture(scope="module")
def long_clip(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same frames forwards and backwards, as a folder of JPEGs."""
    folder = tmp_path_factory.mktemp("clip")
    for index, source in enumerate(FORTH_AND_BACK[:LONG]):
        (folder / f"{index:05d}.jpg").symlink_to((clip / f"{source:05d}.jpg").resolve())
    return folder


@pytest.fixture(scope="module")
def long_frames(frames: list[Frame]) -> list[Frame]:
    return [frames[source] for source in FORTH_AND_BACK]


@pytest.fixture(scope="module")
def ground_truth(data: Path) -> list[Masks]:
    labels = [read_labels(path) for path in sorted((data / "sam2" / "masks").iterdir())]
    return [{object_id: one == object_id for object_id in (1, 2)} for one in labels]


@pytest.fixture(scope="module")
def late(ground_truth: list[Masks]) -> Prompts:
    """Object 7 starts in frame 0, object 3 in frame 4."""
    return {0: {7: ground_truth[0][1]}, 4: {3: ground_truth[4][2]}}


@pytest.fixture(scope="module")
def late_logits(stock: Any, long_clip: Path, late: Prompts) -> dict[int, Logits]:
    return official.separate(stock, long_clip, late)


def track(
    tracker: Sam2, frames: Sequence[Frame], prompts: Prompts, overlap: bool = False, count: int | None = None
) -> list[Masks]:
    """The masks of the first `count` frames, of all if None. They depend on the length of the whole video."""
    return list(islice(tracker.track(Video("clip", frames, prompts, overlap)), count))


def logits(tracker: Sam2, frames: Sequence[Frame], prompts: Prompts) -> dict[int, Logits]:
    """Each object's logits [T, H, W], -1024 before its first prompt. Unlike masks, they show every last bit."""
    found: dict[int, Logits] = {}
    with torch.inference_mode(), ModelImages(frames, SIDE, CPU) as images:
        video_pass = Sam2Pass(tracker.predictor, images, prompts, torch.float32)
        for index in range(len(frames)):
            for object_id, one in video_pass.step(index).items():
                blank = np.full((len(frames), *one.shape), -1024.0, np.float32)
                found.setdefault(object_id, blank)[index] = one.numpy()
    return found


def equal(ours: Mapping[int, Logits], theirs: Mapping[int, Logits]) -> bool:
    return ours.keys() == theirs.keys() and all(
        np.array_equal(ours[object_id], theirs[object_id]) for object_id in ours
    )


def alike(ours: Sequence[Masks], theirs: Sequence[Masks]) -> bool:
    return len(ours) == len(theirs) and all(
        own.keys() == other.keys() and all(np.array_equal(own[object_id], other[object_id]) for object_id in own)
        for own, other in zip(ours, theirs, strict=True)
    )


def labels_of(tracked: Sequence[Masks]) -> np.ndarray[Any, Any]:
    return np.stack([to_labels(masks, (240, 320)) for masks in tracked])


@pytest.mark.slow
def test_objects_of_the_first_frame_equal_the_stock_predictor_bit_for_bit(
    tracker: Sam2, stock: Any, clip: Path, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    assert alike(track(tracker, frames, {0: ground_truth[0]}), official.together(stock, clip, ground_truth[0]))


@pytest.mark.slow
def test_a_late_object_equals_its_own_run_of_the_stock_predictor_bit_for_bit(
    tracker: Sam2, stock: Any, long_frames: list[Frame], late: Prompts, late_logits: dict[int, Logits]
) -> None:
    assert equal(logits(tracker, long_frames[:LONG], late), late_logits)
    tracked = track(tracker, long_frames[:LONG], late, count=8)
    assert [sorted(masks) for masks in tracked] == [[7]] * 4 + [[3, 7]] * 4
    assert np.array_equal(labels_of(tracked), official.labels(stock, late_logits)[:8])


@pytest.mark.slow
def test_objects_that_may_overlap_are_thresholded_each_for_itself(
    tracker: Sam2, long_frames: list[Frame], late: Prompts, late_logits: dict[int, Logits]
) -> None:
    tracked = track(tracker, long_frames[:LONG], late, overlap=True, count=8)
    for index, masks in enumerate(tracked):
        assert masks.keys() == ({7} if index < 4 else {3, 7})
        assert all(np.array_equal(mask, late_logits[object_id][index] > 0.0) for object_id, mask in masks.items())
    assert any((masks[3] & masks[7]).any() for masks in tracked[4:])


@pytest.mark.slow
@pytest.mark.parametrize("threshold", [-1024.0, -20.0, -10.0, -0.5, 0.5])
def test_any_score_threshold_paints_as_the_official_script_does(
    stock: Any, late_logits: dict[int, Logits], threshold: float
) -> None:
    expected = official.labels(stock, late_logits, threshold)
    begun = [
        {object_id: torch.tensor(late_logits[object_id][i]) for object_id in ([7] if i < 4 else [3, 7])}
        for i in range(LONG)
    ]
    assert np.array_equal(labels_of([decide_logits(logits, threshold, overlap=False) for logits in begun]), expected)
    for masks, logits in zip((decide_logits(logits, threshold, overlap=True) for logits in begun), begun, strict=True):
        assert all(np.array_equal(mask, logits[object_id] > threshold) for object_id, mask in masks.items())


@pytest.mark.slow
def test_all_masks_as_prompts_equal_the_official_script_with_use_all_masks(
    tracker: Sam2, stock: Any, clip: Path, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    later = {2: {1: ground_truth[2][1]}, 3: ground_truth[3], 6: {2: ground_truth[6][2]}, 11: {1: ground_truth[11][1]}}
    tracked = track(tracker, frames, {0: ground_truth[0], **later})
    assert alike(tracked, official.together(stock, clip, ground_truth[0], later))
    assert not np.array_equal(tracked[3][1], ground_truth[3][1])  # a given mask, too, has been through 256x256 logits


@pytest.mark.slow
def test_all_masks_of_late_objects_equal_the_official_script_that_tracks_each_apart(
    tracker: Sam2, stock: Any, clip: Path, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    prompts = {
        1: {4: ground_truth[1][2]},
        3: {4: ground_truth[3][2], 2: ground_truth[3][1]},
        5: {2: ground_truth[5][1]},
        8: {4: ground_truth[8][2]},
    }
    expected = official.separate(stock, clip, prompts)
    assert equal(logits(tracker, frames, prompts), expected)
    tracked = track(tracker, frames, prompts)
    assert [sorted(masks) for masks in tracked] == [[], [4], [4], *[[2, 4]] * 9]
    assert np.array_equal(labels_of(tracked), official.labels(stock, expected))


@pytest.mark.slow
def test_mixed_precision_equals_the_stock_predictor_under_autocast(
    checkpoint: str, stock: Any, clip: Path, frames: list[Frame], ground_truth: list[Masks], tmp_path: Path
) -> None:
    for path in sorted(clip.iterdir())[:4]:
        (tmp_path / path.name).symlink_to(path.resolve())
    with torch.autocast("cpu", torch.bfloat16):
        expected = official.together(stock, tmp_path, ground_truth[0])
    tracked = track(Sam2("cpu", checkpoint, image_size=SIDE), frames[:4], {0: ground_truth[0]})
    assert alike(tracked, expected)


@pytest.mark.slow
def test_half_precision_joins_its_memories(checkpoint: str, frames: list[Frame], ground_truth: list[Masks]) -> None:
    tracked = track(Sam2("cpu", checkpoint, image_size=32, dtype="float16"), frames[:3], {0: ground_truth[0]})
    assert [sorted(masks) for masks in tracked] == [[1, 2]] * 3


@pytest.mark.slow
@pytest.mark.parametrize("vanishing", ["empty", "a pixel"])
def test_a_prompt_without_a_pixel_at_the_models_size_gives_the_masks_of_the_stock_predictor(
    tracker: Sam2, stock: Any, clip: Path, frames: list[Frame], ground_truth: list[Masks], vanishing: str
) -> None:
    prompts = {1: np.zeros((240, 320), bool), 2: ground_truth[0][2]}
    prompts[1][100, 100] = vanishing == "a pixel"
    tracked = track(tracker, frames, {0: prompts})
    assert not tracked[0][1].any()
    assert alike(tracked, official.together(stock, clip, prompts))


def test_a_video_without_prompts_has_no_masks(tracker: Sam2, frames: list[Frame]) -> None:
    assert track(tracker, frames[:3], {}) == [{}, {}, {}]
    assert track(tracker, frames[:2], {1: {}}) == [{}, {}]
    assert track(tracker, [], {}) == []


class Counted:
    """Counts how often parts of a tracker's model are called, and which frames of its videos are read."""

    def __init__(self, tracker: Sam2) -> None:
        self.calls: Counter[str] = Counter()
        self.reads: list[int] = []
        self.parts = {"encoder": tracker.predictor.image_encoder, "tracked": tracker.predictor.memory_attention}

    def __enter__(self) -> Counted:
        self.hooks = [
            part.register_forward_hook(lambda *_, name=name: self.calls.update([name]))
            for name, part in self.parts.items()
        ]
        return self

    def __exit__(self, *raised: object) -> None:
        for hook in self.hooks:
            hook.remove()

    def frames(self, frames: Sequence[Frame]) -> list[Frame]:
        counted = self

        class Watched(list[Frame]):
            def __getitem__(self, index: Any) -> Any:
                counted.reads.append(index)
                return super().__getitem__(index)

        return Watched(frames)


def test_each_frame_is_read_and_encoded_once_and_an_object_is_not_tracked_before_its_prompt(
    tracker: Sam2, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    prompts = {
        2: {2: ground_truth[2][2]},
        5: {1: ground_truth[5][1]},
        6: {9: ground_truth[6][1], 3: ground_truth[6][2]},
    }
    with Counted(tracker) as counted:
        tracked = track(tracker, counted.frames(frames[:9]), prompts)
    assert counted.reads == [2, 3, 4, 5, 6, 7, 8]
    assert counted.calls == {"encoder": 7, "tracked": 6 + 3 + 2 + 2}
    assert [sorted(masks) for masks in tracked] == [[], [], [2], [2], [2], [1, 2], *[[1, 2, 3, 9]] * 3]


@pytest.mark.slow
def test_with_all_masks_as_prompts_each_frame_is_encoded_once(
    tracker: Sam2, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    prompts = {
        0: {1: ground_truth[0][1]},
        2: {1: ground_truth[2][1], 2: ground_truth[2][2]},
        3: {1: ground_truth[3][1]},
        5: ground_truth[5],
    }
    with Counted(tracker) as counted:
        track(tracker, frames[:6], prompts)
    assert counted.calls == {"encoder": 6, "tracked": 2 + 2}  # object 1 in frames 1 and 4, object 2 in 3 and 4
    every = {index: {1: ground_truth[index][1]} for index in range(12)} | {0: ground_truth[0]}
    with Counted(tracker) as counted:
        track(tracker, frames, every)
    assert counted.calls == {"encoder": 12 + 11 - MAX_HELD_FRAMES, "tracked": 11}


@pytest.mark.slow
def test_memory_does_not_grow_with_the_video(
    tracker: Sam2, long_frames: list[Frame], ground_truth: list[Masks]
) -> None:
    sizes = {}
    with ModelImages(long_frames, SIDE, CPU) as images, torch.inference_mode():
        video_pass = Sam2Pass(
            tracker.predictor, images, {0: {1: ground_truth[0][1]}, 4: {3: ground_truth[4][2]}}, torch.float32
        )
        for index in range(32):
            video_pass.step(index)
            assert len(images.coming) <= FRAMES_READ_AHEAD
            sizes[index] = reachable((video_pass.memories, video_pass.state, video_pass.held_features), set())
    assert sizes[24] == sizes[31] > 0
    for memory in video_pass.memories.values():
        assert list(memory[TRACKED]) == list(range(17, 32))  # 15 pointers
        with_features = [index for index, output in memory[TRACKED].items() if output["maskmem_features"] is not None]
        assert with_features == list(range(26, 32))
        assert not any("pred_masks" in output for past in memory.values() for output in past.values())
    assert [list(memory[PROMPTED]) for memory in video_pass.memories.values()] == [[0], [4]]


def test_the_model_sees_exactly_the_numbers_of_the_stock_loader(clip: Path, frames: list[Frame]) -> None:
    expected, height, width = load_video_frames(str(clip), SIDE, offload_video_to_cpu=True)
    images = ModelImages(frames, SIDE, CPU)
    assert all(torch.equal(images[index], expected[index]) for index in range(12))
    assert images[0].is_contiguous()  # another layout would choose other kernels
    assert images.size == (height, width)
    with ModelImages(frames, SIDE, CPU) as ahead:
        assert all(torch.equal(ahead[index], expected[index]) for index in (0, 1, 2, 7, 3, 3, 11, 0))


def readers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("frames")]


def test_no_thread_is_left_after_a_video_however_it_ends(
    tracker: Sam2, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    class Torn(list[Frame]):
        def __getitem__(self, index: Any) -> Any:
            if index == 3:
                raise OSError("frame 3 is torn")
            return super().__getitem__(index)

    masks = tracker.track(Video("clip", frames, {0: ground_truth[0]}))
    next(masks)
    assert len(readers()) == 1
    masks.close()
    assert not readers()
    masks = tracker.track(Video("clip", Torn(frames), {0: ground_truth[0]}))
    assert [sorted(next(masks)) for _ in range(2)] == [[1, 2], [1, 2]]
    with pytest.raises(OSError, match="frame 3 is torn"):
        next(masks)
    assert not readers()


def test_the_highest_logit_takes_the_pixel_and_the_smallest_id_a_tie() -> None:
    logits = {2: torch.tensor([[3.0, 1.0, -1.0, 1.0]]), 5: torch.tensor([[4.0, 1.0, -2.0, 0.5]])}
    assert {object_id: mask.tolist() for object_id, mask in decide_logits(logits, 0.0, overlap=False).items()} == {
        2: [[False, True, False, True]],
        5: [[True, False, False, False]],
    }
    assert decide_logits(logits, 0.75, overlap=True)[5].tolist() == [[True, True, False, False]]
    assert decide_logits(logits, -1.5, overlap=False)[2].tolist() == [[False, True, True, True]]
    assert decide_logits(logits, -11.0, overlap=False)[2].all()  # beaten logits are lowered to -10, which is above


def test_more_objects_than_a_byte_can_count_have_each_its_own_mask() -> None:
    logits = {object_id: torch.full((1, 400), -5.0) for object_id in range(1, 301)}
    for object_id, one in logits.items():
        one[0, object_id] = 1.0
    masks = decide_logits(logits, 0.0, overlap=False)
    assert [np.flatnonzero(masks[object_id]).tolist() for object_id in range(1, 301)] == [
        [object_id] for object_id in range(1, 301)
    ]


def test_importing_the_tracker_does_not_import_torch() -> None:
    code = "import sys, vosbench.trackers.sam2; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.exhaustive
@pytest.mark.slow
def test_nothing_is_printed_and_hydra_may_be_in_use_already(checkpoint: str) -> None:
    code = f"""
import sys, warnings
from hydra import initialize_config_module
initialize_config_module("hydra.conf", version_base=None)
import numpy as np
from vosbench.trackers.sam2 import Sam2
from vosbench.types import Video
warnings.simplefilter("error")
video = Video("v", [np.zeros((40, 60, 3), np.uint8)] * 2, {{0: {{1: np.ones((40, 60), bool)}}}})
assert len(list(Sam2("cpu", {checkpoint!r}, image_size=32, dtype="float32").track(video))) == 2
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
