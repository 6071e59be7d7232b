"""Write small video files of any format with PyAV."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from vosbench.types import Frame

MILLISECOND = Fraction(1, 1000)


def draw_square_frame(index: int, height: int = 64, width: int = 96) -> Frame:
    """A frame whose bright square of 16 pixels moves 2 pixels a frame to the right over a dark ramp."""
    frame = np.zeros((height, width, 3), np.uint8)
    frame[..., 0] = np.linspace(0, 120, width)
    frame[..., 1] = np.linspace(0, 60, height)[:, None]
    left = min(10 + 2 * index, width - 16)
    frame[20:36, left : left + 16] = (255, 240, 60)
    return frame


def write_clip(
    path: Path,
    frames: Sequence[Frame],
    *,
    codec: str = "libx264",
    milliseconds: Sequence[int] | None = None,
    rotation: int = 0,
    sound: str | None = None,
    key_every: int = 12,
) -> Path:
    """Write a video file. milliseconds: when each frame is shown. rotation: counter-clockwise, in degrees, as a note in
    the file. sound: the codec of a tone as long as the video."""
    times = milliseconds or [40 * index for index in range(len(frames))]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
        if codec == "libx264":
            stream.options = {"x264-params": "mbtree=0"}  # else the same frames may give other files: see `QUALITY`
        if codec != "gif":
            stream.codec_context.gop_size = key_every
            stream.codec_context.time_base = MILLISECOND
        if rotation:
            stream.set_display_rotation(rotation)
        tone = container.add_stream(sound, rate=48000) if sound else None
        for frame, time in zip(frames, times, strict=True):
            picture = av.VideoFrame.from_ndarray(frame, "rgb24")
            picture.time_base, picture.pts = (MILLISECOND, time) if codec != "gif" else (Fraction(1, 100), time // 10)
            container.mux(stream.encode(picture))
        if tone:
            _write_tone(container, tone, times[-1])
        container.mux(stream.encode(None))
    return path


def _write_tone(container: av.container.OutputContainer, stream: av.AudioStream, milliseconds: int) -> None:
    samples = stream.codec_context.frame_size or 1024
    for block in range(milliseconds * 48 // samples):
        wave = (0.1 * np.sin((np.arange(samples) + block * samples) / 10)).astype(np.float32)
        sound = av.AudioFrame.from_ndarray(np.stack([wave, wave]), format="fltp", layout="stereo")
        sound.sample_rate, sound.pts, sound.time_base = 48000, block * samples, Fraction(1, 48000)
        container.mux(stream.encode(sound))
    container.mux(stream.encode(None))
