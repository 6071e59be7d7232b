"""Masks of one video as PNG files in a folder."""

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
    """The masks of one video on disk: one label map a frame, or one folder of binary masks an object (SA-V).

    void: the labels that are no object. merge: whether all objects are merged into one, with id 1.
    """

    path: Path
    void: tuple[int, ...] = (255,)
    merge: bool = False

    @cached_property
    def object_folders(self) -> dict[int, Path]:
        """Object id -> its folder of masks; empty where a video has one label map a frame."""
        return {int(folder.name): folder for folder in paths.list_folders(self.path) if folder.name.isdecimal()}

    @cached_property
    def frame_names_by_folder(self) -> dict[Path, list[str]]:
        """The stems of the masks in each folder, in natural order."""
        return {
            folder: [png.stem for png in paths.list_images(folder)]
            for folder in self.object_folders.values() or [self.path]
        }

    @cached_property
    def frame_names(self) -> list[str]:
        """The frames that have a mask, in natural order."""
        found = {frame_name for frame_names in self.frame_names_by_folder.values() for frame_name in frame_names}
        return sorted(found, key=lambda frame_name: paths.natural_sort_key(Path(f"{frame_name}.png")))

    def frame_names_of(self, object_id: int) -> list[str]:
        """The frames that have a mask of an object: those of its own folder, or all where it has none."""
        return (
            self.frame_names_by_folder[self.object_folders[object_id]]
            if object_id in self.object_folders
            else self.frame_names
        )

    def describe(self, frame_name: str) -> str:
        """What messages call the mask of a frame."""
        return f"{self.path / frame_name}.png"

    def has(self, frame_name: str) -> bool:
        """Whether a frame has a mask. Decodes nothing."""
        return bool(self.files(frame_name))

    def files(self, frame_name: str) -> list[Path]:
        """The files that hold the masks of a frame; none if it has no mask."""
        return [
            folder / f"{frame_name}.png"
            for folder, frame_names in self._frame_name_sets.items()
            if frame_name in frame_names
        ]

    @cached_property
    def _frame_name_sets(self) -> dict[Path, frozenset[str]]:
        return {folder: frozenset(frame_names) for folder, frame_names in self.frame_names_by_folder.items()}

    def read(self, frame_name: str) -> tuple[tuple[int, int], dict[int, Mask]]:
        """The size and the masks of a frame, empty masks left out.

        Raises VosbenchError if the frame has no mask, or its files cannot be read or differ in size.
        """
        files = self.files(frame_name)
        if not files:
            raise VosbenchError(f"{self.path / frame_name}.png is missing")
        images = [read_labels(path) for path in files]
        height, width = images[0].shape
        if not self.object_folders:
            return (height, width), from_labels(images[0], self.void, self.merge)
        if any(image.shape != (height, width) for image in images):
            raise VosbenchError(f"{self.path}: the objects' masks of frame {frame_name} differ in size")
        masks = {int(path.parent.name): image > 0 for path, image in zip(files, images, strict=True) if image.any()}
        return (height, width), {1: np.logical_or.reduce(list(masks.values()))} if self.merge and masks else masks
