"""Check one video on disk: its files, their numbers and sizes in dataset.json, and, on request, every pixel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from vosbench.datasets import meta
from vosbench.datasets.completeness import describe_missing_masks
from vosbench.datasets.contents import VideoContent
from vosbench.datasets.split import DatasetSplit
from vosbench.datasets.video import VideoFrames
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.masks.labels import read_labels

Decoded = TypeVar("Decoded")


class Finding(NamedTuple):
    """Something wrong in a dataset.

    where: a path in the dataset's folder, a video, "in total" or "scoring". what: what was found there.
    """

    where: str
    what: str


class VideoCheck(NamedTuple):
    """A video to check, and its content as dataset.json records it; None if it is not recorded."""

    video: str
    recorded: VideoContent | None


class VideoFindings(NamedTuple):
    """How many frames a video has, and what is wrong with it."""

    frames: int
    findings: Sequence[Finding]


class VideoFiles(NamedTuple):
    """The files of a video with their sizes in bytes, and other files and folders among them.

    prompts: the masks that only prompt, where they are kept apart from the ground truth.
    """

    frames: Mapping[Path, int]
    masks: Mapping[Path, int]
    prompts: Mapping[Path, int]
    strays: Sequence[Path]


def check_video(dataset_split: DatasetSplit, deep: bool, task: VideoCheck) -> VideoFindings:
    """Check the files of a video. deep: decode every file, and check which objects a tracker would be given."""
    try:
        files = _list_video_files(dataset_split, task.video)
    except VosbenchError as error:  # the same object or frame is there twice
        return VideoFindings(0, [_make_finding(dataset_split, Path(error.subject), error.found)])
    findings = [*_find_misplaced(dataset_split, files), *_find_miscounted(dataset_split, task, files)]
    if deep:
        findings += (undecodable := list(_find_undecodable(dataset_split, files)))
        if not undecodable and files.frames and all({**files.masks, **files.prompts}.values()):
            findings += _find_unprompted(dataset_split, task)
    return VideoFindings(len(files.frames), findings)


def explain_unscorable(dataset_split: DatasetSplit, videos: Iterable[str]) -> Iterator[Finding]:
    """Yield a finding if the rules need a list of the publisher that is missing or damaged."""
    if not dataset_split.split.truth:
        return
    try:
        needed = videos if dataset_split.rules.objects == "listed" else ()  # the names of all frames take much memory
        frame_names = {video: dataset_split.ground_truth(video).frame_names for video in needed}
        listed = meta.load_listing(dataset_split.root, dataset_split.split, dataset_split.rules, frame_names)
        meta.make_grouping(dataset_split.root, dataset_split.rules, listed)
    except VosbenchError as error:
        yield Finding("scoring", str(error))


def _list_video_files(dataset_split: DatasetSplit, video: str) -> VideoFiles:
    ground_truth = dataset_split.ground_truth(video)
    objects = set(ground_truth.object_folders.values())
    frames = paths.list_images(dataset_split.frames_folder / video, paths.FRAME_SUFFIXES)
    masks = [path for folder in ground_truth.frame_names_by_folder for path in paths.list_images(folder)]
    given = dataset_split.prompt_masks(video)
    prompts = given.list_files() if given.path != ground_truth.path else []
    folders = {dataset_split.frames_folder / video, ground_truth.path, *objects}
    existing = {path for folder in folders if folder.is_dir() for path in folder.iterdir()}
    strays = sorted(existing.difference(frames, masks, objects))
    return VideoFiles(_get_file_sizes(frames), _get_file_sizes(masks), _get_file_sizes(prompts), strays)


def _get_file_sizes(files: Iterable[Path]) -> dict[Path, int]:
    """The size of each file in bytes; 0 for a broken link."""
    return {path: path.stat().st_size if path.exists() else 0 for path in files}


def _find_misplaced(dataset_split: DatasetSplit, files: VideoFiles) -> Iterator[Finding]:
    """Find files that do not belong there, empty files, and masks without a frame."""
    for path in files.strays:
        if path.is_relative_to(dataset_split.frames_folder):
            what = "is not a frame"
        elif path.suffix == ".png" and not paths.is_litter(path.name):
            what = "is ignored, since this video has a folder for each object"
        else:
            what = "is neither a mask nor a folder named after an object id"
        yield _make_finding(dataset_split, path, what)
    frame_names = {path.stem for path in files.frames}
    for path, size in {**files.frames, **files.masks, **files.prompts}.items():
        if not size:
            yield _make_finding(dataset_split, path, "is empty")
        if frame_names and path.stem not in frame_names:
            yield _make_finding(dataset_split, path, "is a mask without a frame")


def _find_miscounted(dataset_split: DatasetSplit, task: VideoCheck, files: VideoFiles) -> Iterator[Finding]:
    """Find missing frames and masks, and other numbers, sizes and objects than dataset.json records."""
    recorded, same_count = task.recorded, True
    folders = {"frames": dataset_split.frames_folder, "masks": dataset_split.masks_folder}
    if recorded and recorded.prompts:
        folders["prompts"] = dataset_split.root / paths.PROMPTS
    for kind, folder in folders.items():
        number, expected = len(getattr(files, kind)), getattr(recorded, kind, None)
        if not number or expected not in (None, number):
            same_count = False
            what = f"{number} {kind}" + (f"; dataset.json states {expected}" if recorded else "")
            yield _make_finding(dataset_split, folder / task.video, what)
    only_prompts = not dataset_split.split.truth or len(files.masks) == 1
    ground_truth = dataset_split.ground_truth(task.video)
    if same_count and not only_prompts and (what := describe_missing_masks(dataset_split, task.video, ground_truth)):
        yield _make_finding(dataset_split, dataset_split.masks_folder / task.video, what)
    if recorded is None:
        return
    objects = tuple(sorted(dataset_split.prompt_masks(task.video).object_folders))
    if objects and not dataset_split.rules.merge and objects != recorded.objects:
        what = f"objects {_format_ids(objects)}; dataset.json states {_format_ids(recorded.objects)}"
        yield _make_finding(dataset_split, dataset_split.masks_folder / task.video, what)
    sizes = [*files.frames.values(), *files.masks.values(), *files.prompts.values()]
    if same_count and all(sizes) and sum(sizes) != recorded.bytes:
        what = f"{sum(sizes)} bytes; dataset.json states {recorded.bytes}, so a file was changed"
        yield Finding(task.video, what)


def _find_undecodable(dataset_split: DatasetSplit, files: VideoFiles) -> Iterator[Finding]:
    """Find files that cannot be decoded or differ in size, and masks with several ids in an object's folder."""
    frames, damaged_frames = _decode_files(files.frames, _decode_frame_size)
    masks, damaged_masks = _decode_files({**files.masks, **files.prompts}, _decode_mask_size)
    for path, why in (damaged_frames | damaged_masks).items():
        yield _make_finding(dataset_split, path, why)
    usual = Counter(frames.values()).most_common(1)
    for path, size in (frames | {path: size for path, (size, _) in masks.items()}).items():
        if usual and size != usual[0][0]:
            yield _make_finding(dataset_split, path, f"is {size}; the video's frames are {usual[0][0]}")
    for path, (_, binary) in masks.items():
        if not binary and path.parent.parent not in (dataset_split.masks_folder, dataset_split.root / paths.PROMPTS):
            what = "holds several ids; the masks in an object's folder are binary"
            yield _make_finding(dataset_split, path, what)


def _decode_files(
    files: Mapping[Path, int], decode: Callable[[Path], Decoded]
) -> tuple[dict[Path, Decoded], dict[Path, str]]:
    """Decode each file that is not empty: what is in it, or why it cannot be decoded. files: path -> size in bytes."""
    decoded, damaged = {}, {}
    for path, size in files.items():
        try:
            if size:
                decoded[path] = decode(path)
        except VosbenchError as error:
            damaged[path] = error.found
    return decoded, damaged


def _decode_frame_size(path: Path) -> str:
    """The size of a frame, decoded as for a tracker."""
    height, width, _ = VideoFrames([path])[0].shape
    return f"{width}x{height}"


def _decode_mask_size(path: Path) -> tuple[str, bool]:
    """The size of a mask, and whether it holds at most one id."""
    label_map = read_labels(path)
    height, width = label_map.shape
    binary = np.count_nonzero(label_map) in (0, np.count_nonzero(label_map == label_map.max()))
    return f"{width}x{height}", bool(binary)


def _find_unprompted(dataset_split: DatasetSplit, task: VideoCheck) -> Iterator[Finding]:
    """Find objects that are prompted but not recorded in dataset.json, and recorded objects that are never prompted."""
    masks = dataset_split.prompt_masks(task.video).path
    try:
        prompts = dataset_split.video(task.video).prompts
    except VosbenchError:
        what = f"no mask that is a prompt under the rules of {dataset_split.rules.name} shows an object"
        yield _make_finding(dataset_split, masks, what)
        return
    frame_names = [path.stem for path in dataset_split.frame_paths(task.video)]
    prompted = {object_id: frame_names[index] for index, found in prompts.items() for object_id in found}
    recorded = set(task.recorded.objects if task.recorded else prompted)
    for object_id in sorted(prompted.keys() - recorded):
        where, listed = prompted[object_id], _format_ids(sorted(recorded))
        what = f"object {object_id} appears in frame {where}; dataset.json states {listed}"
        yield _make_finding(dataset_split, masks, what)
    for object_id in sorted(recorded - prompted.keys()):
        what = f"object {object_id}, which dataset.json states, is in no mask that is a prompt"
        yield _make_finding(dataset_split, masks, what)


def _make_finding(dataset_split: DatasetSplit, path: Path, what: str) -> Finding:
    return Finding(str(path.relative_to(dataset_split.root)), what)


def _format_ids(objects: Iterable[int]) -> str:
    return ", ".join(map(str, objects)) or "no object"
