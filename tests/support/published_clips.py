"""Videos as publishers offer them, drawn as label maps.

Their files in the normal layout, and the masks that a tracker may see, follow from the drawing, not from the code under
test.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from tests.support.golden import squares
from vosbench.masks.labels import make_palette
from vosbench.types import Labels, Mask

Visible = Mapping[int, Iterable[int]]
"""Object id -> the indices of the frames that show it."""

STEM = "{:05}".format


class Clip(NamedTuple):
    """A video. frames: by frame name. masks: published ones, by their paths in its folder without suffix.

    prompts: frame name -> object id -> mask that a tracker may see. Bytes are None if a reader makes the file.
    """

    name: str
    frames: Mapping[str, bytes | None]
    masks: Mapping[str, bytes | None]
    prompts: Mapping[str, Mapping[int, Mask]]


def spot(label: int, objects: Sequence[int], index: int) -> tuple[int, int, int]:
    """Object id, row and column of an object's square in a frame. It moves, and touches no other square."""
    place = sorted(objects).index(label)
    return label, 1 + 8 * (place % 3), 1 + 10 * (place // 3) + index % 4


def drawn(
    name: str,
    length: int,
    visible: Visible,
    annotated: Sequence[int] | None = None,
    stem: Callable[[int], str] = STEM,
    mode: str = "P",
    prompts: str = "first_appearance",
    void: int | None = None,
) -> Clip:
    """A video of squares with label maps for the frames that are annotated, all if None.

    prompts: "first_frame" or "first_appearance", as on the card. void: what is drawn like an object and is none.
    """
    annotated = range(length) if annotated is None else annotated
    shown = {label: [index for index in annotated if index in set(indices)] for label, indices in visible.items()}
    maps = {
        index: squares(*(spot(label, [*visible], index) for label in visible if index in shown[label]))
        for index in annotated
    }
    seen: dict[str, dict[int, Mask]] = {}
    for label, indices in shown.items():
        if label != void and indices and (prompts == "first_appearance" or indices[0] == 0):
            seen.setdefault(stem(indices[0]), {})[label] = maps[indices[0]] == label
    masks = {stem(index): png(labels, mode) for index, labels in maps.items()}
    return Clip(name, {stem(index): jpeg(index) for index in range(length)}, masks, seen)


def apart(name: str, length: int, visible: Visible, every: int = 4, made: bool = False) -> Clip:
    """A video whose objects have 1-bit masks of their own, of every fourth frame, and share pixels.

    made: its frames and masks are none of the publisher's files.
    """
    masks: dict[str, bytes | None] = {}
    seen: dict[str, dict[int, Mask]] = {}
    for label, indices in visible.items():
        for index in range(0, length, every):
            mask = overlapping(label, index) if index in set(indices) else np.zeros((24, 32), np.bool_)
            masks[f"{label:03}/{STEM(index)}"] = None if made else png(mask, "1")
        first = next(index for index in range(0, length, every) if index in set(indices))
        seen.setdefault(STEM(first), {})[label] = overlapping(label, first)
    return Clip(name, {STEM(i): None if made else jpeg(i) for i in range(length)}, masks, seen)


def overlapping(label: int, index: int) -> Mask:
    """A square that covers part of the one before it."""
    mask: Mask = squares((1, 8, 3 * label + index % 4)) == 1
    return mask


def only_prompts(clip: Clip) -> Clip:
    """A clip of which only the prompts are published."""
    return clip._replace(masks={stem: content for stem, content in clip.masks.items() if stem in clip.prompts})


def real(data: Path, name: str, labels: Path, length: int, merged: bool = False) -> Clip:
    """The first frames of a real sequence, with the masks of another folder, whose objects are all in frame 0."""
    frames = data / "davis2016-real/DAVIS/JPEGImages/480p" / name
    stems = [STEM(index) for index in range(length)]
    masks = {stem: (labels / name / f"{stem}.png").read_bytes() for stem in stems}
    with Image.open(io.BytesIO(masks[stems[0]])) as image:
        first = np.asarray(image)
    ids = [1] if merged else range(1, int(first.max()) + 1)
    prompts = {label: first > 0 if merged else first == label for label in ids}
    return Clip(name, {stem: (frames / f"{stem}.jpg").read_bytes() for stem in stems}, masks, {stems[0]: prompts})


def png(labels: Labels | Mask, mode: str = "P") -> bytes:
    """A mask as publishers write it: mode P with a palette, L, L with alpha ("LA"), or one bit ("1")."""
    image = Image.fromarray(labels)
    if mode == "P":
        image.putpalette(make_palette())
    elif mode != image.mode:
        image = image.convert(mode)
    return _saved(image, "PNG")


def jpeg(seed: int) -> bytes:
    return _saved(Image.fromarray(np.full((24, 32, 3), 20 * seed % 256, np.uint8)), "JPEG")


def _saved(image: Image.Image, form: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=form)
    return buffer.getvalue()
