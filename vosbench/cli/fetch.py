"""The command that downloads: fetch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli.app import SplitOption, app, print_error
from vosbench.datasets.card import Dataset, Download
from vosbench.errors import VosbenchError

if TYPE_CHECKING:
    from vosbench.fetching.fetch import FetchPlan, FetchResult
    from vosbench.fetching.sources import PlannedFile, Sources


@app.command("fetch")
def fetch_command(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(help="Datasets, cards' paths, checkpoints, or `checkpoints` for all.")],
    split: SplitOption = None,
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
    from vosbench.fetching.fetch import rename_dataset
    from vosbench.fetching.sources import Sources

    sources = Sources(tuple(from_ or ()), links, mirror, keep_archives, force)
    known = checkpoints.known_checkpoints()
    wanted = [name for given in names for name in (known if given == "checkpoints" else [given])]
    for option, value in (("--from", from_), ("--as", as_)):
        if value and len(wanted) > 1:
            raise VosbenchError(f"{option} goes with one name, found {len(wanted)}: {', '.join(wanted)}")
    for name in wanted:
        if name in known and as_ is not None:
            raise VosbenchError(f"--as {as_}: {name} is a checkpoint, only a dataset may have another name")
        if name in known:
            _fetch_one_checkpoint(name, known[name], context.obj.checkpoints, sources, dry_run)
            continue
        dataset = registry.find_dataset(name)
        renaming = dataset if as_ is None else rename_dataset(dataset, as_)
        _fetch_one_dataset(as_ or name, renaming, split, root or context.obj.datasets, sources, dry_run)


def _fetch_one_checkpoint(name: str, checkpoint: Download, folder: Path, sources: Sources, dry_run: bool) -> None:
    from vosbench.cli import console
    from vosbench.fetching.fetch import fetch_checkpoint, plan_checkpoint

    if dry_run:
        _print_plan(name, plan_checkpoint(checkpoint, folder, sources), folder)
        return
    with console.ProgressSteps() as steps:
        _print_fetched(name, fetch_checkpoint(checkpoint, folder, sources, steps))


def _fetch_one_dataset(
    name: str, dataset: Dataset, split: str | None, root: Path, sources: Sources, dry_run: bool
) -> None:
    from vosbench.cli import console
    from vosbench.datasets import cite
    from vosbench.fetching.fetch import fetch_dataset, plan_dataset

    plan = plan_dataset(dataset, split, root, sources)
    if dry_run:
        _print_plan(name, plan, root)
        console.print_result(cite.format_licence(dataset))
        return
    if not plan.counts:
        console.print_note(cite.format_licence(dataset))
    with console.ProgressSteps() as steps:
        fetched = fetch_dataset(dataset, split, root, sources, steps)
    _print_fetched(name, fetched)
    if fetched.was_fetched and dataset.citation:
        console.print_note(cite.format_citation(dataset))


def _print_fetched(name: str, fetched: FetchResult) -> None:
    """What has become of a fetch."""
    from vosbench.cli import console

    for warning in fetched.warnings:
        print_error(f"warning: {warning}")
    at, counts = f"at {fetched.path}", fetched.counts
    at += f" ({counts.videos} videos, {counts.frames} frames, {counts.objects} objects)" if counts else ""
    console.print_result(
        f"{name} is {at}" if fetched.was_fetched else f"{name} is complete {at}; --force fetches it again"
    )


def _print_plan(name: str, plan: FetchPlan, folder: Path) -> None:
    """What a fetch would take."""
    from vosbench.cli import console

    lists = " or ".join(origin.download.file for origin in plan.planned_files if origin.is_checksum_list)
    rows = [
        (
            f"{origin.download.file} (optional)" if origin.download.optional else origin.download.file,
            origin.size / 1e6 if origin.size else None,
            "card" if origin.download.sha256 else "-" if origin.is_checksum_list else lists or "no",
            _describe_origin(origin),
            _describe_present_bytes(origin),
        )
        for origin in plan.planned_files
    ]
    unknown = sum(not size for _, size, *_ in rows)
    total = (
        "in all",
        sum(size or 0 for _, size, *_ in rows),
        "",
        f"and {unknown} of unknown size" if unknown else "",
        "",
    )
    console.print_table(("file", "MB", "hash", "from", "here"), rows, title=name, total=total if rows else ())
    needed = f"{'at least ' if unknown else ''}{plan.needed_bytes / 1e9:.1f} GB"
    console.print_result(
        f"space: {needed} needed in {folder}, what is unpacked included; {plan.free_bytes / 1e9:.1f} GB are free"
    )
    if plan.not_downloadable:
        console.print_result(f"by hand: {plan.by_hand}")
    elif plan.by_hand and plan.planned_files:
        console.print_result(f"if that fails: {plan.by_hand}")
    if plan.counts:
        console.print_result("it is complete already; nothing is fetched without --force")


def _describe_origin(origin: PlannedFile) -> str:
    """Where a file comes from."""
    if not origin.urls:
        return str(origin.path) if origin.is_given else "by hand"
    others = len(origin.urls) - 1
    return origin.urls[0] + (f", or {others} other{'s' if others > 1 else ''}" if others else "")


def _describe_present_bytes(origin: PlannedFile) -> str:
    """How much of a file is there."""
    if origin.urls and origin.present_bytes != origin.size:
        return f"{origin.present_bytes / 1e6:.1f} MB" if origin.present_bytes else "no"
    return "yes" if origin.path.exists() else "no"
