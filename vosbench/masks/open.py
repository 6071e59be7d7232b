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
from vosbench.masks.source import MaskSource, Opener, holder


@dataclass(frozen=True)
class Guesses:
    """The masks of several videos. `place`: the folder or file that holds them. `openers`: their sources by video."""

    place: Path
    openers: Mapping[str, Opener]

    def videos(self) -> list[str]:
        """The videos that have masks."""
        return list(self.openers)

    def video(self, name: str, stems: Sequence[str]) -> MaskSource | None:
        """A video's masks, if it has any. `stems`: the ground truth's frames, for masks that do not name their own.

        Raises VosbenchError if the masks cannot be matched with frames.
        """
        return self.openers[name](stems) if name in self.openers else None


def open_guesses(results: Path, videos: Collection[str], merge: bool = False) -> Guesses:
    """The masks at a path. `videos`: those that are looked for, by which the folder that holds them is known.
    `merge`: whether all objects are one.

    Raises VosbenchError if the path is missing or holds masks in none of the known forms.
    """
    if results.is_dir():
        top = paths.masks_of(results)
        top /= holder(lambda place: _in_folder(top / place, merge), videos)
        return Guesses(top, _in_folder(top, merge))
    if not results.exists():
        raise VosbenchError(f"{results}: no such file or folder")
    match results.suffix.lower():
        case ".zip":
            from vosbench.masks.zip import in_zip

            return Guesses(results, in_zip(results, merge, videos))
        case ".json":
            from vosbench.masks.youtube_vis import in_json

            return Guesses(results, in_json(results, merge))
        case ".npz":
            from vosbench.masks.npz import in_npz

            return Guesses(results, in_npz(results, merge))
    raise VosbenchError(f"{results}: masks are read from a folder, a .zip, a .json or a .npz, not from this file")


def _in_folder(top: Path, merge: bool) -> dict[str, Opener]:
    arrays = [path for path in sorted(top.glob("*.npz")) if not paths.is_litter(path.name)]
    found: dict[str, Opener] = {path.stem: partial(_open_array, path, merge) for path in arrays}
    return found | {path.name: partial(_open_folder, path, merge) for path in paths.folders(top)}


def _open_array(path: Path, merge: bool, stems: Sequence[str]) -> MaskSource:
    from vosbench.masks.npz import open_only_array

    return open_only_array(path, merge, stems)


def _open_folder(path: Path, merge: bool, _: Sequence[str]) -> MaskSource:
    return MaskFolder(path, (), merge)
