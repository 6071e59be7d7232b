"""The command line: it parses, calls and prints. Nothing else in vosbench prints or exits.

What a command needs is imported when it runs, so that `--help` is instant.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer

from vosbench.cli import datasets, evaluate, fetch, infer, runs, slurm, sweep
from vosbench.cli.app import Stopped, app, say, stoppable
from vosbench.errors import VosbenchError
from vosbench.running.slurm import REQUEUE

ROOT_OPTIONS = ("--datasets", "--checkpoints", "--results-root")
INTERRUPTED = 130

ORDER: tuple[Callable[..., Any], ...] = (
    *(fetch.fetch, infer.infer, evaluate.evaluate, infer.run, sweep.sweep, slurm.slurm),
    *(datasets.list_, runs.show, runs.status, evaluate.overlay, runs.reproduce),
    *(datasets.verify, datasets.cite, datasets.doctor),
)
"""The commands as `--help` lists them."""
app.registered_commands.sort(key=lambda command: ORDER.index(command.callback) if command.callback else -1)

__all__ = ["main"]


def main() -> None:
    """Run the command line; what the user can mend becomes one line and exit status 2."""
    usage_error: type[Exception] = typer.BadParameter.__mro__[1]  # click's, wherever this typer has it
    try:
        with stoppable():
            status = app(_roots_first(sys.argv[1:] or ["--help"]), prog_name="vosbench", standalone_mode=False)
    except VosbenchError as error:
        say(str(error))
        status = 2
    except usage_error as error:
        say(f"{error.format_message()} See `vosbench --help`")  # type: ignore[attr-defined]
        status = 2
    except Stopped:
        say("stopped by a signal; the same command continues where it stopped")
        status = REQUEUE
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    if status == INTERRUPTED:
        say("interrupted; the same command continues where it stopped")
    sys.exit(status)


def _roots_first(arguments: Sequence[str]) -> list[str]:
    """Move the global options to the front, so that they may stand anywhere."""
    front, rest, waiting = [], [], iter(arguments)
    for argument in waiting:
        if argument in ROOT_OPTIONS:
            front += [argument, *([value] if (value := next(waiting, None)) is not None else [])]
        elif argument == "--quiet" or argument.startswith(tuple(f"{option}=" for option in ROOT_OPTIONS)):
            front.append(argument)
        else:
            rest.append(argument)
    return front + rest
