"""Published figures as tables: one for each split and protocol, never ranked, each row with its source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from vosbench.evaluation.scope import read_signature
from vosbench.evaluation.tables import MISSING_VALUE, Table
from vosbench.publishing.comparison import MethodComparison
from vosbench.publishing.comparison_table import find_shown_metrics
from vosbench.publishing.published import (
    PublishedFigure,
    is_trained_on,
    list_row_notes,
    read_published_facts,
    read_published_figures,
)
from vosbench.types import Metric

TRAINED, UNSURE = "*", "?"
LEGEND = (
    f"{TRAINED} trained on videos of this dataset, as its training data say; {UNSURE} the source does not say on which "
    "videos it was trained"
)
NOT_RANKED = (
    "published figures are what their sources print; they stand apart by weights, training, prompt, frames and "
    "resolution, and none is ranked or averaged with another or with yours"
)
PROTOCOL = ("weights", "training", "prompt", "frames", "resolution")


def build_published_tables(
    figures: Iterable[PublishedFigure], heads: Mapping[str, str] | None = None
) -> tuple[list[Table], list[str]]:
    """Tables of figures, one for each dataset, split and protocol in the order of the file; and the notes below them.

    heads: the metrics to show and how their columns are called; all of each table by their own names if None. A number
    in brackets behind a method is that of a note. Nothing stands out, and no figure is computed.
    """
    groups: dict[tuple[str, ...], list[PublishedFigure]] = {}
    for figure in figures:
        if heads is None or figure.metric in heads:
            groups.setdefault((figure.dataset, figure.split, *figure.protocol), []).append(figure)
    if not groups:
        return [], []
    numbers: dict[str, int] = {}
    tables = [_build_protocol_table(key, of, heads or {}, numbers) for key, of in groups.items()]
    shown = [figure for of in groups.values() for figure in of]
    addresses = dict.fromkeys(f"{each.source}: {each.url}" for each in shown if each.url)
    notes = [f"[{number}] {text}" for text, number in numbers.items()]
    return tables, [NOT_RANKED, LEGEND, *notes, *addresses]


def _build_protocol_table(
    key: Sequence[str], figures: Sequence[PublishedFigure], heads: Mapping[str, str], numbers: dict[str, int]
) -> Table:
    """The table of one dataset, split and protocol. numbers: of the notes, to which new ones are added."""
    dataset, split, *protocol = key
    stated = [f"{name} {value}" for name, value in zip(PROTOCOL, protocol, strict=True) if value]
    metrics = list(dict.fromkeys(figure.metric for figure in figures))
    lines: dict[tuple[str, ...], list[PublishedFigure]] = {}
    for figure in figures:
        lines.setdefault(figure.line, []).append(figure)
    rows = []
    for of in lines.values():
        values: dict[str, list[str]] = {}
        for figure in of:
            values.setdefault(figure.metric, []).append(figure.value)
        cells = [" and ".join(dict.fromkeys(values.get(metric, [MISSING_VALUE]))) for metric in metrics]
        source = ", ".join(filter(None, (of[0].source, of[0].table)))
        rows.append((_format_name(of, numbers), *cells, of[0].run_by or MISSING_VALUE, source, of[0].date))
    columns = ("method", *(heads.get(metric, metric) for metric in metrics), "run by", "source", "date")
    title = f"published, {dataset} {split}: {'; '.join(stated) or 'nothing is said of weights and protocol'}"
    return Table(columns, tuple(rows), title=title)


def _format_name(figures: Sequence[PublishedFigure], numbers: dict[str, int]) -> str:
    """The name of a method with its flag and the numbers of its notes."""
    trained = is_trained_on(figures[0])
    flag = f" {UNSURE}" if trained is None else f" {TRAINED}" if trained else ""
    notes = dict.fromkeys(note for figure in figures for note in list_row_notes(figure))
    marks = sorted(numbers.setdefault(note, len(numbers) + 1) for note in notes)
    listed = f" [{','.join(map(str, marks))}]" if marks else ""
    return f"{figures[0].name}{flag}{listed}"


def select_beside(
    comparison: MethodComparison, names: Sequence[str] = (), models: Sequence[str] = ()
) -> list[PublishedFigure]:
    """The published figures that can stand beside a comparison: of its splits, its metrics and its prompts.

    names: of the metrics that are shown, see `find_shown_metrics`. models: only these models or variants; all if empty.
    """
    facts, wanted = read_published_facts(), [model.lower() for model in models]
    found = []
    for where, metrics in find_shown_metrics(comparison, names).items():
        prompts = {
            prompt
            for each in comparison.on(where).values()
            for prompt in facts.prompts.get(read_signature(each.signature).get("prompt", "mask"), ())
        }
        found += [
            figure
            for figure in read_published_figures()
            if (figure.dataset, figure.split) == (facts.datasets.get(where[0]), where[1])
            and figure.prompt in prompts
            and figure.metric in name_published_metrics(metrics)
            and (not wanted or {figure.model.lower(), figure.variant.lower(), figure.name.lower()} & {*wanted})
        ]
    return found


def name_shown_metrics(comparison: MethodComparison, names: Sequence[str] = ()) -> dict[str, str]:
    """The metrics of published.csv that a comparison shows on any split, each with our name."""
    shown = find_shown_metrics(comparison, names).values()
    return name_published_metrics(metric for metrics in shown for metric in metrics)


def name_published_metrics(metrics: Iterable[Metric]) -> dict[str, str]:
    """The metrics of published.csv that are the same figures as some of ours, each with our name."""
    facts = read_published_facts()
    names: dict[str, str] = {}
    for metric in metrics:
        for published in facts.metrics.get(str(metric), ()):
            names.setdefault(published, str(metric))
    return names
