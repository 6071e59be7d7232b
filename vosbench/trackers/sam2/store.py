"""Keep what the model found of an object in every frame of a video of any length, in memory that does not grow.

A correction may be made in any frame, and needs what was found there and in the frames around it. What was used last
stays where the model is; everything else is written into a temporary file, which has no name and vanishes with the
process however that ends.
"""

from __future__ import annotations

import pickle
import tempfile
from collections import OrderedDict
from collections.abc import Iterator, MutableMapping
from typing import Any, BinaryIO, NamedTuple

import torch

from vosbench.errors import VosbenchError
from vosbench.trackers.sam2.memory import FrameOutput

SHARED_KEY = "maskmem_pos_enc"  # the same in every frame


class FilePlace(NamedTuple):
    """Where in a file something is: the first byte, and how many bytes."""

    start: int
    length: int


NOWHERE = FilePlace(0, 0)


class OutputFile:
    """A temporary file of outputs. Places that are given back are used again for outputs of the same length."""

    def __init__(self) -> None:
        self.file: BinaryIO = tempfile.TemporaryFile(prefix="vosbench-")  # noqa: SIM115  closed in `close`
        self.free: dict[int, list[FilePlace]] = {}
        self.end = 0

    def write(self, output: FrameOutput) -> FilePlace:
        """Write an output without what all frames share.

        Raises VosbenchError if there is no space for it.
        """
        content = pickle.dumps({name: _to_bytes(value) for name, value in output.items() if name != SHARED_KEY})
        place = self._choose_place(len(content))
        try:
            self.file.seek(place.start)
            self.file.write(content)
            self.file.flush()
        except OSError as error:
            remedy = "free some space, or set TMPDIR to a folder that has more"
            raise VosbenchError(tempfile.gettempdir(), f"cannot be written ({error.strerror})", remedy) from None
        return place

    def read(self, place: FilePlace, device: torch.device) -> FrameOutput:
        """The output that was written at a place, bit for bit, on a device."""
        self.file.seek(place.start)
        content = pickle.loads(self.file.read(place.length))
        return {name: _from_bytes(value, device) for name, value in content.items()}

    def give_back(self, place: FilePlace) -> None:
        """Let a place be used for something else."""
        self.free.setdefault(place.length, []).append(place)

    def close(self) -> None:
        """Close the file, which deletes it."""
        self.file.close()

    def _choose_place(self, length: int) -> FilePlace:
        if self.free.get(length):
            return self.free[length].pop()
        self.end += length
        return FilePlace(self.end - length, length)


def _to_bytes(value: Any) -> Any:
    """A tensor as something that can be pickled without torch's own, larger form; other values as they are."""
    if not isinstance(value, torch.Tensor):
        return value
    content = value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
    return str(value.dtype).removeprefix("torch."), tuple(value.shape), content


def _from_bytes(value: Any, device: torch.device) -> Any:
    if not isinstance(value, tuple):
        return value
    dtype, shape, content = value
    return torch.frombuffer(bytearray(content), dtype=getattr(torch, dtype)).view(shape).to(device)


class StoredOutput:
    """An output in the file that is in no OutputStore yet. Its place is given back when nobody needs it any more."""

    place = NOWHERE

    def __init__(self, file: OutputFile, output: FrameOutput) -> None:
        self.file, self.place = file, file.write(output)

    def read(self) -> FrameOutput:
        """The output, on the CPU."""
        return self.file.read(self.place, torch.device("cpu"))

    def __del__(self) -> None:
        if self.place != NOWHERE:
            self.file.give_back(self.place)


class OutputStore(MutableMapping[int, FrameOutput]):
    """An object's outputs by frame: those used last in memory, the others in a file.

    An output must not be changed after it was stored.
    """

    def __init__(self, file: OutputFile, kept: int) -> None:
        """kept: how many outputs stay in memory."""
        self.file, self.kept = file, kept
        self.near: OrderedDict[int, FrameOutput] = OrderedDict()
        self.places: dict[int, FilePlace] = {}  # also of outputs that were read and are in memory again
        self.shared: Any = None

    def __getitem__(self, index: int) -> FrameOutput:
        if index in self.near:
            self.near.move_to_end(index)
        else:
            output = self.file.read(self.places[index], self.shared[-1].device)
            self._keep(index, {**output, SHARED_KEY: self.shared})
        return self.near[index]

    def __setitem__(self, index: int, output: FrameOutput) -> None:
        self._give_back(index)
        self.shared = output[SHARED_KEY]
        self._keep(index, output)

    def __delitem__(self, index: int) -> None:
        if index not in self:
            raise KeyError(index)
        self._give_back(index)
        self.near.pop(index, None)

    def __contains__(self, index: object) -> bool:
        return index in self.near or index in self.places

    def __iter__(self) -> Iterator[int]:
        return iter(self.near.keys() | self.places.keys())

    def __len__(self) -> int:
        return len(self.near.keys() | self.places.keys())

    def clear(self) -> None:
        """Drop all outputs without reading them."""
        self.near.clear()
        for index in [*self.places]:
            self._give_back(index)

    def take_over(self, index: int, stored: StoredOutput, shared: Any) -> FrameOutput:
        """Store an output that is in the file already. shared: what all frames share."""
        self._give_back(index)
        self.near.pop(index, None)
        self.places[index], self.shared, stored.place = stored.place, shared, NOWHERE
        return self[index]

    def _keep(self, index: int, output: FrameOutput) -> None:
        self.near[index] = output
        self.near.move_to_end(index)
        while len(self.near) > self.kept:
            oldest, dropped = self.near.popitem(last=False)
            if oldest not in self.places:
                self.places[oldest] = self.file.write(dropped)

    def _give_back(self, index: int) -> None:
        if index in self.places:
            self.file.give_back(self.places.pop(index))
