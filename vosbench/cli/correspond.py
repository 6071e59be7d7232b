"""The command `vosbench correspond`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.cli.app import app
from vosbench.cli.options import CheckpointOption
from vosbench.errors import VosbenchError

if TYPE_CHECKING:
    from vosbench.studies.correspond import Match


@app.command("correspond")
def correspond_command(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="An image.")],
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="Another image; its size may differ.")],
    points: Annotated[
        list[str] | None, typer.Option("--point", metavar="X,Y", help="A pixel of SOURCE to look for; repeatable.")
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A PNG of SOURCE's size; its pixels other than 0 are looked for together."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write maps as .npy and overlays as PNG here; default: write nothing."),
    ] = None,
    checkpoint: CheckpointOption = None,
    gpu: Annotated[
        str | None, typer.Option(metavar="N", help="The index of a GPU, or cpu; default: the first GPU, or the CPU.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files of this command in --out.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find points or a mask of one image in another one, with the encoders of Mask-Propagation."""
    from vosbench.cli import console
    from vosbench.running.devices import choose_device, find_torch_device
    from vosbench.studies import correspond

    query = correspond.read_query(source, target, [_parse_image_point(text) for text in points or ()], mask)
    if out and not overwrite:
        for path in correspond.list_match_files(query, out):
            if path.exists():
                raise VosbenchError(path, "is there already", "choose another --out, or give --overwrite")
    device = find_torch_device(choose_device(gpu))
    described = []
    for match in correspond.find_matches(query, checkpoint, context.obj.checkpoints, device):
        described.append(correspond.describe_match(match, correspond.write_match(match, out) if out else {}))
        if not json_:
            console.print_result(_format_match(match))
    if json_:
        content = {"source": str(source), "target": str(target), "matches": described}
        console.print_result(json.dumps(content, indent=1, ensure_ascii=False))
    elif out:
        console.print_result(f"maps and overlays are in {out}")


def _parse_image_point(text: str) -> tuple[int, int]:
    if not (found := re.fullmatch(r"\s*(-?\d+)\s*,\s*(-?\d+)\s*", text)):
        raise VosbenchError(f"--point {text}", "expected the x and y of a pixel, such as 40,30")
    return int(found[1]), int(found[2])


def _format_match(match: Match) -> str:
    """A line such as: 40,30 -> 52,31 (0.127)."""
    asked = f"{match.point[0]},{match.point[1]}" if match.point else match.name
    return f"{asked} -> {match.best[0]},{match.best[1]} ({match.share:.3f})"
