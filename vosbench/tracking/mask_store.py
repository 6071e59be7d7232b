"""Keep the masks of a clip on disk while it is tracked: a label map a frame, and what made them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io.files import read_json, remove_path, write_bytes, write_json
from vosbench.masks.labels import encode_labels, from_labels, read_labels, to_labels
from vosbench.types import Mask, Masks

FACTS = "track.json"


class MaskStore:
    """A folder with `00000.png`, `00001.png`, ..., written in any order, and track.json, which says what made them.

    A label map a frame: where masks overlap, a pixel belongs to the smallest id. A frame that is written is complete.
    """

    def __init__(self, folder: Path, size: tuple[int, int], facts: Mapping[str, Any]) -> None:
        """Open a folder, new or begun by the same work. size: height and width of the frames in pixels. facts: all that
        decides about the masks; what was made of other facts is deleted.

        Raises VosbenchError if the folder holds other files than a store's, or cannot be written.
        """
        self.folder, self.size = folder, size
        if not self._was_begun_with(facts):
            self._check_own_files()
            remove_path(folder)
        if not (folder / FACTS).exists():
            write_json(folder / FACTS, dict(facts))

    def _was_begun_with(self, facts: Mapping[str, Any]) -> bool:
        try:
            return read_json(self.folder / FACTS) == facts
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _check_own_files(self) -> None:
        strangers = [path for path in self.folder.glob("*") if path.suffix != ".png" and path.name != FACTS]
        if strangers or (self.folder.exists() and not (self.folder / FACTS).exists() and any(self.folder.iterdir())):
            raise VosbenchError(self.folder, "there are files in it that are not of this work", "give another folder")

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
