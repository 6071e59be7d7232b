"""Draw a contact sheet: frames of videos with their masks, spread evenly over each video or chosen by their score."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

from vosbench.errors import VosbenchError
from vosbench.evaluation.rows import JF_MEAN, score_rows
from vosbench.evaluation.tables import format_percent
from vosbench.figures.frame_scores import ShownFrame, choose_worst_frames, name_frame_measure, spread_evenly
from vosbench.figures.layout import (
    BETWEEN,
    EDGE,
    GAP,
    PAPER,
    TEXT_SIZE,
    TITLE_HEIGHT,
    draw_cell,
    draw_heading,
    draw_legend,
    measure_cell,
)
from vosbench.figures.overlay import Overlay
from vosbench.figures.panels import Panel, ShownVideo, open_shown_videos, require_ground_truth
from vosbench.io.files import write_bytes
from vosbench.io.wording import count_of
from vosbench.media.text import shorten_text, write_line

DEFAULT_COLUMNS, DEFAULT_LONGEST = 5, 320
LEAST_SHEET = 420  # pixels: the width that a heading needs
SHEET_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
LONGEST_SIDES = {"JPEG": 65_500, "WEBP": 16_383}  # pixels, of what the formats can hold


class SheetBlock(NamedTuple):
    """A line of text, and below it pictures with the names in their captions."""

    heading: str
    cells: list[tuple[str, Panel]]


def draw_contact_sheet(
    overlay: Overlay,
    columns: int = DEFAULT_COLUMNS,
    worst: int | None = None,
    errors: bool = False,
    longest: int = DEFAULT_LONGEST,
) -> Image.Image:
    """Draw frames of the videos of an overlay, with a heading and a legend.

    columns: how many frames are shown of each video, spread evenly over it, all of them in one row; with several
    methods each frame has a row, in which the ground truth and the methods stand side by side. worst: show only so many
    frames of all videos, those in which the first method has the lowest scores, the worst first. errors: show missed
    and false pixels. longest: the longer side of each picture in pixels.

    Raises VosbenchError if masks or frames cannot be read, and if `worst` or `errors` is asked for without scores or
    ground truth.
    """
    if errors:
        require_ground_truth(overlay, "errors")
    blocks = _list_worst(overlay, worst, errors, longest) if worst else _list_even(overlay, columns, errors, longest)
    shown = list(blocks)
    across = columns if len(overlay.methods) == 1 else len(overlay.methods) + 1
    parts = [_draw_block(block, across) for block in shown]
    width = max(LEAST_SHEET, *(part.width for part in parts))
    has_truth = any(overlay.dataset_split.ground_truth(video).frame_names for video in overlay.videos)
    outlined = len(overlay.methods) == 1 and has_truth
    heading = draw_heading(overlay, width, PAPER)
    return _stack([heading, *parts, draw_legend(errors, outlined, width, PAPER)], width)


def write_contact_sheet(sheet: Image.Image, path: Path) -> None:
    """Write a contact sheet as PNG, JPEG or WebP, as the suffix says, completely or not at all.

    Raises VosbenchError for another suffix, for a sheet that is too large for the format, and if it cannot be written.
    """
    form = find_sheet_format(path)
    if max(sheet.size) > LONGEST_SIDES.get(form, max(sheet.size)):
        found = f"the sheet has {sheet.width}x{sheet.height} pixels, and {form} holds at most {LONGEST_SIDES[form]}"
        raise VosbenchError(path, f"{found} a side", "choose a name with .png, or fewer --videos")
    content = io.BytesIO()
    sheet.save(content, format=form)
    write_bytes(path, content.getvalue())


def find_sheet_format(path: Path) -> str:
    """The format of a picture's name. Raises VosbenchError if it has no suffix of SHEET_FORMATS."""
    if path.suffix.lower() not in SHEET_FORMATS:
        raise VosbenchError(path, f"expected a name with {', '.join(SHEET_FORMATS)}", "choose another name with --out")
    return SHEET_FORMATS[path.suffix.lower()]


def _list_even(overlay: Overlay, columns: int, errors: bool, longest: int) -> Iterator[SheetBlock]:
    """A block for each video; with several methods one for each frame of it."""
    describe = _make_describer(overlay)
    for video in open_shown_videos(overlay):
        indices = spread_evenly(len(video.frame_names), columns)
        drawn = [(video.frame_names[index], _draw(video, index, errors, longest)) for index in indices]
        if len(overlay.methods) == 1:
            yield SheetBlock(describe(video.name), [(name, panels[0]) for name, panels in drawn])
        else:
            for name, panels in drawn:
                yield SheetBlock(f"{video.name}  {name}", [(panel.name, panel) for panel in panels])


def _list_worst(overlay: Overlay, count: int, errors: bool, longest: int) -> Iterator[SheetBlock]:
    """A block of the worst frames; with several methods one for each frame."""
    first = overlay.methods[0]
    if not first.frames:
        raise VosbenchError("worst frames", f"{first.method.name} has no scores", "choose frames without --worst")
    chosen = choose_worst_frames(first.frames, count)
    drawn = _draw_chosen(overlay, chosen, errors, longest)
    if len(overlay.methods) == 1:
        measure = name_frame_measure(overlay.dataset_split.rules)
        cells = [(f"{frame.video} {frame.frame_name}", drawn[frame][0]) for frame in chosen]
        yield SheetBlock(f"the worst {count_of(len(chosen), 'frame')} by {measure}", cells)
    else:
        for frame in chosen:
            yield SheetBlock(f"{frame.video}  {frame.frame_name}", [(panel.name, panel) for panel in drawn[frame]])


def _draw_chosen(
    overlay: Overlay, chosen: Iterable[ShownFrame], errors: bool, longest: int
) -> dict[ShownFrame, list[Panel]]:
    """The pictures of some frames. Each of their videos is opened once, and no other."""
    wanted, drawn = set(chosen), {}
    for video in open_shown_videos(overlay, {frame.video for frame in wanted}):
        for frame in sorted(frame for frame in wanted if frame.video == video.name):
            drawn[frame] = _draw(video, video.find_index(frame.frame_name), errors, longest)
    return drawn


def _draw(video: ShownVideo, index: int, errors: bool, longest: int) -> list[Panel]:
    return video.draw(index, video.overlay.dataset_split.frames_of(video.name)[index], errors, longest)


def _make_describer(overlay: Overlay) -> Callable[[str], str]:
    """A function that gives the name of a video, with its score if it has one."""
    evaluation = overlay.methods[0].evaluation
    measure = name_frame_measure(overlay.dataset_split.rules)
    rows = score_rows(evaluation.scores, evaluation.groups, "video") if evaluation else ()
    scores = {row["video"]: format_percent(row.get(measure, row.get(str(JF_MEAN)))) for row in rows}
    return lambda video: f"{video}  {measure} {scores[video]}" if video in scores else video


def _draw_block(block: SheetBlock, across: int) -> Image.Image:
    """The pictures of a block, so many side by side, below its heading."""
    cell_width = measure_cell([panel for _, panel in block.cells])
    cells = [draw_cell(panel, name, cell_width, PAPER) for name, panel in block.cells]
    rows = [cells[start : start + across] for start in range(0, len(cells), across)]
    heights = [max(cell.height for cell in row) + GAP for row in rows]
    width = 2 * EDGE + min(across, len(cells)) * (cell_width + BETWEEN) - BETWEEN
    image = Image.new("RGB", (width, TITLE_HEIGHT + sum(heights)), PAPER.ground)
    heading = shorten_text(block.heading, TEXT_SIZE + 3, width - 2 * EDGE)
    write_line(ImageDraw.Draw(image), (EDGE, 6), heading, TEXT_SIZE + 3, PAPER.text)
    top = TITLE_HEIGHT
    for row, height in zip(rows, heights, strict=True):
        for column, cell in enumerate(row):
            image.paste(cell, (EDGE + column * (cell_width + BETWEEN), top))
        top += height
    return image


def _stack(parts: list[Image.Image], width: int) -> Image.Image:
    image = Image.new("RGB", (width, sum(part.height for part in parts)), PAPER.ground)
    top = 0
    for part in parts:
        image.paste(part, (0, top))
        top += part.height
    return image
