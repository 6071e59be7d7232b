"""The compiled kernel of the evaluator: the installed one, or else one that is built for the tests."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from vosbench.evaluation import kernel

SOURCE = Path(kernel.__file__).with_name("_kernel.c")
WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror")
"""What the compiler is asked to refuse."""
COMPILER = shutil.which("cc")


def build_kernel(folder: Path, flags: Sequence[str] = ("-O2",)) -> Path:
    """Compile the kernel without a warning and return the path of the module."""
    if COMPILER is None or not SOURCE.is_file():
        pytest.skip("needs a C compiler and the kernel's source")
    module = folder / "_kernel.abi3.so"
    include = f"-I{sysconfig.get_paths()['include']}"
    command = [COMPILER, *WARNINGS, *flags, "-fPIC", "-shared", include, str(SOURCE), "-o", str(module)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return module


@cache
def load_kernel() -> kernel.CompareFunction:
    """The installed kernel, or one that is built now; skips the test where there is no compiler."""
    if (installed := kernel.find_kernel()) is not None:
        return installed
    path = build_kernel(Path(mkdtemp(prefix="vosbench-kernel-")))
    spec = importlib.util.spec_from_file_location("_kernel", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    compare: kernel.CompareFunction = module.compare
    return compare
