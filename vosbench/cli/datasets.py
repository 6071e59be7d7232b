"""The commands about what lies on disk: fetch, list, verify, cite and doctor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vosbench.cli.app import app, print_error

if TYPE_CHECKING:
    from vosbench.datasets.split import DatasetSplit
    from vosbench.datasets.verify_video import Finding


@app.command("list")
def list_command(
    context: typer.Context,
    what: Annotated[
        Literal["datasets", "trackers", "checkpoints", "runs"] | None, typer.Argument(help="Without it, all four.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show datasets, trackers, checkpoints and runs: what there is, and what of it is here."""
    from vosbench.cli import console
    from vosbench.studies import inventory

    kinds = {what: inventory.LISTINGS[what]} if what else inventory.LISTINGS
    found = {kind: collect(context.obj) for kind, collect in kinds.items()}
    if json_:
        console.print_result(json.dumps(found, indent=1, ensure_ascii=False))
        return
    for kind, rows in found.items():
        notes = _move_long_columns_out(rows)
        columns = [column.replace("_mb", " MB") for column in rows[0]] if rows else [kind]
        console.print_table(columns, [list(row.values()) for row in rows], title=f"\n{kind}")
        for note in notes:
            console.print_result(note)


def _move_long_columns_out(rows: list[dict[str, Any]]) -> list[str]:
    """Take what is too long for a table out of its rows: lines about datasets' titles and servers, to stand below."""
    titles = dict.fromkeys(f"{row['dataset']}: {row.pop('title')}" for row in rows if "title" in row)
    servers = [(row["dataset"], row["split"], row.pop("server")) for row in rows if "server" in row]
    scored = [f"{dataset} {split} is scored at {server}" for dataset, split, server in servers if server]
    return ["", *titles, "", *scored] if titles else []


@app.command("verify")
def verify_command(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A dataset's name, an alias, or the path of a dataset or card.")],
    split: Annotated[str | None, typer.Option(help="One split; without it all that are fetched.")] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Decode every frame and mask.")] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes that decode; without it one a core.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Check a dataset against its card and dataset.json, and list all that is wrong (exit status 1)."""
    from vosbench.cli import console
    from vosbench.datasets.verify import find_splits_to_verify

    found = {
        dataset_split: _verify_with_progress(dataset_split, manifest, deep, jobs)
        for dataset_split, manifest in find_splits_to_verify(name, split, context.obj.datasets)
    }
    rows = [
        {"dataset": dataset_split.name, "split": dataset_split.split.name, **finding._asdict()}
        for dataset_split, findings in found.items()
        for finding in findings
    ]
    if json_:
        console.print_result(json.dumps(rows, indent=1, ensure_ascii=False))
    elif rows:
        for row in rows:
            console.print_result("{dataset} {split}: {where}: {what}".format(**row))
    else:
        looked = "every frame and mask was decoded" if deep else "every file is there, and --deep decodes it as well"
        console.print_result(
            f"nothing is wrong with {name} {', '.join(dataset_split.split.name for dataset_split in found)}: {looked}"
        )
    for dataset_split, findings in found.items():
        if findings:
            print_error(_describe_remedy(name, dataset_split, len(findings), context.obj.datasets))
    raise typer.Exit(1 if rows else 0)


def _verify_with_progress(
    dataset_split: DatasetSplit, manifest: Mapping[str, Any], deep: bool, jobs: int | None
) -> list[Finding]:
    """What is wrong with a split, with progress, and a word on what cannot be known."""
    from vosbench.cli import console
    from vosbench.datasets.verify import describe_partial_fetch, verify_split

    title = f"{dataset_split.name} {dataset_split.split.name}"
    if "videos" not in manifest:
        why = "was fetched by an older version" if dataset_split.fetched else "has no dataset.json"
        console.print_note(f"{title} {why}: what each video should hold is not known")
    if lacking := describe_partial_fetch(dataset_split, manifest):
        print_error(f"warning: {title} is the part that was given to fetch: {lacking}")
    with console.ProgressSteps() as steps:
        return verify_split(dataset_split, manifest, deep, jobs, partial(steps, f"verifying {title}"))


def _describe_remedy(name: str, dataset_split: DatasetSplit, count: int, root: Path) -> str:
    """How many findings there are, and how to get a split that was fetched anew."""
    from vosbench.datasets import registry

    told = f"{dataset_split.name} {dataset_split.split.name}: {count} finding{'s' if count > 1 else ''}"
    if not dataset_split.fetched:
        return told
    source = name if name.endswith(".toml") else dataset_split.name
    if source == dataset_split.name and source not in registry.known_datasets():
        return f"{told}; get it anew as it was fetched, with --force"
    place = "" if dataset_split.root.parent == root else f" --root {dataset_split.root.parent}"
    return f"{told}; get it anew with `vosbench fetch {source} --split {dataset_split.split.name} --force{place}`"


@app.command("cite")
def cite_command(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Datasets; without one those that are fetched.")] = None,
) -> None:
    """Print the licences and the BibTeX of datasets, as a .bib file takes them."""
    from vosbench.cli import console
    from vosbench.datasets.cite import format_citation, format_licence
    from vosbench.studies import inventory

    entries: dict[str, list[str]] = {}
    for dataset in inventory.choose_datasets_to_cite(names or (), context.obj):
        entries.setdefault(format_citation(dataset), []).append(f"% {format_licence(dataset)}")
    console.print_result(
        "\n\n".join("\n".join([*licences, *filter(None, [entry])]) for entry, licences in entries.items())
    )


@app.command("doctor")
def doctor_command(context: typer.Context) -> None:
    """Check this machine: versions, devices, codecs, folders, disk, and known traps."""
    from vosbench.cli import console
    from vosbench.studies.doctor import examine_machine

    findings = list(examine_machine(context.obj))
    console.print_table(("", "what", "found"), [("!" if f.warning else "", f.subject, f.found) for f in findings])
    for finding in findings:
        if finding.warning:
            console.print_result(f"! {finding.subject}: {finding.warning}")
