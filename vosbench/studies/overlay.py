"""Draw a contact sheet: frames of each video with predictions in colour and outlines of the ground truth in white."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.io.files import replacing
from vosbench.masks import labels
from vosbench.masks.open import open_predictions
from vosbench.masks.source import MaskSource
from vosbench.types import Frame, Masks

TILE_WIDTH, TILE_GAP, CAPTION_HEIGHT = 240, 4, 16  # pixels
TINT = 0.45  # the share of an object's colour in its pixels


def draw_contact_sheet(results: Path, dataset_split: DatasetSplit, videos: Sequence[str], columns: int) -> Image.Image:
    """Draw one row per video that has predictions in `results`, each with `columns` frames spread evenly over it.

    Every frame is TILE_WIDTH pixels wide. Predictions are tinted and outlined in the DAVIS palette's colours, and the
    outlines of the ground truth are white. Raises VosbenchError if none of the videos has predictions.
    """
    rows, predictions = [], open_predictions(results, videos, dataset_split.rules.merge)
    for video in videos:
        if prediction := predictions.video(video, dataset_split.ground_truth(video).frame_names):
            rows.append((video, _draw_row(dataset_split, video, prediction, columns)))
    if not rows:
        split = f"{dataset_split.name} {dataset_split.split.name}"
        raise VosbenchError(
            results, f"there are no masks of the videos of {split}", "choose another --dataset or --split"
        )
    heights = [CAPTION_HEIGHT + max(tile.height for tile in tiles) + TILE_GAP for _, tiles in rows]
    sheet = Image.new("RGB", (columns * (TILE_WIDTH + TILE_GAP) - TILE_GAP, sum(heights)), "white")
    top = 0
    for (video, tiles), height in zip(rows, heights, strict=True):
        ImageDraw.Draw(sheet).text((2, top + 2), video, fill="black")
        for column, tile in enumerate(tiles):
            sheet.paste(tile, (column * (TILE_WIDTH + TILE_GAP), top + CAPTION_HEIGHT))
        top += height
    return sheet


def save_contact_sheet(sheet: Image.Image, path: Path) -> None:
    """Write a contact sheet as PNG, completely or not at all. Raises VosbenchError if it cannot be written."""
    content = io.BytesIO()
    sheet.save(content, format="PNG")
    try:
        with replacing(path) as beside:
            beside.write_bytes(content.getvalue())
    except OSError as error:
        raise VosbenchError(path, f"cannot be written ({error.strerror})", "choose another file with --out") from None


def _draw_row(dataset_split: DatasetSplit, video: str, prediction: MaskSource, columns: int) -> list[Image.Image]:
    """Draw the tiles of a video."""
    paths, frames = dataset_split.frame_paths(video), dataset_split.frames_of(video)
    ground_truth = dataset_split.ground_truth(video)
    chosen = np.linspace(0, len(paths) - 1, min(columns, len(paths))).round().astype(int)
    return [
        draw_tile(frames[int(index)], _read_masks(prediction, name), _read_masks(ground_truth, name))
        for index in chosen
        for name in [paths[index].stem]
    ]


def _read_masks(source: MaskSource, frame_name: str) -> Masks:
    """The masks of a frame; none if the source does not have the frame."""
    return source.read(frame_name)[1] if source.has(frame_name) else {}


def draw_tile(frame: Frame, prediction: Masks, ground_truth: Masks, width: int = TILE_WIDTH) -> Image.Image:
    """Draw the masks over a frame, and scale it to a width in pixels.

    Masks may overlap, so a label map, as scikit-image's `label2rgb` and `mark_boundaries` expect it, cannot hold them.
    """
    from skimage.segmentation import find_boundaries

    picture = frame.astype(np.float32)
    colours = np.frombuffer(labels.make_palette(), np.uint8).reshape(256, 3)
    for object_id, mask in prediction.items():
        picture[mask] += TINT * (colours[object_id % 256] - picture[mask])
        picture[find_boundaries(mask, mode="thick")] = colours[object_id % 256]
    for mask in ground_truth.values():
        picture[find_boundaries(mask, mode="inner")] = 255
    image = Image.fromarray(picture.astype(np.uint8))
    return image.resize((width, round(width * image.height / image.width)), Image.Resampling.LANCZOS)
