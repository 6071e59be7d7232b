"""The command `vosbench published`: figures that others published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vosbench.cli import options
from vosbench.cli.app import app
from vosbench.cli.output import check_wanted_files, print_tables, write_forms


@app.command("published")
def published_command(
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="Only of this dataset: a name of a card, or as published.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Only of this model or variant, such as XMem.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Only of this split.")] = None,
    prompt: Annotated[
        str | None, typer.Option("--prompt", metavar="TEXT", help='Only with this prompt, such as "first mask".')
    ] = None,
    json_: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write all columns and notes.")] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write one row per figure, as published.csv.")
    ] = None,
    markdown: options.MarkdownOption = None,
    latex: options.LatexOption = None,
) -> None:
    """Show figures of other methods with their sources: weights, training, prompt, frames, resolution, who ran it.

    Figures stand in a table only if all of these are the same, and are never ranked or averaged. FILE can be -, which
    is standard output.
    """
    from vosbench.publishing.published import select_published
    from vosbench.publishing.published_files import format_published
    from vosbench.publishing.published_table import build_published_tables

    wanted = {"json": json_, "csv": csv, "markdown": markdown, "latex": latex}
    check_wanted_files(wanted)
    figures = select_published(dataset, model, split, prompt)
    tables, notes = build_published_tables(figures)
    formats = {form: path for form, path in wanted.items() if path}
    if not write_forms(format_published(figures, tables, notes), formats):
        print_tables(tables, [], notes)
