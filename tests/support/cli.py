"""The command line as users run it, in processes of their own."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.support.starter import Starter

REPOSITORY = Path(__file__).parents[2]
PLUGINS = Path(__file__).parent / "plugins"
"""The folder of modules that commands, their workers and the tests find by their bare names: failing_trackers."""


def environment() -> dict[str, str]:
    """What a command finds around it: no roots of the user's own, and the modules that lie beside the tests."""
    roots = ("VOSBENCH_DATASETS", "VOSBENCH_RESULTS", "VOSBENCH_CHECKPOINTS", "VOSBENCH_MIRROR")
    kept = {name: value for name, value in os.environ.items() if name not in roots}
    return {**kept, "PYTHONPATH": os.pathsep.join(map(str, (PLUGINS, REPOSITORY))), "COLUMNS": "200", "NO_COLOR": "1"}


@cache
def starter() -> Starter:
    """The one of all tests in this process."""
    return Starter(environment())


class Cli:
    """The command line in a process of its own, as users run it, in a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = environment()
        self.file_size: int | None = None

    def limit_file_size(self, size: int) -> None:
        """Let no command write a file larger than `size` bytes."""
        self.file_size = size

    def __call__(self, *arguments: object, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command and check its exit status."""
        done = self._run(*arguments)
        assert done.returncode == expect, f"{arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        if expect == 2:
            said = [line for line in done.stderr.splitlines() if line.startswith("vosbench: ")]
            assert said == done.stderr.splitlines()[-1:], f"not one line at the end: {done.stderr}"
        return done

    def _run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """By the starter, which saves seconds, where Python itself would start no differently."""
        if starter().starts_as(self.environment):
            return starter()(list(map(str, arguments)), self.folder, self.environment, self.file_size)
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
            preexec_fn=self._limit if self.file_size else None,
        )

    def _limit(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.file_size or 0, resource.RLIM_INFINITY))
