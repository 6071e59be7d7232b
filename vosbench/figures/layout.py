"""The parts of contact sheets and videos: the heading, the legend, and a picture with its caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from vosbench.figures.overlay import Overlay
from vosbench.figures.panels import Panel
from vosbench.media.colours import Colour
from vosbench.media.draw import dim_background, draw_errors, draw_masks
from vosbench.media.text import measure_text, shorten_text, wrap_text, write_line

TITLE_SIZE, TEXT_SIZE = 20, 13  # pixels: of letters
LINE_HEIGHT, TITLE_HEIGHT = 18, 26
EDGE, GAP, BETWEEN = 10, 6, 10
CAPTION_HEIGHT = 20
LEAST_CELL = 120  # pixels: a picture that is narrower has a caption that is wider
SWATCH = (16, 34)  # height and width


@dataclass(frozen=True)
class Theme:
    """The colours of the ground, of text, and of text that matters less."""

    ground: Colour
    text: Colour
    faint: Colour


PAPER = Theme((255, 255, 255), (20, 20, 20), (90, 90, 90))
SCREEN = Theme((18, 20, 24), (240, 240, 240), (170, 175, 185))


def draw_heading(overlay: Overlay, width: int, theme: Theme) -> Image.Image:
    """The names of the methods and the split, and the headline of each method, with its notes."""
    inside = width - 2 * EDGE
    titles = wrap_text(overlay.title, TITLE_SIZE, inside)
    lines = [line for each in overlay.methods for line in wrap_text(each.headline, TEXT_SIZE, inside)]
    notes = [line for note in overlay.notes for line in wrap_text(note, TEXT_SIZE, inside)]
    height = EDGE + len(titles) * TITLE_HEIGHT + (len(lines) + len(notes)) * LINE_HEIGHT + GAP
    image = Image.new("RGB", (width, height), theme.ground)
    pen, top = ImageDraw.Draw(image), EDGE
    for line in titles:
        write_line(pen, (EDGE, top), line, TITLE_SIZE, theme.text)
        top += TITLE_HEIGHT
    for line, colour in [*((line, theme.text) for line in lines), *((line, theme.faint) for line in notes)]:
        write_line(pen, (EDGE, top), line, TEXT_SIZE, colour)
        top += LINE_HEIGHT
    return image


def draw_legend(errors: bool, with_ground_truth: bool, width: int, theme: Theme) -> Image.Image:
    """What the colours and lines mean. with_ground_truth: whether its outline is drawn over the masks."""
    entries = _list_error_swatches() if errors else _list_mask_swatches(with_ground_truth)
    places, left, top = [], EDGE, GAP
    for swatch, text in entries:
        needed = round(swatch.width + GAP + measure_text(text, TEXT_SIZE))
        if left > EDGE and left + needed > width - EDGE:
            left, top = EDGE, top + LINE_HEIGHT + 4
        places.append((left, top))
        left += needed + 3 * GAP
    image = Image.new("RGB", (width, top + LINE_HEIGHT + EDGE), theme.ground)
    pen = ImageDraw.Draw(image)
    for (left, top), (swatch, text) in zip(places, entries, strict=True):
        image.paste(swatch, (left, top))
        room = width - EDGE - left - swatch.width - GAP
        shown = shorten_text(text, TEXT_SIZE, room)
        write_line(pen, (left + swatch.width + GAP, top), shown, TEXT_SIZE, theme.text)
    return image


def _list_mask_swatches(with_ground_truth: bool) -> list[tuple[Image.Image, str]]:
    mask = np.zeros(SWATCH, np.bool_)
    mask[2:-2, 2:-2] = True
    frame = np.full((*SWATCH, 3), 110, np.uint8)
    objects = [Image.fromarray(draw_masks(frame, {object_id: mask})) for object_id in (1, 2, 3)]
    joined = Image.fromarray(np.concatenate([np.asarray(each) for each in objects], axis=1))
    entries = [(joined, "masks, with the id of each object")]
    if with_ground_truth:
        dashes = draw_masks(frame, {}, ground_truth={1: mask})
        entries.append((Image.fromarray(dashes), "the ground truth"))
    return entries


def _list_error_swatches() -> list[tuple[Image.Image, str]]:
    frame, full, none = np.full((*SWATCH, 3), 60, np.uint8), np.ones(SWATCH, np.float32), np.zeros(SWATCH, np.float32)
    outlined = np.zeros(SWATCH, np.bool_)
    outlined[2:-2, 2:-2] = True
    return [
        (Image.fromarray(draw_errors(frame, full, none)), "missed"),
        (Image.fromarray(draw_errors(frame, none, full)), "false"),
        (Image.fromarray(draw_errors(frame, full, full)), "both: taken for another object"),
        (Image.fromarray(dim_background(frame * 2, [outlined])), "right, within the ground truth's outline"),
    ]


def measure_cell(panels: Sequence[Panel]) -> int:
    """The width of a cell that holds any of some pictures and its caption."""
    return max(LEAST_CELL, *(panel.picture.width for panel in panels))


def draw_cell(panel: Panel, name: str, width: int, theme: Theme) -> Image.Image:
    """A picture below its caption: a name at the left, which is shortened if need be, and the score at the right."""
    image = Image.new("RGB", (width, CAPTION_HEIGHT + panel.picture.height), theme.ground)
    pen = ImageDraw.Draw(image)
    score = shorten_text(panel.score, TEXT_SIZE, width)
    score_width = measure_text(score, TEXT_SIZE)
    room = width - score_width - (GAP if score else 0)
    write_line(pen, (0, 2), shorten_text(name, TEXT_SIZE, room), TEXT_SIZE, theme.text)
    write_line(pen, (width - score_width, 2), score, TEXT_SIZE, theme.text)
    image.paste(panel.picture, (0, CAPTION_HEIGHT))
    return image
