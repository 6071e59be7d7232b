"""What all commands share: the Typer application, the options that several commands take, signals and errors."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from vosbench.io import paths
from vosbench.io.wording import count_of
from vosbench.trackers import registry
from vosbench.version import __version__

if TYPE_CHECKING:
    from vosbench.datasets.split import DatasetSplit

app = typer.Typer(
    help="Fetch datasets, run trackers and score masks for semi-supervised video object segmentation (VOS).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

DatasetOption = Annotated[
    str, typer.Option("--dataset", help="A dataset's name or alias, or the path of its folder or card.")
]
ScoredDatasetOption = Annotated[
    str | None,
    typer.Option("--dataset", help="The dataset with the ground truth: a name or a path. A run knows its own."),
]
SplitOption = Annotated[str | None, typer.Option(help="The split; default: the one that the dataset's card names.")]
RulesOption = Annotated[
    str | None,
    typer.Option(metavar="DATASET", help="Use the prompts and the scoring rules of this dataset's card instead."),
]
VideosOption = Annotated[str, typer.Option(metavar="A,B", help="Only the videos with these names.")]
LimitOption = Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the first N videos.")]
TrackerOption = Annotated[
    str, typer.Option(help=f"{', '.join(registry.BUILT_IN_TRACKERS)}, the name of a plug-in, or module:object.")
]
CheckpointOption = Annotated[
    str | None,
    typer.Option(help="A name that `vosbench list checkpoints` shows, or the path of a file of weights."),
]
SettingsOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting of the tracker; repeatable. `--set help` lists them."),
]
PromptOption = Annotated[
    str | None,
    typer.Option(
        metavar="KIND",
        help="What each object is given by: mask (default), box, 1-click, 3-click or 5-click, from its first mask.",
    ),
]
PrompterOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="What turns clicks into masks for a tracker that takes masks only; default: sam2."
    ),
]
PrompterCheckpointOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="The weights of the prompter; default: its own default.")
]
PromptsFromOption = Annotated[
    str | None,
    typer.Option(metavar="RUN", help="Give the clicks or boxes again that were recorded in this run."),
]
GpusOption = Annotated[
    str | None, typer.Option(help="all, cpu, or indices such as 0,1; default: all GPUs, or the CPU if there is none.")
]
WorkersPerGpuOption = Annotated[
    int | None,
    typer.Option(
        "--workers-per-gpu",
        min=1,
        metavar="N",
        help="Workers that share each GPU, or the CPU; default: one for each GPU, and on the CPU as many as cores, "
        "videos and memory allow.",
    ),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        metavar="N",
        help="Threads with which torch computes in each worker; default: those that the run was begun with, or else "
        "the cores divided by the workers.",
    ),
]
StallOption = Annotated[
    float,
    typer.Option(
        min=1,
        metavar="SECONDS",
        help="Stop a worker that has finished no frame for this long; a video's first frame always has 600 seconds.",
    ),
]
JsonLogOption = Annotated[
    Path | None,
    typer.Option("--json-log", metavar="FILE", help="Append every event to FILE, one JSON object per line."),
]
OutOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The run's folder; default: a folder under the results root.")
]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Track finished videos again; replace a different run in the same folder.")
]
KeepOption = Annotated[
    bool,
    typer.Option(
        "--keep", help="Continue although what made the masks so far has changed, such as the tracker's code."
    ),
]
JobsOption = Annotated[int | None, typer.Option(min=1, help="Processes that score videos; default: one per core.")]

STOP_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name))
"""The signals by which a scheduler asks a process to stop. Windows has no SIGUSR1."""


class Stopped(BaseException):
    """A scheduler's signal asked this process to stop; the work can be requeued."""


@contextmanager
def raise_on_stop_signal() -> Iterator[None]:
    """Raise `Stopped` when one of STOP_SIGNALS arrives, so that all clean-up code runs before the process ends.

    After the first signal the others are ignored, because a second exception would interrupt the clean-up.
    """

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    before = {number: signal.signal(number, stop) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is stop:  # a stopped process ignores the signals until it has ended
                signal.signal(number, handler)


@contextmanager
def stop_between_steps() -> Iterator[Callable[[], None]]:
    """Let Ctrl-C and STOP_SIGNALS end the work only where the function that is given is called, which then raises.

    It raises KeyboardInterrupt or `Stopped`. A second Ctrl-C ends the work at once.
    """
    asked: list[type[BaseException]] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, *STOP_SIGNALS)}

    def note(number: int, frame: FrameType | None) -> None:
        asked.append(KeyboardInterrupt if number == signal.SIGINT else Stopped)
        if number == signal.SIGINT:
            signal.signal(number, before[number])
            os.write(2, b"stopping after this frame; Ctrl-C again stops at once\n")

    def stop_if_asked() -> None:
        if asked:
            raise asked[0]

    for number in before:
        signal.signal(number, note)
    try:
        yield stop_if_asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def split_names(text: str) -> list[str]:
    """Split the value of --videos, `A,B`, into names; an empty text has none."""
    return [name for name in text.split(",") if name]


def parse_video_options(dataset_split: DatasetSplit, names: str, limit: int | None = None) -> list[str]:
    """Return the videos that --videos and --limit choose. Raises VosbenchError for a name that the split lacks."""
    from vosbench.datasets.split import choose_videos

    return choose_videos(dataset_split, split_names(names), limit)


def format_attempts(attempts: int) -> str:
    """Say after how many attempts a video was given up; nothing after one, which another would not change."""
    return f" after {count_of(attempts, 'attempt')}" if attempts > 1 else ""


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
