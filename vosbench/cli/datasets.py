"""The commands `vosbench verify`, `cite` and `doctor`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vosbench.cli.app import app, print_error
from vosbench.io.wording import count_of

if TYPE_CHECKING:
    from vosbench.datasets.split import DatasetSplit
    from vosbench.datasets.verify_video import Finding


@app.command("verify")
def verify_command(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A dataset's name or alias, or the path of its folder or card.")
    ],
    split: Annotated[str | None, typer.Option(help="Verify only this split; default: all splits on disk.")] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Decode every frame and mask.")] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes that decode; default: one per core.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare a dataset on disk with its card and dataset.json, and list all differences (exit status 1)."""
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
        checked = "every frame and mask was decoded" if deep else "every file is there; --deep also decodes them"
        splits = ", ".join(dataset_split.split.name for dataset_split in found)
        console.print_result(f"nothing is wrong with {name} {splits}: {checked}")
    for dataset_split, findings in found.items():
        if findings:
            print_error(_describe_remedy(name, dataset_split, len(findings), context.obj.datasets))
    raise typer.Exit(1 if rows else 0)


def _verify_with_progress(
    dataset_split: DatasetSplit, manifest: Mapping[str, Any], deep: bool, jobs: int | None
) -> list[Finding]:
    """Return the findings about a split; show the progress, and say what cannot be checked."""
    from vosbench.cli import console
    from vosbench.cli.steps import ProgressSteps
    from vosbench.datasets.verify import describe_partial_fetch, verify_split

    title = f"{dataset_split.name} {dataset_split.split.name}"
    if "videos" not in manifest:
        reason = "was fetched by an older version" if dataset_split.fetched else "has no dataset.json"
        console.print_note(f"{title} {reason}: the number of frames and objects of each video cannot be checked")
    if lacking := describe_partial_fetch(dataset_split, manifest):
        print_error(f"warning: {title} is not the whole split, because only a part was given to fetch: {lacking}")
    with ProgressSteps() as steps:
        return verify_split(dataset_split, manifest, deep, jobs, partial(steps, f"verifying {title}"))


def _describe_remedy(name: str, dataset_split: DatasetSplit, count: int, root: Path) -> str:
    """Say how many findings there are, and how to fetch the split again if it was fetched."""
    from vosbench.datasets import registry

    summary = f"{dataset_split.name} {dataset_split.split.name}: {count_of(count, 'finding')}"
    if not dataset_split.fetched:
        return summary
    source = name if name.endswith(".toml") else dataset_split.name
    if source == dataset_split.name and source not in registry.known_datasets():
        return f"{summary}; repeat the `vosbench fetch` command that fetched it, with --force"
    place = [] if dataset_split.root.parent == root else ["--root", str(dataset_split.root.parent)]
    command = ["vosbench", "fetch", source, "--split", dataset_split.split.name, "--force", *place]
    return f"{summary}; run: {shlex.join(command)}"


@app.command("cite")
def cite_command(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME", help="vosbench, a tracker, or a dataset by name, alias or card; default: what is on disk."
        ),
    ] = None,
) -> None:
    """Print the licences and the BibTeX entries of vosbench, datasets and trackers in the form of a .bib file."""
    from vosbench.cli import console
    from vosbench.studies.citations import choose_citations

    licences: dict[tuple[str, ...], list[str]] = {}
    for citation in choose_citations(names or (), context.obj):
        licences.setdefault(citation.entries, []).append(f"% {citation.licence}")
    shown: set[str] = set()
    parts = []
    for entries, lines in licences.items():
        parts.append("\n".join([*lines, *(entry for entry in entries if entry not in shown)]))
        shown.update(entries)
    console.print_result("\n\n".join(parts))


@app.command("doctor")
def doctor_command(context: typer.Context) -> None:
    """Check this machine: versions, devices, codecs, folders, free disk space and known problems."""
    from vosbench.cli import console
    from vosbench.cli.table import print_table
    from vosbench.studies.doctor import examine_machine

    findings = list(examine_machine(context.obj))
    print_table(("", "what", "found"), [("!" if f.warning else "", f.subject, f.found) for f in findings])
    for finding in findings:
        if finding.warning:
            console.print_result(f"! {finding.subject}: {finding.warning}")
