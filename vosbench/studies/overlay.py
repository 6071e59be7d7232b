"""A contact sheet: frames of each video with the predicted masks in colour and the true outlines in white."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from vosbench.datasets.split import Tree
from vosbench.errors import VosbenchError
from vosbench.evaluation import boundary
from vosbench.masks import labels
from vosbench.masks.folder import MaskFolder
from vosbench.masks.open import open_guesses
from vosbench.masks.source import MaskSource
from vosbench.types import Frame

WIDTH, GAP, CAPTION = 240, 4, 16  # pixels
TINT = 0.45


def contact_sheet(results: Path, tree: Tree, videos: Sequence[str], columns: int) -> Image.Image:
    """One row a video that `results` has masks of, `columns` frames spread over it.

    Raises VosbenchError if none of the videos has masks.
    """
    rows, guesses = [], open_guesses(results, videos, tree.rules.merge)
    for video in videos:
        if guess := guesses.video(video, tree.truth(video).stems):
            rows.append((video, _row(tree, video, guess, columns)))
    if not rows:
        raise VosbenchError(f"{results} has no masks of {tree.name} {tree.split.name}: nothing to draw")
    height = sum(CAPTION + max(tile.height for tile in tiles) + GAP for _, tiles in rows)
    sheet = Image.new("RGB", (columns * (WIDTH + GAP) - GAP, height), "white")
    top = 0
    for video, tiles in rows:
        ImageDraw.Draw(sheet).text((2, top + 2), video, fill="black")
        for column, tile in enumerate(tiles):
            sheet.paste(tile, (column * (WIDTH + GAP), top + CAPTION))
        top += CAPTION + max(tile.height for tile in tiles) + GAP
    return sheet


def _row(tree: Tree, video: str, guess: MaskSource, columns: int) -> list[Image.Image]:
    paths, frames, truth = tree.frame_paths(video), tree.frames_of(video), tree.truth(video)
    chosen = np.linspace(0, len(paths) - 1, min(columns, len(paths))).round().astype(int)
    return [_tile(frames[int(index)], guess, truth, paths[index].stem) for index in chosen]


def _tile(frame: Frame, guess: MaskSource, truth: MaskFolder, stem: str) -> Image.Image:
    """A frame, the guesses tinted and outlined in the palette's colours, the truth outlined in white."""
    picture = frame.astype(np.float32)
    colours = np.frombuffer(labels.palette(), np.uint8).reshape(256, 3)
    if guess.has(stem):
        for label, mask in guess.read(stem)[1].items():
            picture[mask] += TINT * (colours[label % 256] - picture[mask])
            picture[boundary.boundary(mask)] = colours[label % 256]
    if truth.has(stem):
        for mask in truth.read(stem)[1].values():
            picture[boundary.boundary(mask)] = 255
    image = Image.fromarray(picture.astype(np.uint8))
    return image.resize((WIDTH, round(WIDTH * image.height / image.width)), Image.Resampling.LANCZOS)
