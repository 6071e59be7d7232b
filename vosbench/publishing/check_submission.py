"""Check anybody's zip against what the server of a split expects, and name every fault at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from vosbench.datasets.split import DatasetSplit, open_split
from vosbench.io.processes import count_cores
from vosbench.io.sharing import share_tasks
from vosbench.publishing.check_masks import check_packed_files
from vosbench.publishing.expected import find_submission, list_expected_frames, read_expected_masks
from vosbench.publishing.fault import MISSING_VIDEO, MaskFault, sort_faults
from vosbench.publishing.packed_masks import find_packed_masks, read_zip_entry
from vosbench.publishing.submission_report import SubmissionReport, list_submission_notes


class CheckedVideo(Protocol):
    """A video that is checked. frame_names: of the masks that belong into the zip."""

    @property
    def frame_names(self) -> Sequence[str]:
        """The frames whose masks are decoded, which is the work."""
        ...


VideoTask = TypeVar("VideoTask", bound=CheckedVideo)


class PackedVideo(NamedTuple):
    """A video in a zip. files: their paths in the zip. frame_names: those of the masks that belong there."""

    name: str
    files: Sequence[str]
    frame_names: Sequence[str]


def check_submission(
    path: str | Path,
    dataset: str | Path | DatasetSplit,
    split: str | None = None,
    *,
    rules: str | None = None,
    jobs: int | None = None,
    datasets: str | Path = "datasets",
    on_video: Callable[[int, int], None] = lambda done, total: None,
) -> SubmissionReport:
    """Check a zip that anybody made, as `vosbench pack --check` does.

    dataset: a name under `datasets`, a path, or a split that is open already. split: the card's default if None.
    rules: the dataset whose server is meant instead of its own. jobs: processes, one a core if None. on_video: called
    after each video with the number of videos checked and of all.

    `faults` of the result are all that is wrong: missing videos and frames, other files, wrong names, sizes and modes,
    and ids that the first masks do not show. Raises VosbenchError if the file is no zip, the split is not complete on
    disk, or no server is known for it.
    """
    path = Path(path)
    opened = dataset if isinstance(dataset, DatasetSplit) else open_split(dataset, split, Path(datasets), rules)
    submission = find_submission(opened)
    expected = list_expected_frames(opened, submission)
    packed = find_packed_masks(path, submission, expected.keys())
    faults = [*packed.faults, *(MaskFault(MISSING_VIDEO, each, each) for each in expected if each not in packed.files)]
    tasks = [PackedVideo(name, files, expected[name]) for name, files in packed.files.items() if files]
    faults += check_videos(partial(_check_packed_video, replace(opened, videos=()), path), tasks, jobs, on_video)
    return SubmissionReport(
        path,
        opened.name,
        opened.split.name,
        len(expected),
        sum(map(len, expected.values())),
        tuple(sort_faults(faults)),
        server=opened.split.server,
        gone=submission.gone,
        notes=tuple(list_submission_notes(opened, submission)),
    )


def _check_packed_video(dataset_split: DatasetSplit, path: Path, task: PackedVideo) -> list[MaskFault]:
    expected = read_expected_masks(dataset_split, task.name)
    return check_packed_files(partial(read_zip_entry, path), task.files, task.name, task.frame_names, expected)


def check_videos(
    check: Callable[[VideoTask], list[MaskFault]],
    tasks: Sequence[VideoTask],
    jobs: int | None,
    on_video: Callable[[int, int], None],
) -> list[MaskFault]:
    """Check videos in parallel processes, one a core if `jobs` is None; the faults are in the order of the tasks."""
    found: dict[int, list[MaskFault]] = {}
    work = [len(task.frame_names) for task in tasks]
    with closing(share_tasks(check, tasks, work, jobs or count_cores())) as results:
        for done, (task, faults) in enumerate(results, 1):
            if faults:
                found[id(task)] = faults
            on_video(done, len(tasks))
    return [fault for task in tasks for fault in found.get(id(task), ())]
