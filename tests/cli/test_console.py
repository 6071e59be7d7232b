"""What is printed to a pipe without rich equals what rich prints."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vosbench.cli import console
from vosbench.cli.table import format_plain_table, print_rich_table

ODD = ["", "12.5", "-3", "7", "-", "a b c", "[bold]x[/bold]", ":smile:"]
CELLS = st.one_of(st.text("ab -_/.1", max_size=12), st.sampled_from(ODD))


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]], list[str], str | None]:
    """The names of the columns, the rows, the last row or none, and the title or none of a table."""
    count = draw(st.integers(1, 5))
    row = st.lists(CELLS, min_size=count, max_size=count)
    columns = draw(st.lists(st.text("abJ&F-Mean ", min_size=1, max_size=9), min_size=count, max_size=count))
    title = draw(st.one_of(st.none(), st.sampled_from(["scores", "\nin percent", "a title that is rather long"])))
    return columns, draw(st.lists(row, max_size=4)), draw(st.one_of(st.just([]), row)), title


@settings(max_examples=150, deadline=None)
@given(table=tables())
def test_a_plain_table_equals_that_of_rich(table: tuple[list[str], list[list[str]], list[str], str | None]) -> None:
    plain = format_plain_table(*table)
    with console.output.console.capture() as capture:
        print_rich_table(*table)
    if plain is not None:
        assert "".join(f"{line}\n" for line in plain) == capture.get()


@pytest.mark.parametrize("text", ["a  b ", "tab\there", "bell\a and \r return", "x" * 300, *ODD])
def test_a_plain_line_equals_that_of_rich(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    console.print_result(text)
    plain = capsys.readouterr().out
    console.output.console.print(text, markup=False)
    assert capsys.readouterr().out == plain


def test_a_table_that_plain_text_cannot_show_is_left_to_rich() -> None:
    assert format_plain_table(["video"], [["猫"]], [], None) is None
    assert format_plain_table(["video"], [["x" * 201]], [], None) is None
    assert format_plain_table(["video"], [["two\nlines"]], [], None) is None
    assert format_plain_table(["v"], [["1"]], [], "a title that is longer than the table") is None


def test_printing_to_a_pipe_does_not_import_rich() -> None:
    code = "import sys; from vosbench.cli import console, steps, table\n" + (
        "table.print_table(('video', 'J'), [('bear', 1.5)], 'scores', ('all', 1.5)); console.print_note('a note')\n"
        "with steps.ProgressSteps() as show: show('scoring', 1, 1)\n"
        "assert 'rich' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "all    1.5"
    assert done.stderr.splitlines() == ["a note", "scoring: 1 of 1"]
