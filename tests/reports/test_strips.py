"""The worst frames of a video, and their pictures."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.support.golden import make_tree, opened, squares
from vosbench.figures.frame import draw_frame
from vosbench.masks.open import open_predictions
from vosbench.media.scale import scale_mask
from vosbench.reports.strips import STRIP_WIDTH, StripTask, choose_worst_apart, draw_strip

NAN = float("nan")


def test_the_worst_frames_come_first_and_do_not_lie_close_together() -> None:
    values = np.linspace(1, 0.4, 48)
    values[20:23] = 0.1, 0.0, 0.1
    chosen = choose_worst_apart(values, 4)
    assert chosen[0] == 21
    assert chosen[1] == 47
    assert min(abs(a - b) for a in chosen for b in chosen if a != b) >= 6
    assert len(chosen) == 4


def test_frames_without_a_score_are_not_chosen_and_short_videos_have_fewer() -> None:
    assert choose_worst_apart(np.array([NAN, 0.5, 0.2, NAN]), 6) == [2, 1]
    assert choose_worst_apart(np.array([NAN, NAN]), 6) == []
    assert choose_worst_apart(np.array([0.5, 0.5, 0.5]), 2) == [0, 1]


def decode(webp: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(webp)).convert("RGBA"))


def test_a_layer_over_the_frame_shows_what_draw_frame_shows(tmp_path: Path) -> None:
    size = (120, 160)
    truth, guess = squares((1, 40, 50), size=size), squares((1, 40, 53), (2, 10, 10), size=size)
    dataset_split = opened(make_tree(tmp_path / "bears", {"bear": [truth]}))
    predictions = open_predictions(make_tree(tmp_path / "found", {"bear": [guess]}) / "Annotations", ["bear"])
    frames = {path.stem: path for path in dataset_split.frame_paths("bear")}
    prediction = predictions.video("bear", ["00000"])
    assert prediction
    task = StripTask("bear", ("00000",), frames, (1,), dataset_split.ground_truth("bear"), (prediction,))
    (drawn,) = draw_strip(task)
    assert drawn.frame
    assert decode(drawn.frame).shape == (STRIP_WIDTH * 3 // 4, STRIP_WIDTH, 4)
    layer = decode(drawn.predictions[0]).astype(np.float32)
    grey = np.full((STRIP_WIDTH * 3 // 4, STRIP_WIDTH, 3), 128, np.uint8)
    opacity = layer[..., 3:] / 255
    laid = grey * (1 - opacity) + layer[..., :3] * opacity
    expected = np.asarray(draw_frame(grey, {1: scale_mask(guess == 1, grey.shape[:2])}), np.float32)
    assert np.abs(laid - expected).mean() < 1.5  # the picture has few colours
    assert (layer[:40, :40, 3] == 0).all()  # the object 2 is not scored, so it is not drawn


def test_without_frames_there_is_no_picture_of_them_and_missing_masks_are_missed(tmp_path: Path) -> None:
    truth = squares((1, 4, 4))
    dataset_split = opened(make_tree(tmp_path / "bears", {"bear": [truth]}, frames=False))
    task = StripTask("bear", ("00000",), {}, (1,), dataset_split.ground_truth("bear"), (None,))
    (drawn,) = draw_strip(task)
    assert drawn.frame is None
    assert (decode(drawn.predictions[0])[..., 3] == 0).all()
    red, green, blue, opacity = decode(drawn.errors[0])[len(decode(drawn.errors[0])) * 7 // 24, 7 * 256 // 32]
    assert opacity > 240
    assert blue > red
    assert blue > green
