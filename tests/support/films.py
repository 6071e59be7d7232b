"""Write small video files and masks in JSON, and read them with the readers under test."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.support.golden import squares
from vosbench.datasets.card import Split
from vosbench.errors import VosbenchError
from vosbench.fetching.readers.video_files import read_video_files
from vosbench.io.archives.open import open_members
from vosbench.masks.labels import encode_labels
from vosbench.masks.rle import encode_rle

TRAIN = Split("train")
SIZE = (32, 48)  # height, width
STEP = 9  # how much brighter each frame is than the one before


def film(path: Path, frames: int, size: tuple[int, int] = SIZE, code: str = "mp4v") -> Path:
    """A video of which frame i is grey of the level i * STEP."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*code), 24, size[::-1])
    for index in range(frames):
        writer.write(np.full((*size, 3), index * STEP, np.uint8))
    writer.release()
    return path


def draw(folder: Path, *stems: str) -> None:
    """Write masks under these names: a square that moves."""
    folder.mkdir(parents=True, exist_ok=True)
    for column, stem in enumerate(stems):
        (folder / f"{stem}.png").write_bytes(encode_labels(squares((1, 4, column), size=SIZE)))


def annotate(path: Path, frames: float, steps: Sequence[Sequence[Any]], ids: Sequence[int] | None = None) -> None:
    """Write a JSON file in SA-V's form."""
    ids = range(len(steps[0])) if ids is None else ids
    content = {"video_frame_count": frames, "masklet_id": list(ids), "masklet": steps}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def square(row: int, column: int) -> dict[str, Any]:
    return encode_rle(squares((1, row, column), size=SIZE) > 0)


def pack(folder: Path, archive: Path) -> Path:
    with tarfile.open(archive, "w") as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, path.relative_to(folder), recursive=False)
    return archive


def read(*sources: Path, split: Split = TRAIN) -> tuple[list[str], dict[str, bytes], list[str]]:
    """The videos, the files by their paths, and the missing videos."""
    with open_members(sources) as members:
        content = read_video_files(members, split)
        files = {str(entry.path): entry.member.read() for entry in content.entries}
    return list(content.videos), files, list(content.missing)


def refusal(source: Path) -> str:
    """The message with which a source is refused."""
    with pytest.raises(VosbenchError) as caught:
        read(source)
    message = str(caught.value)
    assert message.startswith(f"{source}: ")
    assert "\n" not in message
    return message


def levels(files: Mapping[str, bytes], video: str) -> list[int]:
    """The index of the film's frame that each of 00000.jpg, 00001.jpg, ... shows."""
    images = [content for path, content in sorted(files.items()) if path.startswith(f"JPEGImages/{video}/")]
    return [round(np.asarray(Image.open(io.BytesIO(image))).mean() / STEP) for image in images]


def names(video: str, frames: int, *masks: str) -> set[str]:
    """The paths of a video's frames and masks."""
    return {
        *(f"JPEGImages/{video}/{index:05}.jpg" for index in range(frames)),
        *(f"Annotations/{video}/{mask}.png" for mask in masks),
    }
