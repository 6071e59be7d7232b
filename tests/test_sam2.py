"""SAM 2 against the official script's steps, driven here on the stock predictor with the same seeded weights."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import official
import pytest
import torch
from hydra import compose
from hydra.utils import instantiate
from numpy.typing import NDArray
from PIL import Image
from sam2.build_sam import HF_MODEL_ID_TO_FILENAMES
from sam2.utils.misc import load_video_frames

from vosbench.masks import read_labels, to_labels
from vosbench.trackers.sam2 import PROMPTED, TRACKED, Sam2, Session
from vosbench.trackers.sam2_model import Images, build, decide, recognise
from vosbench.types import Frame, Mask, Masks, Video, VosbenchError

SIDE = 64  # a small model input: what is compared does not depend on it, and the time does
FORTH_AND_BACK = [*range(12), *range(10, 0, -1)]  # 22 frames: more than the model remembers
CPU = torch.device("cpu")

Prompts = Mapping[int, Mapping[int, Mask]]
Logits = NDArray[np.float32]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """One order of summation: the recorded masks were made so, and a random network shows every last bit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def stock(seeded: ModuleType) -> Any:
    return official.build(seeded, SIDE)


@pytest.fixture(scope="module")
def tracker(checkpoint: str) -> Sam2:
    return Sam2("cpu", checkpoint, image_size=SIDE, dtype="float32")


@pytest.fixture(scope="module")
def clip(data: Path) -> Path:
    """The rendered clip, 12 frames, as a folder of JPEGs, which is what the stock predictor reads."""
    return data / "sam2" / "frames"


@pytest.fixture(scope="module")
def long_clip(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same forth and back."""
    folder = tmp_path_factory.mktemp("clip")
    for index, source in enumerate(FORTH_AND_BACK):
        (folder / f"{index:05d}.jpg").symlink_to((clip / f"{source:05d}.jpg").resolve())
    return folder


@pytest.fixture(scope="module")
def frames(clip: Path) -> list[Frame]:
    return [np.array(Image.open(path).convert("RGB")) for path in sorted(clip.iterdir())]


@pytest.fixture(scope="module")
def long_frames(frames: list[Frame]) -> list[Frame]:
    return [frames[source] for source in FORTH_AND_BACK]


@pytest.fixture(scope="module")
def truth(data: Path) -> list[Masks]:
    labels = [read_labels(path) for path in sorted((data / "sam2" / "masks").iterdir())]
    return [{label: one == label for label in (1, 2)} for one in labels]


@pytest.fixture(scope="module")
def late(truth: list[Masks]) -> Prompts:
    """Object 7 starts in frame 0, object 3 in frame 4."""
    return {0: {7: truth[0][1]}, 4: {3: truth[4][2]}}


@pytest.fixture(scope="module")
def late_logits(stock: Any, long_clip: Path, late: Prompts) -> dict[int, Logits]:
    return official.separate(stock, long_clip, late)


def track(tracker: Sam2, frames: Sequence[Frame], prompts: Prompts, overlap: bool = False) -> list[Masks]:
    return list(tracker.track(Video("clip", frames, prompts, overlap)))


def alike(ours: Sequence[Masks], theirs: Sequence[Masks]) -> bool:
    return len(ours) == len(theirs) and all(
        own.keys() == other.keys() and all(np.array_equal(own[label], other[label]) for label in own)
        for own, other in zip(ours, theirs, strict=True)
    )


@pytest.mark.parametrize("case", ["first_frame", "late_object"])
def test_the_recorded_masks_of_the_official_script_come_out(
    checkpoint: str, data: Path, frames: list[Frame], truth: list[Masks], case: str
) -> None:
    prompts: dict[str, Prompts] = {
        "first_frame": {0: truth[0]},
        "late_object": {0: {1: truth[0][1]}, 4: {2: truth[4][2]}},
    }
    tracked = track(Sam2("cpu", checkpoint, image_size=256, dtype="float32"), frames, prompts[case])
    with np.load(data / "sam2" / "reference_sam2.npz") as recorded:
        wrong = [
            (to_labels(masks, (240, 320)) != recorded[f"{case}/{index:05d}.png"]).mean()
            for index, masks in enumerate(tracked)
        ]
    assert len(wrong) == 12
    assert np.mean(wrong) < 0.001  # 0 on the machine they were recorded on


def test_the_model_sees_the_very_numbers_that_the_stock_loader_makes(clip: Path, frames: list[Frame]) -> None:
    expected, height, width = load_video_frames(str(clip), SIDE, offload_video_to_cpu=True)
    images = Images(frames, SIDE, CPU)
    assert all(torch.equal(images[index], expected[index]) for index in range(12))
    assert images[0].is_contiguous()  # another layout would choose other kernels
    assert images.size == (height, width)


def test_objects_of_the_first_frame_equal_the_stock_predictor_bit_for_bit(
    tracker: Sam2, stock: Any, long_clip: Path, long_frames: list[Frame], truth: list[Masks]
) -> None:
    assert alike(track(tracker, long_frames, {0: truth[0]}), official.together(stock, long_clip, truth[0]))


def test_a_late_object_equals_its_own_run_of_the_stock_predictor_bit_for_bit(
    tracker: Sam2, stock: Any, long_frames: list[Frame], late: Prompts, late_logits: dict[int, Logits]
) -> None:
    tracked = track(tracker, long_frames, late)
    assert [sorted(masks) for masks in tracked] == [[7]] * 4 + [[3, 7]] * 18
    labels = np.stack([to_labels(masks, (240, 320)) for masks in tracked])
    assert np.array_equal(labels, official.labels(stock, late_logits))


def test_objects_that_may_overlap_are_thresholded_each_for_itself(
    tracker: Sam2, long_frames: list[Frame], late: Prompts, late_logits: dict[int, Logits]
) -> None:
    tracked = track(tracker, long_frames, late, overlap=True)
    for index, masks in enumerate(tracked):
        for label, mask in masks.items():
            assert np.array_equal(mask, late_logits[label][index] > 0.0)
    assert any((masks[3] & masks[7]).any() for masks in tracked[4:])


def test_a_second_prompt_counts_as_with_use_all_masks(
    tracker: Sam2, stock: Any, clip: Path, frames: list[Frame], truth: list[Masks]
) -> None:
    prompts = {0: {1: truth[0][1]}, 5: {1: truth[5][1]}}
    logits = official.separate(stock, clip, prompts)
    expected = [{1: one > 0.0} for one in logits[1]]
    assert alike(track(tracker, frames, prompts), expected)


def test_mixed_precision_equals_the_stock_predictor_under_autocast(
    checkpoint: str, stock: Any, clip: Path, frames: list[Frame], truth: list[Masks]
) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        expected = official.together(stock, clip, truth[0])
    tracked = track(Sam2("cpu", checkpoint, image_size=SIDE), frames, {0: truth[0]})
    assert alike(tracked, expected)


def test_half_precision_joins_its_memories(checkpoint: str, frames: list[Frame], truth: list[Masks]) -> None:
    tracked = track(Sam2("cpu", checkpoint, image_size=32, dtype="float16"), frames[:3], {0: truth[0]})
    assert [sorted(masks) for masks in tracked] == [[1, 2]] * 3


def test_each_frame_is_read_and_encoded_once_and_none_before_the_first_prompt(
    tracker: Sam2, frames: list[Frame], truth: list[Masks]
) -> None:
    reads: list[int] = []
    calls: list[int] = []

    class Watched(list[Frame]):
        def __getitem__(self, index: Any) -> Any:
            reads.append(index)
            return super().__getitem__(index)

    hook = tracker.predictor.image_encoder.register_forward_hook(lambda *_: calls.append(reads[-1]))
    try:
        tracked = track(tracker, Watched(frames[:8]), {2: {2: truth[2][2]}, 5: {1: truth[5][1]}})
    finally:
        hook.remove()
    assert reads == calls == [2, 3, 4, 5, 6, 7]
    assert [sorted(masks) for masks in tracked] == [[], [], [2], [2], [2], [1, 2], [1, 2], [1, 2]]


def test_memory_does_not_grow_with_the_video(tracker: Sam2, long_frames: list[Frame], truth: list[Masks]) -> None:
    images = Images(long_frames, SIDE, CPU)
    session = Session(tracker.predictor, images, {0: truth[0]}, torch.float32)
    with torch.inference_mode():
        for index in range(22):
            session.step(index)
    for memory in session.memories.values():
        assert list(memory[PROMPTED]) == [0]
        assert list(memory[TRACKED]) == list(range(7, 22))  # 15 pointers
        with_features = [index for index, output in memory[TRACKED].items() if output["maskmem_features"] is not None]
        assert with_features == list(range(16, 22))
        assert not any("pred_masks" in output for past in memory.values() for output in past.values())


def test_a_video_without_prompts_has_no_masks(tracker: Sam2, frames: list[Frame]) -> None:
    assert track(tracker, frames[:3], {}) == [{}, {}, {}]
    assert track(tracker, frames[:2], {1: {}}) == [{}, {}]


def test_an_empty_prompt_gives_an_object_that_the_stock_predictor_agrees_on(
    tracker: Sam2, stock: Any, clip: Path, frames: list[Frame], truth: list[Masks]
) -> None:
    prompts = {1: np.zeros((240, 320), bool), 2: truth[0][2]}
    tracked = track(tracker, frames, {0: prompts})
    assert not tracked[0][1].any()
    assert alike(tracked, official.together(stock, clip, prompts))


@pytest.mark.parametrize(
    ("size", "rows"), [(1, [6]), (3, [0, 1, 6]), (9, [0, 1, 2, 3, 4, 5, 5, 5, 6])], ids=["1", "3", "9"]
)
def test_another_memory_size_keeps_the_recent_rows_and_the_prompts_row_last(
    checkpoint: str, seeded: ModuleType, clip: Path, frames: list[Frame], truth: list[Masks], size: int, rows: list[int]
) -> None:
    other = Sam2("cpu", checkpoint, memory_size=size, image_size=SIDE, dtype="float32")
    expected = official.build(seeded, SIDE, rows)
    assert torch.equal(other.predictor.maskmem_tpos_enc, expected.maskmem_tpos_enc)
    prompts = {1: truth[0][1]}
    assert alike(track(other, frames, {0: prompts}), official.together(expected, clip, prompts))


def test_the_highest_logit_takes_the_pixel_and_the_smallest_id_a_tie() -> None:
    logits = {2: torch.tensor([[3.0, 1.0, -1.0, 1.0]]), 5: torch.tensor([[4.0, 1.0, -2.0, 0.5]])}
    assert {label: mask.tolist() for label, mask in decide(logits, 0.0, overlap=False).items()} == {
        2: [[False, True, False, True]],
        5: [[True, False, False, False]],
    }
    assert decide(logits, 0.75, overlap=True)[5].tolist() == [[True, True, False, False]]
    assert decide(logits, -1.5, overlap=False)[2].tolist() == [[False, True, True, True]]


@pytest.mark.parametrize("config", [config for config, _ in HF_MODEL_ID_TO_FILENAMES.values()])
def test_a_released_model_is_known_by_its_tensors(config: str) -> None:
    weights = instantiate(compose(config_name=config).model).state_dict()
    assert f"configs/{recognise(weights, Path('any.pt'))}.yaml" == config


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"memory_size": 0}, "memory_size 0: at least 1"),
        ({"memory_size": -3}, "memory_size -3: at least 1"),
        ({"image_size": 0}, "image_size 0: the model needs a positive multiple of 32"),
        ({"image_size": 1000}, "image_size 1000: the model needs a positive multiple of 32"),
        ({"dtype": "int8"}, "dtype 'int8': choose one of bfloat16, float16, float32"),
    ],
)
def test_a_setting_that_the_model_cannot_have_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(VosbenchError, match=message):
        Sam2("cpu", "never-read.pt", **settings)


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
        ({"model": {}}, "found 0 tensors, an image encoder of 0 blocks"),
        (Path("anything"), "bytes that torch cannot read (UnpicklingError)"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_refused_in_one_line(tmp_path: Path, content: object, found: str) -> None:
    assert found in refusal(tmp_path / "damaged.pt", content)


def refusal(path: Path, content: object) -> str:
    """What is said about a file with this content; one line that names the file."""
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(VosbenchError) as refused:
        build(path, CPU, SIDE, 7, torch.float32)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(VosbenchError, match=r"none\.pt: no such file"):
        Sam2("cpu", str(tmp_path / "none.pt"))


def test_importing_the_tracker_does_not_import_torch() -> None:
    code = "import sys, vosbench.trackers.sam2; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nothing_is_printed_and_another_user_of_hydra_does_not_matter(checkpoint: str) -> None:
    code = f"""
import sys, warnings
from hydra import initialize_config_module
initialize_config_module("hydra.conf", version_base=None)
import numpy as np
from vosbench.trackers.sam2 import Sam2
from vosbench.types import Video
warnings.simplefilter("error")
video = Video("v", [np.zeros((40, 60, 3), np.uint8)] * 3, {{0: {{1: np.ones((40, 60), bool)}}}})
assert len(list(Sam2("cpu", {checkpoint!r}, image_size=32).track(video))) == 3
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
