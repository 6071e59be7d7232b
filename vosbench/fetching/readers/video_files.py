"""Read datasets in which a video is a file such as `<video>.mp4`, not a folder of frames.

OpenCV decodes the frames, rotates them as the file says, and encodes them as `<index:05>.jpg`. Masks are PNGs named
after these frames, which are kept as they are, or those in `<video>_manual.json` (see sav_json). SA-V's
`<video>_auto.json` is ignored: its masks were made by a model, and its object ids begin with 0 as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

from vosbench.datasets.card import Split
from vosbench.errors import VosbenchError
from vosbench.fetching.readers import sav_json
from vosbench.fetching.readers.decoding import FrameReader, VideoFile, count_video_frames, make_video_error
from vosbench.fetching.readers.folders import LayoutEntry, SplitContent, read_folders
from vosbench.fetching.readers.sav_json import Masklets
from vosbench.io import paths
from vosbench.io.archives.members import Member
from vosbench.io.wording import count_of

VIDEO_SUFFIXES = frozenset({".avi", ".mkv", ".mov", ".mp4", ".webm"})
ANNOTATION_SUFFIX = "_manual.json"
BATCH_VIDEOS = 16  # some thousand frames and masks, each of which takes a kilobyte or two of memory
COMMON = -1  # the number of the batch of members that belong to no video
BYTES_PER_PIXEL = 0.4  # an estimate: DAVIS's frames take 0.28 to 0.51


def read_video_files(members: Sequence[Member], split: Split) -> SplitContent:
    """Read video files wherever they are; masks, lists and missing videos are found as `read_folders` finds them.

    A video that also has a folder of frames is read from the folder. Each file is decoded twice: here to count its
    frames, and when its entries are read. The sizes of these entries are estimates. Read the entries in their order,
    because only one video is open at a time; a video in an archive is copied to a temporary file while it is open.

    Raises VosbenchError for a video that decodes to fewer frames than it or its JSON file states, or than its masks
    need; for masks in JSON of another size than the frames; for two video files of one name in a source; and for all
    that `read_folders` and `read_masklets` refuse.
    """
    files = _find_video_files(members, split)
    if not files:
        return read_folders(members, split)
    find_folder, videos = _make_folder_finder(members, split), {file.name.stem for file in files}
    firsts: dict[Member, Member] = {}  # first frame of a video -> its video file
    annotations: dict[str, Masklets] = {}
    found: list[Member] = []
    for member in members:
        video = member.name.name.removesuffix(ANNOTATION_SUFFIX)
        if member in files:
            path = find_folder(member, split.frames, paths.FRAMES) / member.name.stem / _format_frame_name(0)
            found.append(replace(member, name=path))
            firsts[found[-1]] = member
        elif video != member.name.name and video in videos and (annotation := sav_json.read_masklets(member)):
            found += sav_json.encode_masklets(annotation, find_folder(member, split.masks, paths.MASKS) / video)
            annotations[video] = annotation
        else:
            found.append(member)
    return _expand_first_frames(read_folders(found, split), firsts, annotations)


def list_video_files(members: Iterable[Member]) -> list[str]:
    """The names of the videos that are files, each once, in the order of the members."""
    found = (member.name.stem for member in members if member.name.suffix.lower() in VIDEO_SUFFIXES)
    return list(dict.fromkeys(found))


def split_into_batches(members: Sequence[Member]) -> Iterator[list[Member]]:
    """Split the members into batches of BATCH_VIDEOS video files, so that a reader needs memory only for so many.

    Each batch has the annotations and masks of its videos, and all members that belong to no video. Members without any
    video file are one batch.
    """
    batch_of = {video: number // BATCH_VIDEOS for number, video in enumerate(list_video_files(members))}
    batches: dict[int, list[Member]] = defaultdict(list)
    for member in members:
        name = member.name
        owners = (name.stem, name.stem.rpartition("_")[0], *reversed(name.parts[:-1]))  # a video, its JSON, its masks
        batches[next((batch_of[owner] for owner in owners if owner in batch_of), COMMON)].append(member)
    common = batches.pop(COMMON, [])
    for number in sorted(batches):
        yield [*batches[number], *common]
    if not batches:
        yield common


def _find_video_files(members: Sequence[Member], split: Split) -> set[Member]:
    """The video files of the videos that have no folder of frames."""
    files = [member for member in members if member.name.suffix.lower() in VIDEO_SUFFIXES]
    if not files:
        return set()
    parents = {member.name.parent for member in members if member.name.suffix.lower() in paths.FRAME_SUFFIXES}
    unpacked = {folder.name for folder in parents for name in (split.frames, paths.FRAMES) if folder.parent.match(name)}
    found: dict[tuple[Path, str], Member] = {}
    for file in files:
        if file.name.stem not in unpacked and (twin := found.setdefault((file.source, file.name.stem), file)) != file:
            raise VosbenchError(file.source, f"{twin.name} and {file.name} are the same video", "remove one of them")
    return set(found.values())


def _make_folder_finder(members: Sequence[Member], split: Split) -> Callable[[Member, str, str], PurePosixPath]:
    """Return a function that says where a member's folder of frames or masks is, or would be.

    That is beside the nearest folder of frames or masks above the member, or else at the top of the source, as in SA-V.
    The function takes the member, the card's name of the folder, and the name in the normal layout.
    """
    parents = {(member.source, member.name.parent) for member in members}
    known = {(source, folder) for source, parent in parents for folder in (parent, *parent.parents)}
    names = {PurePosixPath(name) for name in (split.frames, split.masks, paths.FRAMES, paths.MASKS)}
    tops: dict[Path, set[PurePosixPath]] = defaultdict(set)
    for source, folder in known:
        tops[source] |= {folder.parents[len(name.parts) - 1] for name in names if folder.match(str(name))}

    def find_folder(member: Member, on_card: str, normal: str) -> PurePosixPath:
        above = tops[member.source].intersection(member.name.parents)
        top = max(above or tops[member.source] or {PurePosixPath()}, key=lambda top: (len(top.parts), top))
        return top / (on_card if (member.source, top / on_card) in known else normal)

    return find_folder


def _expand_first_frames(
    content: SplitContent, firsts: Mapping[Member, Member], annotations: Mapping[str, Masklets]
) -> SplitContent:
    """Replace the first frame of each video file by all of its frames."""
    frame_names = defaultdict(set)
    for entry in content.entries:
        if entry.path.parts[0] == paths.MASKS:
            frame_names[entry.path.parts[1]].add(entry.path.stem)
    reader, entries = FrameReader(), []
    for entry in content.entries:
        if entry.member not in firsts:
            entries.append(entry)
            continue
        video_file, video = count_video_frames(firsts[entry.member]), entry.path.parent.name
        _check_masks_fit(video_file, frame_names[video], annotations.get(video))
        size = int(video_file.size[0] * video_file.size[1] * BYTES_PER_PIXEL)
        for index in range(video_file.frames):
            path = entry.path.with_name(_format_frame_name(index))
            entries.append(
                LayoutEntry(path, Member(path, size, video_file.file.source, partial(reader.open, video_file, index)))
            )
    return replace(content, entries=entries)


def _check_masks_fit(video_file: VideoFile, frame_names: set[str], annotation: Masklets | None) -> None:
    """Raises VosbenchError if a video's masks do not fit its frames: the PNGs of `frame_names`, and those in JSON."""
    file, frames, size = video_file
    if stray := sorted(frame_names - {Path(_format_frame_name(index)).stem for index in range(frames)}):
        raise make_video_error(
            file, f"decodes to {count_of(frames, 'frame')} from 00000 on, but has a mask of frame {stray[0]}"
        )
    if annotation and annotation.frames > frames:
        found = f"decodes to {count_of(frames, 'frame')}, but its {ANNOTATION_SUFFIX} states {annotation.frames}"
        raise make_video_error(file, found)
    if annotation and annotation.size != size:
        shown, drawn = (f"{height}x{width}" for height, width in (size, annotation.size))
        raise make_video_error(file, f"has frames of {shown} pixels (height x width), but masks of {drawn}")


def _format_frame_name(index: int) -> str:
    return f"{index:05}.jpg"
