"""Load a checkpoint without running code in it, and check its tensors."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from vosbench.errors import VosbenchError

Weights = dict[str, torch.Tensor]
FETCH_AGAIN = "delete the file and fetch it again"
OTHER_WEIGHTS = "give weights of this model, or the tracker or variant that these weights are of"


def load_weights(checkpoint: Path, remedy: str, shapes_only: bool = False) -> object:
    """What torch saved in a file, loaded onto the CPU, without running any code in it.

    remedy: what to do if the file is missing. shapes_only: give tensors without content, on the device "meta"; of a
    file in torch's present form only the names and shapes are read then, and damaged content is not found.

    Raises VosbenchError if the file is missing, unreadable or damaged.
    """
    if not checkpoint.is_file():
        raise VosbenchError(checkpoint, "no such file", remedy)
    try:
        if not shapes_only:
            _verify_checksums(checkpoint)
        content: object = torch.load(checkpoint, map_location="meta" if shapes_only else "cpu", weights_only=True)
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

    found: the tensors of the checkpoint; of those on the device "meta", only names and shapes are compared. expected:
    those of the model, by the same names. model: what to call it.
    """
    shared = found.keys() & expected.keys()
    faults = {
        "missing": expected.keys() - found.keys(),
        "unexpected": found.keys() - expected.keys(),
        "misshapen": {name for name in shared if found[name].shape != expected[name].shape},
        "of another kind of numbers": {
            name for name in shared if found[name].is_floating_point() != expected[name].is_floating_point()
        },
        "not finite": {name for name in shared if not _is_finite(found[name])},
    }
    listed = [f"{len(names)} {fault} (such as {min(names)})" for fault, names in faults.items() if names]
    if listed:
        wrong = f"expected a whole {model}; of {len(expected)} tensors {', '.join(listed)}"
        remedy = FETCH_AGAIN if [*faults.values()][-1] else OTHER_WEIGHTS
        raise VosbenchError(checkpoint, wrong, remedy)


def _is_finite(tensor: torch.Tensor) -> bool:
    return tensor.is_meta or bool(tensor.sum(dtype=torch.float32).isfinite())


class without_storage(TorchFunctionMode):  # noqa: N801  # used as a statement
    """In a `with` block, lets modules be built whose weights have shapes but no storage, on the device "meta".

    Other than under `torch.device("meta")`, tables that a constructor computes are computed on the CPU as usual.
    """

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a function of torch; give it the device "meta" if it makes empty tensors on no device in particular."""
        kwargs = kwargs or {}
        if function is torch.empty and kwargs.get("device") is None:
            kwargs = {**kwargs, "device": "meta"}
        return function(*args, **kwargs)
