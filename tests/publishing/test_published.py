"""Published figures: the file, what is said of its rows, its tables, and the hint on an own figure that is far away."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import DATA
from tests.support.published import KEPT, PUBLISHED, keep_confident_rows
from vosbench.datasets import registry
from vosbench.errors import VosbenchError
from vosbench.evaluation.summary import Evaluation
from vosbench.publishing import published_files
from vosbench.publishing.comparison import Bootstrap, MethodComparison, ScoredMethod, compare_scored
from vosbench.publishing.comparison_table import build_method_table
from vosbench.publishing.hints import find_run_hint, name_same_method
from vosbench.publishing.published import (
    PUBLISHED_COLUMNS,
    is_trained_on,
    list_row_notes,
    read_published_facts,
    read_published_figures,
    select_published,
)
from vosbench.publishing.published_table import (
    NOT_RANKED,
    build_published_tables,
    name_shown_metrics,
    select_beside,
)
from vosbench.running.run import Run
from vosbench.types import Metric, Score

COLLECTION = DATA.parent / "facts" / "published.csv"


def test_the_shipped_file_is_what_its_script_makes_of_the_collection() -> None:
    if not COLLECTION.is_file():
        pytest.skip(f"needs the collection of figures, {COLLECTION}")
    assert PUBLISHED.read_text() == keep_confident_rows(COLLECTION.read_text())


def test_only_rows_that_are_certain_enough_are_kept_with_all_columns() -> None:
    text = 'model,confidence,notes\na,high,"one, two"\nb,medium,\nc,medium-high,\nd,low,\n'
    assert keep_confident_rows(text) == 'model,confidence,notes\na,high,"one, two"\nc,medium-high,\n'
    assert {figure.confidence for figure in read_published_figures()} == set(KEPT)


def test_every_word_of_the_facts_occurs_in_the_figures() -> None:
    facts, figures = read_published_facts(), read_published_figures()
    assert set(facts.datasets) <= set(registry.known_datasets())
    assert set(facts.datasets.values()) <= {figure.dataset for figure in figures}
    assert {name for names in facts.metrics.values() for name in names} <= {figure.metric for figure in figures}
    assert {name for names in facts.prompts.values() for name in names} <= {figure.prompt for figure in figures}
    names = {(figure.model, figure.variant) for figure in figures}
    assert {(each.model, variant) for each in facts.checkpoint for variant in each.variants.values()} <= names
    for note in facts.note:
        assert any(note.text in list_row_notes(figure) for figure in figures), note


def test_every_training_is_said_to_contain_some_datasets_or_to_be_unknown() -> None:
    facts = read_published_facts()
    known = {training for each in facts.trained for training in each.training if not each.models}
    unknown = set(facts.unknown["training"])
    assert known & unknown == set()
    of_models = {training for each in facts.trained for training in each.training if each.models}
    assert {figure.training for figure in read_published_figures()} <= known | unknown | of_models


@pytest.mark.parametrize(
    ("model", "dataset", "flagged"),
    [
        ("SAM 3", "DAVIS 2017", True),
        ("SAM 3", "MOSE v2", True),
        ("SAM 3", "YouTube-VOS 2019", True),
        ("SAM 3", "SA-V", False),
        ("SAM 3.1", "DAVIS 2017", True),
        ("STCN", "SA-V", None),
    ],
)
def test_a_method_that_was_trained_on_the_datasets_videos_is_flagged(
    model: str, dataset: str, flagged: bool | None
) -> None:
    assert flagged in {is_trained_on(figure) for figure in select_published(dataset, model)}


def test_the_known_traps_are_notes_on_their_rows() -> None:
    (paper,) = {each.variant for each in select_published("mose", "SAM 2") if each.weights == "paper-only"} & {
        "Hiera-L (full mix)"
    }
    never = [note for each in select_published("mose", paper) for note in list_row_notes(each)]
    assert any("never released" in note for note in never)
    large = [each for each in select_published("lvosv2", "sam2.1_hiera_large") if each.metric == "J&F"]
    assert {"80.6", "84.0"} <= {each.value for each in large}
    assert all(any("two families" in note for note in list_row_notes(each)) for each in large)
    released = select_published("mose", "sam2.1_hiera_large")
    assert not any("never released" in note for each in released for note in list_row_notes(each))


def test_a_dataset_is_found_by_its_name_an_alias_or_as_it_is_published() -> None:
    assert select_published("davis") == select_published("davis2017") == select_published("davis 2017") != []
    with pytest.raises(
        VosbenchError, match="dataset synthetic: no published figures are known; there are figures of d"
    ):
        select_published("synthetic")
    with pytest.raises(VosbenchError, match="unknown dataset 'davis2018': did you mean"):
        select_published("davis2018")
    with pytest.raises(VosbenchError, match="unknown model 'XMen': did you mean XMem"):
        select_published("davis", "XMen")
    with pytest.raises(VosbenchError, match="unknown split 'vall': did you mean val"):
        select_published(split="vall")


def test_figures_stand_in_one_table_only_under_the_same_protocol_and_none_stands_out() -> None:
    figures = select_published("davis2017", split="val")
    tables, notes = build_published_tables(figures)
    assert len(tables) == len({figure.protocol for figure in figures})
    assert sum(len(table.rows) for table in tables) == len({figure.line for figure in figures})
    assert {table.best for table in tables} == {frozenset()}
    assert notes[0] == NOT_RANKED
    assert all(row[-2] for table in tables for row in table.rows)  # the source


def test_every_figure_is_in_the_tables_as_its_source_prints_it() -> None:
    figures = read_published_figures()
    tables, _ = build_published_tables(figures)
    shown = [value for table in tables for row in table.rows for cell in row[1:-3] for value in cell.split(" and ")]
    lines: dict[object, set[str]] = {}
    for figure in figures:
        lines.setdefault((figure.line, figure.dataset, figure.split, figure.metric), set()).add(figure.value)
    assert sorted(value for value in shown if value != "-") == sorted(v for values in lines.values() for v in values)


def evaluate(figure: float, dataset: str = "davis2017", prompt: str = "") -> Evaluation:
    scores = [Score(v, 1, Metric(m, "Mean"), figure) for v in ("a", "b") for m in "JF"]
    signature = f"vosbench:1|dataset:{dataset}|split:val|videos:2/2|rules:{dataset}{prompt}|strict:yes"
    return Evaluation(dataset, "val", signature, tuple(scores), videos=("a", "b"))


def compare(**methods: Evaluation) -> MethodComparison:
    return compare_scored([ScoredMethod(name, each) for name, each in methods.items()], Bootstrap(100))


def test_beside_a_comparison_stand_the_figures_of_its_split_metrics_and_prompt() -> None:
    comparison = compare(a=evaluate(0.1), b=evaluate(0.2))
    figures = select_beside(comparison)
    assert {(each.dataset, each.split, each.prompt) for each in figures} == {("DAVIS 2017", "val", "first mask")}
    assert {each.metric for each in figures} == {"J&F", "J", "F"}
    assert {each.metric for each in select_beside(comparison, ["J-Mean"])} == {"J"}
    assert {each.model for each in select_beside(comparison, models=["xmem"])} == {"XMem"}
    tables, _ = build_published_tables(figures, name_shown_metrics(comparison))
    assert {head for table in tables for head in table.columns[1:-3]} == {"J&F-Mean", "J-Mean", "F-Mean"}
    assert build_method_table(comparison).best == {(1, 1), (1, 2), (1, 3)}  # only one's own stand out


def test_other_prompts_and_unknown_datasets_have_no_figures_beside_them() -> None:
    by_box = select_beside(compare(a=evaluate(0.1, prompt="|prompt:box")))
    assert {figure.prompt for figure in by_box} == {"box first frame"}
    assert select_beside(compare(a=evaluate(0.1, prompt="|prompt:other"))) == []
    assert select_beside(compare(a=evaluate(0.1, dataset="animals"))) == []


def test_the_files_of_a_comparison_keep_the_columns_of_published_figures() -> None:
    comparison = compare(a=evaluate(0.1))
    figures = select_beside(comparison, ["J-Mean"], ["Hiera-L (full mix)", "XMem-s012"])
    formats = published_files.format_comparison(comparison, [], [], figures)
    texts = {form: "".join(make()) for form, make in formats.items()}
    written = json.loads(texts["json"])["published_percent"]
    assert [each["value"] for each in written] == [each.value for each in figures]
    rows = [row for row in csv.DictReader(io.StringIO(texts["csv"])) if row["kind"] == "published"]
    assert [float(row["value"]) for row in rows] == pytest.approx([float(each.value) / 100 for each in figures])
    assert [row["printed"] for row in rows] == [each.value for each in figures]
    assert {*PUBLISHED_COLUMNS} - {"model", "variant"} <= rows[0].keys()
    alone = published_files.format_comparison(comparison, [], [], [])
    assert "published_percent" not in json.loads("".join(alone["json"]()))


def write_run(folder: Path, **facts: object) -> Run:
    content: Mapping[str, object] = {
        "tracker": "sam2",
        "tracker_object": "x:y",
        "settings": {},
        "checkpoint": "sam2.1_hiera_tiny",
        "checkpoint_sha256": None,
        "dataset": "mosev1",
        "dataset_path": "x",
        "split": "val",
        "rules": "mosev1",
        "versions": {},
        "videos": {},
        "updated": "",
        **facts,
    }
    folder.mkdir(exist_ok=True)
    (folder / "run.json").write_text(json.dumps(content))
    return Run(folder)


def test_a_figure_far_from_that_of_the_same_checkpoint_draws_a_hint(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    hint = find_run_hint(run, evaluate(0.66, "mosev1"))
    assert hint.startswith(
        "J&F-Mean 66.0 is 5.8 points below the nearest published figure of the same checkpoint, 71.8"
    )
    assert "SAM 2.1 sam2.1_hiera_tiny on MOSE v1 val (authors, facebookresearch/sam2 README" in hint
    assert "above" in find_run_hint(run, evaluate(0.9, "mosev1"))
    assert find_run_hint(run, evaluate(0.711, "mosev1")) == ""


@pytest.mark.parametrize(
    "facts",
    [
        {"settings": {"memory_size": 3}},
        {"settings": {"prompts": "all"}},
        {"tracker": "flow"},
        {"checkpoint": None},
        {"checkpoint": "mine.pt"},
        {"checkpoint": "sam2.1_hiera_tiny.pt", "checkpoint_sha256": "0" * 64},
    ],
)
def test_another_method_draws_no_hint(tmp_path: Path, facts: Mapping[str, object]) -> None:
    run = write_run(tmp_path / "run", **facts)
    assert name_same_method(run.read_published()) is None
    assert find_run_hint(run, evaluate(0.1, "mosev1")) == ""


def test_a_part_another_prompt_and_another_dataset_draw_no_hint(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    assert find_run_hint(run, replace(evaluate(0.1, "mosev1"), marks=("1 of 2 videos",))) == ""
    assert find_run_hint(run, evaluate(0.1, "mosev1", "|prompt:other")) == ""
    assert find_run_hint(run, evaluate(0.1, "animals")) == ""


def test_where_two_families_of_figures_are_known_the_nearest_counts(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", checkpoint="checkpoints/sam2.1_hiera_large.pt")
    assert find_run_hint(run, evaluate(0.842, "lvosv2")) == ""
    assert find_run_hint(run, evaluate(0.802, "lvosv2")) == ""
    assert "nearest published figure" in find_run_hint(run, evaluate(0.823, "lvosv2"))


def test_the_numbers_of_notes_ascend_in_each_row() -> None:
    tables, _ = build_published_tables(select_published("lvosv2", "SAM 2.1"))
    numbered = [re.search(r"\[([\d,]+)\]$", row[0]) for table in tables for row in table.rows]
    listed = [[int(number) for number in found[1].split(",")] for found in numbered if found]
    assert max(map(len, listed)) > 2
    assert all(each == sorted(each) for each in listed)
