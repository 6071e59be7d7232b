"""What is wrong with one video on disk: its files, what dataset.json says of them, and, on demand, every pixel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from vosbench.datasets import meta
from vosbench.datasets.contents import VideoContent
from vosbench.datasets.split import DatasetSplit, VideoFrames
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.masks.labels import read_labels

Decoded = TypeVar("Decoded")


class Finding(NamedTuple):
    """Something that is wrong. where: a path in the dataset's folder, a video, or what it is about. what: was found."""

    where: str
    what: str


class VideoCheck(NamedTuple):
    """A video, and what dataset.json says of it if it does."""

    video: str
    recorded: VideoContent | None


class VideoFindings(NamedTuple):
    """How many frames a video has, and what is wrong with it."""

    frames: int
    findings: Sequence[Finding]


class VideoFiles(NamedTuple):
    """The frames and the masks of a video with their sizes in bytes, and what else lies between them."""

    frames: Mapping[Path, int]
    masks: Mapping[Path, int]
    strays: Sequence[Path]


def check_video(dataset_split: DatasetSplit, deep: bool, task: VideoCheck) -> VideoFindings:
    """Look at every file of a video; with `deep` decode every one, and see what a tracker would be given."""
    files = _list_video_files(dataset_split, task.video)
    findings = [*_find_misplaced(dataset_split, files), *_find_miscounted(dataset_split, task, files)]
    if deep:
        findings += (undecodable := list(_find_undecodable(dataset_split, files)))
        if not undecodable and files.frames and all(files.masks.values()):
            findings += _find_unprompted(dataset_split, task)
    return VideoFindings(len(files.frames), findings)


def explain_unscorable(dataset_split: DatasetSplit, videos: Iterable[str]) -> Iterator[Finding]:
    """Why the split cannot be scored: lists of the publisher that the rules need are missing or damaged."""
    if not dataset_split.split.truth:
        return
    try:
        frame_names = {video: dataset_split.ground_truth(video).frame_names for video in videos}
        listed = meta.load_listing(dataset_split.root, dataset_split.split, dataset_split.rules, frame_names)
        meta.make_grouping(dataset_split.root, dataset_split.rules, listed)
    except VosbenchError as error:
        yield Finding("scoring", str(error))


def shorten_error(error: VosbenchError, name: object) -> str:
    """What is wrong with a file, without its name and the remedy, which is another one here."""
    return str(error).removeprefix(f"{name}: ").partition(";")[0]


def _list_video_files(dataset_split: DatasetSplit, video: str) -> VideoFiles:
    ground_truth = dataset_split.ground_truth(video)
    objects = set(ground_truth.object_folders.values())
    frames = paths.list_images(dataset_split.frames_folder / video, paths.FRAME_SUFFIXES)
    masks = [path for folder in ground_truth.frame_names_by_folder for path in paths.list_images(folder)]
    folders = [
        folder for folder in {dataset_split.frames_folder / video, ground_truth.path, *objects} if folder.is_dir()
    ]
    strays = {path for folder in folders for path in folder.iterdir()}.difference(frames, masks, objects)
    return VideoFiles(
        {path: _get_file_size(path) for path in frames}, {path: _get_file_size(path) for path in masks}, sorted(strays)
    )


def _get_file_size(path: Path) -> int:
    """The size of a file; 0 where a link leads nowhere."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _find_misplaced(dataset_split: DatasetSplit, files: VideoFiles) -> Iterator[Finding]:
    """What should not be there, what is empty, and masks of no frame."""
    for path in files.strays:
        if path.is_relative_to(dataset_split.frames_folder):
            yield _make_finding(dataset_split, path, "is not a frame")
        elif path.suffix == ".png" and not paths.is_litter(path.name):
            yield _make_finding(dataset_split, path, "is not read, as it lies beside the folders of objects")
        else:
            yield _make_finding(
                dataset_split, path, "is neither a mask nor a folder that is named after an object's number"
            )
    frame_names = {path.stem for path in files.frames}
    for path, size in {**files.frames, **files.masks}.items():
        if not size:
            yield _make_finding(dataset_split, path, "is empty")
        if frame_names and path.stem not in frame_names:
            yield _make_finding(dataset_split, path, "is the mask of a frame that is not there")


def _find_miscounted(dataset_split: DatasetSplit, task: VideoCheck, files: VideoFiles) -> Iterator[Finding]:
    """Frames or masks that are missing, and in what their number or size differs from dataset.json."""
    recorded, alike = task.recorded, True
    for kind, folder in (("frames", dataset_split.frames_folder), ("masks", dataset_split.masks_folder)):
        number, expected = len(getattr(files, kind)), getattr(recorded, kind, None)
        if not number or expected not in (None, number):
            alike = False
            what = f"{number} {kind}" + (f"; {expected} by dataset.json" if recorded else "")
            yield _make_finding(dataset_split, folder / task.video, what)
    if recorded is None:
        return
    objects = tuple(sorted(dataset_split.ground_truth(task.video).object_folders))
    if objects and not dataset_split.rules.merge and objects != recorded.objects:
        what = f"objects {_format_ids(objects)}; {_format_ids(recorded.objects)} by dataset.json"
        yield _make_finding(dataset_split, dataset_split.masks_folder / task.video, what)
    sizes = [*files.frames.values(), *files.masks.values()]
    if alike and all(sizes) and sum(sizes) != recorded.bytes:
        yield Finding(task.video, f"{sum(sizes)} bytes; {recorded.bytes} by dataset.json, so a file was changed")


def _find_undecodable(dataset_split: DatasetSplit, files: VideoFiles) -> Iterator[Finding]:
    """Frames and masks that cannot be decoded or differ in size; objects' own masks that are not binary."""
    frames, damaged_frames = _decode_files(files.frames, _decode_frame_size)
    masks, damaged_masks = _decode_files(files.masks, _decode_mask_size)
    for path, why in (damaged_frames | damaged_masks).items():
        yield _make_finding(dataset_split, path, why)
    usual = Counter(frames.values()).most_common(1)
    for path, size in (frames | {path: size for path, (size, _) in masks.items()}).items():
        if usual and size != usual[0][0]:
            yield _make_finding(dataset_split, path, f"is {size}; the video's frames are {usual[0][0]}")
    for path, (_, binary) in masks.items():
        if not binary and path.parent.parent != dataset_split.masks_folder:
            yield _make_finding(
                dataset_split, path, "holds more than one label; in an object's own folder masks are binary"
            )


def _decode_files(
    files: Mapping[Path, int], decode: Callable[[Path], Decoded]
) -> tuple[dict[Path, Decoded], dict[Path, str]]:
    """What is in each file, and why others cannot be decoded. Empty ones were found before."""
    seen, damaged = {}, {}
    for path, size in files.items():
        try:
            if size:
                seen[path] = decode(path)
        except VosbenchError as error:
            damaged[path] = shorten_error(error, path)
    return seen, damaged


def _decode_frame_size(path: Path) -> str:
    """The size of a frame, decoded as trackers get it."""
    height, width, _ = VideoFrames([path])[0].shape
    return f"{width}x{height}"


def _decode_mask_size(path: Path) -> tuple[str, bool]:
    """The size of a mask, and whether there is no more than one label in it."""
    labels = read_labels(path)
    height, width = labels.shape
    return f"{width}x{height}", bool(np.count_nonzero(labels) in (0, np.count_nonzero(labels == labels.max())))


def _find_unprompted(dataset_split: DatasetSplit, task: VideoCheck) -> Iterator[Finding]:
    """Objects that a tracker would not be given, and those that it would but that dataset.json does not know."""
    masks = dataset_split.masks_folder / task.video
    try:
        prompts = dataset_split.video(task.video).prompts
    except VosbenchError:
        yield _make_finding(
            dataset_split, masks, f"no mask that is a prompt by the rules of {dataset_split.rules.name} shows an object"
        )
        return
    frame_names = [path.stem for path in dataset_split.frame_paths(task.video)]
    given = {object_id: frame_names[index] for index, found in prompts.items() for object_id in found}
    known = set(task.recorded.objects if task.recorded else given)
    for object_id in sorted(given.keys() - known):
        listed = _format_ids(sorted(known))
        what = f"object {object_id} appears in frame {given[object_id]}; the objects are {listed} by dataset.json"
        yield _make_finding(dataset_split, masks, what)
    for object_id in sorted(known - given.keys()):
        yield _make_finding(dataset_split, masks, f"object {object_id} of dataset.json is in no mask that is a prompt")


def _make_finding(dataset_split: DatasetSplit, path: Path, what: str) -> Finding:
    return Finding(str(path.relative_to(dataset_split.root)), what)


def _format_ids(objects: Iterable[int]) -> str:
    return ", ".join(map(str, objects)) or "none"
