"""A reader of trees in which a video is a file, such as `<video>.mp4`, and not a folder of frames.

Its frames become `<index:05>.jpg`, decoded and encoded by OpenCV, turned as the file says. Its masks are PNGs that are
called after these frames, kept as they are, or those of `<video>_manual.json` (vosbench.masklets). `<video>_auto.json`
of SA-V is left alone: a model has drawn its masks, and numbers its objects from 0 as well.
"""

from __future__ import annotations

import io
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, Any, NamedTuple

from vosbench.datasets.card import Split
from vosbench.errors import VosbenchError
from vosbench.fetching.readers import sav_json
from vosbench.fetching.readers.folders import Content, Entry, folders
from vosbench.fetching.readers.sav_json import Masklets
from vosbench.io import paths
from vosbench.io.archives.members import Member

SUFFIXES = frozenset({".avi", ".mkv", ".mov", ".mp4", ".webm"})
ANNOTATION = "_manual.json"
QUALITY = 95  # of the frames
BYTES_PER_PIXEL = 0.4  # which take 0.28 to 0.51 in DAVIS (measured)


class Clip(NamedTuple):
    """A video file that was looked through: the frames that it decodes to, and their height and width in pixels."""

    file: Member
    frames: int
    size: tuple[int, int]


def clips(members: Sequence[Member], split: Split) -> Content:
    """Read video files wherever they lie, and all else, lists and who is missing included, as `folders` does.

    A video that also has a folder of frames is read from there. Each file is decoded twice, first to count: frames are
    what decodes. The sizes of entries that are made here are estimates. One video is open at a time, so that entries
    are best read in their order; one in an archive lies in a temporary file meanwhile.

    Raises VosbenchError for a file that decodes to fewer frames than it or its JSON file announces, or than its masks
    need; if masks in JSON and frames differ in size; for two files of one name in a source; and as `folders` and
    `masklets.read` do.
    """
    files = _files(members, split)
    if not files:
        return folders(members, split)
    place, videos = _places(members, split), {file.name.stem for file in files}
    firsts: dict[Member, Member] = {}  # the frame that every video has, and its file
    annotations: dict[str, Masklets] = {}
    found: list[Member] = []
    for member in members:
        video = member.name.name.removesuffix(ANNOTATION)
        if member in files:
            path = place(member, split.frames, paths.FRAMES) / member.name.stem / _name(0)
            found.append(replace(member, name=path))
            firsts[found[-1]] = member
        elif video != member.name.name and video in videos and (annotation := sav_json.read(member)):
            found += sav_json.pngs(annotation, place(member, split.masks, paths.MASKS) / video)
            annotations[video] = annotation
        else:
            found.append(member)
    return _unfold(folders(found, split), firsts, annotations)


def _files(members: Sequence[Member], split: Split) -> set[Member]:
    """The files of the videos that have no folder of frames."""
    files = [member for member in members if member.name.suffix.lower() in SUFFIXES]
    if not files:
        return set()
    homes = {member.name.parent for member in members if member.name.suffix.lower() in paths.FRAME_SUFFIXES}
    unpacked = {home.name for home in homes for name in (split.frames, paths.FRAMES) if home.parent.match(name)}
    found: dict[tuple[Path, str], Member] = {}
    for file in files:
        if file.name.stem not in unpacked and (twin := found.setdefault((file.source, file.name.stem), file)) != file:
            raise VosbenchError(f"{file.source}: {twin.name} and {file.name} are one video; keep one of them")
    return set(found.values())


def _places(members: Sequence[Member], split: Split) -> Callable[[Member, str, str], PurePosixPath]:
    """Says where a member's folder of frames or masks is, or would be: beside the ones that are nearest above it.

    That is the top of the source where there are none, as in SA-V.
    """
    homes = {(member.source, member.name.parent) for member in members}
    known = {(source, folder) for source, home in homes for folder in (home, *home.parents)}
    names = {PurePosixPath(name) for name in (split.frames, split.masks, paths.FRAMES, paths.MASKS)}
    tops: dict[Path, set[PurePosixPath]] = defaultdict(set)
    for source, folder in known:
        tops[source] |= {folder.parents[len(name.parts) - 1] for name in names if folder.match(str(name))}

    def place(member: Member, own: str, usual: str) -> PurePosixPath:
        above = tops[member.source].intersection(member.name.parents)
        top = max(above or tops[member.source] or {PurePosixPath()}, key=lambda top: (len(top.parts), top))
        return top / (own if (member.source, top / own) in known else usual)

    return place


def _unfold(content: Content, firsts: Mapping[Member, Member], annotations: Mapping[str, Masklets]) -> Content:
    """Put all frames of a file in the place of the first one."""
    stems = defaultdict(set)
    for entry in content.entries:
        if entry.path.parts[0] == paths.MASKS:
            stems[entry.path.parts[1]].add(entry.path.stem)
    player, entries = Player(), []
    for entry in content.entries:
        if entry.member not in firsts:
            entries.append(entry)
            continue
        clip, video = look(firsts[entry.member]), entry.path.parent.name
        _check(clip, stems[video], annotations.get(video))
        size = int(clip.size[0] * clip.size[1] * BYTES_PER_PIXEL)
        for index in range(clip.frames):
            path = entry.path.with_name(_name(index))
            entries.append(Entry(path, Member(path, size, clip.file.source, partial(player.open, clip, index))))
    return replace(content, entries=entries)


def _check(clip: Clip, stems: set[str], annotation: Masklets | None) -> None:
    """Raises VosbenchError if a video's masks, those of `stems` and in JSON, do not fit its frames."""
    if stray := sorted(stems - {Path(_name(index)).stem for index in range(clip.frames)}):
        raise _wrong(clip.file, f"decodes to {clip.frames} frames, from 00000 on, and has a mask of frame {stray[0]}")
    if annotation and annotation.frames > clip.frames:
        raise _wrong(clip.file, f"decodes to {clip.frames} frames, and its {ANNOTATION} says {annotation.frames}")
    if annotation and annotation.size != clip.size:
        shown, drawn = (f"{height}x{width}" for height, width in (clip.size, annotation.size))
        raise _wrong(clip.file, f"has frames of {shown} pixels (height x width) and masks of {drawn}")


def look(file: Member) -> Clip:
    """Decode a video to its end.

    Raises VosbenchError if there are fewer frames than it announces: a count in mp4, mov and avi; its duration times
    its rate in mkv and webm. What a decoder conceals, damage inside of frames, is not noticed.
    """
    import cv2

    with _playing(file) as reader:
        announced = int(reader.get(cv2.CAP_PROP_FRAME_COUNT))
        decoded, image = reader.read()
        frames = decoded + sum(1 for _ in iter(reader.grab, False))
    if not decoded:
        raise _wrong(file, "cannot be decoded")
    if frames < announced:
        raise _wrong(file, f"decodes to {frames} frames and announces {announced}")
    return Clip(file, frames, image.shape[:2])


class Player:
    """Frames of videos as JPEG. The last video stays open: the frame that is asked for next is mostly the next one."""

    def __init__(self) -> None:
        self.file: Member | None = None
        self.reader: Any = None
        self.index = 0
        self.stack = ExitStack()

    def open(self, clip: Clip, index: int) -> IO[bytes]:
        """A frame. Raises VosbenchError if it is not there any more, or not of the size of the first one."""
        import cv2

        if self.file is not clip.file or index < self.index:
            self.stack.close()
            self.reader, self.file, self.index = self.stack.enter_context(_playing(clip.file)), clip.file, 0
        while self.index < index and self.reader.grab():
            self.index += 1
        decoded, image = self.reader.read()
        self.index += 1
        if self.index == clip.frames:
            self.stack.close()
            self.file = None
        if not decoded or image.shape[:2] != clip.size:
            raise _wrong(clip.file, f"has no frame {index} of the first one's {clip.size[0]}x{clip.size[1]} pixels")
        return io.BytesIO(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes())


@contextmanager
def _playing(file: Member) -> Iterator[Any]:
    """OpenCV's reader of a video file, at its first frame."""
    import cv2

    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # what is wrong is raised, and not told on stderr
    with TemporaryDirectory(prefix="vosbench-") as folder:
        path = file.file or Path(folder, f"video{file.name.suffix}")
        if not file.file:
            file.save(path)
        level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        reader = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
        cv2.utils.logging.setLogLevel(level)
        try:
            yield reader
        finally:
            reader.release()


def _name(index: int) -> str:
    return f"{index:05}.jpg"


def _wrong(file: Member, flaw: str) -> VosbenchError:
    return VosbenchError(f"{file.source}: {str(file.name)!r} in it {flaw}; fetch it again, or encode it anew as mp4")
