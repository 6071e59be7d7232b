"""Where the masks of a video wait that are not certain yet: on disk, so that memory does not grow with the video."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from tempfile import TemporaryFile, gettempdir
from typing import IO, NamedTuple

import torch
from torch.nn.functional import max_pool2d

FRAMES_PER_FILE = 500  # frames that share a file, so that few files are open and none is kept for long


class SpillPosition(NamedTuple):
    """Where on a shelf logits of a type lie: in the file of which span of frames, and where there, in bytes."""

    span: int
    start: int
    size: int
    dtype: torch.dtype


@dataclass(eq=False, slots=True)
class SpillableLogits:
    """One object's logits in one frame, [1, 1, h, w] at the decoder's resolution, or the place where they wait."""

    content: torch.Tensor | SpillPosition


class LogitsSpill:
    """Temporary files for logits of one shape, so that those that wait take no memory; opened when one has to wait.

    They are compressed, levelled wherever they and their neighbours are clearly below a threshold. Interpolated to any
    size they are then what they were wherever that is above the threshold.
    """

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.files: dict[int, IO[bytes]] = {}

    def put(self, index: int, several: Sequence[SpillableLogits]) -> None:
        """Put a frame's logits aside, if not done yet. Raises OSError, with the folder's name, if the disk is full."""
        loose = {one: one.content for one in several if isinstance(one.content, torch.Tensor)}
        if not loose:
            return
        stacked = torch.cat([*loose.values()])
        level = self.threshold - 1.0 - abs(self.threshold)
        outside = max_pool2d(stacked.float(), 3, stride=1, padding=1) < level
        levelled = stacked.masked_fill(outside, level).cpu()  # one wait for the device
        self.shape, self.device = (1, *levelled.shape[1:]), stacked.device
        for one, content in zip(loose, levelled.view(torch.uint8).numpy(), strict=True):
            one.content = self._write(
                index // FRAMES_PER_FILE, zlib.compress(content.tobytes(), level=1), levelled.dtype
            )

    def take(self, one: SpillableLogits) -> torch.Tensor:
        """The logits: float32[1, 1, h, w], on their device."""
        if isinstance(one.content, torch.Tensor):
            return one.content.float()
        file = self.files[one.content.span]
        file.seek(one.content.start)
        content = bytearray(zlib.decompress(file.read(one.content.size)))
        return torch.frombuffer(content, dtype=one.content.dtype).view(self.shape).to(self.device).float()

    def forget(self, before: float) -> None:
        """Delete the files that have nothing but frames before one."""
        for span in [span for span in self.files if (span + 1) * FRAMES_PER_FILE <= before]:
            self.files.pop(span).close()

    def close(self) -> None:
        """Delete all files."""
        self.forget(inf)

    def _write(self, span: int, content: bytes, dtype: torch.dtype) -> SpillPosition:
        if span not in self.files:
            self.files[span] = TemporaryFile(buffering=0)  # noqa: SIM115
        file = self.files[span]
        place = SpillPosition(span, file.seek(0, os.SEEK_END), len(content), dtype)
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except OSError as error:
            hint = "the environment variable TMPDIR may name another folder"
            raise OSError(error.errno, f"{error.strerror}: {hint}", gettempdir()) from error
        return place
