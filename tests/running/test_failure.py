"""Errors of trackers are sorted by what may help."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from vosbench.errors import VosbenchError
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


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RuntimeError("out of luck"), "lasting"),
        (VosbenchError("frame 00002", "the tracker yielded None"), "lasting"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "config.yaml"), "lasting"),
        (OSError(errno.ESTALE, "Stale file handle"), "passing"),
        (RuntimeError("CUDA error: unspecified launch failure"), "passing"),
        (RuntimeError("DataLoader worker (pid 7) exited unexpectedly with exit code 1"), "passing"),
        (OSError(errno.ENOSPC, "No space left on device", "/full"), "fatal"),
    ],
    ids=repr,
)
def test_an_error_of_the_machine_may_pass_and_one_of_the_code_lasts(
    error: Exception, kind: str, tmp_path: Path
) -> None:
    assert describe_failure(error, Run(tmp_path)).kind == kind
