"""The prompter's masks are those of the `sam2` package's image predictor, bit for bit."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.official import SIDE
from vosbench.errors import VosbenchError
from vosbench.trackers.prompts import find_prompter, load_prompter, turn_into_masks
from vosbench.trackers.sam2.prompter import Sam2Prompter
from vosbench.types import BoxPrompt, Frame, Point, PointPrompt, Video

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning:torch"), pytest.mark.usefixtures("one_thread")]

CLICK = PointPrompt((Point(150, 110),))
CLICKS = PointPrompt((Point(150, 110), Point(60.5, 180, positive=False)))
BOX = BoxPrompt(100, 60, 210, 170)
BOTH = BoxPrompt(100, 60, 210, 170, (Point(150, 110),))


class ToTensor:
    def __call__(self, frame: Frame) -> torch.Tensor:
        return torch.from_numpy(frame.transpose(2, 0, 1).copy()).float().div(255)


class Resize(torch.nn.Module):
    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.height, self.width = size

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        size = [self.height, self.width]
        return torch.nn.functional.interpolate(image[None], size, mode="bilinear", antialias=True)[0]


class Normalize(torch.nn.Module):
    def __init__(self, mean: list[float], std: list[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("std", torch.tensor(std)[:, None, None])

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return (image - self.mean) / self.std


@pytest.fixture(scope="module")
def official(stock: Any) -> Iterator[Any]:
    """The package's image predictor with the seeded weights.

    It needs three classes of torchvision, which cannot be imported beside every build of torch: they are written out
    above, as torchvision computes them.
    """
    modules = {name: ModuleType(name) for name in ("torchvision", "torchvision.transforms")}
    modules["torchvision.transforms"].__dict__.update(ToTensor=ToTensor, Resize=Resize, Normalize=Normalize)
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules |= modules
    from sam2.sam2_image_predictor import SAM2ImagePredictor

    predictor = SAM2ImagePredictor(stock)
    predictor._bb_feat_sizes = [(SIDE // stride, SIDE // stride) for stride in (4, 8, 16)]
    yield predictor
    for name, module in before.items():
        sys.modules.pop(name)
        if module:
            sys.modules[name] = module


@pytest.fixture(scope="module")
def prompter(checkpoint: str) -> Sam2Prompter:
    return Sam2Prompter("cpu", checkpoint, image_size=SIDE, dtype="float32")


@pytest.fixture(scope="module")
def frames(data: Path) -> list[Frame]:
    return [np.array(Image.open(data / "sam2" / "frames" / f"{index:05d}.jpg").convert("RGB")) for index in (0, 6)]


@pytest.mark.parametrize("prompt", [CLICK, CLICKS, BOX, BOTH], ids=["a click", "clicks", "a box", "a box and a click"])
def test_masks_equal_the_packages_image_predictor_bit_for_bit(
    prompter: Sam2Prompter, official: Any, frames: list[Frame], prompt: PointPrompt | BoxPrompt
) -> None:
    for frame in frames:
        official.set_image(frame)
        masks, ious, _ = official.predict(
            point_coords=np.array([point[:2] for point in prompt.points]) if prompt.points else None,
            point_labels=np.array([point.positive for point in prompt.points]) if prompt.points else None,
            box=np.array([100, 60, 210, 170]) if isinstance(prompt, BoxPrompt) else None,
            multimask_output=prompt == CLICK,
        )
        found = prompter.find_mask(frame, prompt)
        assert np.array_equal(found, masks[ious.argmax()])
        assert 0 < found.mean() < 1


def test_a_frame_is_encoded_once_for_all_clicks_that_follow_one_another(
    prompter: Sam2Prompter, frames: list[Frame]
) -> None:
    encoded = []
    prompter.latest = None
    hook = prompter.predictor.image_encoder.register_forward_hook(lambda *_: encoded.append(1))
    for frame in (frames[0], frames[0].copy(), frames[0], frames[1], frames[1]):
        prompter.find_mask(frame, CLICK)
    hook.remove()
    assert len(encoded) == 2


def test_a_prompter_is_found_by_name_and_makes_masks_of_what_a_tracker_does_not_take(
    checkpoint: str, frames: list[Frame]
) -> None:
    assert find_prompter("mine:Clicker") == "mine:Clicker"
    with pytest.raises(VosbenchError, match="unknown prompter 'sam': did you mean sam2"):
        find_prompter("sam")
    prompter = load_prompter("sam2", "cpu", checkpoint=checkpoint, image_size=SIDE, dtype="float32")
    mask = np.zeros((240, 320), np.bool_)
    prompts: Any = {0: {1: CLICK, 2: mask}, 1: {3: BOX}}
    video = turn_into_masks(Video("clip", frames, prompts), ("mask", "box"), prompter)
    assert np.array_equal(video.prompts[0][1], prompter.find_mask(frames[0], CLICK))
    assert video.prompts[0][2] is mask
    assert video.any_prompts[1][3] == BOX
