"""The masks of one video as PNG files in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.masks.labels import from_labels, read_labels
from vosbench.types import Mask


@dataclass(frozen=True)
class MaskFolder:
    """The masks of one video on disk: a label map for each frame, or a folder of binary masks for each object (SA-V).

    path: the video's folder. void: ids in label maps that count as background. merge: whether all objects are merged
    into one with id 1.
    """

    path: Path
    void: tuple[int, ...] = (255,)
    merge: bool = False

    @cached_property
    def object_folders(self) -> dict[int, Path]:
        """Object id -> the folder of its masks; empty if the video has label maps."""
        return {int(folder.name): folder for folder in paths.list_folders(self.path) if folder.name.isdecimal()}

    @cached_property
    def frame_names_by_folder(self) -> dict[Path, list[str]]:
        """Folder -> the names of the frames that have a mask in it, in natural order."""
        return {
            folder: [png.stem for png in paths.list_images(folder)]
            for folder in self.object_folders.values() or [self.path]
        }

    @cached_property
    def frame_names(self) -> list[str]:
        """The names of all frames that have a mask, in natural order."""
        found = {frame_name for frame_names in self.frame_names_by_folder.values() for frame_name in frame_names}
        return sorted(found, key=lambda frame_name: paths.natural_sort_key(Path(f"{frame_name}.png")))

    def frame_names_of(self, object_id: int) -> list[str]:
        """The names of the frames in an object's folder; those of all frames if the object has no folder."""
        return (
            self.frame_names_by_folder[self.object_folders[object_id]]
            if object_id in self.object_folders
            else self.frame_names
        )

    def list_files(self) -> list[Path]:
        """The files of all masks."""
        by_folder = self.frame_names_by_folder.items()
        return [folder / f"{frame_name}.png" for folder, frame_names in by_folder for frame_name in frame_names]

    def describe(self, frame_name: str) -> str:
        """The path of a frame's mask, for messages."""
        return f"{self.path / frame_name}.png"

    def has(self, frame_name: str) -> bool:
        """Whether a frame has a mask. Decodes nothing."""
        return bool(self.files(frame_name))

    def files(self, frame_name: str) -> list[Path]:
        """The files that hold the masks of a frame; empty if the frame has no mask."""
        return [
            folder / f"{frame_name}.png"
            for folder, frame_names in self._frame_name_sets.items()
            if frame_name in frame_names
        ]

    @cached_property
    def _frame_name_sets(self) -> dict[Path, frozenset[str]]:
        return {folder: frozenset(frame_names) for folder, frame_names in self.frame_names_by_folder.items()}

    def read(self, frame_name: str) -> tuple[tuple[int, int], dict[int, Mask]]:
        """Read the size (H, W) and the masks of a frame, object id -> bool[H, W], without empty masks.

        Raises VosbenchError if the frame has no mask, a file cannot be read, or the files differ in size.
        """
        files = self.files(frame_name)
        if not files:
            raise VosbenchError(self.describe(frame_name), "is missing")
        label_maps = [read_labels(path) for path in files]
        height, width = label_maps[0].shape
        if not self.object_folders:
            return (height, width), from_labels(label_maps[0], self.void, self.merge)
        if any(label_map.shape != (height, width) for label_map in label_maps):
            raise VosbenchError(
                self.path, f"the objects' masks of frame {frame_name} differ in size", "write them in the same size"
            )
        pairs = zip(files, label_maps, strict=True)
        masks = {int(path.parent.name): label_map > 0 for path, label_map in pairs if label_map.any()}
        return (height, width), {1: np.logical_or.reduce(list(masks.values()))} if self.merge and masks else masks
