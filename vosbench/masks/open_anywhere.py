"""Open masks without a dataset, and masks whose frame names may come from several lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath

from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.masks.open import Predictions, open_predictions
from vosbench.masks.source import MaskSource, Opener

AROUND_VIDEOS = (paths.MASKS, paths.RUN_MASKS)  # folders whose folders are videos, also where these are called 1, 2


def open_all_masks(path: Path) -> Predictions:
    """Open the masks of all videos at a path, in any form that `open.py` describes.

    The folder of the videos is found by what lies in it: it is the top, or the folder that is alone there, as long as
    the latter is no video itself. A folder `eval` is left out. Raises VosbenchError as `open_predictions` does.
    """
    predictions = open_predictions(path, _list_video_folders(path))
    openers = {name: opener for name, opener in predictions.openers.items() if name != paths.EVAL}
    return Predictions(predictions.path, openers)


def _list_video_folders(path: Path) -> list[str]:
    """The names of the folders of videos at a path; none for a file of another form than a zip."""
    if path.is_dir():
        top = paths.masks_folder(path)
        if paths.is_run(path):
            return [folder.name for folder in paths.list_folders(top)]
        return _descend(
            lambda place: [folder.name for folder in paths.list_folders(top / place)],
            lambda place: bool(paths.list_images(top / place)),
        )
    if path.suffix.lower() != ".zip" or not path.is_file():
        return []
    from vosbench.masks.zip import list_zipped_masks

    files = list_zipped_masks(path)
    folders = {folder for file in files for folder in file.parents}
    with_images = {file.parent for file in files}
    return _descend(
        lambda place: sorted(folder.name for folder in folders if folder.parent == place and folder != place),
        with_images.__contains__,
    )


def _descend(
    list_names: Callable[[PurePosixPath], Sequence[str]], has_images: Callable[[PurePosixPath], bool]
) -> list[str]:
    """The names of the folders of videos, beginning at the top and entering a folder that is the only one.

    list_names: the names of the folders in a folder. has_images: whether PNGs lie in a folder.
    """
    place = PurePosixPath()
    while True:
        names = [name for name in list_names(place) if name != paths.EVAL]
        if len(names) != 1 or _is_video(place / names[0], list_names, has_images):
            return names
        place /= names[0]


def _is_video(
    folder: PurePosixPath,
    list_names: Callable[[PurePosixPath], Sequence[str]],
    has_images: Callable[[PurePosixPath], bool],
) -> bool:
    """Whether a folder holds label maps, or a folder of masks for each object, or nothing."""
    inside = list_names(folder)
    if has_images(folder) or not inside:
        return True
    return folder.name not in AROUND_VIDEOS and all(name.isdecimal() and has_images(folder / name) for name in inside)


def open_video_masks(opener: Opener, candidates: Iterable[Sequence[str]]) -> MaskSource:
    """Open the masks of a video.

    candidates: lists of frame names; masks without frame names get those of the first list that has as many. Raises
    VosbenchError, for the first list, if none fits, or if the masks cannot be read.
    """
    errors = []
    for frame_names in candidates:
        try:
            return opener(frame_names)
        except VosbenchError as error:
            errors.append(error)
    raise errors[0]
