"""Join what several sources hold of one split. The order in which the sources are given never decides.

Frames of one video come from the source that has most of them. Prompts are kept apart from ground truth where the card
says that they come in different files, or that the ground truth is not public. Other files of one path must be equal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from vosbench.datasets.card import Split
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.archives.members import Member
from vosbench.io.wording import count_of

ONE_SOURCE = "give only one of them with --from"


class VideoFolders(NamedTuple):
    """A folder of video folders in one source. top: its parent folder. files: by their paths in it."""

    source: Path
    top: PurePosixPath
    files: Mapping[str, Member]

    def count_files(self) -> dict[str, int]:
        """The number of files of each video."""
        counts: dict[str, int] = defaultdict(int)
        for path in self.files:
            counts[get_video(path)] += 1
        return counts


class JoinedFiles(NamedTuple):
    """The files of a split by their paths in the normal layout, and notes on what was chosen among several."""

    files: Mapping[PurePosixPath, Member]
    notes: Sequence[str] = ()


def get_video(path: str) -> str:
    """The name of the video that a path in a folder of video folders belongs to."""
    return path.partition("/")[0]


def join_frames(found: Sequence[VideoFolders], kept: set[str]) -> JoinedFiles:
    """Join the frames of the videos in `kept`. Of two files for one frame, that of the fuller source is taken.

    Raises VosbenchError if two files for one frame differ, and neither source has more frames of the video.
    """
    counts = [folders.count_files() for folders in found]
    beaten: dict[tuple[Path, Path], int] = defaultdict(int)

    def choose(path: PurePosixPath, candidates: Sequence[tuple[int, Member]]) -> Member:
        most = max(counts[index][path.parts[1]] for index, _ in candidates)
        fullest = [member for index, member in candidates if counts[index][path.parts[1]] == most]
        for index, member in candidates:
            if counts[index][path.parts[1]] < most:
                beaten[member.source, fullest[0].source] += 1
        return choose_equal(fullest, str(path))

    files = _choose_files(found, paths.FRAMES, kept, choose)
    notes = [
        f"frames that {loser} and {winner} both have ({count}) are from {winner}, which has more of the same videos"
        for (loser, winner), count in sorted(beaten.items())
    ]
    return JoinedFiles(files, notes)


def join_masks(found: Sequence[VideoFolders], split: Split, kept: set[str]) -> JoinedFiles:
    """Join the masks of the videos in `kept`: ground truth in Annotations, prompts apart in Prompts.

    Where a card says that prompts come apart, a source that has fewer masks than another one of the same videos has the
    prompts. They are in Annotations where there is no ground truth of a video.
    Raises VosbenchError if two files for one mask differ.
    """
    prompting = _find_prompting(found) if split.separate_prompts or not split.truth else set()
    given = [folders for index, folders in enumerate(found) if index in prompting]
    truth = [folders for index, folders in enumerate(found) if index not in prompting]
    known = kept & {video for folders in truth for video in folders.count_files()}
    prompted = kept & {video for folders in given for video in folders.count_files()}
    files = {
        **_choose_files(truth, paths.MASKS, known, _choose_only_equal),
        **_choose_files(given, paths.PROMPTS, known, _choose_only_equal),
        **_choose_files(given, paths.MASKS, kept - known, _choose_only_equal),
    }
    return JoinedFiles(files, [*_describe_lacking(prompted - known, known - prompted, kept)] if given else [])


def _describe_lacking(truth: set[str], prompts: set[str], kept: set[str]) -> Iterator[str]:
    """Yield a note on the videos that lack ground truth, and one on those that lack prompts, of all that are kept."""
    if truth:
        yield f"{len(truth)} of {count_of(len(kept), 'video')} have prompts and no ground truth, such as {min(truth)}"
    if prompts:
        yield (
            f"{len(prompts)} of {count_of(len(kept), 'video')} have ground truth and none of the publisher's prompts, "
            f"such as {min(prompts)}; the first mask of each object prompts it"
        )


def _find_prompting(found: Sequence[VideoFolders]) -> set[int]:
    """The sources, by their index, that have fewer masks than another source of the videos that both have."""
    counts = [folders.count_files() for folders in found]
    prompting = set()
    for index, own in enumerate(counts):
        for other in counts:
            shared = own.keys() & other.keys()
            if sum(own[video] for video in shared) < sum(other[video] for video in shared):
                prompting.add(index)
    return prompting


def _choose_files(
    found: Sequence[VideoFolders],
    folder: str,
    kept: set[str],
    choose: Callable[[PurePosixPath, Sequence[tuple[int, Member]]], Member],
) -> dict[PurePosixPath, Member]:
    """Pair each path in the normal layout with the file that `choose` takes; suffixes become lower-case.

    choose: a function of the path and of the files for it, each with the index of its folder in `found`.
    """
    candidates: dict[PurePosixPath, list[tuple[int, Member]]] = defaultdict(list)
    for index, folders in enumerate(found):
        for path, member in folders.files.items():
            if get_video(path) in kept:
                stem, dot, suffix = path.rpartition(".")
                candidates[PurePosixPath(folder, f"{stem}{dot}{suffix.lower()}")].append((index, member))
    return {path: members[0][1] if len(members) == 1 else choose(path, members) for path, members in candidates.items()}


def _choose_only_equal(path: PurePosixPath, candidates: Sequence[tuple[int, Member]]) -> Member:
    return choose_equal([member for _, member in candidates], str(path))


def choose_equal(members: Sequence[Member], path: str) -> Member:
    """One of several files for one path, which must be equal. Raises VosbenchError if they differ."""
    for other in members[1:]:
        if not _have_equal_bytes(members[0], other):
            first, second = sorted((describe_member(members[0]), describe_member(other)))
            raise VosbenchError(path, f"{first} and {second} differ, and both are files for it", ONE_SOURCE)
    return members[0]


def _have_equal_bytes(one: Member, other: Member) -> bool:
    if one.file_on_disk and other.file_on_disk and one.file_on_disk.samefile(other.file_on_disk):
        return True
    return one.size == other.size and one.read() == other.read()


def describe_member(member: Member) -> str:
    """Where a file lies, for messages: its path on disk, or its path in its archive."""
    if member.source.is_dir():
        return str(member.source / member.name)
    return str(member.source) if str(member.name) == member.source.name else f"{member.source}: {member.name}"


def list_videos(found: Iterable[VideoFolders]) -> set[str]:
    """The videos that any of the folders has."""
    return {get_video(path) for folders in found for path in folders.files}
