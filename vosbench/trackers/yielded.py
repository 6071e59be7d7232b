"""Take over what a tracker yields for the frames of a video, and say in one line what is wrong with it."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vosbench.errors import VosbenchError
from vosbench.io.wording import count_of
from vosbench.types import Mask

ARRAY_PROTOCOLS = ("__array__", "__array_interface__", "__dlpack__")  # by which NumPy reads arrays of other packages
_NOTHING: Any = object()  # in the place of a frame, or of masks, where there are too few


def pair_frames(frame_names: Sequence[str], yielded: object) -> Iterator[tuple[str, object]]:
    """Give each frame's name with what the tracker yielded for the frame.

    Raises VosbenchError if the numbers differ, and if `yielded` is no iterator.
    """
    if not isinstance(yielded, Iterable):
        found = f"its method `track` returned {'None' if yielded is None else f'a {type(yielded).__name__}'}"
        raise VosbenchError("tracker", found, "it must yield the masks of each frame")
    for index, (name, found) in enumerate(zip_longest(frame_names, yielded, fillvalue=_NOTHING)):
        if name is _NOTHING or found is _NOTHING:
            many = "more than " if name is _NOTHING else ""
            counted = f"yielded {many}{index} of {count_of(len(frame_names), 'frame')}"
            raise VosbenchError("tracker", counted, "expected masks for each frame, and no more")
        yield name, found


def take_masks(found: object, objects: Sequence[int], size: tuple[int, int], frame: str) -> dict[int, Mask]:
    """The masks of a frame, object id -> bool[H, W], from what a tracker yielded.

    found: a mapping from object id to bool[H, W], or one label map [H, W] of integers, the object ids. The arrays may
    be of NumPy, torch tensors on any device, or of any package that NumPy can read. objects: the ids that are prompted.
    size: (H, W). frame: the frame's name, for errors. What is returned may share memory with what was yielded.

    Raises VosbenchError for anything else, which would give a wrong score or could not be written.
    """
    if not isinstance(found, Mapping):
        return _split_label_map(found, objects, size, frame)
    masks = {}
    for key, value in found.items():
        object_id = _check_object(key, objects, frame)
        mask = _read_any_array(value)
        if mask is None or mask.dtype != np.bool_ or mask.shape != size:
            named = f"bool{list(size)}"
            remedy = f"{named} is expected" if mask is None or mask.dtype == np.bool_ else f"yield {named}: mask > 0"
            raise _make_yield_error(frame, f"{_describe_yielded(value)} as the mask of object {object_id}", remedy)
        masks[object_id] = mask
    return masks


def _split_label_map(found: object, objects: Sequence[int], size: tuple[int, int], frame: str) -> dict[int, Mask]:
    label_map = _read_any_array(found)
    if label_map is None or label_map.shape != size or not np.issubdtype(label_map.dtype, np.integer):
        shape = list(size)
        remedy = f"yield {{object id: bool{shape}}}, or a label map of integers{shape}, the object ids"
        raise _make_yield_error(frame, _describe_yielded(found), remedy)
    masks = {object_id: mask for object_id in sorted(objects) if (mask := label_map == object_id).any()}
    if sum(np.count_nonzero(mask) for mask in masks.values()) != np.count_nonzero(label_map):
        for object_id in np.unique(label_map[label_map != 0]):
            _check_object(int(object_id), objects, frame)
    return masks


def _check_object(key: object, objects: Sequence[int], frame: str) -> int:
    """An object id as an int. Raises VosbenchError if it is none, or if no such object is prompted."""
    with suppress(TypeError):  # it is no integer, such as "1"
        if operator.index(key) in objects:  # type: ignore[arg-type]
            return operator.index(key)  # type: ignore[arg-type]
    prompted = ", ".join(map(str, objects)) or "none"
    raise _make_yield_error(frame, f"object {key!r}, which was not prompted", f"the prompted ids are: {prompted}")


def _read_any_array(value: Any) -> NDArray[Any] | None:
    """A value as an array of NumPy; None if it is no array or NumPy cannot read its numbers."""
    for method in ("detach", "cpu"):  # of a torch tensor, which may be on a GPU or keep a gradient
        value = getattr(value, method)() if hasattr(value, method) else value
    if not any(hasattr(value, name) for name in ARRAY_PROTOCOLS):
        return None
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError, BufferError):  # such as bfloat16, which NumPy does not have
        return None


def _describe_yielded(value: Any) -> str:
    """A value for a message: the type of an array's numbers and its shape, or else the type of the value."""
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"
    return "None" if value is None else f"a value of type {type(value).__name__}"


def _make_yield_error(frame: str, found: str, remedy: str) -> VosbenchError:
    return VosbenchError(f"frame {frame}", f"the tracker yielded {found}", remedy)
