"""What is wrong with one video on disk: its files, what dataset.json says of them, and, on demand, every pixel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from vosbench.datasets import meta
from vosbench.datasets.contents import VideoContent
from vosbench.datasets.split import Frames, Tree
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.masks.labels import read_labels

Seen = TypeVar("Seen")


class Finding(NamedTuple):
    """Something that is wrong. where: a path in the dataset's folder, a video, or what it is about. what: was found."""

    where: str
    what: str


class Task(NamedTuple):
    """A video, and what dataset.json says of it if it does."""

    video: str
    recorded: VideoContent | None


class Outcome(NamedTuple):
    """How many frames a video has, and what is wrong with it."""

    frames: int
    findings: Sequence[Finding]


class Files(NamedTuple):
    """The frames and the masks of a video with their sizes in bytes, and what else lies between them."""

    frames: Mapping[Path, int]
    masks: Mapping[Path, int]
    strays: Sequence[Path]


def check_video(tree: Tree, deep: bool, task: Task) -> Outcome:
    """Look at every file of a video; with `deep` decode every one, and see what a tracker would be given."""
    files = _files(tree, task.video)
    findings = [*_misplaced(tree, files), *_miscounted(tree, task, files)]
    if deep:
        findings += (undecodable := list(_undecodable(tree, files)))
        if not undecodable and files.frames and all(files.masks.values()):
            findings += _unprompted(tree, task)
    return Outcome(len(files.frames), findings)


def unscorable(tree: Tree, videos: Iterable[str]) -> Iterator[Finding]:
    """Why the split cannot be scored: lists of the publisher that the rules need are missing or damaged."""
    if not tree.split.truth:
        return
    try:
        stems = {video: tree.truth(video).stems for video in videos}
        listed = meta.of(tree.root, tree.split, tree.rules, stems)
        meta.grouping(tree.root, tree.rules, listed)
    except VosbenchError as error:
        yield Finding("scoring", str(error))


def reason(error: VosbenchError, name: object) -> str:
    """What is wrong with a file, without its name and the remedy, which is another one here."""
    return str(error).removeprefix(f"{name}: ").partition(";")[0]


def _files(tree: Tree, video: str) -> Files:
    truth = tree.truth(video)
    objects = set(truth.objects.values())
    frames = paths.images(tree.frames / video, paths.FRAME_SUFFIXES)
    masks = [path for folder in truth.names for path in paths.images(folder)]
    folders = [folder for folder in {tree.frames / video, truth.path, *objects} if folder.is_dir()]
    strays = {path for folder in folders for path in folder.iterdir()}.difference(frames, masks, objects)
    return Files({path: _bytes(path) for path in frames}, {path: _bytes(path) for path in masks}, sorted(strays))


def _bytes(path: Path) -> int:
    """The size of a file; 0 where a link leads nowhere."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _misplaced(tree: Tree, files: Files) -> Iterator[Finding]:
    """What should not be there, what is empty, and masks of no frame."""
    for path in files.strays:
        if path.is_relative_to(tree.frames):
            yield _finding(tree, path, "is not a frame")
        elif path.suffix == ".png" and not paths.is_litter(path.name):
            yield _finding(tree, path, "is not read, as it lies beside the folders of objects")
        else:
            yield _finding(tree, path, "is neither a mask nor a folder that is named after an object's number")
    stems = {path.stem for path in files.frames}
    for path, size in {**files.frames, **files.masks}.items():
        if not size:
            yield _finding(tree, path, "is empty")
        if stems and path.stem not in stems:
            yield _finding(tree, path, "is the mask of a frame that is not there")


def _miscounted(tree: Tree, task: Task, files: Files) -> Iterator[Finding]:
    """Frames or masks that are missing, and in what their number or size differs from dataset.json."""
    recorded, alike = task.recorded, True
    for kind, folder in (("frames", tree.frames), ("masks", tree.masks)):
        number, expected = len(getattr(files, kind)), getattr(recorded, kind, None)
        if not number or expected not in (None, number):
            alike = False
            what = f"{number} {kind}" + (f"; {expected} by dataset.json" if recorded else "")
            yield _finding(tree, folder / task.video, what)
    if recorded is None:
        return
    objects = tuple(sorted(tree.truth(task.video).objects))
    if objects and not tree.rules.merge and objects != recorded.objects:
        what = f"objects {_ids(objects)}; {_ids(recorded.objects)} by dataset.json"
        yield _finding(tree, tree.masks / task.video, what)
    sizes = [*files.frames.values(), *files.masks.values()]
    if alike and all(sizes) and sum(sizes) != recorded.bytes:
        yield Finding(task.video, f"{sum(sizes)} bytes; {recorded.bytes} by dataset.json, so a file was changed")


def _undecodable(tree: Tree, files: Files) -> Iterator[Finding]:
    """Frames and masks that cannot be decoded or differ in size; objects' own masks that are not binary."""
    frames, damaged_frames = _decoded(files.frames, _frame)
    masks, damaged_masks = _decoded(files.masks, _mask)
    for path, why in (damaged_frames | damaged_masks).items():
        yield _finding(tree, path, why)
    usual = Counter(frames.values()).most_common(1)
    for path, size in (frames | {path: size for path, (size, _) in masks.items()}).items():
        if usual and size != usual[0][0]:
            yield _finding(tree, path, f"is {size}; the video's frames are {usual[0][0]}")
    for path, (_, binary) in masks.items():
        if not binary and path.parent.parent != tree.masks:
            yield _finding(tree, path, "holds more than one label; in an object's own folder masks are binary")


def _decoded(files: Mapping[Path, int], decode: Callable[[Path], Seen]) -> tuple[dict[Path, Seen], dict[Path, str]]:
    """What is in each file, and why others cannot be decoded. Empty ones were found before."""
    seen, damaged = {}, {}
    for path, size in files.items():
        try:
            if size:
                seen[path] = decode(path)
        except VosbenchError as error:
            damaged[path] = reason(error, path)
    return seen, damaged


def _frame(path: Path) -> str:
    """The size of a frame, decoded as trackers get it."""
    height, width, _ = Frames([path])[0].shape
    return f"{width}x{height}"


def _mask(path: Path) -> tuple[str, bool]:
    """The size of a mask, and whether there is no more than one label in it."""
    labels = read_labels(path)
    height, width = labels.shape
    return f"{width}x{height}", bool(np.count_nonzero(labels) in (0, np.count_nonzero(labels == labels.max())))


def _unprompted(tree: Tree, task: Task) -> Iterator[Finding]:
    """Objects that a tracker would not be given, and those that it would but that dataset.json does not know."""
    masks = tree.masks / task.video
    try:
        prompts = tree.video(task.video).prompts
    except VosbenchError:
        yield _finding(tree, masks, f"no mask that is a prompt by the rules of {tree.rules.name} shows an object")
        return
    stems = [path.stem for path in tree.frame_paths(task.video)]
    given = {label: stems[index] for index, found in prompts.items() for label in found}
    known = set(task.recorded.objects if task.recorded else given)
    for label in sorted(given.keys() - known):
        what = f"object {label} appears in frame {given[label]}; the objects are {_ids(sorted(known))} by dataset.json"
        yield _finding(tree, masks, what)
    for label in sorted(known - given.keys()):
        yield _finding(tree, masks, f"object {label} of dataset.json is in no mask that is a prompt")


def _finding(tree: Tree, path: Path, what: str) -> Finding:
    return Finding(str(path.relative_to(tree.root)), what)


def _ids(objects: Iterable[int]) -> str:
    return ", ".join(map(str, objects)) or "none"
