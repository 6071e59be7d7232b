"""Pack masks into the zip that the server of a split takes, once they are what the server expects.

The zip has the same bytes each time: its files stand in a fixed order, with a fixed time and fixed permissions, and are
stored as they are. A label map that is an indexed PNG is copied byte for byte; any other mask is written as one.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from vosbench.datasets.card import Submission
from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.io.archives.members import translate_write_errors
from vosbench.io.files import (
    replacing,
    require_writable,
)
from vosbench.io.hashing import hash_file_sha256
from vosbench.masks.labels import encode_labels, is_palette_png, to_labels
from vosbench.masks.open_anywhere import open_video_masks
from vosbench.masks.source import MaskSource, Opener
from vosbench.publishing.check_masks import check_source
from vosbench.publishing.check_submission import check_videos
from vosbench.publishing.expected import find_submission, list_expected_frames, read_expected_masks
from vosbench.publishing.fault import MISSING_VIDEO, MaskFault, sort_faults
from vosbench.publishing.submission_report import SubmissionError, SubmissionReport, list_submission_notes
from vosbench.publishing.whole_run import has_changed_masks, list_run_notes, require_whole_run
from vosbench.running.methods import Method, open_method
from vosbench.running.run import Run

FILE_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold
FILE_MODE = 0o100644
UNIX = 3  # the system by which a zip's permissions are read
NO_DIGESTS: Mapping[str, str] = {}


class UnpackedVideo(NamedTuple):
    """A video to pack.

    opener: opens its masks. frame_names: those of the masks that belong into the zip. digest: of its masks in a run.
    """

    name: str
    opener: Opener
    frame_names: Sequence[str]
    digest: str


def pack(
    masks: str | Path | Run,
    out: str | Path,
    dataset: str | Path | None = None,
    split: str | None = None,
    *,
    rules: str | None = None,
    flatten: bool = False,
    overwrite: bool = False,
    jobs: int | None = None,
    datasets: str | Path = "datasets",
    on_video: Callable[[int, int], None] = lambda done, total: None,
) -> SubmissionReport:
    """Write the zip that the server of a split takes, as `vosbench pack` does.

    masks: a run or its path, or masks in another form that docs/evaluation.md lists. out: the zip to write. dataset,
    split: what the masks are of; None is what the run says. rules: the dataset whose server is meant instead of its
    own. flatten: whether a pixel that objects share gets the smallest id; otherwise overlaps are a fault. overwrite:
    whether a zip that is there is replaced. jobs: processes that check the masks, one a core if None. on_video: called
    after each video with the number of videos checked and of all.

    Everything is checked before the zip is written. Raises SubmissionError, with all faults in its `report`, if the
    masks are not what the server expects; VosbenchError for a run that is not whole or not of one kind, and for
    whatever else the user can put right. Nothing is written then.
    """
    out = _require_new_zip(Path(out), overwrite)
    path = masks.path if isinstance(masks, Run) else Path(masks)
    method = open_method(path, dataset, split, rules, Path(datasets))
    submission = find_submission(method.dataset_split)
    digests = require_whole_run(method.run, method.dataset_split) if method.run else NO_DIGESTS
    expected = list_expected_frames(method.dataset_split, submission)
    videos = list(_open_videos(method, expected, digests))
    report = _describe_packing(method, submission, expected)
    check = partial(_check_unpacked_video, replace(method.dataset_split, videos=()), method.run, flatten)
    present = {video.name for video in videos}
    missing = [MaskFault(MISSING_VIDEO, each, each) for each in expected if each not in present]
    if faults := sort_faults([*missing, *check_videos(check, videos, jobs, on_video)]):
        raise SubmissionError(replace(report, path=path, faults=tuple(faults)), "correct the masks; nothing is written")
    with translate_write_errors(out), replacing(out) as partial_file:
        _write_zip(partial_file, submission, method.dataset_split, videos)
        sha256 = hash_file_sha256(partial_file)
    return replace(report, path=out, sha256=sha256)


def _require_new_zip(out: Path, overwrite: bool) -> Path:
    if out.suffix.lower() != ".zip":
        raise VosbenchError(out, "the name of a submission has to end in .zip", "name another file with --out")
    if out.is_dir() or (out.exists() and not overwrite):
        raise VosbenchError(out, "is there already", "name another file with --out, or give --overwrite")
    require_writable(out)
    return out


def _open_videos(
    method: Method, expected: Mapping[str, Sequence[str]], digests: Mapping[str, str]
) -> Iterator[UnpackedVideo]:
    predictions = method.open_masks(list(expected))
    for name, frame_names in expected.items():
        if opener := predictions.openers.get(name):
            yield UnpackedVideo(name, opener, frame_names, digests.get(name, ""))


def _open_unpacked(dataset_split: DatasetSplit, video: UnpackedVideo) -> MaskSource:
    """Open the masks of a video. Without frame names they are of the expected frames, or of all."""

    def list_candidates() -> Iterator[Sequence[str]]:
        yield video.frame_names
        yield [path.stem for path in dataset_split.frame_paths(video.name)]

    return open_video_masks(video.opener, list_candidates())


def _describe_packing(
    method: Method, submission: Submission, expected: Mapping[str, Sequence[str]]
) -> SubmissionReport:
    dataset_split = method.dataset_split
    notes = [*list_submission_notes(dataset_split, submission), *(list_run_notes(method.run) if method.run else ())]
    return SubmissionReport(
        method.path,
        dataset_split.name,
        dataset_split.split.name,
        len(expected),
        sum(map(len, expected.values())),
        server=dataset_split.split.server,
        gone=submission.gone,
        notes=tuple(notes),
    )


def _check_unpacked_video(
    dataset_split: DatasetSplit, run: Run | None, flatten: bool, video: UnpackedVideo
) -> list[MaskFault]:
    if run and video.digest and has_changed_masks(run, video.name, video.digest):
        found = "its masks are not those that the run has written; something has changed them since"
        return [MaskFault("damaged file", video.name, video.name, found)]
    expected = read_expected_masks(dataset_split, video.name)
    source = _open_unpacked(dataset_split, video)
    return check_source(source, video.name, video.frame_names, expected, flatten)


def _write_zip(
    path: Path, submission: Submission, dataset_split: DatasetSplit, videos: Sequence[UnpackedVideo]
) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for video in sorted(videos, key=lambda video: video.name):
            source = _open_unpacked(dataset_split, video)
            for frame_name in video.frame_names:
                name = PurePosixPath(submission.folder) / video.name / f"{frame_name}.png"
                info = zipfile.ZipInfo(str(name), FILE_TIME)
                info.create_system, info.external_attr = UNIX, FILE_MODE << 16
                archive.writestr(info, encode_palette_png(source, frame_name))


def encode_palette_png(source: MaskSource, frame_name: str) -> bytes:
    """The label map of a frame as an indexed PNG: the file itself if it is one, else the masks written anew.

    Where objects overlap, the pixel gets the smallest id, as in SAM 2's `vos_inference.py`. Raises VosbenchError if the
    masks cannot be read, or for an id above 255.
    """
    content = source.read_label_file(frame_name)
    if content is not None and is_palette_png(content):
        return content
    size, masks = source.read(frame_name)
    return encode_labels(to_labels(masks, size))
