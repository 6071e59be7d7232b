"""Open what the page is given: an uploaded file, whose name and content are not trusted, or a dataset's video."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath, PureWindowsPath

from vosbench.datasets.split import DatasetSplit, choose_videos, open_split
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.media.clip import Clip, open_clip
from vosbench.ui.scene import clean_name
from vosbench.ui.truth import GroundTruth

MAX_UPLOAD_BYTES = 2 * 10**9
MAX_FRAME_PIXELS = 36_000_000  # 8K
KINDS = ".mp4, .mov, .mkv, .webm or .gif"
UPLOAD_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".gif")
MAX_FILE_NAME = 255  # characters
HEAD = 32  # bytes at a file's beginning that say what it is


@dataclass(frozen=True)
class OpenedVideo:
    """A video on the page. argument: what `vosbench track` is given for it. truth: None if it has no ground truth."""

    clip: Clip
    argument: str
    truth: GroundTruth | None = None


def open_upload(uploaded: Path, name: str, folder: Path, max_bytes: int = MAX_UPLOAD_BYTES) -> OpenedVideo:
    """Copy an uploaded file into a folder under a name of our own, and open it.

    name: the file's name on the user's machine; it is shown, and never used as a path. FFmpeg gets only files that
    begin as a video file does, since a playlist by another name could make it read other files of this machine.

    Raises VosbenchError for a file that is too large, of another kind, damaged, or of frames above 36 million pixels.
    """
    shown = clean_file_name(name, "video")
    if uploaded.stat().st_size > max_bytes:
        raise VosbenchError(shown, f"is larger than {max_bytes / 1e6:.0f} MB", "cut it, or use: vosbench track")
    with uploaded.open("rb") as file:
        suffix = find_video_suffix(file.read(HEAD))
    if not suffix:
        raise VosbenchError(shown, "is no video of a kind that the page takes", f"upload a file in {KINDS}")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"video{suffix}"
    shutil.copyfile(uploaded, path)
    try:
        clip = open_clip(path)
    except VosbenchError as error:
        raise VosbenchError(shown, error.found, error.remedy) from None
    if clip.size[0] * clip.size[1] > MAX_FRAME_PIXELS:
        raise VosbenchError(shown, f"has frames of {clip.size[1]}x{clip.size[0]} pixels", "scale it down to 8K at most")
    stem = PurePosixPath(shown).stem
    return OpenedVideo(replace(clip, name=stem), shown)


def clean_file_name(name: str, other: str) -> str:
    """The name of a user's file without its folders, on one line. other: for a name of which nothing is left."""
    return clean_name(PurePosixPath(PureWindowsPath(name).as_posix()).name, MAX_FILE_NAME) or other


def find_video_suffix(head: bytes) -> str | None:
    """The suffix of the kind of video that a file's first bytes show; None for any other kind."""
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return ".mov" if head[4:8] != b"ftyp" or head[8:10] == b"qt" else ".mp4"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return ".mkv"
    return ".gif" if head[:6] in (b"GIF87a", b"GIF89a") else None


def list_fetched_splits(root: Path) -> list[str]:
    """The splits of all fetched datasets, as "dataset split", in the order of their names."""
    return [
        f"{folder.name} {listed.stem}"
        for folder in paths.list_folders(root)
        for listed in sorted((folder / paths.LISTS).glob("*.txt"))
    ]


def open_listed_split(title: str, root: Path) -> DatasetSplit:
    """Open a split by its title as `list_fetched_splits` gives it. Raises VosbenchError for any other."""
    if title not in list_fetched_splits(root):
        raise VosbenchError(f"dataset {clean_name(title)}", f"is not in {root}", "reload the page, and choose another")
    dataset, _, split = title.rpartition(" ")
    return open_split(dataset, split, root)


def open_dataset_video(title: str, video: str, root: Path) -> OpenedVideo:
    """Open a video of a fetched dataset, with its ground truth.

    title: of its split, as `list_fetched_splits` gives it. Raises VosbenchError for a split or video that is not there.
    """
    split = open_listed_split(title, root)
    choose_videos(split, [video])
    folder = split.frames_folder / video
    masks = split.ground_truth(video)
    names = [path.stem for path in split.frame_paths(video)]
    known = [name for name in names if masks.has(name)]
    return OpenedVideo(open_clip(folder), str(folder), GroundTruth(masks, names, split.rules) if known else None)
