"""Write what was tracked in a clip: a video with the masks, cut-outs, masks as PNG or RLE, or a dataset."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from PIL import Image

from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.files import (
    replacing,
    to_json,
    write_text,
)
from vosbench.io.folders import assembling
from vosbench.masks.rle import encode_rle
from vosbench.media.clip import Clip
from vosbench.media.draw import cut_out, draw_masks
from vosbench.media.read_ahead import ReadAhead
from vosbench.media.write_video import writing_alpha_video, writing_video
from vosbench.tracking.mask_store import FACTS, MaskStore

FRAME_QUALITY = 95  # of JPEGs in a dataset

FrameWriter: TypeAlias = Callable[[int, Any], None]
"""Writes a frame, given its index and pixels; the pixels, uint8[H, W, 3], are None for an output without pictures."""


@dataclass(frozen=True)
class Outputs:
    """The files to write; None for one that is not wanted.

    video: H.264 with masks, outlines and ids. alpha: the objects on a transparent background, `.webm` or `.mov`.
    masks: a folder of label maps, 00000.png on. rle: one JSON file with COCO RLE. dataset: a folder in the normal
    layout, with one video and the split `val`.
    """

    video: Path | None = None
    alpha: Path | None = None
    masks: Path | None = None
    rle: Path | None = None
    dataset: Path | None = None

    @property
    def wanted(self) -> list[Path]:
        """All paths that will be written."""
        return [path for path in (self.video, self.alpha, self.masks, self.rle, self.dataset) if path]


def write_outputs(
    outputs: Outputs, clip: Clip, store: MaskStore, facts: Mapping[str, Any], progress: Callable[[int], None]
) -> None:
    """Write the outputs, each of which appears when it is complete, and says in itself what made it.

    facts: what made the masks. progress: called with the number of frames that are done.

    Raises VosbenchError if a file cannot be written.
    """
    try:
        with ExitStack() as stack:
            writers = list(_open_writers(stack, outputs, clip, store, facts))
            frames = (
                stack.enter_context(ReadAhead(clip.frames))
                if outputs.video or outputs.alpha or outputs.dataset
                else None
            )
            for index in range(len(clip.frames)):
                frame = frames[index] if frames is not None else None
                for write in writers:
                    write(index, frame)
                progress(index + 1)
    except OSError as error:
        path = _find_output(outputs, Path(error.filename or ""))
        raise VosbenchError(
            path, f"cannot be written ({error.strerror})", "make room, or choose another place"
        ) from None


def _find_output(outputs: Outputs, path: Path) -> Path:
    """The output that is written to a path, which is a hidden one beside it or below such a one, or else the path."""
    beginnings = {f".{output.name}.": output for output in outputs.wanted}
    found = [output for begin, output in beginnings.items() if any(part.startswith(begin) for part in path.parts)]
    return found[0] if found else path


def _open_writers(
    stack: ExitStack, outputs: Outputs, clip: Clip, store: MaskStore, facts: Mapping[str, Any]
) -> Iterator[FrameWriter]:
    comment = to_json(dict(facts))
    if outputs.video:
        sound = clip.path if clip.is_file else None
        video = stack.enter_context(
            writing_video(outputs.video, clip.times, clip.size, clip.pixel_aspect, sound, comment)
        )
        yield lambda index, frame: video.write(draw_masks(frame, store.read(index)))
    if outputs.alpha:
        alpha = stack.enter_context(
            writing_alpha_video(outputs.alpha, clip.times, clip.size, clip.pixel_aspect, comment)
        )
        yield lambda index, frame: alpha.write(cut_out(frame, store.read(index)))
    if outputs.masks:
        folder = stack.enter_context(assembling(outputs.masks))
        write_text(folder / FACTS, comment)
        yield lambda index, frame: _copy_label_map(store, index, folder)
    if outputs.rle:
        yield stack.enter_context(_writing_rle(outputs.rle, clip, store, facts))
    if outputs.dataset:
        yield stack.enter_context(_writing_dataset(outputs.dataset, clip, store, comment))


def _copy_label_map(store: MaskStore, index: int, folder: Path) -> None:
    (folder / store.path_of(index).name).write_bytes(store.path_of(index).read_bytes())


@contextmanager
def _writing_rle(path: Path, clip: Clip, store: MaskStore, facts: Mapping[str, Any]) -> Iterator[FrameWriter]:
    """Write one JSON object: `track`, what made the masks; `size`, height and width; and `frames`, a list with the
    name, the time in seconds and the masks of each frame, as COCO RLE by object id. One frame stands on a line."""
    with replacing(path) as partial, partial.open("w", encoding="utf-8") as file:
        head = {"video": clip.name, "size": list(clip.size), "track": dict(facts)}
        file.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "frames": [')

        def write(index: int, frame: Any) -> None:
            masks = {str(object_id): encode_rle(mask) for object_id, mask in store.read(index).items()}
            entry = {"frame": store.path_of(index).stem, "time": float(clip.times[index]), "masks": masks}
            file.write(("," if index else "") + "\n" + json.dumps(entry))

        yield write
        file.write("\n]}\n")


@contextmanager
def _writing_dataset(path: Path, clip: Clip, store: MaskStore, comment: str) -> Iterator[FrameWriter]:
    """Write a dataset in the normal layout, of one video, so that every other command takes it as `--dataset`."""
    with assembling(path) as folder:
        frames, masks = folder / paths.FRAMES / clip.name, folder / paths.MASKS / clip.name
        for made in (frames, masks, folder / paths.LISTS):
            made.mkdir(parents=True)
        write_text(folder / paths.LISTS / "val.txt", f"{clip.name}\n")
        write_text(folder / FACTS, comment)

        def write(index: int, frame: Any) -> None:
            Image.fromarray(frame).save(frames / f"{index:05}.jpg", quality=FRAME_QUALITY)
            _copy_label_map(store, index, masks)

        yield write
