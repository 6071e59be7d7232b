"""The result of an evaluation, Evaluation, and its signature: all settings that made the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from vosbench.datasets.split import DatasetSplit
from vosbench.evaluation.interval import BOOTSTRAP_SEED, DRAWS, Interval, bootstrap_intervals
from vosbench.evaluation.reused_scores import ReusedScores
from vosbench.evaluation.rows import F_MEAN, J_MEAN, JF_MEAN, ObjectGroups, summarise_scores
from vosbench.evaluation.scope import describe_scope, read_signature
from vosbench.evaluation.tables import MAIN_METRICS, TableView, build_tables, format_html, format_percent, shorten_view
from vosbench.io.wording import count_of
from vosbench.types import FrameScore, Metric, Score
from vosbench.version import __version__

MAIN_HEADLINE_METRICS = (JF_MEAN, J_MEAN, F_MEAN)
HEADLINE_METRICS = (Metric("J&F_new"), J_MEAN, Metric("F_new"))
"""The figure that a benchmark ranks by and its parts, where the benchmark has a measure of its own."""
NO_INTERVAL = "no confidence interval: videos are what is drawn for it, and fewer than two have a value"


@dataclass(frozen=True, repr=False)
class Evaluation:
    """The scores of a set of masks on one split, and the signature of the settings that made them.

    All figures are fractions: `evaluation["J&F-Mean"]` is 0.845, say; `evaluation.means` holds every figure.
    scores: of each object. frames: of each object in each scored frame; `scores` are made from these, and
    `score_split` holds both in columns, see `ScoreColumns` and `FrameColumns`. groups: "seen" or
    "unseen" in training, where the rules separate them. problems: a line for each thing that was scored as absent.
    notes: a line for each other thing to know, such as objects without a value and what 255 was taken for.
    videos: those that were to be scored. marks: what sets it apart from an evaluation of the whole split, by the run's
    own rules, strictly, in words such as "1 of 30 videos". records_digest: of the run's records when it was scored;
    empty for masks that are not a run. intervals: of the means, see `with_intervals`; none until they are asked for.
    reused: how many videos' scores are those of an earlier evaluation; None if that was not asked for. all_names: of
    each note that names only some of the things that it is about, all of them.
    """

    dataset: str
    split: str
    signature: str
    scores: Sequence[Score]
    groups: ObjectGroups = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    frames: Sequence[FrameScore] = ()
    notes: tuple[str, ...] = ()
    videos: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    records_digest: str = ""
    intervals: Mapping[Metric, Interval] = field(default_factory=dict)
    reused: ReusedScores | None = None
    all_names: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def with_intervals(self, draws: int = DRAWS, seed: int = BOOTSTRAP_SEED) -> Evaluation:
        """The same with a confidence interval of each mean, by a bootstrap over videos, see `evaluation.interval`.

        Where fewer than two videos have a value there is no interval, and a note says so.
        """
        intervals = bootstrap_intervals(self.scores, self.groups, draws, seed)
        notes = self.notes if intervals else (*self.notes, NO_INTERVAL)
        return replace(self, intervals=intervals, notes=notes)

    @cached_property
    def means(self) -> Mapping[Metric, float]:
        """The mean of each metric over all objects, J&F-Mean first; NaN where no object has a value."""
        return summarise_scores(self.scores, self.groups)

    def __getitem__(self, metric: str | Metric) -> float:
        """The mean of a metric over all objects. Raises KeyError, which names the known metrics, for any other."""
        if metric not in self:
            raise KeyError(f"no metric {metric}; this evaluation has {', '.join(map(str, self.means)) or 'none'}")
        return self.means[Metric.parse(metric) if isinstance(metric, str) else metric]

    def __contains__(self, metric: object) -> bool:
        """Whether the evaluation has a metric, or one of this name."""
        return (Metric.parse(metric) if isinstance(metric, str) else metric) in self.means

    def __repr__(self) -> str:
        main = [metric for metric in self.means if metric in MAIN_METRICS]
        others = [metric for metric in self.means if metric not in MAIN_METRICS]
        lines = (", ".join(f"{m} {format_percent(self.means[m])}" for m in metrics) for metrics in (main, others))
        return "\n".join(filter(None, (f"Evaluation of {self._describe()}", *lines, *self._notes())))

    def _repr_html_(self) -> str:
        """The table of `vosbench eval`, for notebooks."""
        view, shown = shorten_view(self.scores, TableView())
        notes = [f'{shown}; all: vosbench.dataframe(evaluation, "video")', *self._notes()] if shown else self._notes()
        return format_html(build_tables(self.scores, self.groups, view), self._describe(), notes)

    @property
    def headline(self) -> str:
        """The main figure, its parts and what they are of, in one line."""
        names = HEADLINE_METRICS if HEADLINE_METRICS[0] in self else MAIN_HEADLINE_METRICS
        mean, *parts = (f"{metric.measure} {self._format_figure(metric)}" for metric in names)
        rules = read_signature(self.signature).get("rules", self.dataset)
        named = [f"rules of {rules}"] if rules != self.dataset else []
        what = dict.fromkeys([f"{self.dataset} {self.split}", *self._count(), *named, *self.marks])
        return f"{mean}  ({', '.join(parts)})  {', '.join(what)}"

    @property
    def intervals_meaning(self) -> str:
        """What the intervals are, in words; empty if there are none."""
        return next((interval.meaning for interval in self.intervals.values()), "")

    def _format_figure(self, metric: Metric) -> str:
        """A mean in percent, with its interval if there is one."""
        interval = self.intervals.get(metric)
        return f"{format_percent(self.means.get(metric))}{f' {interval}' if interval else ''}"

    def _count(self) -> tuple[str, str]:
        """How many videos and objects have scores, in words."""
        objects = {(score.video, score.object) for score in self.scores}
        videos = count_of(len({video for video, _ in objects}), "video")
        return describe_scope(self.signature).get("videos", videos), count_of(len(objects), "object")

    def _describe(self) -> str:
        videos, objects = self._count()
        marks = [mark for mark in self.marks if mark != videos]
        return ", ".join([f"{self.dataset} {self.split}: {objects} in {videos}", *marks, "percent"])

    def _notes(self) -> list[str]:
        """The first problem and the signature."""
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        return [*(f"scored as absent: {problem}{more}" for problem in self.problems[:1]), self.signature]


CLICK_CENTRE = "farthest_from_border"  # where in a region a simulated user clicks, see `prompting.simulate`


def format_signature(dataset_split: DatasetSplit, videos: Sequence[str], strict: bool) -> str:
    """The settings that make a number, in one line of `name:value`; docs/evaluation.md explains each.

    videos: those that have a value.
    """
    rules = dataset_split.rules
    skipped = "+".join(name for name, skip in (("first", rules.skip_first), ("last", rules.skip_last)) if skip)
    parts = {
        "vosbench": __version__,
        "dataset": dataset_split.name,
        "split": dataset_split.split.name,
        "videos": f"{len(videos)}/{len(dataset_split.videos)}",
        "prompt": dataset_split.prompt,
        "prompter": dataset_split.prompter,
        "click_centre": CLICK_CENTRE if dataset_split.prompt.endswith("click") else "",
        "rules": rules.name,
        "void": "+".join(map(str, rules.void)) or "none",
        "objects": "merged" if rules.merge else rules.objects,
        "span": rules.span + ("+from_seen" if rules.from_seen else ""),
        "skip": skipped or "none",
        "measure": rules.measure,
        "tolerance": rules.tolerance,
        "boundary_side": rules.boundary_side,
        "groups": "seen+unseen" if rules.seen or rules.unseen_videos else "",
        "source": rules.source,
        "strict": "yes" if strict else "no",
    }
    return "|".join(f"{name}:{value}" for name, value in parts.items() if value not in (None, ""))
