"""Make a report of one or several methods on a split: score them, measure the ground truth, draw, write one file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.io import processes
from vosbench.io.files import require_writable, write_bytes
from vosbench.io.wording import count_of
from vosbench.publishing.comparison_table import HOLM_MEANING
from vosbench.reports.attributes import VideoAttributes, measure_attributes
from vosbench.reports.collect import (
    ReportedMethod,
    bring_together,
    describe_breakdowns,
    describe_differences,
    describe_method,
    describe_videos,
)
from vosbench.reports.pictures import draw_pictures, list_worst_videos
from vosbench.reports.render import render_page, require_packages
from vosbench.running.methods import Method, name_apart, score_method
from vosbench.version import __version__

DEFAULT_STRIPS = 30  # videos with pictures: all of DAVIS 2017 val

OnStep = Callable[[str, int, int], None]
"""Called with the name of a piece of work, and how much of it is done, of how much."""


def ignore_step(label: str, done: int, total: int) -> None:
    """Do nothing with the progress of a report."""


@dataclass(frozen=True)
class Report:
    """A report that was written. path: of the file. problems: what was scored as absent, a line each."""

    path: Path
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Choices:
    """How a report is made; see `vosbench.report`."""

    videos: tuple[str, ...] = ()
    jobs: int | None = None
    strict: bool = True
    strips: int = DEFAULT_STRIPS
    title: str | None = None
    overwrite: bool = False


def write_report(methods: Sequence[Method], out: Path, choices: Choices, on_step: OnStep = ignore_step) -> Report:
    """Write a report of methods that are open. Raises VosbenchError as `vosbench.report` does."""
    require_packages()
    if out.exists() and not choices.overwrite:
        raise VosbenchError(out, "is there already", "choose another file with -o, or give --overwrite")
    require_writable(out)
    dataset_split, jobs = _require_same_split(methods), choices.jobs or processes.count_cores()
    scored = [_score_and_read(method, choices, on_step) for method in name_apart(methods)]
    videos = [video for video in dataset_split.videos if video in scored[0].evaluation.videos]
    attributes = _measure(dataset_split, videos, jobs, partial(on_step, "measuring the ground truth"))
    content = describe_report(scored, attributes, dataset_split, choices)
    worst = list_worst_videos(scored, choices.strips)
    pictures = draw_pictures(scored, attributes, dataset_split, worst, jobs, partial(on_step, "drawing frames"))
    with_frames = any(frame["frame"] for frames in pictures.values() for frame in frames)
    note = describe_pictures(len(pictures), len(content["videos"]), with_frames)
    places = {video["name"]: index for index, video in enumerate(content["videos"])}
    strips = {places[video]: frames for video, frames in pictures.items()}
    write_bytes(out, render_page({**content, "pictures_note": note}, strips).encode())
    return Report(out, tuple(problem for each in scored for problem in each.evaluation.problems))


def _require_same_split(methods: Sequence[Method]) -> DatasetSplit:
    """The split of all methods. Raises VosbenchError if there is no method, or if they are on different splits."""
    if not methods:
        raise VosbenchError("vosbench report", "no masks are given", "give runs, see: vosbench list runs")
    first = methods[0].dataset_split
    for method in methods[1:]:
        other = method.dataset_split
        if (other.root.resolve(), other.split.name) != (first.root.resolve(), first.split.name):
            found = f"is of {other.title} in {other.root}, and {methods[0].name} of {first.title} in {first.root}"
            raise VosbenchError(method.path, found, "make one report for each split")
        if other.rules != first.rules:
            found = f"has the rules of {other.rules.name}, and {methods[0].name} those of {first.rules.name}"
            raise VosbenchError(method.path, found, "choose the rules of all with --rules")
    return first


def _score_and_read(method: Method, choices: Choices, on_step: OnStep) -> ReportedMethod:
    progress = partial(on_step, f"scoring {method.name}")
    evaluation = score_method(method, choices.videos, choices.jobs, choices.strict, progress)
    return bring_together(method, evaluation.with_intervals())


def _measure(
    dataset_split: DatasetSplit, videos: Sequence[str], jobs: int, on_video: Callable[[int, int], None]
) -> dict[str, VideoAttributes]:
    """The attributes of videos, in their order."""
    tasks, found = [(video, dataset_split.ground_truth(video)) for video in videos], {}
    with closing(processes.run_tasks(measure_attributes, tasks, jobs)) as results:
        for (video, _), attributes in results:
            found[video] = attributes
            on_video(len(found), len(tasks))
    return {video: found[video] for video in videos}


def describe_report(
    scored: Sequence[ReportedMethod],
    attributes: Mapping[str, VideoAttributes],
    dataset_split: DatasetSplit,
    choices: Choices,
) -> dict[str, Any]:
    """All that the page shows, except the pictures."""
    names, videos = [each.method.name for each in scored], describe_videos(scored, attributes)
    differences = describe_differences(scored)
    metrics = list(dict.fromkeys(metric for each in scored for metric in each.evaluation.means))
    signatures: dict[str, list[str]] = {}
    for each in scored:
        signatures.setdefault(each.evaluation.signature, []).append(each.method.name)
    return {
        "title": choices.title or f"{' and '.join(names)} on {dataset_split.title}",
        "dataset": dataset_split.name,
        "split": dataset_split.split.name,
        "rules": dataset_split.rules.name,
        "marks": list(dict.fromkeys(mark for each in scored for mark in each.evaluation.marks)),
        "made": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "version": __version__,
        "methods": [describe_method(each) for each in scored],
        "signatures": list(signatures.items()),
        "differences": differences,
        "holm_meaning": HOLM_MEANING if any(each["p_holm"] for each in differences) else "",
        "metrics": list(map(str, metrics)),
        "lower_is_better": [str(metric) for metric in metrics if not metric.higher_is_better],
        "boundary": next((each.boundary_measure for each in scored[0].series.values()), "F"),
        "videos": videos,
        "objects": sum(len(video["objects"]) for video in videos),
        "breakdowns": describe_breakdowns(scored, attributes),
    }


def describe_pictures(drawn: int, videos: int, with_frames: bool) -> str:
    """What the page says of its pictures. drawn: how many of the videos have some."""
    if not drawn:
        return "No video has pictures here; --strips chooses how many get some."
    which = "every video" if drawn == videos else f"the {count_of(drawn, 'video')} of {videos} with the lowest scores"
    shown = f"Pictures of {which} show the worst frames, the worst first."
    grey = "" if with_frames else " The dataset has no frames on disk, so masks are drawn on grey."
    return f"{shown}{grey} Open a video to see them, with its scores over time."
