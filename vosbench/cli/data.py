"""The commands about what lies on disk: fetch, list and doctor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from vosbench.cli.app import Split, app, say
from vosbench.types import Counts, VosbenchError


@app.command()
def fetch(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(help="Datasets, cards' paths, checkpoints, or `checkpoints` for all.")],
    split: Split = None,
    root: Annotated[Path | None, typer.Option(help="Where to put datasets, in place of --datasets.")] = None,
    from_: Annotated[
        list[str] | None, typer.Option("--from", help="Archives or folders on disk, or URLs, in place of the card's.")
    ] = None,
    mirror: Annotated[
        str | None, typer.Option(envvar="VOSBENCH_MIRROR", help="A base URL that holds the card's files by name.")
    ] = None,
    keep_archives: Annotated[bool, typer.Option("--keep-archives", help="Keep what was downloaded.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Fetch again what is there.")] = False,
) -> None:
    """Download, verify, unpack and normalise datasets; download checkpoints."""
    from vosbench import console, plugins
    from vosbench.fetch import Sources, fetch_checkpoint, fetch_dataset

    sources = Sources(tuple(from_ or ()), mirror, keep_archives, force)
    known = plugins.checkpoints()
    wanted = [name for given in names for name in (known if given == "checkpoints" else [given])]
    if sources.given and len(wanted) > 1:
        raise VosbenchError(f"--from goes with one name, found {len(wanted)}: {', '.join(wanted)}")
    for name in wanted:
        with console.Steps() as steps:
            if name in known:
                fetched = fetch_checkpoint(known[name], context.obj.checkpoints, sources, steps)
            else:
                fetched = fetch_dataset(plugins.dataset(name), split, root or context.obj.datasets, sources, steps)
        for warning in fetched.warnings:
            say(f"warning: {warning}")
        console.show(_fetched(name, fetched.path, fetched.counts, fetched.fresh))


def _fetched(name: str, path: Path, counts: Counts | None, fresh: bool) -> str:
    sizes = f" ({counts.videos} videos, {counts.frames} frames, {counts.objects} objects)" if counts else ""
    return f"{name} is at {path}{sizes}" if fresh else f"{name} is complete at {path}{sizes}; --force fetches it again"


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
        console.table(list(rows[0]) if rows else [kind], [list(row.values()) for row in rows], title=f"\n{kind}")


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
