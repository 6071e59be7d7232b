"""The command `vosbench list`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vosbench.cli.app import app

if TYPE_CHECKING:
    from vosbench.io.paths import Roots

DATASET_COLUMNS = ("dataset", "split", "videos", "frames", "objects", "truth")
CHECKPOINT_COLUMNS = ("checkpoint", "megabytes", "fetched", "licence")
Rows = Sequence[Mapping[str, Any]]


@app.command("list")
def list_command(
    context: typer.Context,
    what: Annotated[
        Literal["datasets", "trackers", "checkpoints", "runs"] | None,
        typer.Argument(help="Which of them to list; default: all four."),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the known datasets, trackers and checkpoints, those on disk first, and all runs."""
    from vosbench.cli import console
    from vosbench.studies import inventory

    kinds = {what: inventory.LISTINGS[what]} if what else inventory.LISTINGS
    found = {kind: collect(context.obj) for kind, collect in kinds.items()}
    if json_:
        console.print_result(json.dumps(found, indent=1, ensure_ascii=False))
        return
    printers = {
        "datasets": _print_datasets,
        "trackers": _print_trackers,
        "checkpoints": _print_checkpoints,
        "runs": _print_runs,
    }
    for index, (kind, rows) in enumerate(found.items()):
        if index:
            console.print_result()
        printers[kind](rows, context.obj)


def _print_datasets(rows: Rows, roots: Roots) -> None:
    """Print the splits on disk, then the others, then the names and servers of all."""
    from vosbench.cli import console

    here = [row for row in rows if row["fetched"] == "yes"]
    others = [row for row in rows if row["fetched"] != "yes"]
    if here:
        _print_columns(f"datasets in {roots.datasets}", here, (*DATASET_COLUMNS, "disk_mb"))
        console.print_result()
    else:
        console.print_prose(f"no dataset is in {roots.datasets}; `vosbench fetch NAME` gets one of these")
    _print_columns("datasets that can be fetched", others, (*DATASET_COLUMNS, "download_mb"))
    console.print_result()
    for row in {row["dataset"]: row for row in rows}.values():
        aliases = f" ({', '.join(row['aliases'])})" if row["aliases"] else ""
        console.print_prose(f"{row['dataset']}{aliases}: {row['title']}")
    console.print_result()
    for row in rows:
        if row["server"]:
            console.print_prose(f"{row['dataset']} {row['split']} is scored at {row['server']}")


def _print_trackers(rows: Rows, roots: Roots) -> None:
    from vosbench.cli import console
    from vosbench.cli.table import print_table

    shown = [(row["tracker"], row["runs_here"], row["is"]) for row in rows]
    print_table(("tracker", "here", "is"), shown, "trackers")
    for row in rows:
        if row["lacks"]:
            console.print_prose(f"{row['tracker']} lacks {row['lacks']}")


def _print_checkpoints(rows: Rows, roots: Roots) -> None:
    _print_columns(f"checkpoints, in {roots.checkpoints} if fetched", rows, CHECKPOINT_COLUMNS)


def _print_runs(rows: Rows, roots: Roots) -> None:
    """Print the runs, then what is to be known of their scores."""
    from vosbench.cli import console

    if not rows:
        console.print_prose(f"no run is in {roots.results}; `vosbench run` and `vosbench infer` make one")
        return
    shown = [{**row, "updated (UTC)": console.format_time(row["updated"])} for row in rows]
    failed = ("failed",) if any(row["failed"] for row in rows) else ()
    _print_columns(f"runs in {roots.results}", shown, ("done", *failed, "J&F", "updated (UTC)", "run"))
    for row in rows:
        if row["mixture"]:
            console.print_prose(f"{row['run']}: {row['mixture']}")
        for each in row["evaluations"]:
            if each["marks"]:
                score = "-" if each["J&F"] is None else f"{each['J&F']:.1f}"
                console.print_prose(f"{row['run']}: {', '.join(each['marks'])}: J&F {score} ({each['folder']})")


def _print_columns(title: str, rows: Rows, columns: Sequence[str]) -> None:
    from vosbench.cli.table import print_table

    heads = [column.replace("_mb", " MB") for column in columns]
    print_table(heads, [[row[column] for column in columns] for row in rows], title)
