"""A contact sheet: frames of each video with the predicted masks in colour and the true outlines in white."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.evaluation import boundary
from vosbench.masks import labels
from vosbench.masks.folder import MaskFolder
from vosbench.masks.open import open_predictions
from vosbench.masks.source import MaskSource
from vosbench.types import Frame

TILE_WIDTH, TILE_GAP, CAPTION_HEIGHT = 240, 4, 16  # pixels
TINT = 0.45


def draw_contact_sheet(results: Path, dataset_split: DatasetSplit, videos: Sequence[str], columns: int) -> Image.Image:
    """One row a video that `results` has masks of, `columns` frames spread over it.

    Raises VosbenchError if none of the videos has masks.
    """
    rows, predictions = [], open_predictions(results, videos, dataset_split.rules.merge)
    for video in videos:
        if prediction := predictions.video(video, dataset_split.ground_truth(video).frame_names):
            rows.append((video, _draw_row(dataset_split, video, prediction, columns)))
    if not rows:
        raise VosbenchError(
            f"{results} has no masks of {dataset_split.name} {dataset_split.split.name}: nothing to draw"
        )
    height = sum(CAPTION_HEIGHT + max(tile.height for tile in tiles) + TILE_GAP for _, tiles in rows)
    sheet = Image.new("RGB", (columns * (TILE_WIDTH + TILE_GAP) - TILE_GAP, height), "white")
    top = 0
    for video, tiles in rows:
        ImageDraw.Draw(sheet).text((2, top + 2), video, fill="black")
        for column, tile in enumerate(tiles):
            sheet.paste(tile, (column * (TILE_WIDTH + TILE_GAP), top + CAPTION_HEIGHT))
        top += CAPTION_HEIGHT + max(tile.height for tile in tiles) + TILE_GAP
    return sheet


def _draw_row(dataset_split: DatasetSplit, video: str, prediction: MaskSource, columns: int) -> list[Image.Image]:
    paths, frames, ground_truth = (
        dataset_split.frame_paths(video),
        dataset_split.frames_of(video),
        dataset_split.ground_truth(video),
    )
    chosen = np.linspace(0, len(paths) - 1, min(columns, len(paths))).round().astype(int)
    return [_draw_tile(frames[int(index)], prediction, ground_truth, paths[index].stem) for index in chosen]


def _draw_tile(frame: Frame, prediction: MaskSource, ground_truth: MaskFolder, frame_name: str) -> Image.Image:
    """A frame, the guesses tinted and outlined in the palette's colours, the truth outlined in white."""
    picture = frame.astype(np.float32)
    colours = np.frombuffer(labels.make_palette(), np.uint8).reshape(256, 3)
    if prediction.has(frame_name):
        for object_id, mask in prediction.read(frame_name)[1].items():
            picture[mask] += TINT * (colours[object_id % 256] - picture[mask])
            picture[boundary.find_boundary(mask)] = colours[object_id % 256]
    if ground_truth.has(frame_name):
        for mask in ground_truth.read(frame_name)[1].values():
            picture[boundary.find_boundary(mask)] = 255
    image = Image.fromarray(picture.astype(np.uint8))
    return image.resize((TILE_WIDTH, round(TILE_WIDTH * image.height / image.width)), Image.Resampling.LANCZOS)
