"""A comparison as tables of text, and the notes below them; in percent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from vosbench.datasets.card import Rules
from vosbench.evaluation.interval import CONFIDENCE
from vosbench.evaluation.rows import JF_MEAN
from vosbench.evaluation.score_object import list_metrics
from vosbench.evaluation.summary import Evaluation
from vosbench.evaluation.tables import MISSING_VALUE, Table, format_percent
from vosbench.io.plugins import make_unknown_name_error
from vosbench.io.wording import count_of
from vosbench.publishing.changes import VideoChange
from vosbench.publishing.comparison import MethodComparison
from vosbench.publishing.paired import Pair, PairedDifference, find_headline_metrics
from vosbench.types import Metric

NOT_COMPARABLE = "NOT COMPARABLE"
P_MEANING = (
    "p = (1 + k) / (1 + n), two-sided: k of the n draws lie at least as far from the observed difference as 0 does"
)

HOLM_MEANING = "p (Holm): adjusted for having compared several methods with the same one, for each metric (Holm 1979)"


def find_shown_metrics(comparison: MethodComparison, names: Sequence[str] = ()) -> dict[tuple[str, str], list[Metric]]:
    """The metrics that the table shows of each split.

    names: of metrics, as `eval` states them. By default the headline's of one split, and of seen and unseen objects
    where these are averaged separately; of several splits only the figure that each ranks by.
    Raises VosbenchError for a metric that no method has on any split.
    """
    if not names:
        few = len(comparison.splits) > 1
        return {where: _default_metrics(comparison.on(where).values(), few) for where in comparison.splits}
    wanted = find_metrics(names, [metric for method in comparison.methods for metric in method.evaluation.means])
    return {
        where: [metric for metric in wanted if any(metric in each.means for each in comparison.on(where).values())]
        for where in comparison.splits
    }


def find_metrics(names: Iterable[str], metrics: Iterable[Metric]) -> list[Metric]:
    """The metrics of some names, in upper or lower case. Raises VosbenchError for a name that none of them has."""
    known = {str(metric): metric for metric in metrics}
    lower = {name.lower(): metric for name, metric in known.items()}
    for name in names:
        if name.lower() not in lower:
            raise make_unknown_name_error("metric", name, known)
    return [lower[name.lower()] for name in names]


def list_mean_metrics(rules: Rules) -> list[Metric]:
    """The metrics of the means that an evaluation by some rules can have."""
    of_objects = list_metrics(rules)
    means = [metric for metric in of_objects if metric.statistic == "Mean"]
    groups = [Metric(metric.measure, group) for group in ("seen", "unseen") for metric in means]
    return [JF_MEAN, *of_objects, *([Metric("G"), *groups] if rules.seen or rules.unseen_videos else [])]


def _default_metrics(evaluations: Iterable[Evaluation], few: bool) -> list[Metric]:
    evaluations = list(evaluations)
    headline = find_headline_metrics(evaluations[0])
    if few:
        return [headline[0]]
    groups = (metric for each in evaluations for metric in each.means if metric.statistic in ("seen", "unseen"))
    return list(dict.fromkeys((*headline, *(metric for metric in groups if metric.measure in ("J", "F")))))


def build_comparison_tables(
    comparison: MethodComparison, metrics: Sequence[str] = (), intervals: bool = False, top: int = 5
) -> list[Table]:
    """The table of methods and splits; then, for each pair, the differences, and the videos that changed most.

    metrics: see `find_shown_metrics`. intervals: put its interval beside each figure. top: how many videos that gained
    and how many that lost are shown. The best figure of a column stands out, all that look the same if several do; none
    in a column with one figure or with figures that are not comparable.
    """
    return [
        build_method_table(comparison, metrics, intervals),
        *(
            replace(table, title=f"{NOT_COMPARABLE}; {table.title}") if _differ(comparison, where) else table
            for pair in comparison.pairs
            for where in [(pair.dataset, pair.split)]
            for table in build_pair_tables(pair, top)
        ),
    ]


def build_method_table(comparison: MethodComparison, names: Sequence[str] = (), intervals: bool = False) -> Table:
    """A row a method, a column a metric of a split; see `build_comparison_tables`."""
    shown = find_shown_metrics(comparison, names)
    several = len(shown) > 1
    columns = [(where, metric) for where, metrics in shown.items() for metric in metrics]
    heads = [f"{' '.join(where)} {metric}" if several else str(metric) for where, metric in columns]
    rows, best = [], set()
    for name in comparison.names:
        of_name = [comparison.on(where).get(name) for where, _ in columns]
        cells = [_format_figure(each, metric, intervals) for each, (_, metric) in zip(of_name, columns, strict=True)]
        rows.append((name, *cells))
    for index, (where, metric) in enumerate(columns, 1):
        if not _differ(comparison, where):
            best |= {(row, index) for row in _find_best([row[index] for row in rows], metric)}
    title = "; ".join([NOT_COMPARABLE, *comparison.differences]) if comparison.differences else ""
    return Table(("method", *heads), tuple(rows), title=title, best=frozenset(best))


def _differ(comparison: MethodComparison, where: tuple[str, str]) -> bool:
    """Whether the methods on a split are not comparable."""
    return any(line.startswith(f"{' '.join(where)}: ") for line in comparison.differences)


def _format_figure(evaluation: Evaluation | None, metric: Metric, intervals: bool) -> str:
    if evaluation is None:
        return MISSING_VALUE
    text, interval = format_percent(evaluation.means.get(metric)), evaluation.intervals.get(metric)
    return f"{text} {interval}" if intervals and interval else text


def _find_best(cells: Sequence[str], metric: Metric) -> list[int]:
    """The rows with the best figure as it is displayed, so that what looks the same is treated the same."""
    figures = {row: float(cell.split()[0]) for row, cell in enumerate(cells) if cell != MISSING_VALUE}
    if len(figures) < 2:
        return []
    best = (max if metric.higher_is_better else min)(figures.values())
    return [row for row, figure in figures.items() if figure == best]


def build_pair_tables(pair: Pair, top: int) -> list[Table]:
    """The differences of the headline's metrics with their intervals and p; then the videos that changed most."""
    names = (pair.first, pair.second)
    over = f"{count_of(len(pair.objects), 'object')} of {count_of(len(pair.videos), 'video')}"
    holm = any(each.p_holm is not None for each in pair.differences.values())
    columns = ("metric", "difference", f"{CONFIDENCE:.0%} interval", "p", *(["p (Holm)"] if holm else []))
    rows = [
        (str(metric), *format_difference(each), *([format_p(each.p_holm)] if holm else []))
        for metric, each in pair.differences.items()
    ]
    title = f"{pair.dataset} {pair.split}: {pair.second} minus {pair.first}, paired over {over}"
    changed = [
        Table(
            ("video", "objects", *names, "difference"),
            tuple(_format_change(each) for each in changes),
            title=f"{pair.metric} {verb} most in {pair.second}",
        )
        for verb, changes in zip(("gained", "lost"), pair.changes(top), strict=True)
        if changes
    ]
    return [Table(columns, tuple(rows), title=title), *changed]


def format_difference(each: PairedDifference) -> tuple[str, str, str]:
    """The difference, its interval and p as text, with "-" for what there is none of."""
    return (
        format_change(each.value),
        f"[{format_change(each.interval.low)}, {format_change(each.interval.high)}]"
        if each.interval
        else MISSING_VALUE,
        format_p(each.p),
    )


def _format_change(each: VideoChange) -> tuple[str, ...]:
    return (
        each.video,
        str(each.objects),
        format_percent(each.first),
        format_percent(each.second),
        format_change(each.difference),
    )


def format_change(value: float) -> str:
    """A difference in percent points with its sign and one decimal; "0.0" where it rounds to nothing."""
    text = f"{100 * value:+z.1f}"
    return "0.0" if text == "+0.0" else text


def format_p(p: float | None) -> str:
    """A p with two significant digits; from 0.1 on with two decimals."""
    if p is None:
        return MISSING_VALUE
    return f"{p:.2f}" if p >= 0.1 else f"{p:.3f}" if p >= 0.01 else f"{p:.2g}"


def list_comparison_notes(comparison: MethodComparison) -> list[str]:
    """What is printed below the tables: how intervals and p were drawn, what was left out, and the notes."""
    how = next((each.evaluation.intervals_meaning for each in comparison.methods if each.evaluation.intervals), "")
    tested = any(each.p is not None for pair in comparison.pairs for each in pair.differences.values())
    untested = [f"{pair.dataset} {pair.split}: {why}" for pair in comparison.pairs if (why := _explain_untested(pair))]
    unpaired = [line for pair in comparison.pairs for line in pair.unpaired_in_short]
    adjusted = any(each.p_holm is not None for pair in comparison.pairs for each in pair.differences.values())
    paired = {(pair.dataset, pair.split) for pair in comparison.pairs}
    open_splits = [
        f"{' '.join(where)}: no difference is tested between {len(several)} methods; "
        "choose the one that the others are compared with: --against NAME"
        for where in comparison.splits
        if len(several := comparison.on(where)) > 2 and where not in paired
    ]
    lines = [
        how,
        P_MEANING if tested else "",
        HOLM_MEANING if adjusted else "",
        *open_splits,
        *untested,
        *unpaired,
        *comparison.notes,
    ]
    return list(dict.fromkeys(filter(None, lines)))


def _explain_untested(pair: Pair) -> str:
    if not pair.objects:
        return "no object has a value in both methods, so there is no difference"
    if any(each.p is None for each in pair.differences.values()):
        return "no interval and no p: videos are what is drawn for them, and only one has a difference"
    return ""
