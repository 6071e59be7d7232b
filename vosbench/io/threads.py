"""Set with how many threads this process, or a process that it starts, computes; without importing torch."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
"""The threads of torch, which takes the smaller of the first two, and of OpenCV."""
BLAS_VARIABLES = ("OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""The threads of the libraries with which NumPy does linear algebra. More than one thread doubles the CPU time of small
matrices and gains nothing, and on a busy machine the threads wait for each other."""


@contextmanager
def limit_threads(count: int) -> Iterator[None]:
    """Let processes that start in this block compute with `count` threads, and do NumPy's linear algebra with one.

    The numbers must be in the environment before NumPy or torch is imported, which a spawned process does at once.
    """
    given = {**dict.fromkeys(BLAS_VARIABLES, "1"), **dict.fromkeys(THREAD_VARIABLES, str(count))}
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def limit_blas_threads() -> None:
    """Let NumPy, where this process has not imported it yet, do linear algebra with one thread, unless the user's
    environment says otherwise. Starting one a core, which nothing here uses, would take longer than importing NumPy.
    """
    for name in BLAS_VARIABLES:
        os.environ.setdefault(name, "1")


def set_threads(count: int) -> None:
    """Let torch compute with `count` threads in this process, whether it is imported already or will be."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(count)))
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(count)


def count_torch_threads() -> int:
    """The threads with which torch computes on the CPU in this process; 0 if nothing has imported torch."""
    torch = sys.modules.get("torch")
    return int(torch.get_num_threads()) if torch else 0


def read_requested_threads() -> int | None:
    """The number of threads that OMP_NUM_THREADS asks for in this process's environment; None without a number."""
    text = os.environ.get("OMP_NUM_THREADS", "")
    return int(text) if text.isdecimal() and int(text) else None
