"""Tables on standard output, and the files that a user asks for, of which one can be standard output."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vosbench.errors import VosbenchError
from vosbench.io.files import require_writable, write_pieces

if TYPE_CHECKING:
    from vosbench.evaluation.tables import Table

STDOUT = Path("-")


def check_wanted_files(wanted: Mapping[str, Path | None]) -> None:
    """Raise VosbenchError if more than one form is to be standard output, or if a file could not be written."""
    piped = [f"--{form}" for form, path in wanted.items() if path == STDOUT]
    if len(piped) > 1:
        raise VosbenchError(" and ".join(piped), "only one can be standard output", "give the others a file")
    for path in wanted.values():
        if path not in (None, STDOUT):
            require_writable(path)


def write_forms(formats: Mapping[str, Callable[[], Iterable[str]]], wanted: Mapping[str, Path]) -> bool:
    """Write the files that the user asked for; return whether one of them is standard output.

    formats: what makes the text of each form, piece by piece. wanted: the file of each form that is asked for.
    """
    from vosbench.cli import console

    for form, path in wanted.items():
        if path != STDOUT:
            write_pieces(path, (piece.encode(errors="backslashreplace") for piece in formats[form]()))
            console.print_note(f"written: {path}")
    for form in (form for form, path in wanted.items() if path == STDOUT):
        sys.stdout.writelines(formats[form]())
    return STDOUT in wanted.values()


def point_to_json(key: str, path: Path | None) -> str:
    """Say where everything is of which some is printed.

    key: of the JSON that holds it. path: where the JSON is written to; None if it is not.
    """
    if path is None:
        return f'--json FILE writes all ("{key}")'
    return f'"{key}" in {"the JSON above" if path == STDOUT else path} has all'


def print_tables(tables: Sequence[Table], signatures: Sequence[str], notes: Sequence[str]) -> None:
    """Print tables with a line between them, then the notes and the signatures."""
    from vosbench.cli import console
    from vosbench.cli.table import print_table

    for index, table in enumerate(tables):
        if index:
            console.print_result()
        console.print_prose(table.title or "in percent")
        print_table(table.columns, table.rows, None, table.total, table.best)
    console.print_result()
    for line in notes:
        console.print_prose(line)
    for signature in signatures:
        console.print_result(signature)
