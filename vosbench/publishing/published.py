"""Read figures that others published: results/published.csv, and what results/published.toml says of its rows.

The CSV has one figure a row and is shown as it was collected: nothing is averaged, and `value` is what the source
prints, in percent. The TOML file relates its names to those of vosbench, and holds notes on rows.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from vosbench.datasets.registry import find_dataset, known_datasets
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.plugins import make_unknown_name_error
from vosbench.io.schema import build_dataclass

PUBLISHED_FOLDER, FIGURES_FILE, FACTS_FILE = "results", "published.csv", "published.toml"


@dataclass(frozen=True)
class PublishedFigure:
    """One figure, in the words of its source; every field is a column of published.csv, and empty if it is not known.

    weights: "released", "paper-only" or "unknown". value: in percent, as printed. run_by: who measured it. confidence:
    how sure it is that the source prints this figure for this row.
    """

    model: str
    variant: str
    weights: str
    training: str
    dataset: str
    split: str
    prompt: str
    frames: str
    resolution: str
    metric: str
    value: str
    fps: str
    gpu: str
    run_by: str
    source: str
    table: str
    url: str
    date: str
    confidence: str
    notes: str

    @property
    def name(self) -> str:
        """The model and its variant."""
        return f"{self.model} {self.variant}".strip()

    @property
    def protocol(self) -> tuple[str, str, str, str, str]:
        """What must be the same for figures to be comparable: weights, training, prompt, frames, resolution."""
        return self.weights, self.training, self.prompt, self.frames, self.resolution

    @property
    def line(self) -> tuple[str, ...]:
        """What identifies the line of a table that the figure stands in: all but dataset, split, metric and value."""
        return self.model, self.variant, *self.protocol, self.run_by, self.source, self.table, self.url, self.date


PUBLISHED_COLUMNS = tuple(each.name for each in fields(PublishedFigure))


@dataclass(frozen=True)
class TrainedOn:
    """The datasets whose own videos some training data contain; of the given models, or of all if there are none."""

    training: tuple[str, ...]
    datasets: tuple[str, ...]
    models: tuple[str, ...] = ()


@dataclass(frozen=True)
class RowNote:
    """A note on the rows that have, in each of some columns, one of some values."""

    text: str
    where: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class CheckpointRows:
    """Which variant of a model is published of each checkpoint that a tracker runs with."""

    tracker: str
    model: str
    variants: dict[str, str]


@dataclass(frozen=True)
class PublishedFacts:
    """The content of published.toml, which explains each entry."""

    far: float
    datasets: dict[str, str]
    metrics: dict[str, tuple[str, ...]]
    prompts: dict[str, tuple[str, ...]]
    trained: tuple[TrainedOn, ...]
    unknown: dict[str, tuple[str, ...]]
    note: tuple[RowNote, ...]
    checkpoint: tuple[CheckpointRows, ...]


@cache
def read_published_facts() -> PublishedFacts:
    """The content of published.toml. Raises VosbenchError for a damaged file."""
    path = paths.find_shipped_folder(PUBLISHED_FOLDER) / FACTS_FILE
    content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return build_dataclass(PublishedFacts, content, str(path))


@cache
def read_published_figures() -> tuple[PublishedFigure, ...]:
    """All figures, in the order of the file. Raises VosbenchError for a file with other columns."""
    path = paths.find_shipped_folder(PUBLISHED_FOLDER) / FIGURES_FILE
    reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline=""))
    if tuple(reader.fieldnames or ()) != PUBLISHED_COLUMNS:
        raise VosbenchError(path, f"expected the columns {', '.join(PUBLISHED_COLUMNS)}", "install vosbench again")
    return tuple(PublishedFigure(**row) for row in reader)


def is_trained_on(figure: PublishedFigure) -> bool | None:
    """Whether a method was trained on videos of the dataset that the figure is of; None if the source does not say."""
    facts = read_published_facts()
    for each in facts.trained:
        if figure.training in each.training and figure.model in (each.models or (figure.model,)):
            return figure.dataset in each.datasets
    return None


def list_row_notes(figure: PublishedFigure) -> list[str]:
    """The notes on a figure: those of published.toml whose conditions it meets, then its own."""
    fitting = [
        note.text
        for note in read_published_facts().note
        if all(getattr(figure, column) in values for column, values in note.where.items())
    ]
    return [*fitting, *filter(None, [figure.notes])]


def select_published(
    dataset: str | None = None, model: str | None = None, split: str | None = None, prompt: str | None = None
) -> list[PublishedFigure]:
    """The figures of a dataset, a model, a split and a prompt, in the order of the file; None takes all.

    dataset: a name or alias of a card, or a name in published.csv. model: a model or a variant, in upper or lower case.
    Raises VosbenchError for a name that has no figures.
    """
    wanted = {
        "dataset": find_published_dataset(dataset) if dataset else None,
        "split": _match_column("split", split),
        "prompt": _match_column("prompt", prompt),
    }
    found = [
        figure
        for figure in read_published_figures()
        if all(value is None or getattr(figure, column) == value for column, value in wanted.items())
    ]
    return _select_model(found, model) if model else found


def find_published_dataset(name: str) -> str:
    """The name in published.csv of a dataset. Raises VosbenchError if it has no published figures."""
    facts = read_published_facts()
    published = dict.fromkeys(figure.dataset for figure in read_published_figures())
    if same := [each for each in published if each.lower() == name.lower()]:
        return same[0]
    known = known_datasets()
    aliases = {alias for card in known.values() for alias in (card.name, *card.aliases)}
    if name in aliases and (own := find_dataset(name).name):
        if own in facts.datasets:
            return facts.datasets[own]
        remedy = f"there are figures of {', '.join(facts.datasets)}"
        raise VosbenchError(f"dataset {name}", "no published figures are known", remedy)
    raise make_unknown_name_error("dataset", name, [*facts.datasets, *published])


def _match_column(column: str, value: str | None) -> str | None:
    """A value of a column in the spelling of the file. Raises VosbenchError for one that no row has."""
    if value is None:
        return None
    known = {each.lower(): each for figure in read_published_figures() if (each := str(getattr(figure, column)))}
    if value.lower() not in known:
        raise make_unknown_name_error(column, value, known.values())
    return known[value.lower()]


def _select_model(figures: Sequence[PublishedFigure], name: str) -> list[PublishedFigure]:
    wanted = name.lower()
    found = [each for each in figures if wanted in (each.model.lower(), each.variant.lower(), each.name.lower())]
    if not found:
        known = dict.fromkeys(each.model for each in figures)
        raise make_unknown_name_error("model", name, known, "to see all, run: vosbench published")
    return found


def describe_figure(figure: PublishedFigure) -> dict[str, Any]:
    """A figure for JSON and CSV: all columns, whether it was trained on the dataset's videos, and its notes."""
    columns: Mapping[str, str] = {column: getattr(figure, column) for column in PUBLISHED_COLUMNS}
    return {**columns, "trained_on_its_videos": is_trained_on(figure), "remarks": list_row_notes(figure)}
