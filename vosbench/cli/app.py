"""The Typer application, its global options, and how every command prints an error."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from vosbench.io import paths
from vosbench.version import __version__

HELP_OPTIONS = ("-h", "--help")

app = typer.Typer(
    help="Fetch datasets, run trackers and score masks for semi-supervised video object segmentation (VOS).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": list(HELP_OPTIONS)},
)


def format_command_line() -> str:
    """Return this process's command, quoted so that it can be typed again."""
    return shlex.join(["vosbench", *sys.argv[1:]])


def print_error(line: str) -> None:
    """Print one line that says what went wrong."""
    sys.stderr.write(f"vosbench: {line}\n")


def _print_version(wanted: bool) -> None:
    if wanted:
        from vosbench.cli import console

        console.print_result(f"vosbench {__version__}")
        raise typer.Exit


@app.callback()
def set_global_options(
    context: typer.Context,
    datasets: Annotated[
        Path, typer.Option(envvar="VOSBENCH_DATASETS", metavar="DIR", help="The folder of all datasets.")
    ] = Path("datasets"),
    checkpoints: Annotated[
        Path, typer.Option(envvar="VOSBENCH_CHECKPOINTS", metavar="DIR", help="The folder of all checkpoints.")
    ] = Path("checkpoints"),
    results_root: Annotated[
        Path, typer.Option(envvar="VOSBENCH_RESULTS", metavar="DIR", help="The folder of all runs.")
    ] = Path("results"),
    quiet: Annotated[bool, typer.Option("--quiet", help="Print results and errors only, no progress.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Set the options of every command; they may stand before or after its name."""
    from vosbench.cli import console

    context.obj = paths.Roots(datasets, checkpoints, results_root)
    if quiet:
        console.silence_notes()
