"""The command line: it parses, calls and prints. Nothing else in vosbench prints or exits.

What a command needs is imported when it runs, so that `--help` is instant.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer

from vosbench.cli import datasets, evaluate, fetch, infer, runs, slurm, sweep
from vosbench.cli.app import Stopped, app, print_error, raise_on_stop_signal
from vosbench.errors import VosbenchError
from vosbench.running.slurm import EXIT_REQUEUE

ROOT_OPTIONS = ("--datasets", "--checkpoints", "--results-root")
EXIT_INTERRUPTED = 130

COMMAND_ORDER: tuple[Callable[..., Any], ...] = (
    *(
        fetch.fetch_command,
        infer.infer_command,
        evaluate.evaluate_command,
        infer.run_command,
        sweep.sweep_command,
        slurm.slurm_command,
    ),
    *(datasets.list_command, runs.show_command, runs.status_command, evaluate.overlay_command, runs.reproduce_command),
    *(datasets.verify_command, datasets.cite_command, datasets.doctor_command),
)
"""The commands as `--help` lists them."""
app.registered_commands.sort(key=lambda command: COMMAND_ORDER.index(command.callback) if command.callback else -1)

__all__ = ["main"]


def main() -> None:
    """Run the command line; what the user can mend becomes one line and exit status 2."""
    usage_error: type[Exception] = typer.BadParameter.__mro__[1]  # click's, wherever this typer has it
    try:
        with raise_on_stop_signal():
            status = app(
                _move_root_options_first(sys.argv[1:] or ["--help"]), prog_name="vosbench", standalone_mode=False
            )
    except VosbenchError as error:
        print_error(str(error))
        status = 2
    except usage_error as error:
        print_error(f"{error.format_message()} See `vosbench --help`")  # type: ignore[attr-defined]
        status = 2
    except Stopped:
        print_error("stopped by a signal; the same command continues where it stopped")
        status = EXIT_REQUEUE
    except (KeyboardInterrupt, typer.Abort):
        status = EXIT_INTERRUPTED
    if status == EXIT_INTERRUPTED:
        print_error("interrupted; the same command continues where it stopped")
    sys.exit(status)


def _move_root_options_first(arguments: Sequence[str]) -> list[str]:
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
