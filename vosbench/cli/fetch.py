"""The command `vosbench fetch`: download datasets and checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vosbench.cli.app import app, print_error
from vosbench.cli.options import SplitOption
from vosbench.errors import VosbenchError
from vosbench.io.wording import count_of

if TYPE_CHECKING:
    from vosbench.datasets.card import Counts, Dataset
    from vosbench.fetching.fetch import FetchResult
    from vosbench.fetching.plan import FetchPlan
    from vosbench.fetching.sources import PlannedFile

ALL_CHECKPOINTS = "checkpoints"  # the name that stands for every checkpoint


@app.command("fetch")
def fetch_command(
    context: typer.Context,
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME",
            help="Datasets by name or alias, paths of cards, checkpoints, or `checkpoints` for all of these.",
        ),
    ],
    split: SplitOption = None,
    root: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder of all datasets, in place of --datasets.")
    ] = None,
    from_: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="PATH_OR_URL",
            help="An archive, folder, meta file or list of hashes on disk, or a URL; repeatable, in any order. "
            "Replaces all files that the card requires. A file with the name of an optional file or of a list of "
            "hashes replaces only that one. A meta file given alone completes a dataset that is fetched already.",
        ),
    ] = None,
    links: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A file of `file_name<TAB>URL` lines from the publisher; tried first."),
    ] = None,
    mirror: Annotated[
        str | None,
        typer.Option(
            envvar="VOSBENCH_MIRROR",
            metavar="URL",
            help="A base URL that holds the card's files by name; tried second.",
        ),
    ] = None,
    as_: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="Store the dataset under another name.")
    ] = None,
    keep_archives: Annotated[
        bool, typer.Option("--keep-archives", help="Keep the downloaded archives after they are unpacked.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Fetch again what is there, also downloads that were kept.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be fetched, and fetch nothing.")] = False,
) -> None:
    """Download, verify, unpack and normalise datasets; download checkpoints."""
    from vosbench.datasets.checkpoints import known_checkpoints

    wanted = [name for given in names for name in (known_checkpoints() if given == ALL_CHECKPOINTS else [given])]
    for option, value in (("--from", from_), ("--as", as_)):
        if value and len(wanted) > 1:
            raise VosbenchError(option, f"expected one NAME, found {len(wanted)}", "fetch each NAME by itself")
    options = {"from_": from_ or (), "links": links, "mirror": mirror, "as_name": as_, "force": force}
    options |= {"datasets": root or context.obj.datasets, "checkpoints": context.obj.checkpoints}
    for name in wanted:
        if dry_run:
            _print_dry_run(name, split, options)
        else:
            fetch_with_progress(name, split, options, keep_archives)


def _print_dry_run(name: str, split: str | None, options: Mapping[str, Any]) -> None:
    """Print what a fetch would download, and its licence."""
    from vosbench import api
    from vosbench.cli import console
    from vosbench.datasets import cite

    plan, dataset = api.plan_fetch(name, split, **options), _find_dataset(name)
    _print_plan(options.get("as_name") or name, plan, options["datasets" if dataset else "checkpoints"])
    console.print_result(cite.format_licence(dataset) if dataset else _format_checkpoint_licence(name))


def fetch_with_progress(name: str, split: str | None, options: Mapping[str, Any], keep_archives: bool = False) -> None:
    """Fetch with a progress bar; print the licence before, and the citation of a dataset after it was downloaded.

    options: keyword arguments of `vosbench.fetch`, all but `keep_archives` and `on_progress`.
    """
    from vosbench import api
    from vosbench.cli import console
    from vosbench.cli.steps import ProgressSteps
    from vosbench.datasets import cite

    plan, dataset = api.plan_fetch(name, split, **options), _find_dataset(name)
    if not plan.counts:
        console.print_note(cite.format_licence(dataset) if dataset else _format_checkpoint_licence(name))
    with ProgressSteps() as steps:
        fetched = api.fetch(name, split, **options, keep_archives=keep_archives, on_progress=steps)
    _print_fetched(options.get("as_name") or name, fetched)
    if dataset and fetched.was_fetched and dataset.citation:
        console.print_note(cite.format_citation(dataset))


def _format_checkpoint_licence(name: str) -> str:
    from vosbench.datasets.checkpoints import known_checkpoints
    from vosbench.datasets.cite import format_checkpoint_licence

    return format_checkpoint_licence(name, known_checkpoints()[name])


def _find_dataset(name: str) -> Dataset | None:
    """The dataset of a name; None for a checkpoint."""
    from vosbench.datasets import registry
    from vosbench.datasets.checkpoints import known_checkpoints

    return None if name in known_checkpoints() else registry.find_dataset(name)


def _describe_counts(counts: Counts) -> str:
    """The size of a split in words, as far as it is known."""
    known = {"video": counts.videos, "frame": counts.frames, "object": counts.objects}
    return ", ".join(count_of(number, noun) for noun, number in known.items() if number is not None)


def _print_fetched(name: str, fetched: FetchResult) -> None:
    from vosbench.cli import console

    for warning in fetched.warnings:
        print_error(f"warning: {warning}")
    at, counts = f"at {fetched.path}", fetched.counts
    at += f" ({_describe_counts(counts)})" if counts else ""
    if fetched.was_fetched:
        console.print_result(f"{name} is {at}")
    else:
        console.print_result(f"{name} is complete {at}; --force fetches it again")


def _print_plan(name: str, plan: FetchPlan, folder: Path) -> None:
    """Print the files that a fetch needs, the disk space, and what only a person can download."""
    from vosbench.cli import console
    from vosbench.cli.table import print_table

    checksum_lists = " or ".join(file.download.file for file in plan.planned_files if file.is_checksum_list)
    rows = [_make_plan_row(file, checksum_lists) for file in plan.planned_files]
    sizes = [file.size for file in plan.planned_files]
    unknown = sum(not size for size in sizes)
    note = f"{'and ' if any(sizes) else ''}{unknown} of unknown size" if unknown else ""
    total = ("total", sum(filter(None, sizes)) / 1e6 if any(sizes) else "unknown", "", note, "") if rows else ()
    print_table(("file", "MB", "hash", "from", "on disk"), rows, title=name, total=total)
    console.print_result(f"space: {_describe_needed_bytes(plan, folder)}; {plan.free_bytes / 1e9:.1f} GB are free")
    if plan.not_downloadable:
        console.print_result(f"by hand: {plan.by_hand}")
    elif plan.by_hand and plan.planned_files:
        console.print_result(f"if a download fails: {plan.by_hand}")
    if plan.counts:
        console.print_result("it is complete already; nothing is fetched without --force")


def _describe_needed_bytes(plan: FetchPlan, folder: Path) -> str:
    """How much space a fetch needs, as far as the sizes of its files are known."""
    if not plan.needed_bytes:
        done = plan.planned_files and all(file.is_unpacked for file in plan.planned_files)
        return f"no more is needed in {folder}" if done else f"how much is needed in {folder} is unknown"
    amount = plan.needed_bytes / 1e9
    shown = f"{amount:.1f} GB" if amount >= 0.1 else f"{max(1, round(plan.needed_bytes / 1e6))} MB"
    some_unknown = any(not (file.size or file.is_unpacked) for file in plan.planned_files)
    return f"{'at least ' if some_unknown else ''}{shown} needed in {folder} to download and unpack"


def _make_plan_row(file: PlannedFile, checksum_lists: str) -> tuple[str, float | None, str, str, str]:
    """One row of the plan: file, megabytes, where its hash stands, where it comes from, how much of it is on disk."""
    has_hash = "card" if file.download.sha256 else "-" if file.is_checksum_list else checksum_lists or "no"
    name = f"{file.download.file} (optional)" if file.download.optional else file.download.file
    return (
        name,
        file.size / 1e6 if file.size else None,
        has_hash,
        _describe_file_origin(file),
        _describe_present_bytes(file),
    )


def _describe_file_origin(file: PlannedFile) -> str:
    """Where a file comes from: its first URL and the number of others, the path that was given, or "by hand"."""
    instead = f"in {file.holder.download.file}" if file.holder and file.holder.urls else ""
    if not file.urls:
        return str(file.path) if file.is_given else instead or "by hand"
    others = len(file.urls) - 1
    other_urls = count_of(others, "other") if others else ""
    return ", or ".join(filter(None, (file.urls[0], other_urls, instead)))


def _describe_present_bytes(file: PlannedFile) -> str:
    """How much of a file is on disk: "yes", "no", or the megabytes of an unfinished download."""
    if file.is_unpacked:
        return "unpacked"
    if file.urls and file.present_bytes != file.size:
        return f"{file.present_bytes / 1e6:.1f} MB" if file.present_bytes else "no"
    return "yes" if file.path.exists() else "no"
