"""Open predicted masks in the form in which a tool has written them; the path tells the form.

folder  A run; or a folder with `<video>/<frame>.png` (label maps), `<video>/<object>/<frame>.png` (binary masks) or
        `<video>.npz`. The videos may lie deeper, as in `DAVIS/480p/<video>`: a folder without videos that contains only
        one folder is entered.
.zip    The same folders of PNGs, as evaluation servers accept them. The archive is not unpacked to disk.
.json   COCO RLE as in YouTube-VIS: a list `annotations` (or `predictions`), each with `video_id` and `segmentations`,
        which are one RLE or null for each frame; and a list `videos`, each with `id` and `file_names`. A video's name
        is the folder in its `file_names`, or else its `name`. The file may also be the list of annotations only; then
        `video_id` is the video's name. The object id is the first of `youtube_vis.OBJECT_ID_KEYS` that an annotation
        has; otherwise the annotations of a video are numbered from 1, which is scored only where it cannot be wrong.
        The form of BURST (`sequences`), that of SA-V (`masklet`, one video), and an RLE for each object in each frame
        (`frames`, one video or a list of them) are read too. A folder may hold a `<video>.json` for each video.
.npz    One array for each video, under the video's name: [T, H, W] of object ids, [T, H, W] of bool (object 1) or
        [T, N, H, W] of bool (objects 1 to N, or those in `<video>/objects`). `<video>/frames` may give the frame names.
        A `<video>.npz` in a folder holds one array of any name, and may hold `frames` and `objects`.

Masks and frames are matched by equal frame names. Masks without frame names must be as many as the frames of the ground
truth, and are taken in order. No id is void in predictions: 255 is an object. Hidden files, files of other types and a
folder `eval` are ignored. Masks of a video that are there twice, in two forms or under two names, are refused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.files import refuse_pipe
from vosbench.io.wording import name_some
from vosbench.masks.folder import MaskFolder
from vosbench.masks.source import MaskSource, Opener, find_video_folder, refuse_label_maps_beside_objects


@dataclass(frozen=True)
class Predictions:
    """The predicted masks of several videos.

    path: the folder of video folders, or the file. openers: video -> a function that opens its masks.
    """

    path: Path
    openers: Mapping[str, Opener]

    def videos(self) -> list[str]:
        """The names of the videos that have masks."""
        return list(self.openers)

    def video(self, name: str, frame_names: Sequence[str]) -> MaskSource | None:
        """Open the masks of a video; None if it has none.

        frame_names: those of the ground truth, for masks that have no frame names.
        Raises VosbenchError if the masks cannot be read or cannot be matched with frames.
        """
        return self.openers[name](frame_names) if name in self.openers else None


def open_predictions(results: Path, videos: Collection[str], merge: bool = False) -> Predictions:
    """Find the predicted masks at a path, in any form that this module describes.

    videos: the names of the videos to be scored, by which the folder that contains them is found.
    merge: whether all objects of a frame are merged into one with id 1.
    Raises VosbenchError if the path does not exist or is a file of no known form.
    """
    if results.is_dir():
        top = paths.masks_folder(results)
        top /= find_video_folder(lambda place: _find_folder_videos(top / place, merge), videos)
        return Predictions(top, _find_folder_videos(top, merge))
    if not results.exists():
        raise VosbenchError(results, "no such file or folder", "give the path of a run, or of masks")
    refuse_pipe(results)
    match results.suffix.lower():
        case ".zip":
            from vosbench.masks.zip import find_zip_videos

            return Predictions(results, find_zip_videos(results, merge, videos))
        case ".json":
            from vosbench.masks.json_files import find_json_videos

            return Predictions(results, find_json_videos(results, merge, videos))
        case ".npz":
            from vosbench.masks.npz import find_npz_videos

            return Predictions(results, find_npz_videos(results, merge))
    raise VosbenchError(results, "not a file of masks", "give a folder, a .zip, a .json or a .npz")


def _find_folder_videos(top: Path, merge: bool) -> dict[str, Opener]:
    """The videos in a folder, by name: its subfolders and its `<video>.npz`."""
    arrays = {path.stem: path for path in sorted(top.glob("*.npz")) if not paths.is_litter(path.name)}
    folders = {path.name: path for path in paths.list_folders(top)}
    found: dict[str, Opener] = {video: partial(_open_npz_file, path, merge) for video, path in arrays.items()}
    found |= {video: partial(_open_folder, path, merge) for video, path in folders.items()}
    found |= {video: partial(_refuse_twins, arrays[video]) for video in arrays.keys() & folders.keys()}
    return found or _find_json_folder_videos(top, merge)


def _find_json_folder_videos(top: Path, merge: bool) -> dict[str, Opener]:
    """The videos in a folder that holds only JSON files, one for each."""
    from vosbench.masks.masklets import strip_kind

    found: dict[str, list[Path]] = {}
    for path in paths.list_json_files(top):
        found.setdefault(strip_kind(path.stem), []).append(path)
    return {video: partial(_open_json_file, files, video, merge) for video, files in found.items()}


def _open_json_file(files: Sequence[Path], video: str, merge: bool, frame_names: Sequence[str]) -> MaskSource:
    """Open the masks of a video. files: the JSON file of this video; two of them are refused."""
    from vosbench.masks.json_files import find_json_videos

    if len(files) > 1:
        raise VosbenchError(files[1], f"lies beside {files[0].name} of the same video", "remove one of the two")
    videos = find_json_videos(files[0], merge, [video])
    if list(videos) != [video]:
        found = f"expected the masks of video {video}, found those of {name_some(list(videos)) or 'none'}"
        raise VosbenchError(files[0], found, "name each file after its video")
    return videos[video](frame_names)


def _refuse_twins(array: Path, _: Sequence[str]) -> MaskSource:
    raise VosbenchError(array, f"lies beside a folder {array.stem} of the same video", "remove one of the two")


def _open_npz_file(path: Path, merge: bool, frame_names: Sequence[str]) -> MaskSource:
    from vosbench.masks.npz import open_single_array

    return open_single_array(path, merge, frame_names)


def _open_folder(path: Path, merge: bool, _: Sequence[str]) -> MaskSource:
    folder = MaskFolder(path, (), merge)
    if folder.object_folders:
        refuse_label_maps_beside_objects(path, (image.stem for image in paths.list_images(path)), folder.frame_names)
    return folder
