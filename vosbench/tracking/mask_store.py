"""Keep the masks of a clip on disk while it is tracked: a label map a frame, and what made them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io.files import (
    read_json,
    write_bytes,
    write_json,
)
from vosbench.io.folders import remove_path
from vosbench.io.locks import LockHeldError, hold_lock
from vosbench.io.paths import partial_path
from vosbench.io.wording import count_of
from vosbench.masks.labels import encode_labels, from_labels, read_labels, to_labels
from vosbench.types import Mask, Masks

FACTS = "track.json"
STATE_FOLDER = "state"
WRITING = "writing.json"
LOCK = "lock"


class MaskStore:
    """A folder with `00000.png`, `00001.png`, ..., written in any order, and track.json, which says what made them.

    A label map a frame: where masks overlap, a pixel belongs to the smallest id. A frame that is written is complete.
    Beside them lie, while a command is at work, its lock, what the tracker needs to go on (`state`), and the outputs
    that are being written (writing.json).
    """

    def __init__(self, folder: Path, size: tuple[int, int], facts: Mapping[str, Any], overwrite: bool = False) -> None:
        """Open a folder, new or begun by the same work. size: height and width of the frames in pixels. facts: all that
        decides about the masks. overwrite: whether what was made of other facts is deleted.

        Raises VosbenchError if the folder holds masks that were made of other facts, unless `overwrite`; other files
        than a store's; and if it cannot be written.
        """
        self.folder, self.size = folder, size
        begun = self._read_facts()
        if begun != facts:
            self._check_own_files(begun)
            if begun is not None and not overwrite and any(folder.glob("*.png")):
                raise self._make_other_work_error(begun, facts)
            remove_path(folder)
            write_json(folder / FACTS, dict(facts))

    def _read_facts(self) -> dict[str, Any] | None:
        try:
            return read_json(self.folder / FACTS)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _check_own_files(self, begun: Mapping[str, Any] | None) -> None:
        own = (FACTS, STATE_FOLDER, WRITING, LOCK, partial_path(self.folder / STATE_FOLDER).name)
        strangers = [path for path in self.folder.glob("*") if path.suffix != ".png" and path.name not in own]
        if strangers or (begun is None and self.folder.exists() and any(self.folder.iterdir())):
            raise VosbenchError(self.folder, "there are files in it that are not of this work", "give another folder")

    def _make_other_work_error(self, begun: Mapping[str, Any], facts: Mapping[str, Any]) -> VosbenchError:
        changed = ", ".join(sorted(key for key in begun.keys() | facts.keys() if begun.get(key) != facts.get(key)))
        done = count_of(len([*self.folder.glob("*.png")]), "frame")
        found = f"holds {done} of an interrupted command that differs in: {changed}"
        return VosbenchError(self.folder, found, "repeat that command, or give --overwrite to drop these frames")

    @property
    def state(self) -> Path:
        """The folder of what a tracker needs to go on."""
        return self.folder / STATE_FOLDER

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock of the folder during the block. Raises VosbenchError if another process holds it."""
        try:
            with hold_lock(self.folder / LOCK):
                yield
        except LockHeldError as error:
            by = f" ({error.holder})" if error.holder else ""
            raise VosbenchError(self.folder, f"another command is at work in it{by}", "wait until it ends") from None

    def note_outputs(self, outputs: Sequence[Path]) -> None:
        """Note that outputs are being written, which may appear one after another."""
        write_json(self.folder / WRITING, {"outputs": [str(path.absolute()) for path in outputs]})

    def path_of(self, index: int) -> Path:
        """The file of a frame's masks."""
        return self.folder / f"{index:05}.png"

    def has(self, index: int) -> bool:
        """Whether a frame is done."""
        return self.path_of(index).exists()

    def write(self, index: int, masks: Masks) -> None:
        """Keep the masks of a frame."""
        write_bytes(self.path_of(index), encode_labels(to_labels(masks, self.size)))

    def read(self, index: int) -> dict[int, Mask]:
        """The masks of a frame: object id -> bool[H, W], without empty ones."""
        return from_labels(read_labels(self.path_of(index)))

    def remove(self) -> None:
        """Delete the folder."""
        remove_path(self.folder)


def was_writing(folder: Path, output: Path) -> bool:
    """Whether an interrupted command, which kept its masks in a folder, was writing an output."""
    try:
        return str(output.absolute()) in read_json(folder / WRITING)["outputs"]
    except (FileNotFoundError, NotADirectoryError):
        return False
