"""The compiled modules: the installed ones, or else those that are built for the tests."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from vosbench.evaluation import kernel
from vosbench.io.compiled import COMPARING, DECODING, KERNEL_VARIABLE, find_compiled

PACKAGE = Path(kernel.__file__).parents[1]
SOURCES = {name: PACKAGE.parent / f"{name.replace('.', '/')}.c" for name in (COMPARING, DECODING)}
WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror")
"""What the compiler is asked to refuse."""
SANITIZERS = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
COMPILER = shutil.which("cc")


def build_module(name: str, folder: Path, flags: Sequence[str] = ("-O2",)) -> Path:
    """Compile a module without a warning and return its path."""
    source = SOURCES[name]
    if COMPILER is None or not source.is_file():
        pytest.skip(f"needs a C compiler and {source.name}")
    module = folder / f"{source.stem}.abi3.so"
    include = f"-I{sysconfig.get_paths()['include']}"
    command = [COMPILER, *WARNINGS, *flags, "-fPIC", "-shared", include, str(source), "-o", str(module)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return module


@cache
def load_module(name: str) -> Any:
    """An installed module, or one that is built now; skips the test where there is no compiler."""
    if (installed := find_compiled(name)) is not None:
        return installed
    path = build_module(name, Path(mkdtemp(prefix="vosbench-compiled-")))
    spec = importlib.util.spec_from_file_location(path.name.partition(".")[0], path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_kernel() -> kernel.CompareFunction:
    """The kernel of the evaluator."""
    compare: kernel.CompareFunction = load_module(COMPARING).compare
    return compare


@contextmanager
def decoding_with(twin: str) -> Iterator[None]:
    """Decode masks with the twin of this name in this block: "compiled" or "NumPy"."""
    with pytest.MonkeyPatch.context() as patch:
        if twin == "compiled":
            patch.delenv(KERNEL_VARIABLE, raising=False)
            patch.setitem(sys.modules, DECODING, load_module(DECODING))
        else:
            patch.setenv(KERNEL_VARIABLE, "numpy")
        yield


def run_under_sanitizers(name: str, folder: Path, code: str) -> None:
    """Run code in which a module of this name is `built` with sanitizers and installed; fail if they find anything."""
    path = build_module(name, folder, SANITIZERS)
    library = subprocess.run([COMPILER or "", "-print-file-name=libasan.so"], capture_output=True, text=True)
    built = path.name.partition(".")[0]
    head = f"import sys; sys.path[:0] = [{str(folder)!r}]; import {built} as built; sys.modules[{name!r}] = built\n"
    preload = {
        "LD_PRELOAD": library.stdout.strip(),
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "halt_on_error=1",
        "PYTHONPATH": str(PACKAGE.parent),
    }
    command = [sys.executable, "-c", f"{head}{code}\nprint('clean')"]
    done = subprocess.run(command, env={**os.environ, **preload}, capture_output=True, text=True)
    assert done.stdout == "clean\n", done.stderr[-3000:]
