"""The command that downloads: fetch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli.app import Split, app, say
from vosbench.datasets.card import Dataset, Download
from vosbench.errors import VosbenchError

if TYPE_CHECKING:
    from vosbench.fetching.fetch import Fetched, Plan
    from vosbench.fetching.sources import Origin, Sources


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
    from vosbench.datasets import registry
    from vosbench.fetching import checkpoints
    from vosbench.fetching.fetch import renamed
    from vosbench.fetching.sources import Sources

    sources = Sources(tuple(from_ or ()), links, mirror, keep_archives, force)
    known = checkpoints.checkpoints()
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
        dataset = registry.dataset(name)
        renaming = dataset if as_ is None else renamed(dataset, as_)
        _fetch_dataset(as_ or name, renaming, split, root or context.obj.datasets, sources, dry_run)


def _fetch_checkpoint(name: str, checkpoint: Download, folder: Path, sources: Sources, dry_run: bool) -> None:
    from vosbench.cli import console
    from vosbench.fetching.fetch import fetch_checkpoint, plan_checkpoint

    if dry_run:
        _show(name, plan_checkpoint(checkpoint, folder, sources), folder)
        return
    with console.Steps() as steps:
        _tell(name, fetch_checkpoint(checkpoint, folder, sources, steps))


def _fetch_dataset(name: str, dataset: Dataset, split: str | None, root: Path, sources: Sources, dry_run: bool) -> None:
    from vosbench.cli import console
    from vosbench.datasets import cite
    from vosbench.fetching.fetch import fetch_dataset, plan_dataset

    plan = plan_dataset(dataset, split, root, sources)
    if dry_run:
        _show(name, plan, root)
        console.show(cite.licence(dataset))
        return
    if not plan.counts:
        console.note(cite.licence(dataset))
    with console.Steps() as steps:
        fetched = fetch_dataset(dataset, split, root, sources, steps)
    _tell(name, fetched)
    if fetched.fresh and dataset.citation:
        console.note(cite.citation(dataset))


def _tell(name: str, fetched: Fetched) -> None:
    """What has become of a fetch."""
    from vosbench.cli import console

    for warning in fetched.warnings:
        say(f"warning: {warning}")
    at, counts = f"at {fetched.path}", fetched.counts
    at += f" ({counts.videos} videos, {counts.frames} frames, {counts.objects} objects)" if counts else ""
    console.show(f"{name} is {at}" if fetched.fresh else f"{name} is complete {at}; --force fetches it again")


def _show(name: str, plan: Plan, folder: Path) -> None:
    """What a fetch would take."""
    from vosbench.cli import console

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
