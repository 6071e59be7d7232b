"""Make a report of one or several methods on a split: score them, measure the ground truth, draw, write one file."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.evaluation.lazy_sequence import LazySequence
from vosbench.io import processes
from vosbench.io.files import refuse_pipe, require_writable, write_bytes
from vosbench.io.sharing import share_tasks
from vosbench.masks.folder import MaskFolder
from vosbench.publishing.paired import find_headline_metrics
from vosbench.reports.attribute_columns import AttributeColumns
from vosbench.reports.attributes import measure_attributes
from vosbench.reports.collect import ReportedMethod, bring_together
from vosbench.reports.content import (
    OnStep,
    announce_step,
    describe_every_video,
    describe_pictures,
    describe_report,
    describe_shown,
    ignore_step,
)
from vosbench.reports.figures_file import name_figures_file, write_figures_file
from vosbench.reports.page_videos import choose_page_videos
from vosbench.reports.pictures import draw_pictures
from vosbench.reports.render import render_page, require_packages
from vosbench.running.methods import Method, name_apart, score_method

DEFAULT_STRIPS = 30  # videos with pictures: all of DAVIS 2017 val
FRAMES_A_VIDEO = 10  # a guess, which decides whether more processes are worth it
DEFAULT_SHOWN = 1000  # videos on the page in full: all of every benchmark's validation split


@dataclass(frozen=True)
class Report:
    """A report that was written.

    path: of the page. problems: what was scored as absent, a line each. figures: the CSV with the figures of all
    objects, which a page has that does not show all videos in full; otherwise None.
    """

    path: Path
    problems: tuple[str, ...]
    figures: Path | None = None


@dataclass(frozen=True, eq=False)
class AttributeTasks(LazySequence[tuple[str, MaskFolder]]):
    """The videos with their ground truth, made when they are asked for, because 50,000 of them take much memory."""

    dataset_split: DatasetSplit
    videos: Sequence[str]

    def __len__(self) -> int:
        return len(self.videos)

    def make_item(self, position: int) -> tuple[str, MaskFolder]:
        video = self.videos[position]
        return video, self.dataset_split.ground_truth(video)


@dataclass(frozen=True)
class Choices:
    """How a report is made; see `vosbench.report`."""

    videos: tuple[str, ...] = ()
    jobs: int | None = None
    strict: bool = True
    strips: int = DEFAULT_STRIPS
    shown: int = DEFAULT_SHOWN
    title: str | None = None
    overwrite: bool = False


def write_report(methods: Sequence[Method], out: Path, choices: Choices, on_step: OnStep = ignore_step) -> Report:
    """Write a report of methods that are open. Raises VosbenchError as `vosbench.report` does."""
    require_packages()
    dataset_split, jobs = _require_same_split(methods), choices.jobs or processes.count_cores()
    figures_file = name_figures_file(out)
    _require_free(out, choices)
    if len(choices.videos or dataset_split.videos) > choices.shown:
        refuse_pipe(out)  # beside which no file belongs
        _require_free(figures_file, choices)
    scored = [_score_and_read(method, choices, on_step) for method in name_apart(methods)]
    asked = set(scored[0].evaluation.videos)
    attributes = _measure(dataset_split, [video for video in dataset_split.videos if video in asked], jobs, on_step)
    metric = find_headline_metrics(scored[0].evaluation)[0]
    chosen = choose_page_videos(scored, list(attributes), metric, choices.shown, choices.strips)
    content = describe_report(scored, attributes, dataset_split, chosen, choices.title, on_step)
    on_picture = partial(on_step, "drawing frames")
    pictures = draw_pictures(scored, attributes, dataset_split, chosen.pictured, jobs, on_picture)
    with_frames = any(frame["frame"] for frames in pictures.values() for frame in frames)
    notes = {
        "pictures_note": describe_pictures(len(pictures), len(chosen.scored), with_frames),
        "shown_note": describe_shown(chosen, metric, figures_file.name),
    }
    places = {video: place for place, video in enumerate(chosen.shown)}
    strips = {places[video]: frames for video, frames in pictures.items()}
    every_video = describe_every_video(scored, attributes, chosen) if chosen.left_out else None
    page = render_page({**content, **notes}, strips, every_video).encode()
    if chosen.left_out:
        write_figures_file(figures_file, scored)
    write_bytes(out, page)
    problems = tuple(problem for each in scored for problem in each.evaluation.problems)
    return Report(out, problems, figures_file if chosen.left_out else None)


def _require_free(path: Path, choices: Choices) -> None:
    """Raise VosbenchError if a file is there that is not to be replaced, or if none could be written there."""
    if path.exists() and not choices.overwrite:
        raise VosbenchError(path, "is there already", "choose another file with -o, or give --overwrite")
    require_writable(path)


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
    with announce_step(on_step, f"intervals of {method.name}"):
        evaluation = evaluation.with_intervals()
    return bring_together(method, evaluation)


def _measure(dataset_split: DatasetSplit, videos: Sequence[str], jobs: int, on_step: OnStep) -> AttributeColumns:
    """The attributes of videos, in their order."""
    found, tasks = AttributeColumns(videos), AttributeTasks(dataset_split, videos)
    with closing(share_tasks(measure_attributes, tasks, [FRAMES_A_VIDEO] * len(tasks), jobs)) as results:
        for _, attributes in results:
            found.add(attributes)
            on_step("measuring the ground truth", len(found), len(tasks))
    return found
