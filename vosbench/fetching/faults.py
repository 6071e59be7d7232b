"""Find files that cannot be right in what a fetch was given, and name them.

Own data are refused for such a fault, because their owner can mend it, and nothing of them is kept. In a publisher's
files, which a user cannot mend, it is a warning.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from vosbench.datasets.card import Dataset
from vosbench.errors import VosbenchError
from vosbench.fetching.readers.folders import LayoutEntry
from vosbench.fetching.readers.join import describe_member
from vosbench.io import paths, processes
from vosbench.io.archives.members import Member

FILES_PER_PROCESS = 20_000  # reading the sizes of more images than this takes longer than starting another process


class Fault(NamedTuple):
    """A file that cannot be right.

    file: where it lies. kind: what it and others like it are. remedy: what their owner can do. detail: of this file.
    refused: whether own data with it are refused.
    """

    file: str
    kind: str
    remedy: str
    detail: str = ""
    refused: bool = True


def is_own_data(dataset: Dataset) -> bool:
    """Whether a dataset is the user's own: its card names no download."""
    return not dataset.downloads


def report_faults(faults: Sequence[Fault], label: str, own: bool) -> list[str]:
    """A warning for each kind of fault. label: the subject, such as "bears val".

    Raises VosbenchError for the refused ones if `own`.
    """
    if own and (refused := [fault for fault in faults if fault.refused]):
        remedies = dict.fromkeys(fault.remedy for fault in refused)
        raise VosbenchError(label, "; ".join(_describe_fault_kinds(refused)), ", ".join(remedies))
    return [f"{label}: {line}" for line in _describe_fault_kinds(faults)]


def _describe_fault_kinds(faults: Sequence[Fault]) -> Iterator[str]:
    """One line for each kind of fault, which names the first file and counts the others."""
    kinds: dict[str, list[Fault]] = defaultdict(list)
    for fault in faults:
        kinds[fault.kind].append(fault)
    for kind, some in kinds.items():
        detail = f" ({some[0].detail})" if some[0].detail else ""
        yield f"{kind}: {some[0].file}{detail}{f' and {len(some) - 1} more' if len(some) > 1 else ''}"


def find_unpaired(entries: Sequence[LayoutEntry]) -> Iterator[Fault]:
    """Find frames that are there twice under one name, and masks without a frame."""
    frames: dict[tuple[str, str], Member] = {}
    for path, member in entries:
        if path.parts[0] == paths.FRAMES:
            first = frames.setdefault((path.parts[1], path.stem), member)
            if first is not member:
                remedy = "keep one file for each frame"
                yield Fault(describe_member(first), "frames that are there twice", remedy, f"and {member.name.name}")
    for path, member in entries:
        if path.parts[0] in (paths.MASKS, paths.PROMPTS) and (path.parts[1], path.stem) not in frames:
            detail = f"no {paths.FRAMES}/{path.parts[1]}/{path.stem}.jpg"
            yield Fault(describe_member(member), "masks without a frame", "add the frames or remove the masks", detail)


def find_sizes_that_differ(entries: Sequence[LayoutEntry], folder: Path) -> Iterator[Fault]:
    """Find frames of several sizes in a video, masks of another size than their frame, and files that are no image.

    folder: where the entries have been written. Only the headers of the images are read.
    """
    videos: dict[str, dict[str, Member]] = defaultdict(dict)
    for path, member in entries:
        if path.parts[0] in (paths.FRAMES, paths.MASKS, paths.PROMPTS):
            videos[path.parts[1]][str(path)] = member
    jobs = min(processes.count_cores(), 1 + sum(map(len, videos.values())) // FILES_PER_PROCESS)
    tasks = [tuple(files) for files in videos.values()]
    for files, sizes in processes.run_tasks(partial(_read_sizes, folder), tasks, jobs):
        members = videos[PurePosixPath(files[0]).parts[1]]
        yield from _compare_sizes(dict(zip(files, sizes, strict=True)), members)


def _read_sizes(folder: Path, files: Sequence[str]) -> list[str]:
    """The size of each image as "<width>x<height>"; an empty string for a file that is no image."""
    from PIL import Image

    sizes = []
    for file in files:
        try:
            with Image.open(folder / file) as image:
                sizes.append(f"{image.width}x{image.height}")
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            sizes.append("")
    return sizes


def _compare_sizes(sizes: Mapping[str, str], members: Mapping[str, Member]) -> Iterator[Fault]:
    """Compare the sizes of the images of one video. sizes: by path. members: the files by the same paths."""
    frames = {PurePosixPath(p).stem: size for p, size in sizes.items() if p.startswith(f"{paths.FRAMES}/") and size}
    usual = next(iter(Counter(frames.values()).most_common(1)), ("", 0))[0]
    for path, size in sizes.items():
        file, stem = describe_member(members[path]), PurePosixPath(path).stem
        if not size:
            yield Fault(file, "files that cannot be read as images", "replace them")
        elif path.startswith(f"{paths.FRAMES}/"):
            if size != usual:
                detail = f"{size}, others are {usual}"
                yield Fault(file, "frames of several sizes in a video", "save them in one size", detail)
        elif size != frames.get(stem, usual):
            detail = f"{size}, the frame is {frames.get(stem, usual)}"
            yield Fault(file, "masks of another size than their frame", "save them in the frame's size", detail)
