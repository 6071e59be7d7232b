"""Modules in C, which are built where there is a compiler. Each has a twin in NumPy that gives the same results."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import Any

KERNEL_VARIABLE = "VOSBENCH_KERNEL"
DECODING, COMPARING = "vosbench.masks._decoding", "vosbench.evaluation._kernel"


def find_compiled(module: str) -> Any | None:
    """A compiled module, or None if it is not installed, or not wanted: KERNEL_VARIABLE is "numpy"."""
    return None if os.environ.get(KERNEL_VARIABLE) == "numpy" else _load_compiled(module)


@cache
def _load_compiled(module: str) -> Any | None:
    try:
        return import_module(module)
    except ImportError:
        return None
