"""Masks that any tool made, read as they are; their path alone tells the form.

folder  A run, or `<video>/<frame>.png` (a label map), `<video>/<object>/<frame>.png` (a binary mask) or `<video>.npz`.
        They may lie deeper (`DAVIS/480p/<video>`): a folder that holds one folder and no video is gone through.
.zip    The same folders of PNGs, as servers take them. Read in place.
.json   COCO RLE as in YouTube-VIS: `annotations` (or `predictions`) of `video_id` and `segmentations`, one RLE or null
        a frame, and `videos` of `id` and `file_names`; a video's name is their folder, or else its `name`. Or a list of
        such annotations alone, whose `video_id` is the video's name. An object's id is the first that is given of
        `tracks.OBJECT_IDS`, or else its place among the video's annotations, from 1.
.npz    An array a video under its name, and optionally the names of its frames as `<video>/frames`: [T, H, W] of object
        ids, [T, H, W] of bool (object 1) or [T, N, H, W] of bool (objects 1 to N). A `<video>.npz` in a folder holds
        one array of any name, and optionally `frames`.

Frames are matched by their exact names; masks without names must be one for each frame of the ground truth, in order.
No label is void: 255 is an id like any other. Foreign and hidden files and a folder `eval` are ignored.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.masks.folder import MaskFolder
from vosbench.masks.source import MaskSource, Opener, find_video_folder


@dataclass(frozen=True)
class Predictions:
    """The masks of several videos. `place`: the folder or file that holds them. `openers`: their sources by video."""

    path: Path
    openers: Mapping[str, Opener]

    def videos(self) -> list[str]:
        """The videos that have masks."""
        return list(self.openers)

    def video(self, name: str, frame_names: Sequence[str]) -> MaskSource | None:
        """A video's masks, if it has any. `frame_names`: the ground truth's, for masks that do not name their own.

        Raises VosbenchError if the masks cannot be matched with frames.
        """
        return self.openers[name](frame_names) if name in self.openers else None


def open_predictions(results: Path, videos: Collection[str], merge: bool = False) -> Predictions:
    """The masks at a path. `videos`: those that are looked for, by which the folder that holds them is known.
    `merge`: whether all objects are one.

    Raises VosbenchError if the path is missing or holds masks in none of the known forms.
    """
    if results.is_dir():
        top = paths.masks_folder(results)
        top /= find_video_folder(lambda place: _find_folder_videos(top / place, merge), videos)
        return Predictions(top, _find_folder_videos(top, merge))
    if not results.exists():
        raise VosbenchError(f"{results}: no such file or folder")
    match results.suffix.lower():
        case ".zip":
            from vosbench.masks.zip import find_zip_videos

            return Predictions(results, find_zip_videos(results, merge, videos))
        case ".json":
            from vosbench.masks.youtube_vis import find_json_videos

            return Predictions(results, find_json_videos(results, merge))
        case ".npz":
            from vosbench.masks.npz import find_npz_videos

            return Predictions(results, find_npz_videos(results, merge))
    raise VosbenchError(f"{results}: masks are read from a folder, a .zip, a .json or a .npz, not from this file")


def _find_folder_videos(top: Path, merge: bool) -> dict[str, Opener]:
    arrays = [path for path in sorted(top.glob("*.npz")) if not paths.is_litter(path.name)]
    found: dict[str, Opener] = {path.stem: partial(_open_npz_file, path, merge) for path in arrays}
    return found | {path.name: partial(_open_folder, path, merge) for path in paths.list_folders(top)}


def _open_npz_file(path: Path, merge: bool, frame_names: Sequence[str]) -> MaskSource:
    from vosbench.masks.npz import open_single_array

    return open_single_array(path, merge, frame_names)


def _open_folder(path: Path, merge: bool, _: Sequence[str]) -> MaskSource:
    return MaskFolder(path, (), merge)
