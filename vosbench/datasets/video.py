"""What a tracker gets of a video: frames that are decoded on demand, and prompts chosen from the ground truth."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import overload

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.io.files import refuse_pipe
from vosbench.masks.folder import MaskFolder
from vosbench.types import Frame, Mask


def ignore_read() -> None:
    """Do nothing. The default of `on_read`; a named function, so that frames can be sent to another process."""


class VideoFrames(Sequence[Frame]):
    """The frames of a video; a frame is decoded each time it is indexed.

    paths: the image files in order. on_read: called without arguments after each frame that was decoded.
    Indexing gives uint8[H, W, 3] RGB, or raises VosbenchError if the file cannot be decoded. A slice decodes nothing.
    """

    def __init__(self, paths: Sequence[Path], on_read: Callable[[], None] = ignore_read) -> None:
        self.paths, self.on_read = paths, on_read

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> VideoFrames: ...
    def __getitem__(self, index: int | slice) -> Frame | VideoFrames:
        if isinstance(index, slice):
            return VideoFrames(self.paths[index], self.on_read)
        from PIL import Image

        path = self.paths[index]
        refuse_pipe(path)
        try:
            with Image.open(path) as image:
                frame = np.array(image.convert("RGB"))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            remedy = "replace the file, or fetch the dataset again with --force"
            raise VosbenchError(path, f"cannot be decoded ({error})", remedy) from None
        self.on_read()
        return frame


def choose_first_masks(ground_truth: MaskFolder, frame_names: Sequence[str]) -> Iterator[tuple[str, dict[int, Mask]]]:
    """Yield each frame in which objects appear for the first time, with the masks of these objects only."""
    seen: set[int] = set()
    for frame_name in frame_names:
        new = {object_id: mask for object_id, mask in ground_truth.read(frame_name)[1].items() if object_id not in seen}
        seen |= new.keys()
        if new:
            yield frame_name, new


def choose_all_masks(
    ground_truth: MaskFolder, frame_names: Sequence[str], objects: Collection[int]
) -> Iterator[tuple[str, dict[int, Mask]]]:
    """Yield each frame in which any of `objects` appears, with the masks of these objects."""
    for frame_name in frame_names:
        if shown := {
            object_id: mask for object_id, mask in ground_truth.read(frame_name)[1].items() if object_id in objects
        }:
            yield frame_name, shown
