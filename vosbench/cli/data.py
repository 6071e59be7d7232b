"""The commands about what lies on disk: fetch, list, verify, cite and doctor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from vosbench.cli.app import Split, app, say
from vosbench.types import Dataset, Download, VosbenchError

if TYPE_CHECKING:
    from vosbench.checking import Finding
    from vosbench.datasets import Tree
    from vosbench.fetch import Fetched, Plan
    from vosbench.origins import Origin, Sources


@app.command()
def fetch(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(help="Datasets, cards' paths, checkpoints, or `checkpoints` for all.")],
    split: Split = None,
    root: Annotated[Path | None, typer.Option(help="Where to put datasets, in place of --datasets.")] = None,
    from_: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            help="Archives, folders, meta files or lists of hashes on disk, or URLs. They replace all files that the "
            "card needs; its optional files and lists of hashes, told by their names, replace just these.",
        ),
    ] = None,
    links: Annotated[
        Path | None, typer.Option(help="A list of `file_name<TAB>URL`, as publishers give out; tried first.")
    ] = None,
    mirror: Annotated[
        str | None,
        typer.Option(envvar="VOSBENCH_MIRROR", help="A base URL that holds the card's files by name; tried second."),
    ] = None,
    as_: Annotated[str | None, typer.Option("--as", metavar="NAME", help="Another name for the dataset.")] = None,
    keep_archives: Annotated[bool, typer.Option("--keep-archives", help="Keep what was downloaded.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Fetch again what is there.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be fetched, and fetch nothing.")] = False,
) -> None:
    """Download, verify, unpack and normalise datasets; download checkpoints."""
    from vosbench import plugins
    from vosbench.fetch import renamed
    from vosbench.origins import Sources

    sources = Sources(tuple(from_ or ()), links, mirror, keep_archives, force)
    known = plugins.checkpoints()
    wanted = [name for given in names for name in (known if given == "checkpoints" else [given])]
    for option, value in (("--from", from_), ("--as", as_)):
        if value and len(wanted) > 1:
            raise VosbenchError(f"{option} goes with one name, found {len(wanted)}: {', '.join(wanted)}")
    for name in wanted:
        if name in known and as_ is not None:
            raise VosbenchError(f"--as {as_}: {name} is a checkpoint, only a dataset may have another name")
        if name in known:
            _fetch_checkpoint(name, known[name], context.obj.checkpoints, sources, dry_run)
            continue
        dataset = plugins.dataset(name)
        renaming = dataset if as_ is None else renamed(dataset, as_)
        _fetch_dataset(as_ or name, renaming, split, root or context.obj.datasets, sources, dry_run)


def _fetch_checkpoint(name: str, checkpoint: Download, folder: Path, sources: Sources, dry_run: bool) -> None:
    from vosbench import console
    from vosbench.fetch import fetch_checkpoint, plan_checkpoint

    if dry_run:
        _show(name, plan_checkpoint(checkpoint, folder, sources), folder)
        return
    with console.Steps() as steps:
        _tell(name, fetch_checkpoint(checkpoint, folder, sources, steps))


def _fetch_dataset(name: str, dataset: Dataset, split: str | None, root: Path, sources: Sources, dry_run: bool) -> None:
    from vosbench import citing, console
    from vosbench.fetch import fetch_dataset, plan_dataset

    plan = plan_dataset(dataset, split, root, sources)
    if dry_run:
        _show(name, plan, root)
        console.show(citing.licence(dataset))
        return
    if not plan.counts:
        console.note(citing.licence(dataset))
    with console.Steps() as steps:
        fetched = fetch_dataset(dataset, split, root, sources, steps)
    _tell(name, fetched)
    if fetched.fresh and dataset.citation:
        console.note(citing.citation(dataset))


def _tell(name: str, fetched: Fetched) -> None:
    """What has become of a fetch."""
    from vosbench import console

    for warning in fetched.warnings:
        say(f"warning: {warning}")
    at, counts = f"at {fetched.path}", fetched.counts
    at += f" ({counts.videos} videos, {counts.frames} frames, {counts.objects} objects)" if counts else ""
    console.show(f"{name} is {at}" if fetched.fresh else f"{name} is complete {at}; --force fetches it again")


def _show(name: str, plan: Plan, folder: Path) -> None:
    """What a fetch would take."""
    from vosbench import console

    lists = " or ".join(origin.source.file for origin in plan.origins if origin.lists)
    rows = [
        (
            f"{origin.source.file} (optional)" if origin.source.optional else origin.source.file,
            origin.size / 1e6 if origin.size else None,
            "card" if origin.source.sha256 else "-" if origin.lists else lists or "no",
            _place(origin),
            _here(origin),
        )
        for origin in plan.origins
    ]
    unknown = sum(not size for _, size, *_ in rows)
    total = (
        "in all",
        sum(size or 0 for _, size, *_ in rows),
        "",
        f"and {unknown} of unknown size" if unknown else "",
        "",
    )
    console.table(("file", "MB", "hash", "from", "here"), rows, title=name, total=total if rows else ())
    needed = f"{'at least ' if unknown else ''}{plan.needed / 1e9:.1f} GB"
    console.show(f"space: {needed} needed in {folder}, what is unpacked included; {plan.free / 1e9:.1f} GB are free")
    if plan.lacking:
        console.show(f"by hand: {plan.by_hand}")
    elif plan.by_hand and plan.origins:
        console.show(f"if that fails: {plan.by_hand}")
    if plan.counts:
        console.show("it is complete already; nothing is fetched without --force")


def _place(origin: Origin) -> str:
    """Where a file comes from."""
    if not origin.urls:
        return str(origin.path) if origin.given else "by hand"
    others = len(origin.urls) - 1
    return origin.urls[0] + (f", or {others} other{'s' if others > 1 else ''}" if others else "")


def _here(origin: Origin) -> str:
    """How much of a file is there."""
    if origin.urls and origin.here != origin.size:
        return f"{origin.here / 1e6:.1f} MB" if origin.here else "no"
    return "yes" if origin.path.exists() else "no"


@app.command(name="list")
def list_(
    context: typer.Context,
    what: Annotated[
        Literal["datasets", "trackers", "checkpoints", "runs"] | None, typer.Argument(help="Without it, all four.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show datasets, trackers, checkpoints and runs: what there is, and what of it is here."""
    from vosbench import console, inventory

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
    from vosbench import console
    from vosbench.verify import subjects

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
    from vosbench import console
    from vosbench.verify import part, verify

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
    from vosbench import plugins

    told = f"{tree.name} {tree.split.name}: {count} finding{'s' if count > 1 else ''}"
    if not tree.fetched:
        return told
    source = name if name.endswith(".toml") else tree.name
    if source == tree.name and source not in plugins.datasets():
        return f"{told}; get it anew as it was fetched, with --force"
    place = "" if tree.root.parent == root else f" --root {tree.root.parent}"
    return f"{told}; get it anew with `vosbench fetch {source} --split {tree.split.name} --force{place}`"


@app.command()
def cite(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Datasets; without one those that are fetched.")] = None,
) -> None:
    """Print the licences and the BibTeX of datasets, as a .bib file takes them."""
    from vosbench import citing, console, inventory

    entries: dict[str, list[str]] = {}
    for dataset in inventory.cited(names or (), context.obj):
        entries.setdefault(citing.citation(dataset), []).append(f"% {citing.licence(dataset)}")
    console.show("\n\n".join("\n".join([*licences, *filter(None, [entry])]) for entry, licences in entries.items()))


@app.command()
def doctor(context: typer.Context) -> None:
    """Check this machine: versions, devices, codecs, folders, disk, and known traps."""
    from vosbench import console
    from vosbench.doctor import examine

    findings = list(examine(context.obj))
    console.table(("", "what", "found"), [("!" if f.trap else "", f.what, f.found) for f in findings])
    for finding in findings:
        if finding.trap:
            console.show(f"! {finding.what}: {finding.trap}")
