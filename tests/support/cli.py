"""The command line as tests call it: in this process, which is cheap, or in a process of its own."""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from vosbench.cli import console, main

REPOSITORY = Path(__file__).parents[2]
PLUGINS = Path(__file__).parent / "plugins"
"""The folder of modules that commands, their workers and the tests find by their bare names: failing_trackers."""

READ_AT_START = ("HOME", "LD_", "OMP_", "PYTHON")
"""How the names of variables begin that are read only once, when Python or a package starts."""


def make_environment() -> dict[str, str]:
    """The variables of every command: none of the user's own roots, and the path of the modules beside the tests."""
    roots = ("VOSBENCH_DATASETS", "VOSBENCH_RESULTS", "VOSBENCH_CHECKPOINTS", "VOSBENCH_MIRROR")
    kept = {name: value for name, value in os.environ.items() if name not in roots}
    return {**kept, "PYTHONPATH": os.pathsep.join(map(str, (PLUGINS, REPOSITORY))), "COLUMNS": "200", "NO_COLOR": "1"}


class Cli:
    """The command line in a folder of the test's own, which is the current folder of its commands.

    `cli(...)` runs a command in this process. It takes a process of its own where Python would start differently: with
    other variables that are read at the start, or with a limit on the size of files. `cli.start(...)` always does.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = make_environment()
        self.file_size: int | None = None

    def limit_file_size(self, size: int) -> None:
        """Let no command write a file larger than `size` bytes."""
        self.file_size = size

    def __call__(self, *arguments: object, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command and check its exit status."""
        done = self._run_here(*arguments) if self._starts_alike() else self.run_apart(*arguments)
        assert done.returncode == expect, f"{arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        if expect == 2:
            said = [line for line in done.stderr.splitlines() if line.startswith("vosbench: ")]
            assert said == done.stderr.splitlines()[-1:], f"not one line at the end: {done.stderr}"
        return done

    def _starts_alike(self) -> bool:
        read_at_start, usual = (
            {name: value for name, value in variables.items() if name.startswith(READ_AT_START)}
            for variables in (self.environment, make_environment())
        )
        return self.file_size is None and read_at_start == usual

    def _run_here(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        given = list(map(str, arguments))
        with self._as_in_a_process(given), redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            try:
                main()
            except SystemExit as end:
                return subprocess.CompletedProcess(given, end.code or 0, out.getvalue(), err.getvalue())
        raise AssertionError("the command line always ends with an exit status")

    @contextmanager
    def _as_in_a_process(self, arguments: list[str]) -> Iterator[None]:
        """Set a command's folder, variables and arguments; afterwards forget what it imported and cached."""
        known_path = list(sys.path)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", ["vosbench", *arguments])
            patch.setattr(console.notes, "quiet", False)  # which --quiet changes
            for name in os.environ.keys() - self.environment.keys():
                patch.delenv(name)
            for name, value in self.environment.items():
                patch.setenv(name, value)
            try:
                yield
            finally:
                sys.path[:] = known_path
                forget_modules(self.folder)
                forget_cached_results()

    def run_apart(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run a command in a process of its own, whatever its exit status."""
        process = self.start(*arguments)
        stdout, stderr = process.communicate(timeout=240)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """Start a command in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "vosbench", *map(str, arguments)],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=self._limit_file_size if self.file_size else None,
        )

    def _limit_file_size(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.file_size or 0, resource.RLIM_INFINITY))


def forget_modules(folder: Path) -> None:
    """Drop the modules that were imported from a test's folder: the next command may find others there."""
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(f"{folder}{os.sep}"):
            del sys.modules[name]


def forget_cached_results() -> None:
    """Empty the caches of all functions of vosbench, such as hashes of code that the next test may change."""
    for name, module in list(sys.modules.items()):
        if name.startswith("vosbench."):
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()
