"""What all commands share: the application, its global options, the options that several take, and how it ends."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from vosbench.io import paths
from vosbench.trackers import registry
from vosbench.version import __version__

if TYPE_CHECKING:
    from vosbench.datasets.split import DatasetSplit

app = typer.Typer(
    help="Fetch, run and score semi-supervised video object segmentation (VOS).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

DatasetOption = Annotated[
    str, typer.Option("--dataset", help="A name, an alias (`default` is one), or the path of a tree or card.")
]
ScoredDatasetOption = Annotated[str | None, typer.Option("--dataset", help="A name or a path; a run knows its own.")]
SplitOption = Annotated[str | None, typer.Option(help="The split; without it the card's default, mostly val.")]
RulesOption = Annotated[str | None, typer.Option(help="Go by the prompts and rules of this dataset's card instead.")]
VideosOption = Annotated[str, typer.Option(metavar="A,B", help="Only these videos.")]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Only the first N videos.")]
TrackerOption = Annotated[
    str, typer.Option(help=f"{', '.join(registry.BUILT_IN_TRACKERS)}, a plug-in's name, or module:object.")
]
CheckpointOption = Annotated[
    str | None, typer.Option(help="A name of the catalogue, or the path of a file of weights.")
]
SettingsOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A tracker's setting; `--set help` lists them.")
]
GpusOption = Annotated[
    str | None, typer.Option(help="all, cpu, or indices such as 0,1; without it all GPUs, or the CPU.")
]
WorkersPerGpuOption = Annotated[int, typer.Option("--workers-per-gpu", min=1, help="Workers that share each GPU.")]
StallOption = Annotated[float, typer.Option(min=1, help="Seconds without a frame after which a worker is killed.")]
JsonLogOption = Annotated[
    Path | None, typer.Option("--json-log", metavar="FILE", help="Add every event to a file, one JSON object a line.")
]
OutOption = Annotated[Path | None, typer.Option(help="The run's own folder.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Track again what is done.")]
JobsOption = Annotated[int | None, typer.Option(min=1, help="Processes that score; without it one a core.")]
ResultsOption = Annotated[Path, typer.Option(help="A run, or any folder of <video>/<frame>.png.")]


class Stopped(BaseException):
    """A scheduler's signal asked this process to stop; the work can be requeued."""


@contextmanager
def raise_on_stop_signal() -> Iterator[None]:
    """Turn a scheduler's SIGTERM or SIGUSR1 into an exception, so that everything is put in order on the way out.

    One is enough: a second one would disturb that.
    """

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGUSR1)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is stop:  # once stopped it stays deaf until the process has gone
                signal.signal(number, handler)


def parse_video_options(dataset_split: DatasetSplit, names: str, limit: int | None = None) -> list[str]:
    """The videos that --videos and --limit choose."""
    from vosbench.datasets.split import choose_videos

    return choose_videos(dataset_split, [name for name in names.split(",") if name], limit)


def format_command_line() -> str:
    """This command, as it can be typed again."""
    return shlex.join(["vosbench", *sys.argv[1:]])


def print_error(line: str) -> None:
    """The one line that tells what went wrong."""
    sys.stderr.write(f"vosbench: {line}\n")


def _print_version(wanted: bool) -> None:
    if wanted:
        from vosbench.cli import console

        console.print_result(f"vosbench {__version__}")
        raise typer.Exit


@app.callback()
def set_global_options(
    context: typer.Context,
    datasets: Annotated[Path, typer.Option(envvar="VOSBENCH_DATASETS", help="Where datasets lie.")] = Path("datasets"),
    checkpoints: Annotated[Path, typer.Option(envvar="VOSBENCH_CHECKPOINTS", help="Where weights lie.")] = Path(
        "checkpoints"
    ),
    results_root: Annotated[Path, typer.Option(envvar="VOSBENCH_RESULTS", help="Where runs lie.")] = Path("results"),
    quiet: Annotated[bool, typer.Option("--quiet", help="Results and errors only, no progress.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="The version.")
    ] = False,
) -> None:
    """Options of every command; they may stand before or after it."""
    from vosbench.cli import console

    context.obj = paths.Roots(datasets, checkpoints, results_root)
    if quiet:
        console.silence_notes()
