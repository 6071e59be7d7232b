"""Say what to check where an own figure is far from every published figure of the same checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vosbench.datasets.checkpoints import known_checkpoints
from vosbench.evaluation.scope import read_signature
from vosbench.evaluation.summary import Evaluation
from vosbench.evaluation.tables import format_percent
from vosbench.publishing.comparison import MethodComparison
from vosbench.publishing.paired import find_headline_metrics
from vosbench.publishing.published import PublishedFigure, read_published_facts, read_published_figures
from vosbench.publishing.published_table import name_published_metrics
from vosbench.running.run import Run
from vosbench.running.settings import PROMPTS_PARAMETER, RUN_PARAMETERS

CHECKS = (
    "check the weights (their sha256 in `vosbench show`), the frames and their size, the settings, and the dataset "
    "(`vosbench verify`); it is only a hint"
)


def find_run_hint(run: Run, evaluation: Evaluation) -> str:
    """What to check where the headline of a run is far from what is published of its checkpoint; empty if nothing.

    Only an evaluation of the whole split, by its own rules, strictly, of a run with default settings is compared, with
    the figures of the same tracker, checkpoint, dataset, split and prompt. The nearest of them counts: it must be
    further away than `far` in published.toml, which says where that is from. Raises VosbenchError for a damaged run.
    """
    if evaluation.marks:
        return ""
    facts = run.read_header()
    figures = _find_same_figures(facts, evaluation)
    metric = find_headline_metrics(evaluation)[0]
    own = 100 * evaluation.means[metric]
    apart = [(abs(own - float(figure.value)), index) for index, figure in enumerate(figures)]
    if not apart or not min(apart)[0] > read_published_facts().far:
        return ""
    distance, index = min(apart)
    nearest = figures[index]
    where = f"{nearest.name} on {nearest.dataset} {nearest.split}"
    side = "below" if own < float(nearest.value) else "above"
    source = ", ".join(filter(None, (nearest.run_by, nearest.source, nearest.table)))
    return (
        f"{metric} {format_percent(evaluation.means[metric])} is {distance:.1f} points {side} the nearest published "
        f"figure of the same checkpoint, {nearest.value} of {where} ({source}): {CHECKS}"
    )


def find_comparison_hints(comparison: MethodComparison) -> list[str]:
    """The hints on the runs of a comparison, each with the name of the method."""
    hints = [(each, find_run_hint(each.run, each.evaluation)) for each in comparison.methods if each.run]
    return [f"{each.name} on {' '.join(each.where)}: {hint}" for each, hint in hints if hint]


def _find_same_figures(facts: Mapping[str, Any], evaluation: Evaluation) -> list[PublishedFigure]:
    """The figures of the headline that are published of a run's checkpoint under its protocol."""
    found = name_same_method(facts)
    if found is None:
        return []
    published = read_published_facts()
    model, variant = found
    prompts = published.prompts.get(read_signature(evaluation.signature).get("prompt", "mask"), ())
    metrics = name_published_metrics(find_headline_metrics(evaluation)[:1])
    return [
        figure
        for figure in read_published_figures()
        if (figure.model, figure.variant, figure.weights) == (model, variant, "released")
        and (figure.dataset, figure.split) == (published.datasets.get(evaluation.dataset), evaluation.split)
        and figure.prompt in prompts
        and figure.metric in metrics
        and figure.value.replace(".", "", 1).isdigit()
    ]


def name_same_method(facts: Mapping[str, Any]) -> tuple[str, str] | None:
    """The model and the variant of published.csv that a run is. facts: the content of its run.json.

    None for a run without a checkpoint, with another setting than how its objects are given, with a file that only has
    the name of a published checkpoint, or of which nothing is published.
    """
    given = RUN_PARAMETERS.keys() - {PROMPTS_PARAMETER.name}
    if not facts.get("checkpoint") or set(facts.get("settings", ())) - given:
        return None
    stem = Path(facts["checkpoint"]).name.removesuffix(".pth").removesuffix(".pt")  # names have dots
    known = known_checkpoints().get(stem)
    if known and known.sha256 and facts.get("checkpoint_sha256") not in (None, known.sha256):
        return None
    for rows in read_published_facts().checkpoint:
        if rows.tracker == facts["tracker"] and stem in rows.variants:
            return rows.model, rows.variants[stem]
    return None
