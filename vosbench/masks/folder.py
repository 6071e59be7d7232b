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
    def objects(self) -> dict[int, Path]:
        """Object id -> its folder of masks; empty where a video has one label map a frame."""
        return {int(folder.name): folder for folder in paths.folders(self.path) if folder.name.isdecimal()}

    @cached_property
    def names(self) -> dict[Path, list[str]]:
        """The stems of the masks in each folder, in natural order."""
        return {folder: [png.stem for png in paths.images(folder)] for folder in self.objects.values() or [self.path]}

    @cached_property
    def stems(self) -> list[str]:
        """The frames that have a mask, in natural order."""
        found = {stem for stems in self.names.values() for stem in stems}
        return sorted(found, key=lambda stem: paths.natural(Path(f"{stem}.png")))

    def stems_of(self, label: int) -> list[str]:
        """The frames that have a mask of an object: those of its own folder, or all where it has none."""
        return self.names[self.objects[label]] if label in self.objects else self.stems

    def name(self, stem: str) -> str:
        """What messages call the mask of a frame."""
        return f"{self.path / stem}.png"

    def has(self, stem: str) -> bool:
        """Whether a frame has a mask. Decodes nothing."""
        return bool(self.files(stem))

    def files(self, stem: str) -> list[Path]:
        """The files that hold the masks of a frame; none if it has no mask."""
        return [folder / f"{stem}.png" for folder, stems in self._sets.items() if stem in stems]

    @cached_property
    def _sets(self) -> dict[Path, frozenset[str]]:
        return {folder: frozenset(stems) for folder, stems in self.names.items()}

    def read(self, stem: str) -> tuple[tuple[int, int], dict[int, Mask]]:
        """The size and the masks of a frame, empty masks left out.

        Raises VosbenchError if the frame has no mask, or its files cannot be read or differ in size.
        """
        files = self.files(stem)
        if not files:
            raise VosbenchError(f"{self.path / stem}.png is missing")
        images = [read_labels(path) for path in files]
        height, width = images[0].shape
        if not self.objects:
            return (height, width), from_labels(images[0], self.void, self.merge)
        if any(image.shape != (height, width) for image in images):
            raise VosbenchError(f"{self.path}: the objects' masks of frame {stem} differ in size")
        masks = {int(path.parent.name): image > 0 for path, image in zip(files, images, strict=True) if image.any()}
        return (height, width), {1: np.logical_or.reduce(list(masks.values()))} if self.merge and masks else masks
