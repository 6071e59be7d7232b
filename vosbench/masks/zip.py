"""Masks in a zip of PNGs, read in place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath

from vosbench.errors import VosbenchError
from vosbench.io.archives.members import Member
from vosbench.io.archives.open import open_members
from vosbench.masks.labels import decode_labels, from_labels
from vosbench.masks.source import MaskFrames, MaskSource, Opener, Sized, holder


@lru_cache(maxsize=1)
def _opened(archive: Path, changed: int) -> tuple[ExitStack, dict[PurePosixPath, Member]]:
    """The members of an archive, checked once a process and open until the next one is."""
    stack = ExitStack()
    members = stack.enter_context(open_members([archive]))
    return stack, {member.name: member for member in members}


def _members(archive: Path) -> dict[PurePosixPath, Member]:
    return _opened(archive, archive.stat().st_mtime_ns)[1]


def in_zip(archive: Path, merge: bool, videos: Collection[str]) -> dict[str, Opener]:
    files = [file for file in _members(archive) if file.suffix.lower() == ".png"]
    top = holder(lambda place: {f.relative_to(place).parts[0] for f in files if place in f.parents[1:]}, videos)
    found: dict[str, dict[int | None, list[PurePosixPath]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        match file.relative_to(top).parts if file.is_relative_to(top) else ():
            case [video, _]:
                found[video][None].append(file)
            case [video, label, _] if label.isdecimal():
                found[video][int(label)].append(file)
    return {video: partial(_open_zipped, archive, top / video, dict(found[video]), merge) for video in found}


def _open_zipped(
    archive: Path, video: PurePosixPath, objects: Mapping[int | None, Sequence[PurePosixPath]], merge: bool, _: object
) -> MaskSource:
    frames: dict[str, dict[int | None, PurePosixPath]] = defaultdict(dict)
    for label, files in objects.items():
        if label is not None or len(objects) == 1:
            for file in files:
                frames[file.stem][label] = file
    return MaskFrames(f"{archive / video}/", dict(frames), partial(_load_zipped, archive), merge, ".png")


def _load_zipped(archive: Path, name: str, files: Mapping[int | None, PurePosixPath]) -> Sized:
    contents = {label: _members(archive)[file].read() for label, file in files.items()}
    images = {label: decode_labels(content, archive / files[label]) for label, content in contents.items()}
    sizes = {(image.shape[0], image.shape[1]) for image in images.values()}
    if len(sizes) > 1:
        raise VosbenchError(f"{name}: the masks of its objects differ in size")
    if None in images:
        return sizes.pop(), from_labels(images[None])
    return sizes.pop(), {label: image > 0 for label, image in images.items() if label is not None}
