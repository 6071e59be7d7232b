"""Decode the frames of a video file with PyAV (FFmpeg), in any order."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.io.wording import count_of
from vosbench.media.demuxer_errors import noting_errors
from vosbench.types import Frame

FORWARD_CACHE_BYTES, BACKWARD_CACHE_BYTES = 48_000_000, 256_000_000
FORWARD_CACHE_FRAMES = 24
REPAIR = "give a whole file, or convert it with: ffmpeg -i INPUT -c:v libx264 -c:a copy OUTPUT.mp4"


@dataclass(frozen=True)
class VideoListing:
    """What a video file says of its frames, read without decoding them.

    stamps: the time stamp of each frame in units of `time_base` seconds, ascending.
    key_stamps: those from which decoding can begin, ascending.
    size: height and width in pixels after rotation. turns: the rotation in quarters of a turn, counter-clockwise.
    """

    path: Path
    stamps: tuple[int, ...]
    key_stamps: tuple[int, ...]
    time_base: Fraction
    size: tuple[int, int]
    turns: int
    pixel_aspect: Fraction

    @property
    def times(self) -> list[Fraction]:
        """The presentation time of each frame in seconds."""
        return [stamp * self.time_base for stamp in self.stamps]


def open_video(path: Path) -> VideoListing:
    """List the frames of the first video stream of a file, and decode the first one.

    Raises VosbenchError if the file cannot be read, has no video, is cut off, or has frames without distinct times.
    """
    import av

    if path.is_file() and not path.stat().st_size:
        raise VosbenchError(path, "the file is empty", "give a video file")
    try:
        with noting_errors() as errors, av.open(os.fspath(path)) as container:
            if not container.streams.video:
                raise make_clip_error(path, "there is no video in it")
            stream = container.streams.video[0]
            stamps, keys, end = _list_packets(container, stream)
            _check_complete(path, stamps, stream.frames, end, container.duration)
            said = [message.strip() for _, name, message in errors if name == container.format.name]
            if said and not stream.frames:  # what was lost cannot be counted
                raise make_clip_error(path, f"is damaged ({said[0]})")
            time_base = Fraction(stream.time_base or 1)
            aspect = Fraction(stream.codec_context.sample_aspect_ratio or 1)
        with av.open(os.fspath(path)) as container:
            first = next(container.decode(video=0), None)
            if first is None:
                raise make_clip_error(path, "its first frame cannot be decoded")
            turns = round(first.rotation / 90) % 4
            size = (first.width, first.height) if turns % 2 else (first.height, first.width)
    except (av.error.FFmpegError, OSError, EOFError) as error:
        raise make_clip_error(path, f"cannot be read as a video ({_explain(error)})") from None
    return VideoListing(path, tuple(stamps), tuple(keys), time_base, size, turns, 1 / aspect if turns % 2 else aspect)


def _list_packets(container: Any, stream: Any) -> tuple[list[int], list[int], float]:
    """The time stamps of all frames and of the key frames, and the end in seconds of all streams that were read."""
    stamps, keys, end = [], [], 0.0
    for packet in container.demux():
        if not packet.size or packet.stream.type not in ("video", "audio"):
            continue
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is None:
            continue
        end = max(end, float((stamp + (packet.duration or 0)) * packet.time_base))
        if packet.stream is stream and not packet.is_discard:
            stamps.append(stamp)
            if packet.is_keyframe:
                keys.append(stamp)
    return sorted(stamps), sorted(keys), end


def _check_complete(path: Path, stamps: Sequence[int], announced: int, end: float, duration: int | None) -> None:
    """Raise VosbenchError unless the packets of a file are all that its header announces.

    announced: frames in the header of mp4, mov and avi, or 0. end, in seconds, is compared with the header's duration,
    in microseconds, in files that state it; 0.5 s and 2 % are left to rounding.
    """
    if not stamps:
        raise make_clip_error(path, "there are no frames in it")
    if len(set(stamps)) < len(stamps):
        raise make_clip_error(path, "several of its frames have the same time")
    if announced > len(stamps) + 1:
        raise make_clip_error(path, f"is cut off: {len(stamps)} of {count_of(announced, 'frame')} are there")
    if duration and end < 0.98 * duration / 1e6 - 0.5:
        raise make_clip_error(path, f"is cut off: {duration / 1e6:.1f} s are announced, and {end:.1f} s are there")


class DecodedFrames(Sequence[Frame]):
    """The frames of a video file: uint8[H, W, 3], RGB, in presentation order, each decoded when it is indexed.

    Indexing in order decodes each frame once, and a few of the latest frames are kept, so that several threads can read
    nearby frames. A step back begins at the key frame before; then up to BACKWARD_CACHE_BYTES of frames are kept, so
    that going on backwards decodes few frames again. Raises VosbenchError for a frame that cannot be decoded or has
    another size than the first.
    """

    def __init__(self, listing: VideoListing) -> None:
        self.listing = listing
        height, width = listing.size
        self.forward_capacity = max(2, min(FORWARD_CACHE_FRAMES, FORWARD_CACHE_BYTES // (height * width * 3)))
        self.backward_capacity = max(2, BACKWARD_CACHE_BYTES // (height * width * 3))
        self.capacity = self.forward_capacity
        self.lock = Lock()
        self.cache: OrderedDict[int, Frame] = OrderedDict()
        self.indices = {stamp: index for index, stamp in enumerate(listing.stamps)}
        self.decoder: Iterator[tuple[int, Frame]] | None = None
        self.next_index = 0

    def __len__(self) -> int:
        return len(self.listing.stamps)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # slices are not supported
        position = range(len(self))[index]
        with self.lock:
            if position not in self.cache:
                self.capacity = self.backward_capacity if position < self.next_index else self.forward_capacity
            while position not in self.cache:
                self._decode_towards(position)
            self.cache.move_to_end(position)
            return self.cache[position]

    def _decode_towards(self, index: int) -> None:
        """Decode one more frame on the way to `index`, from the nearest key frame before it if that is shorter."""
        start = self._find_start(index)
        if self.decoder is None or not start <= self.next_index <= index:
            self.decoder, self.next_index = self._decode_from(start), start
        try:
            decoded, frame = next(self.decoder)
        except StopIteration:
            decoded, frame = -1, None
        if decoded != self.next_index or frame is None:
            self.decoder = None
            raise self._make_frame_error(self.next_index, "cannot be decoded")
        self.next_index += 1
        self.cache[decoded] = frame
        while len(self.cache) > self.capacity:
            self.cache.popitem(last=False)

    def _find_start(self, index: int) -> int:
        """The index of the last key frame at or before a frame; 0 if there is none."""
        keys = self.listing.key_stamps
        before = bisect_right(keys, self.listing.stamps[index])
        return self.indices[keys[before - 1]] if before else 0

    def _decode_from(self, start: int) -> Iterator[tuple[int, Frame]]:
        """Yield the index and pixels of each frame from a key frame on. The file is closed with the generator."""
        import av

        with av.open(os.fspath(self.listing.path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            if start:
                container.seek(self.listing.stamps[start], stream=stream)
            try:
                for decoded in container.decode(stream):
                    stamp = decoded.dts if decoded.pts is None else decoded.pts
                    index = -1 if stamp is None else self.indices.get(stamp, -1)
                    if index < start:  # of the key frame before, or not to be shown
                        continue
                    if decoded.is_corrupt:
                        raise self._make_frame_error(index, "is damaged")
                    yield index, self._to_rgb(index, decoded)
            except av.error.FFmpegError as error:
                raise self._make_frame_error(self.next_index, f"cannot be decoded ({_explain(error)})") from None

    def _to_rgb(self, index: int, decoded: Any) -> Frame:
        pixels = np.rot90(decoded.to_ndarray(format="rgb24"), self.listing.turns)
        if pixels.shape[:2] != self.listing.size:
            shown, first = (f"{height}x{width}" for height, width in (pixels.shape[:2], self.listing.size))
            found = f"has {shown} pixels (height x width), but the first frame {first}"
            raise self._make_frame_error(index, found)
        frame: Frame = np.ascontiguousarray(pixels)
        frame.flags.writeable = False
        return frame

    def _make_frame_error(self, index: int, found: str) -> VosbenchError:
        return make_clip_error(self.listing.path, f"frame {index} of {len(self)} {found}")


def make_clip_error(path: Path, found: str) -> VosbenchError:
    """The error for a video file that cannot be tracked."""
    return VosbenchError(path, found, REPAIR)


def _explain(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error)
