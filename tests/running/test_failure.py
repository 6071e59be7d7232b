"""Errors of trackers are sorted by what may help."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from vosbench.running.failure import describe_failure
from vosbench.running.run import Run


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
        OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
    ],
    ids=repr,
)
def test_every_way_to_say_that_memory_ran_out_is_understood(error: Exception, tmp_path: Path) -> None:
    assert describe_failure(error, Run(tmp_path)).kind == "memory"
    with pytest.raises(MemoryError) as numpys:
        np.empty((1 << 40, 1 << 12), np.uint8)
    assert describe_failure(numpys.value, Run(tmp_path)).kind == "memory"
    assert describe_failure(RuntimeError("out of luck"), Run(tmp_path)).kind == "raised"
