"""The command line: each command parses its options, calls the library and prints what comes back.

No other room of vosbench prints or exits. A command imports what it needs when it runs, so that `--help` is instant.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from vosbench.cli import (  # noqa: F401
    correspond,
    datasets,
    evaluate,
    fetch,
    infer,
    interactive,
    listing,
    overlay,
    reproduce,
    show,
    slurm,
    status,
    sweep,
    track,
    ui,
)
from vosbench.cli.app import Stopped, app, print_error, raise_on_stop_signal
from vosbench.cli.guide import add_guides
from vosbench.errors import VosbenchError
from vosbench.io.files import explain_refusal
from vosbench.running.slurm import EXIT_REQUEUE

ROOT_OPTIONS = ("--datasets", "--checkpoints", "--results-root")
EXIT_INTERRUPTED = 130

COMMAND_ORDER = (
    *("fetch", "infer", "eval", "run", "sweep", "slurm", "interactive", "track", "ui"),
    *("list", "show", "status", "overlay", "correspond", "reproduce", "verify", "cite", "doctor"),
)
"""The commands in the order in which `--help` lists them."""
app.registered_commands.sort(key=lambda command: COMMAND_ORDER.index(command.name or ""))
add_guides(app)

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its status.

    A VosbenchError, a wrong option, and what the disk refuses become one line and status 2. A scheduler's signal gives
    EXIT_REQUEUE, and Ctrl-C gives EXIT_INTERRUPTED.
    """
    usage_error: type[Exception] = typer.BadParameter.__mro__[1]  # click's, wherever this typer has it
    try:
        with raise_on_stop_signal():
            status = app(
                _move_root_options_first(sys.argv[1:] or ["--help"]), prog_name="vosbench", standalone_mode=False
            )
    except VosbenchError as error:
        print_error(str(error))
        status = 2
    except OSError as error:
        if not (refusal := explain_refusal(error)):
            raise
        print_error(str(refusal))
        status = 2
    except usage_error as error:
        print_error(f"{error.format_message()} See `vosbench --help`.")  # type: ignore[attr-defined]
        status = 2
    except Stopped:
        print_error("stopped by a signal; repeat the command to continue")
        status = EXIT_REQUEUE
    except (KeyboardInterrupt, typer.Abort):
        status = EXIT_INTERRUPTED
    if status == EXIT_INTERRUPTED:
        print_error("interrupted; repeat the command to continue")
    sys.exit(status)


def _move_root_options_first(arguments: Sequence[str]) -> list[str]:
    """Move the global options to the front, so that they may stand anywhere on the command line."""
    front, rest, remaining = [], [], iter(arguments)
    for argument in remaining:
        if argument in ROOT_OPTIONS:
            front += [argument, *([value] if (value := next(remaining, None)) is not None else [])]
        elif argument == "--quiet" or argument.startswith(tuple(f"{option}=" for option in ROOT_OPTIONS)):
            front.append(argument)
        else:
            rest.append(argument)
    return front + rest
