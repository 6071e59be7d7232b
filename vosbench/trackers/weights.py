"""Load a checkpoint without running code in it, and check its tensors."""

from __future__ import annotations

import zipfile
from pathlib import Path

import torch

from vosbench.errors import VosbenchError

Weights = dict[str, torch.Tensor]


def load_weights(checkpoint: Path, otherwise: str) -> object:
    """What torch saved in a file, without running any code in it.

    Raises VosbenchError if the file is damaged, or is not there, and then says what to do `otherwise`.
    """
    if not checkpoint.is_file():
        raise VosbenchError(f"{checkpoint}: no such file; {otherwise}")
    try:
        _verify_checksums(checkpoint)
        content: object = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except OSError as error:
        raise VosbenchError(f"{checkpoint}: cannot be read ({error.strerror})") from None
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise VosbenchError(
            f"{checkpoint}: {checkpoint.stat().st_size} bytes that torch cannot read ({type(error).__name__}); "
            "delete it and fetch it again"
        ) from None
    return content


def _verify_checksums(checkpoint: Path) -> None:
    """Hold the tensors in a zip archive against their checksums, which torch does not look at."""
    if zipfile.is_zipfile(checkpoint):
        with zipfile.ZipFile(checkpoint) as archive:
            if damaged := archive.testzip():
                raise zipfile.BadZipFile(damaged)


def check_weights(found: Weights, expected: Weights, problem: str) -> None:
    """Raise in one line what load_state_dict would raise in a page, or not at all; `problem` begins it."""
    shared = found.keys() & expected.keys()
    faults = {
        "missing": expected.keys() - found.keys(),
        "unexpected": found.keys() - expected.keys(),
        "misshapen": {name for name in shared if found[name].shape != expected[name].shape},
        "of another kind of numbers": {
            name for name in shared if found[name].is_floating_point() != expected[name].is_floating_point()
        },
        "not finite": {name for name in shared if not found[name].sum(dtype=torch.float32).isfinite()},
    }
    listed = [f"{len(names)} {fault} (such as {min(names)})" for fault, names in faults.items() if names]
    if listed:
        raise VosbenchError(f"{problem}: of {len(expected)} tensors {', '.join(listed)}; delete it and fetch it again")
