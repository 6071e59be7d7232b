"""The command line: each command parses its options, calls the library and prints what comes back.

No other room of vosbench prints or exits. A command imports what it needs when it runs, so that `--help` is instant.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Collection, Sequence
from importlib import import_module

import typer

from vosbench.cli.app import HELP_OPTIONS, print_error
from vosbench.cli.app import app as application
from vosbench.cli.signals import Stopped, raise_on_stop_signal
from vosbench.errors import VosbenchError
from vosbench.io.files import explain_refusal
from vosbench.io.threads import limit_blas_threads
from vosbench.running.slurm import EXIT_REQUEUE

ROOT_OPTIONS = ("--datasets", "--checkpoints", "--results-root")
EXIT_INTERRUPTED = 130
COMPLETION = "_VOSBENCH_COMPLETE"  # the variable by which a shell asks for completions

COMMANDS = {
    "fetch": "fetch",
    "infer": "infer",
    "eval": "evaluate",
    "run": "run",
    "sweep": "sweep",
    "slurm": "slurm",
    "interactive": "interactive",
    "track": "track",
    "ui": "ui",
    "list": "listing",
    "show": "show",
    "status": "status",
    "compare": "compare",
    "published": "published",
    "report": "report",
    "overlay": "overlay",
    "plot": "plot",
    "pack": "pack",
    "convert": "convert",
    "correspond": "correspond",
    "reproduce": "reproduce",
    "verify": "datasets",
    "cite": "datasets",
    "doctor": "datasets",
}
"""The commands in the order in which `--help` lists them, and the module of `vosbench.cli` that holds each."""

__all__ = ["load_commands", "main"]


def load_commands(names: Collection[str] = COMMANDS.keys(), guided: bool = True) -> typer.Typer:
    """The application with the given commands; others may be among them that their modules hold or import.

    guided: with what only `--help` and completion show.
    """
    for name in names:
        import_module(f"vosbench.cli.{COMMANDS[name]}")
    order = list(COMMANDS)
    application.registered_commands.sort(key=lambda command: order.index(command.name or ""))
    if guided:
        from vosbench.cli.guide import add_guides

        add_guides(application)
    return application


def main() -> None:
    """Run the command line and exit with its status.

    A VosbenchError, a wrong option, and what the disk refuses become one line and status 2. A scheduler's signal gives
    EXIT_REQUEUE, and Ctrl-C gives EXIT_INTERRUPTED.
    """
    usage_error: type[Exception] = typer.BadParameter.__mro__[1]  # click's, wherever this typer has it
    try:
        limit_blas_threads()
        with raise_on_stop_signal():
            options, words = _part_root_options(sys.argv[1:] or ["--help"])
            called = _find_called_command(words)
            load_commands(
                [called] if called else COMMANDS.keys(),
                guided=called is None or any(word in HELP_OPTIONS for word in words),
            )
            status = application([*options, *words], prog_name="vosbench", standalone_mode=False)
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
    gc.freeze()  # the interpreter would look through all objects for garbage, which ends with the process anyway
    sys.exit(status)


def _part_root_options(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The global options, which may stand anywhere on the command line, and all other words."""
    options, words, remaining = [], [], iter(arguments)
    for argument in remaining:
        if argument in ROOT_OPTIONS:
            options += [argument, *([value] if (value := next(remaining, None)) is not None else [])]
        elif argument == "--quiet" or argument.startswith(tuple(f"{option}=" for option in ROOT_OPTIONS)):
            options.append(argument)
        else:
            words.append(argument)
    return options, words


def _find_called_command(words: Sequence[str]) -> str | None:
    """The command that is called; None for the application's own `--help`, for completion, and for an unknown one."""
    return words[0] if words and words[0] in COMMANDS and COMPLETION not in os.environ else None
