"""Write a video of masks: H.264 that plays in every browser, with a heading, captions and a legend in every frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from vosbench.errors import VosbenchError
from vosbench.figures.layout import (
    BETWEEN,
    CAPTION_HEIGHT,
    EDGE,
    GAP,
    LINE_HEIGHT,
    SCREEN,
    TEXT_SIZE,
    draw_cell,
    draw_heading,
    draw_legend,
    measure_cell,
)
from vosbench.figures.overlay import Overlay, Progress, ignore_progress
from vosbench.figures.panels import Panel, ShownVideo, open_shown_videos, require_ground_truth
from vosbench.media.read_ahead import ReadAhead
from vosbench.media.text import measure_text, shorten_text, write_line
from vosbench.media.write_video import writing_video
from vosbench.types import Frame

DEFAULT_FPS = Fraction(24)
MOST_WIDTH = 1920  # pixels of all pictures side by side, if nobody says how large they are to be
LEAST_LONGEST = 320  # pixels: smaller frames are enlarged, so that captions have room
LEAST_CANVAS = 480


@dataclass(frozen=True)
class FrameTimes(Sequence[Fraction]):
    """When each frame of a video is shown, in seconds: `frames` of them at a steady rate."""

    frames: int
    rate: Fraction

    def __len__(self) -> int:
        return self.frames

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # slices are not supported
        return range(self.frames)[index] / self.rate


def write_film(
    overlay: Overlay,
    path: Path,
    errors: bool = False,
    longest: int | None = None,
    fps: Fraction = DEFAULT_FPS,
    on_frame: Progress = ignore_progress,
) -> None:
    """Write all frames of the videos of an overlay, one video after the other, as H.264.

    errors: show missed and false pixels. longest: the longer side of each picture in pixels; None is that of the
    frames, but no more than MOST_WIDTH for all pictures side by side. Pictures of other sizes than the largest are
    centred. fps: frames a second. on_frame: called with the number of frames written so far and of all.

    One frame is in memory at a time. The file appears when it is complete. Raises VosbenchError if its name has no
    suffix of a video, if it cannot be written, if masks or frames cannot be read, and for `errors` without ground
    truth.
    """
    if errors:
        require_ground_truth(overlay, "errors")
    videos = list(open_shown_videos(overlay))
    canvas = _plan_canvas(overlay, videos, errors, longest)
    count = sum(len(video.frame_names) for video in videos)
    try:
        with writing_video(path, FrameTimes(count, fps), (canvas.height, canvas.width), comment=overlay.title) as film:
            for done, picture in enumerate(_draw_all(canvas, videos, errors, longest), 1):
                film.write(picture)
                on_frame(done, count)
    except OSError as error:
        raise VosbenchError(path, f"cannot be written ({error.strerror})", "choose another place") from None


@dataclass(frozen=True)
class Canvas:
    """What is the same in every frame of the video. top: where captions begin; room: the height of all pictures."""

    heading: Image.Image
    legend: Image.Image
    room: int

    @property
    def width(self) -> int:
        return self.heading.width

    @property
    def height(self) -> int:
        height = self.heading.height + LINE_HEIGHT + CAPTION_HEIGHT + self.room + GAP + self.legend.height
        return height + height % 2

    def compose(self, line: str, position: str, panels: Sequence[Panel], names: Sequence[str]) -> Frame:
        """A frame of the video. line, position: what stands left and right above the pictures."""
        image = Image.new("RGB", (self.width, self.height), SCREEN.ground)
        image.paste(self.heading, (0, 0))
        top, pen = self.heading.height, ImageDraw.Draw(image)
        room = measure_text(position, TEXT_SIZE)
        shown = shorten_text(line, TEXT_SIZE, self.width - 2 * EDGE - room - GAP)
        write_line(pen, (EDGE, top), shown, TEXT_SIZE, SCREEN.text)
        write_line(pen, (self.width - EDGE - room, top), position, TEXT_SIZE, SCREEN.faint)
        cell = measure_cell(panels)
        left = (self.width - len(panels) * (cell + BETWEEN) + BETWEEN) // 2
        for panel, name in zip(panels, names, strict=True):
            image.paste(draw_cell(panel, name, cell, SCREEN), (left, top + LINE_HEIGHT))
            left += cell + BETWEEN
        image.paste(self.legend, (0, self.height - self.legend.height))
        return np.asarray(image)


def _plan_canvas(overlay: Overlay, videos: Sequence[ShownVideo], errors: bool, longest: int | None) -> Canvas:
    """The canvas that holds the pictures of every video. Its width is even, as is its height."""
    pictures = 1 if len(overlay.methods) == 1 else len(overlay.methods) + 1
    widest, highest = 0, 0
    for video in videos:
        frame = overlay.dataset_split.frames_of(video.name)[0]
        panels = video.draw(0, frame, errors, _choose_longest(frame, longest, pictures))
        widest = max(widest, measure_cell(panels))
        highest = max(highest, *(panel.picture.height for panel in panels))
    width = max(LEAST_CANVAS, 2 * EDGE + pictures * (widest + BETWEEN) - BETWEEN)
    width += width % 2
    has_truth = any(video.ground_truth.frame_names for video in videos)
    legend = draw_legend(errors, pictures == 1 and has_truth, width, SCREEN)
    return Canvas(draw_heading(overlay, width, SCREEN), legend, highest)


def _draw_all(canvas: Canvas, videos: Sequence[ShownVideo], errors: bool, longest: int | None) -> Iterator[Frame]:
    for video in videos:
        pictures = 1 if len(video.sources) == 1 else len(video.sources) + 1
        count = len(video.frame_names)
        with ReadAhead(video.overlay.dataset_split.frames_of(video.name)) as frames:
            for index in range(count):
                frame = frames[index]
                panels = video.draw(index, frame, errors, _choose_longest(frame, longest, pictures))
                names = [panel.name or video.frame_names[index] for panel in panels]
                line = f"{video.name}  {video.frame_names[index]}" if pictures > 1 else video.name
                yield canvas.compose(line, f"frame {index + 1} of {count}", panels, names)


def _choose_longest(frame: Frame, longest: int | None, pictures: int) -> int:
    """The longer side of each picture in pixels."""
    if longest is not None:
        return longest
    height, width = frame.shape[:2]
    scale: float = min(1.0, MOST_WIDTH / pictures / width)
    return max(LEAST_LONGEST, round(int(max(height, width)) * scale))
