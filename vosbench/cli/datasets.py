"""The commands about what lies on disk: fetch, list, verify, cite and doctor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vosbench.cli.app import app, say

if TYPE_CHECKING:
    from vosbench.datasets.split import Tree
    from vosbench.datasets.verify_video import Finding


@app.command(name="list")
def list_(
    context: typer.Context,
    what: Annotated[
        Literal["datasets", "trackers", "checkpoints", "runs"] | None, typer.Argument(help="Without it, all four.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show datasets, trackers, checkpoints and runs: what there is, and what of it is here."""
    from vosbench.cli import console
    from vosbench.studies import inventory

    kinds = {what: inventory.KINDS[what]} if what else inventory.KINDS
    found = {kind: collect(context.obj) for kind, collect in kinds.items()}
    if json_:
        console.show(json.dumps(found, indent=1, ensure_ascii=False))
        return
    for kind, rows in found.items():
        notes = _set_apart(rows)
        columns = [column.replace("_mb", " MB") for column in rows[0]] if rows else [kind]
        console.table(columns, [list(row.values()) for row in rows], title=f"\n{kind}")
        for note in notes:
            console.show(note)


def _set_apart(rows: list[dict[str, Any]]) -> list[str]:
    """Take what is too long for a table out of its rows: lines about datasets' titles and servers, to stand below."""
    titles = dict.fromkeys(f"{row['dataset']}: {row.pop('title')}" for row in rows if "title" in row)
    servers = [(row["dataset"], row["split"], row.pop("server")) for row in rows if "server" in row]
    scored = [f"{dataset} {split} is scored at {server}" for dataset, split, server in servers if server]
    return ["", *titles, "", *scored] if titles else []


@app.command()
def verify(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A dataset's name, an alias, or the path of a dataset or card.")],
    split: Annotated[str | None, typer.Option(help="One split; without it all that are fetched.")] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Decode every frame and mask.")] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes that decode; without it one a core.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Check a dataset against its card and dataset.json, and list all that is wrong (exit status 1)."""
    from vosbench.cli import console
    from vosbench.datasets.verify import subjects

    found = {
        tree: _verify(tree, manifest, deep, jobs) for tree, manifest in subjects(name, split, context.obj.datasets)
    }
    rows = [
        {"dataset": tree.name, "split": tree.split.name, **finding._asdict()}
        for tree, findings in found.items()
        for finding in findings
    ]
    if json_:
        console.show(json.dumps(rows, indent=1, ensure_ascii=False))
    elif rows:
        for row in rows:
            console.show("{dataset} {split}: {where}: {what}".format(**row))
    else:
        looked = "every frame and mask was decoded" if deep else "every file is there, and --deep decodes it as well"
        console.show(f"nothing is wrong with {name} {', '.join(tree.split.name for tree in found)}: {looked}")
    for tree, findings in found.items():
        if findings:
            say(_remedy(name, tree, len(findings), context.obj.datasets))
    raise typer.Exit(1 if rows else 0)


def _verify(tree: Tree, manifest: Mapping[str, Any], deep: bool, jobs: int | None) -> list[Finding]:
    """What is wrong with a split, with progress, and a word on what cannot be known."""
    from vosbench.cli import console
    from vosbench.datasets.verify import part, verify

    title = f"{tree.name} {tree.split.name}"
    if "videos" not in manifest:
        why = "was fetched by an older version" if tree.fetched else "has no dataset.json"
        console.note(f"{title} {why}: what each video should hold is not known")
    if lacking := part(tree, manifest):
        say(f"warning: {title} is the part that was given to fetch: {lacking}")
    with console.Steps() as steps:
        return verify(tree, manifest, deep, jobs, partial(steps, f"verifying {title}"))


def _remedy(name: str, tree: Tree, count: int, root: Path) -> str:
    """How many findings there are, and how to get a split that was fetched anew."""
    from vosbench.datasets import registry

    told = f"{tree.name} {tree.split.name}: {count} finding{'s' if count > 1 else ''}"
    if not tree.fetched:
        return told
    source = name if name.endswith(".toml") else tree.name
    if source == tree.name and source not in registry.datasets():
        return f"{told}; get it anew as it was fetched, with --force"
    place = "" if tree.root.parent == root else f" --root {tree.root.parent}"
    return f"{told}; get it anew with `vosbench fetch {source} --split {tree.split.name} --force{place}`"


@app.command()
def cite(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Datasets; without one those that are fetched.")] = None,
) -> None:
    """Print the licences and the BibTeX of datasets, as a .bib file takes them."""
    from vosbench.cli import console
    from vosbench.datasets.cite import citation, licence
    from vosbench.studies import inventory

    entries: dict[str, list[str]] = {}
    for dataset in inventory.cited(names or (), context.obj):
        entries.setdefault(citation(dataset), []).append(f"% {licence(dataset)}")
    console.show("\n\n".join("\n".join([*licences, *filter(None, [entry])]) for entry, licences in entries.items()))


@app.command()
def doctor(context: typer.Context) -> None:
    """Check this machine: versions, devices, codecs, folders, disk, and known traps."""
    from vosbench.cli import console
    from vosbench.studies.doctor import examine

    findings = list(examine(context.obj))
    console.table(("", "what", "found"), [("!" if f.trap else "", f.what, f.found) for f in findings])
    for finding in findings:
        if finding.trap:
            console.show(f"! {finding.what}: {finding.trap}")
