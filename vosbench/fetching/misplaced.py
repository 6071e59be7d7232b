"""Find images in a user's own data that are not read: of another form, or in another folder than expected."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from vosbench.datasets.card import Split
from vosbench.fetching.faults import Fault
from vosbench.fetching.readers.folders import FRAME_PATTERN, MASK_PATTERN
from vosbench.fetching.readers.join import describe_member
from vosbench.fetching.readers.video_files import ANNOTATION_SUFFIX, VIDEO_SUFFIXES
from vosbench.io import paths
from vosbench.io.archives.members import Member

OTHER_SUFFIXES = frozenset({".avif", ".bmp", ".gif", ".heic", ".jp2", ".jxl", ".ppm", ".tif", ".tiff", ".webp"})
IMAGE_SUFFIXES = paths.FRAME_SUFFIXES | OTHER_SUFFIXES
NOT_FRAMES = ("frames that are neither JPEG nor PNG", "save frames as .jpg or .png")
NOT_MASKS = ("masks that are not PNG", "save masks as PNG, whose pixels are the object ids")


def find_misplaced(members: Sequence[Member], split: Split, skipped: Collection[str] = ()) -> Iterator[Fault]:
    """Find images below the folders of frames and masks that are not read. skipped: videos that do not matter."""
    frames = _list_images_below(members, (split.frames, paths.FRAMES), skipped)
    masks = _list_images_below(members, (split.masks, paths.MASKS), skipped)
    yield from _find_unread(frames, FRAME_PATTERN, f"{split.frames}/<video>/<frame>.jpg", NOT_FRAMES)
    yield from _find_unread(masks, MASK_PATTERN, f"{split.masks}/<video>/<frame>.png", NOT_MASKS)


def list_framed_videos(members: Sequence[Member], split: Split) -> set[str]:
    """The videos that have a folder of frames."""
    return {
        path.parts[0]
        for path in _list_images_below(members, (split.frames, paths.FRAMES))
        if re.fullmatch(FRAME_PATTERN, str(path))
    }


def find_unmasked(members: Sequence[Member], split: Split, videos: Collection[str] | None = None) -> Iterator[Fault]:
    """Find video files and folders of frames without any mask. videos: only these; all if None.

    Own data in which other videos have masks are not refused for it.
    """
    frames = _list_images_below(members, (split.frames, paths.FRAMES))
    masks = _list_images_below(members, (split.masks, paths.MASKS))
    firsts = {path.parts[0]: (member, path.stem) for path, member in reversed(frames.items()) if len(path.parts) == 2}
    films = {m.name.stem: (m, "00000") for m in members if m.name.suffix.lower() in VIDEO_SUFFIXES}
    masked = {path.parts[0] for path in masks} | {m.name.name.removesuffix(ANNOTATION_SUFFIX) for m in members}
    for video, (member, stem) in sorted({**films, **firsts}.items()):
        if video not in masked and (videos is None or video in videos):
            expected = f"{split.masks}/{video}/{stem}.png"
            remedy = "draw a mask of its first frame and save it there"
            yield Fault(
                describe_member(member), "videos without a mask", remedy, f"expected {expected}", refused=videos is None
            )


def _list_images_below(
    members: Sequence[Member], folders: Sequence[str], skipped: Collection[str] = ()
) -> dict[PurePosixPath, Member]:
    """The images below any folder of one of these names, by their paths in it."""
    pattern = re.compile(rf"(?:.*/)?(?:{'|'.join(map(re.escape, dict.fromkeys(folders)))})/(.+)")
    found = {}
    for member in members:
        if member.name.suffix.lower() in IMAGE_SUFFIXES and (match := pattern.fullmatch(str(member.name))):
            path = PurePosixPath(match[1])
            if path.parts[0] not in skipped:
                found[path] = member
    return found


def _find_unread(
    images: Mapping[PurePosixPath, Member], pattern: str, expected: str, other_form: tuple[str, str]
) -> Iterator[Fault]:
    """Find images whose path does not match a pattern, unless they are copies of an image that does.

    expected: where they should lie. other_form: kind and remedy of images in the right place.
    """
    read = {path for path in images if re.fullmatch(pattern, str(path))}
    copies, videos = {path.with_suffix("") for path in read}, {path.parts[0] for path in read}
    for path, member in images.items():
        if path in read or path.with_suffix("") in copies:
            continue
        if re.fullmatch(pattern, str(path.with_suffix(".png"))):
            yield Fault(describe_member(member), *other_form)
        else:
            kind, remedy = f"images that do not lie in {expected}", "move them there"
            yield Fault(describe_member(member), kind, remedy, refused=path.parts[0] not in videos)
