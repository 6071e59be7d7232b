"""Load a checkpoint without running code in it, and check its tensors."""

from __future__ import annotations

import zipfile
from pathlib import Path

import torch

from vosbench.errors import VosbenchError

Weights = dict[str, torch.Tensor]
FETCH_AGAIN = "delete the file and fetch it again"


def load_weights(checkpoint: Path, remedy: str) -> object:
    """What torch saved in a file, loaded onto the CPU, without running any code in it.

    remedy: what to do if the file is missing.

    Raises VosbenchError if the file is missing, unreadable or damaged.
    """
    if not checkpoint.is_file():
        raise VosbenchError(checkpoint, "no such file", remedy)
    try:
        _verify_checksums(checkpoint)
        content: object = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except OSError as error:
        raise VosbenchError(checkpoint, f"cannot be read ({error.strerror})", "check the file's permissions") from None
    except Exception as error:  # a damaged pickle can raise nearly any error
        found = f"{checkpoint.stat().st_size} bytes that torch cannot read ({type(error).__name__})"
        raise VosbenchError(checkpoint, found, FETCH_AGAIN) from None
    return content


def _verify_checksums(checkpoint: Path) -> None:
    """Compare the tensors in a zip archive with the archive's checksums, which torch ignores."""
    if zipfile.is_zipfile(checkpoint):
        with zipfile.ZipFile(checkpoint) as archive:
            if damaged := archive.testzip():
                raise zipfile.BadZipFile(damaged)


def check_weights(found: Weights, expected: Weights, checkpoint: Path, model: str) -> None:
    """Raise VosbenchError, in one line, if tensors cannot be loaded into a model.

    found: the tensors of the checkpoint. expected: those of the model, by the same names. model: what to call it.
    """
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
        wrong = f"expected a whole {model}; of {len(expected)} tensors {', '.join(listed)}"
        raise VosbenchError(checkpoint, wrong, FETCH_AGAIN)
