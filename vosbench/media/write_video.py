"""Write frames to a video file with PyAV (FFmpeg): H.264 that every browser plays, or a video with transparency."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vosbench.errors import VosbenchError
from vosbench.io.files import replacing

MP4_SUFFIXES = (".mp4", ".mov", ".mkv", ".m4v")
TIME_BASE = Fraction(1, 90_000)
QUALITY = {"crf": "17", "preset": "veryfast", "x264-params": "mbtree=0"}
"""Of H.264. x264's macroblock tree, which shares out bits among frames, reads memory that nothing has written where the
width is no multiple of 128 pixels (AVX2, AVX-512): the same frames gave other files. Without it, a CRF of 17 takes the
space that 18 takes with it, and loses 0.3 dB."""
ALPHA_CODECS = {
    ".webm": ("libvpx-vp9", "yuva420p", {"crf": "24", "b": "0", "row-mt": "1", "cpu-used": "5", "auto-alt-ref": "0"}),
    ".mov": ("prores_ks", "yuva444p10le", {"profile": "4444", "threads": "1"}),
}
"""Codec, pixel format and options by suffix. ProRes has one thread, because PyAV converts the colours with as many as
the encoder has, and several of them, in FFmpeg's conversion to 10 bits with transparency, write over the beginnings of
one another's rows, so that the same frame has other pixels each time."""


def require_video_name(path: Path) -> None:
    """Raise VosbenchError if a path has none of the suffixes of videos that `writing_video` writes."""
    if path.suffix.lower() not in MP4_SUFFIXES:
        raise VosbenchError(path, f"expected a name with {', '.join(MP4_SUFFIXES)}", "choose another name")


@contextmanager
def writing_video(
    path: Path,
    times: Sequence[Fraction],
    size: tuple[int, int],
    pixel_aspect: Fraction = Fraction(1),
    sound_of: Path | None = None,
    comment: str = "",
) -> Iterator[VideoWriter]:
    """Yield a writer of an H.264 video, which appears at `path` when it is complete.

    times: when each frame is shown, in seconds, ascending. size: height and width of the frames in pixels; an odd one
    is written with its last row or column twice, as H.264 for browsers needs even ones. sound_of: a video file whose
    sound is copied, or encoded as AAC where the new file's format cannot hold its codec. comment: kept in the
    file's metadata.

    Raises VosbenchError if the suffix of `path` is none of MP4_SUFFIXES, and OSError if the file cannot be written.
    """
    require_video_name(path)
    with replacing(path) as partial, _Muxer(partial, path.suffix, sound_of, comment) as muxer:
        stream = muxer.add_video("libx264", "yuv420p", QUALITY, size, pixel_aspect)
        yield VideoWriter(muxer, stream, times)


@contextmanager
def writing_alpha_video(
    path: Path,
    times: Sequence[Fraction],
    size: tuple[int, int],
    pixel_aspect: Fraction = Fraction(1),
    comment: str = "",
) -> Iterator[VideoWriter]:
    """Yield a writer of a video with transparency: VP9 for `.webm`, ProRes 4444 for `.mov`.

    The arguments and errors are those of `writing_video`.
    """
    if path.suffix.lower() not in ALPHA_CODECS:
        raise VosbenchError(path, f"expected a name with {' or '.join(ALPHA_CODECS)}", "choose another name")
    codec, pixel_format, options = ALPHA_CODECS[path.suffix.lower()]
    with replacing(path) as partial, _Muxer(partial, path.suffix, None, comment) as muxer:
        yield VideoWriter(muxer, muxer.add_video(codec, pixel_format, options, size, pixel_aspect), times)


class VideoWriter:
    """Encodes frames, in order, each to be shown at its time."""

    def __init__(self, muxer: _Muxer, stream: Any, times: Sequence[Fraction]) -> None:
        self.muxer, self.stream, self.times = muxer, stream, times
        self.written = 0

    def write(self, frame: NDArray[np.uint8]) -> None:
        """Encode the next frame: uint8[H, W, 3] RGB, or uint8[H, W, 4] RGBA for a video with transparency."""
        import av

        height, width, channels = frame.shape
        padded = np.pad(frame, ((0, self.stream.height - height), (0, self.stream.width - width), (0, 0)), "edge")
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(padded), "rgba" if channels == 4 else "rgb24")
        time, index = self.times[self.written], self.written
        picture.time_base, picture.pts = TIME_BASE, round(time / TIME_BASE)
        step = self.times[index + 1] - time if index + 1 < len(self.times) else self._last_step()
        picture.duration = self.muxer.durations[picture.pts] = max(1, round(step / TIME_BASE))
        self.muxer.copy_sound(float(time))
        self.muxer.mux_pictures(self.stream.encode(picture))
        self.written += 1

    def _last_step(self) -> Fraction:
        return self.times[-1] - self.times[-2] if len(self.times) > 1 else Fraction(1, 24)


class _Muxer:
    """An open output file: one video stream, and the sound of another file beside it."""

    def __init__(self, partial: Path, suffix: str, sound_of: Path | None, comment: str) -> None:
        import av

        kind = {".mkv": "matroska", ".webm": "webm", ".mov": "mov"}.get(suffix.lower(), "mp4")
        options = {"movflags": "+faststart"} if kind in ("mp4", "mov") else {"fflags": "+bitexact"}  # no random ids
        self.output = av.open(os.fspath(partial), "w", format=kind, options=options)
        if comment:
            self.output.metadata["comment"] = comment
        self.input = av.open(os.fspath(sound_of)) if sound_of else None
        self.sounds: dict[int, tuple[Any, Any]] = {}
        self.packets: Iterator[Any] = iter(())
        self.sound_time = -1.0
        self.durations: dict[int, int] = {}  # of the frames in the encoder, which forgets them, by their times

    def add_video(
        self, codec: str, pixel_format: str, options: dict[str, str], size: tuple[int, int], pixel_aspect: Fraction
    ) -> Any:
        """Add the video stream, its size rounded up to even numbers, and then the streams of the sound."""
        stream: Any = self.output.add_stream(codec, options=options)
        stream.height, stream.width = (length + length % 2 for length in size)
        stream.pix_fmt = pixel_format
        stream.time_base = stream.codec_context.time_base = TIME_BASE
        stream.codec_context.sample_aspect_ratio = pixel_aspect
        if self.input and (sources := list(self.input.streams.audio)):
            self.sounds = {source.index: self._add_sound(source) for source in sources}
            self.packets = self.input.demux(sources)
        return stream

    def _add_sound(self, source: Any) -> tuple[Any, Any]:
        """A stream for a sound, and the encoder's resampler, or None if its packets are copied."""
        import av

        if source.codec_context.name in self.output.supported_codecs:
            return self.output.add_stream_from_template(source), None
        encoder: Any = self.output.add_stream("aac", rate=source.codec_context.sample_rate)
        encoder.layout = source.codec_context.layout
        return encoder, av.AudioResampler(encoder.format, encoder.layout, encoder.rate, frame_size=1024)

    def copy_sound(self, until: float) -> None:
        """Copy the sound up to a time in seconds, so that sound and video lie side by side in the file."""
        while self.sound_time <= until:
            packet = next(self.packets, None)
            if packet is None:
                self.sound_time = float("inf")
                return
            stream, resampler = self.sounds[packet.stream.index]
            if packet.dts is not None:
                self.sound_time = float(packet.dts * packet.time_base)
            if resampler:
                for decoded in packet.decode():
                    for resampled in resampler.resample(decoded):
                        self.mux(stream.encode(resampled))
            elif packet.dts is not None:
                packet.stream = stream
                self.mux([packet])

    def mux(self, packets: Sequence[Any]) -> None:
        """Write packets to the file."""
        for packet in packets:
            self.output.mux(packet)

    def mux_pictures(self, packets: Sequence[Any]) -> None:
        """Write packets of the video stream, each with the duration of its frame."""
        for packet in packets:
            packet.duration = self.durations.pop(packet.pts, packet.duration)
        self.mux(packets)

    def finish(self) -> None:
        """Write what the encoders still hold, and the rest of the sound."""
        self.copy_sound(float("inf"))
        for stream, resampler in self.sounds.values():
            if resampler:
                for resampled in resampler.resample(None):
                    self.mux(stream.encode(resampled))
                self.mux(stream.encode(None))
        for stream in self.output.streams.video:
            self.mux_pictures(stream.encode(None))

    def __enter__(self) -> _Muxer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.finish()
        finally:
            self.output.close()
            if self.input:
                self.input.close()
