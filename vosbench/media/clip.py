"""Open what a user wants to track: a video file, or a folder of frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.media.decode import DecodedFrames, open_video
from vosbench.types import Frame

DEFAULT_RATE = Fraction(24)  # frames a second of a folder, which does not say


@dataclass(frozen=True)
class Clip:
    """A video to track.

    name: the file's or folder's name without its suffix.
    path: the file or folder.
    frames: uint8[H, W, 3], RGB, decoded when they are indexed; any index at any time, and from any thread.
    times: of each frame, its presentation time in seconds; ascending. They need not be evenly spaced, nor begin at 0.
    size: height and width of every frame in pixels, after the rotation that the file asks for.
    pixel_aspect: width of a pixel divided by its height.
    is_file: a video file, which may also have sound, and no folder.
    """

    name: str
    path: Path
    frames: Sequence[Frame]
    times: Sequence[Fraction]
    size: tuple[int, int]
    pixel_aspect: Fraction = Fraction(1)
    is_file: bool = True

    def find_frame(self, seconds: float) -> int:
        """Return the index of the frame that is shown `seconds` after the first one.

        Raises VosbenchError if the clip is over by then.
        """
        moment = self.times[0] + Fraction(seconds).limit_denominator(10**6)
        end = self.times[-1] + self.mean_duration
        if not self.times[0] <= moment < end:
            found = f"{seconds:g} s is outside the video, which takes {float(end - self.times[0]):.2f} s"
            raise VosbenchError(self.path, found, "choose a time from 0 on and before the end")
        return sum(time <= moment for time in self.times) - 1

    def find_frame_file(self, index: int) -> Path | None:
        """Return the file of a frame of a folder; None for a video file, whose frames are no files."""
        return self.frames.files[index] if isinstance(self.frames, _ImageFiles) else None

    @property
    def mean_duration(self) -> Fraction:
        """The mean time in seconds for which a frame is shown."""
        return (self.times[-1] - self.times[0]) / (len(self.times) - 1) if len(self.times) > 1 else 1 / DEFAULT_RATE

    @property
    def has_variable_rate(self) -> bool:
        """Whether some frame is shown at least 1.5 times as long as another one."""
        steps = [later - earlier for earlier, later in zip(self.times, self.times[1:], strict=False)]
        return bool(steps) and max(steps) >= 1.5 * min(steps)


def open_clip(path: Path, rate: Fraction = DEFAULT_RATE) -> Clip:
    """Open a video file (mp4, mov, mkv, webm, gif, and whatever else FFmpeg reads) or a folder of JPEG or PNG frames.

    A file's packets are listed, which takes well under a second for an hour of video; nothing is decoded but its first
    frame. rate: frames a second of a folder.

    Raises VosbenchError if there is no such file or folder, if it holds no video or no frames, or if it is damaged or
    cut off.
    """
    if path.is_dir():
        return _open_frame_folder(path, rate)
    if not path.exists():
        raise VosbenchError(path, "there is no such file or folder", "give the path of a video file, or of a folder")
    listing = open_video(path)
    return Clip(path.stem, path, DecodedFrames(listing), listing.times, listing.size, listing.pixel_aspect)


def _open_frame_folder(path: Path, rate: Fraction) -> Clip:
    files = paths.list_images(path, paths.FRAME_SUFFIXES)
    if not files:
        raise VosbenchError(path, "there are no .jpg or .png frames in the folder", "give the folder of the frames")
    frames = _ImageFiles(files)
    return Clip(
        path.resolve().name, path, frames, [index / rate for index in range(len(files))], frames.size, is_file=False
    )


class _ImageFiles(Sequence[Frame]):
    """The frames of a folder, in the natural order of their names, decoded when they are indexed."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files
        self.size: tuple[int, int] = self[0].shape[:2]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # slices are not supported
        file = self.files[index]
        try:
            with Image.open(file) as image:
                frame: Frame = np.asarray(image.convert("RGB"))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise VosbenchError(file, f"cannot be decoded ({error})", "replace the file") from None
        expected = getattr(self, "size", frame.shape[:2])
        if frame.shape[:2] != expected:
            found = f"has {frame.shape[0]}x{frame.shape[1]} pixels, but the first frame {expected[0]}x{expected[1]}"
            raise VosbenchError(file, found, "use frames of one size (height x width)")
        return frame
