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
from vosbench.fetching.readers.folders import LayoutEntry, SplitContent, read_folders
from vosbench.fetching.readers.sav_json import Masklets
from vosbench.io import paths
from vosbench.io.archives.members import Member

VIDEO_SUFFIXES = frozenset({".avi", ".mkv", ".mov", ".mp4", ".webm"})
ANNOTATION_SUFFIX = "_manual.json"
FRAME_JPEG_QUALITY = 95  # of the frames
BYTES_PER_PIXEL = 0.4  # which take 0.28 to 0.51 in DAVIS (measured)


class VideoFile(NamedTuple):
    """A video file that was looked through: the frames that it decodes to, and their height and width in pixels."""

    file: Member
    frames: int
    size: tuple[int, int]


def read_video_files(members: Sequence[Member], split: Split) -> SplitContent:
    """Read video files wherever they lie, and all else, lists and who is missing included, as `folders` does.

    A video that also has a folder of frames is read from there. Each file is decoded twice, first to count: frames are
    what decodes. The sizes of entries that are made here are estimates. One video is open at a time, so that entries
    are best read in their order; one in an archive lies in a temporary file meanwhile.

    Raises VosbenchError for a file that decodes to fewer frames than it or its JSON file announces, or than its masks
    need; if masks in JSON and frames differ in size; for two files of one name in a source; and as `folders` and
    `masklets.read` do.
    """
    files = _find_video_files(members, split)
    if not files:
        return read_folders(members, split)
    place, videos = _make_folder_finder(members, split), {file.name.stem for file in files}
    firsts: dict[Member, Member] = {}  # the frame that every video has, and its file
    annotations: dict[str, Masklets] = {}
    found: list[Member] = []
    for member in members:
        video = member.name.name.removesuffix(ANNOTATION_SUFFIX)
        if member in files:
            path = place(member, split.frames, paths.FRAMES) / member.name.stem / _format_frame_name(0)
            found.append(replace(member, name=path))
            firsts[found[-1]] = member
        elif video != member.name.name and video in videos and (annotation := sav_json.read_masklets(member)):
            found += sav_json.encode_masklets(annotation, place(member, split.masks, paths.MASKS) / video)
            annotations[video] = annotation
        else:
            found.append(member)
    return _expand_first_frames(read_folders(found, split), firsts, annotations)


def _find_video_files(members: Sequence[Member], split: Split) -> set[Member]:
    """The files of the videos that have no folder of frames."""
    files = [member for member in members if member.name.suffix.lower() in VIDEO_SUFFIXES]
    if not files:
        return set()
    homes = {member.name.parent for member in members if member.name.suffix.lower() in paths.FRAME_SUFFIXES}
    unpacked = {home.name for home in homes for name in (split.frames, paths.FRAMES) if home.parent.match(name)}
    found: dict[tuple[Path, str], Member] = {}
    for file in files:
        if file.name.stem not in unpacked and (twin := found.setdefault((file.source, file.name.stem), file)) != file:
            raise VosbenchError(f"{file.source}: {twin.name} and {file.name} are one video; keep one of them")
    return set(found.values())


def _make_folder_finder(members: Sequence[Member], split: Split) -> Callable[[Member, str, str], PurePosixPath]:
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


def _expand_first_frames(
    content: SplitContent, firsts: Mapping[Member, Member], annotations: Mapping[str, Masklets]
) -> SplitContent:
    """Put all frames of a file in the place of the first one."""
    frame_names = defaultdict(set)
    for entry in content.entries:
        if entry.path.parts[0] == paths.MASKS:
            frame_names[entry.path.parts[1]].add(entry.path.stem)
    player, entries = FrameReader(), []
    for entry in content.entries:
        if entry.member not in firsts:
            entries.append(entry)
            continue
        clip, video = count_video_frames(firsts[entry.member]), entry.path.parent.name
        _check_masks_fit(clip, frame_names[video], annotations.get(video))
        size = int(clip.size[0] * clip.size[1] * BYTES_PER_PIXEL)
        for index in range(clip.frames):
            path = entry.path.with_name(_format_frame_name(index))
            entries.append(LayoutEntry(path, Member(path, size, clip.file.source, partial(player.open, clip, index))))
    return replace(content, entries=entries)


def _check_masks_fit(clip: VideoFile, frame_names: set[str], annotation: Masklets | None) -> None:
    """Raises VosbenchError if a video's masks, those of `frame_names` and in JSON, do not fit its frames."""
    if stray := sorted(frame_names - {Path(_format_frame_name(index)).stem for index in range(clip.frames)}):
        raise _make_video_error(
            clip.file, f"decodes to {clip.frames} frames, from 00000 on, and has a mask of frame {stray[0]}"
        )
    if annotation and annotation.frames > clip.frames:
        raise _make_video_error(
            clip.file, f"decodes to {clip.frames} frames, and its {ANNOTATION_SUFFIX} says {annotation.frames}"
        )
    if annotation and annotation.size != clip.size:
        shown, drawn = (f"{height}x{width}" for height, width in (clip.size, annotation.size))
        raise _make_video_error(clip.file, f"has frames of {shown} pixels (height x width) and masks of {drawn}")


def count_video_frames(file: Member) -> VideoFile:
    """Decode a video to its end.

    Raises VosbenchError if there are fewer frames than it announces: a count in mp4, mov and avi; its duration times
    its rate in mkv and webm. What a decoder conceals, damage inside of frames, is not noticed.
    """
    import cv2

    with _open_capture(file) as reader:
        announced = int(reader.get(cv2.CAP_PROP_FRAME_COUNT))
        decoded, image = reader.read()
        frames = decoded + sum(1 for _ in iter(reader.grab, False))
    if not decoded:
        raise _make_video_error(file, "cannot be decoded")
    if frames < announced:
        raise _make_video_error(file, f"decodes to {frames} frames and announces {announced}")
    return VideoFile(file, frames, image.shape[:2])


class FrameReader:
    """Frames of videos as JPEG. The last video stays open: the frame that is asked for next is mostly the next one."""

    def __init__(self) -> None:
        self.file: Member | None = None
        self.reader: Any = None
        self.index = 0
        self.stack = ExitStack()

    def open(self, clip: VideoFile, index: int) -> IO[bytes]:
        """A frame. Raises VosbenchError if it is not there any more, or not of the size of the first one."""
        import cv2

        if self.file is not clip.file or index < self.index:
            self.stack.close()
            self.reader, self.file, self.index = self.stack.enter_context(_open_capture(clip.file)), clip.file, 0
        while self.index < index and self.reader.grab():
            self.index += 1
        decoded, image = self.reader.read()
        self.index += 1
        if self.index == clip.frames:
            self.stack.close()
            self.file = None
        if not decoded or image.shape[:2] != clip.size:
            raise _make_video_error(
                clip.file, f"has no frame {index} of the first one's {clip.size[0]}x{clip.size[1]} pixels"
            )
        return io.BytesIO(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, FRAME_JPEG_QUALITY])[1].tobytes())


@contextmanager
def _open_capture(file: Member) -> Iterator[Any]:
    """OpenCV's reader of a video file, at its first frame."""
    import cv2

    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # what is wrong is raised, and not told on stderr
    with TemporaryDirectory(prefix="vosbench-") as folder:
        path = file.file_on_disk or Path(folder, f"video{file.name.suffix}")
        if not file.file_on_disk:
            file.save(path)
        level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        reader = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
        cv2.utils.logging.setLogLevel(level)
        try:
            yield reader
        finally:
            reader.release()


def _format_frame_name(index: int) -> str:
    return f"{index:05}.jpg"


def _make_video_error(file: Member, flaw: str) -> VosbenchError:
    return VosbenchError(f"{file.source}: {str(file.name)!r} in it {flaw}; fetch it again, or encode it anew as mp4")
