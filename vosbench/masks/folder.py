"""The masks of one video as PNG files in a folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from sys import intern

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.masks.binary import WHITE_ID, is_white, read_white_mask
from vosbench.masks.label_map import LabelMap
from vosbench.masks.labels import from_labels, read_labels, read_png_file
from vosbench.masks.source import index_by_object_id, sort_frame_names
from vosbench.types import Labels, Mask


@dataclass(frozen=True)
class MaskFolder:
    """The masks of one video on disk: a label map for each frame, or a folder of binary masks for each object (SA-V).

    path: the video's folder. void: ids in label maps that count as background. merge: whether all objects are merged
    into one with id 1. binary: whether 255 is the object 1 where the masks of the video hold only 0 and 255.
    """

    path: Path
    void: tuple[int, ...] = (255,)
    merge: bool = False
    binary: bool = False

    @cached_property
    def object_folders(self) -> dict[int, Path]:
        """Object id -> the folder of its masks; empty if the video has label maps.

        Raises VosbenchError if two folders have the same object id.
        """
        folders = (folder for folder in paths.list_folders(self.path) if folder.name.isdecimal())
        return index_by_object_id(self.path, {folder.name: folder for folder in folders})

    @cached_property
    def is_binary(self) -> bool:
        """Whether 255 is the object 1, not void: `binary` is set, and the first mask that is not empty holds no id."""
        if not self.binary or WHITE_ID not in self.void or self.merge or self.object_folders:
            return False
        label_maps = (read_labels(path) for frame_name in self.frame_names for path in self.files(frame_name))
        return is_white(next((label_map for label_map in label_maps if label_map.any()), None))

    @cached_property
    def _files_by_folder(self) -> dict[Path, dict[str, str]]:
        """Folder -> the names of the masks' files in it by their frame names, in natural order.

        Names, of which each is held once for all videos, because a dataset can have 50,000 of them.
        """
        found = {}
        for folder in self.object_folders.values() or [self.path]:
            names = paths.list_image_names(folder)
            files = {intern(paths.part_name(name)[0]): intern(name) for name in names}
            if len(files) < len(names):
                twin = next(stem for stem, _ in map(paths.part_name, names) if files.pop(stem, None) is None)
                raise VosbenchError(folder, f"has two masks of frame {twin}", "keep only one")
            found[folder] = files
        return found

    @cached_property
    def frame_names_by_folder(self) -> dict[Path, list[str]]:
        """Folder -> the names of the frames that have a mask in it, in natural order.

        Raises VosbenchError if a folder has two masks of a frame, as on `00000.png` beside `00000.PNG`.
        """
        return {folder: list(files) for folder, files in self._files_by_folder.items()}

    @cached_property
    def frame_names(self) -> list[str]:
        """The names of all frames that have a mask, in natural order."""
        found = list(self._files_by_folder.values())
        return list(found[0]) if len(found) == 1 else sort_frame_names({name for files in found for name in files})

    def frame_names_of(self, object_id: int) -> list[str]:
        """The names of the frames in an object's folder; those of all frames if the object has no folder."""
        return (
            self.frame_names_by_folder[self.object_folders[object_id]]
            if object_id in self.object_folders
            else self.frame_names
        )

    def list_files(self) -> list[Path]:
        """The files of all masks."""
        return [folder / name for folder, files in self._files_by_folder.items() for name in files.values()]

    def describe(self, frame_name: str) -> str:
        """The path of a frame's mask, for messages."""
        return f"{self.path / frame_name}.png"

    def has(self, frame_name: str) -> bool:
        """Whether a frame has a mask. Decodes nothing."""
        return any(frame_name in files for files in self._files_by_folder.values())

    def files(self, frame_name: str) -> list[Path]:
        """The files that hold the masks of a frame; empty if the frame has no mask."""
        named = self._files_by_folder.items()
        return [folder / files[frame_name] for folder, files in named if frame_name in files]

    def count_files(self) -> int:
        """The number of the files of all masks."""
        return sum(map(len, self._files_by_folder.values()))

    def forget_files(self) -> None:
        """Forget what is in the folder, which takes memory. It is listed anew when it is asked for."""
        for name in ("object_folders", "is_binary", "_files_by_folder", "frame_names_by_folder", "frame_names"):
            self.__dict__.pop(name, None)

    def read(self, frame_name: str) -> tuple[tuple[int, int], dict[int, Mask]]:
        """Read the size (H, W) and the masks of a frame, object id -> bool[H, W], without empty masks.

        Raises VosbenchError if the frame has no mask, a file cannot be read, or the files differ in size; and for an id
        in a binary video.
        """
        if self.object_folders:
            return self._read_apart(frame_name)
        path = self._find_file(frame_name)
        label_map = read_labels(path)
        height, width = label_map.shape
        if self.is_binary:
            return (height, width), read_white_mask(label_map, path)
        return (height, width), from_labels(label_map, self.void, self.merge)

    def _find_file(self, frame_name: str) -> str:
        """The file of a frame's label map. Raises VosbenchError if there is none."""
        if frame_name not in (names := self._files_by_folder[self.path]):
            raise VosbenchError(self.describe(frame_name), "is missing")
        return f"{self.path}{os.sep}{names[frame_name]}"  # a Path would take longer, in a loop over all frames

    def _read_apart(self, frame_name: str) -> tuple[tuple[int, int], dict[int, Mask]]:
        """`read` for folders of objects."""
        label_maps = {
            object_id: read_labels(f"{folder}{os.sep}{names[frame_name]}", contiguous=False)
            for object_id, (folder, names) in zip(self.object_folders, self._files_by_folder.items(), strict=True)
            if frame_name in names
        }
        if not label_maps:
            raise VosbenchError(self.describe(frame_name), "is missing")
        sizes = {(label_map.shape[0], label_map.shape[1]) for label_map in label_maps.values()}
        if len(sizes) > 1:
            raise VosbenchError(
                self.path, f"the objects' masks of frame {frame_name} differ in size", "write them in the same size"
            )
        shown = ((object_id, _find_mask(label_map)) for object_id, label_map in label_maps.items())
        masks = {object_id: mask for object_id, mask in shown if mask is not None}
        return sizes.pop(), {1: np.logical_or.reduce(list(masks.values()))} if self.merge and masks else masks

    def read_ids(self, frame_name: str) -> set[int]:
        """The ids of the objects that a frame shows; those that `read` gives, without the memory of their masks.

        Raises VosbenchError as `read` does.
        """
        label_map = self.read_label_map(frame_name)
        return set(self.read(frame_name)[1] if label_map is None else label_map.find_ids())

    def read_label_map(self, frame_name: str) -> LabelMap | None:
        """The label map of a frame; None where the masks are not in one, or 255 is the object of a binary video.

        Raises VosbenchError if the frame has no mask, or the file cannot be read.
        """
        if self.object_folders or self.is_binary:
            return None
        return LabelMap(read_labels(self._find_file(frame_name), contiguous=False), self.void, self.merge)

    def read_label_file(self, frame_name: str) -> bytes | None:
        """The content of the PNG that is the label map of a frame; None for a frame without one.

        Raises VosbenchError if the file cannot be read.
        """
        files = [] if self.object_folders else self.files(frame_name)
        return read_png_file(files[0]) if files else None


def _find_mask(label_map: Labels) -> Mask | None:
    """The mask that an image of one object shows, bool[H, W]; None if it is empty."""
    highest = label_map.max()
    if highest == 1 and label_map.dtype == np.uint8:
        return label_map.view(np.bool_)
    return label_map > 0 if highest else None
