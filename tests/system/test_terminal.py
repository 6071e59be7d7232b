"""What is shown fits a terminal of 80 columns, and no name or path is broken."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.terminal import show_on_terminal
from vosbench.cli import console
from vosbench.cli.table import print_table


@pytest.mark.slow
def test_lists_fit_80_columns_and_break_no_name(cli: Cli, run: Path) -> None:
    name = "bears-val/sam2-sam2.1_hiera_base_plus+memory_size=3"
    shutil.copytree(run, cli.folder / "results" / name)
    shown = show_on_terminal(cli, 80, "list")
    assert max(map(len, shown)) <= 80
    for heading in (
        "dataset             split          videos frames objects truth  download MB",
        "checkpoint             megabytes fetched licence",
        "tracker          here         is",
        "done J&F updated (UTC)    run",
    ):
        assert heading in shown
    words = " ".join(shown).split()
    assert {name, "test-challenge", "https://codalab.lisn.upsaclay.fr/competitions/6812,"} <= set(words)


@pytest.mark.slow
@pytest.mark.parametrize("columns", [80, 120])
def test_eval_says_the_score_first_and_breaks_no_path(cli: Cli, run: Path, columns: int) -> None:
    shown = show_on_terminal(cli, columns, "eval", "run", "--jobs", "1")
    assert shown[0].startswith("J&F ")
    assert max(map(len, shown[:-1])) <= columns
    assert shown[-1].startswith("vosbench:")
    assert shown[-1].endswith("strict:yes")


@pytest.mark.parametrize("width", [80, 120])
def test_a_path_in_a_table_or_a_note_is_never_broken(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console.output, "width", width)
    monkeypatch.setattr(console.notes, "width", width)
    path = "/a/" + "/".join(f"folder-{index} with-dashes" for index in range(3)).replace(" ", "_") * 4
    print_table(("metric", "where", "J-Mean"), [("a b " * 20, path, 1.5)])
    console.print_note(f"written to {path}: scores.json")
    shown = capsys.readouterr()
    assert path in shown.out
    assert path in shown.err
