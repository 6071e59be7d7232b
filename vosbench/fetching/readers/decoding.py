"""Count the frames of a video file, and decode them as JPEGs, with OpenCV."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, NamedTuple

from vosbench.errors import VosbenchError
from vosbench.io.archives.members import Member
from vosbench.io.wording import count_of

FRAME_JPEG_QUALITY = 95


class VideoFile(NamedTuple):
    """A video file that was decoded once: its number of frames, and their height and width in pixels."""

    file: Member
    frames: int
    size: tuple[int, int]


def count_video_frames(file: Member) -> VideoFile:
    """Decode a video to its end and count its frames.

    Raises VosbenchError if it cannot be decoded, or has fewer frames than it states: as a number in mp4, mov and avi,
    as duration times frame rate in mkv and webm. Damage inside a frame is not noticed if the decoder conceals it.
    """
    import cv2

    with _open_capture(file) as reader:
        announced = int(reader.get(cv2.CAP_PROP_FRAME_COUNT))
        decoded, image = reader.read()
        frames = decoded + sum(1 for _ in iter(reader.grab, False))
    if not decoded:
        raise make_video_error(file, "cannot be decoded")
    if frames < announced:
        raise make_video_error(file, f"decodes to {count_of(frames, 'frame')}, but states {announced}")
    return VideoFile(file, frames, image.shape[:2])


class FrameReader:
    """Read frames of videos as JPEG. The last video stays open, because usually its next frame is read next."""

    def __init__(self) -> None:
        self.file: Member | None = None
        self.reader: Any = None
        self.index = 0
        self.stack = ExitStack()

    def open(self, video_file: VideoFile, index: int) -> IO[bytes]:
        """Open a frame as a JPEG. Raises VosbenchError if it cannot be decoded, or has another size than the first."""
        import cv2

        if self.file is not video_file.file or index < self.index:
            self.stack.close()
            self.reader = self.stack.enter_context(_open_capture(video_file.file))
            self.file, self.index = video_file.file, 0
        while self.index < index and self.reader.grab():
            self.index += 1
        decoded, image = self.reader.read()
        self.index += 1
        if self.index == video_file.frames:
            self.stack.close()
            self.file = None
        if not decoded or image.shape[:2] != video_file.size:
            height, width = video_file.size
            found = f"has no frame {index} of {height}x{width} pixels, the size of its first frame"
            raise make_video_error(video_file.file, found)
        return io.BytesIO(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, FRAME_JPEG_QUALITY])[1].tobytes())


@contextmanager
def _open_capture(file: Member) -> Iterator[Any]:
    """Open a video file with OpenCV, before its first frame."""
    import cv2

    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # errors are raised, not printed
    with TemporaryDirectory(prefix="vosbench-") as folder:
        path = file.file_on_disk or Path(folder, f"video{file.name.suffix}")
        if not file.file_on_disk:
            file.save(path)
        level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        reader = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
        cv2.utils.logging.setLogLevel(level)
        try:
            yield reader
        finally:
            reader.release()


def make_video_error(file: Member, found: str) -> VosbenchError:
    """The error for a video file that cannot be used."""
    return VosbenchError(file.source, f"entry {str(file.name)!r} {found}", "download it again, or convert it to mp4")
