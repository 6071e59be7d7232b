"""Choose the file of weights of a run: check that it is whole and fits the tracker, and hash it."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from functools import cache
from inspect import Parameter
from pathlib import Path
from typing import Any

from vosbench.datasets.checkpoints import find_checkpoint
from vosbench.errors import VosbenchError
from vosbench.trackers.prompts import PROMPTER_WITHOUT_WEIGHTS

OR_NO_WEIGHTS = f", or take --prompter {PROMPTER_WITHOUT_WEIGHTS}, which needs no weights"
PICKLE_START = b"\x80"  # the first byte of a pickle


def choose_checkpoint(
    tracker: str, name: str | None, parameters: Mapping[str, Parameter], checkpoints: Path
) -> Path | None:
    """The file of the checkpoint that is asked for, or of the tracker's default; None for a tracker without one.

    tracker: its name. name: in the catalogue, or the path of a file; None is the default. parameters: of the tracker's
    constructor. checkpoints: the folder of all checkpoints. Raises VosbenchError if the file is missing or cut off, if
    the tracker takes no checkpoint, and if it needs one and has no default.
    """
    if "checkpoint" not in parameters:
        if name:
            raise VosbenchError(f"--checkpoint {name}", f"the tracker {tracker} takes no checkpoint", "leave it out")
        return None
    default = parameters["checkpoint"].default
    wanted = name or (default if isinstance(default, str) else None)
    if wanted is None:
        raise VosbenchError(
            f"tracker {tracker}", "needs weights", "give --checkpoint: a name of the catalogue, or the path of a file"
        )
    path = find_checkpoint(wanted, checkpoints)
    _check_whole(path)
    return path


def choose_weights(
    tracker: Any,
    name: str,
    checkpoint: str | None,
    parameters: Mapping[str, Parameter],
    settings: Mapping[str, Any],
    checkpoints: Path,
) -> Path | None:
    """The file that `choose_checkpoint` finds, whose tensors fit the tracker with these settings.

    tracker: its class, whose optional method `check_checkpoint` compares the tensors' names and shapes. name: of the
    tracker. Raises VosbenchError as `choose_checkpoint`, and for tensors that do not fit.
    """
    path = choose_checkpoint(name, checkpoint, parameters, checkpoints)
    if path and hasattr(tracker, "check_checkpoint"):
        about = path.stat()
        version = (path.resolve(), about.st_size, about.st_mtime_ns)
        _check_fit_cached(tracker, path, version, tuple(sorted(settings.items())))
    return path


@cache
def _check_fit_cached(
    tracker: Any, path: Path, version: tuple[object, ...], settings: tuple[tuple[str, Any], ...]
) -> None:
    """Compare a file with a tracker; again only if the file, of which `version` tells, or the settings have changed."""
    tracker.check_checkpoint(str(path), **dict(settings))


def choose_prompter_weights(
    kind: Any, prompter: str, name: str | None, parameters: Mapping[str, Parameter], checkpoints: Path
) -> Path | None:
    """As `choose_weights`, for a prompter; kind: its class. The errors say that the weights are the prompter's."""
    try:
        return choose_weights(kind, prompter, name, parameters, {}, checkpoints)
    except VosbenchError as error:
        if "checkpoint" not in parameters:
            remedy = "leave it out"
            raise VosbenchError(f"--prompter-checkpoint {name}", f"the prompter {prompter} has none", remedy) from None
        found = f"turns clicks and boxes into masks, and its weights cannot be used: {error.subject}: {error.found}"
        remedy = f"{error.remedy.replace('--checkpoint', '--prompter-checkpoint')}{OR_NO_WEIGHTS}"
        raise VosbenchError(f"prompter {prompter}", found, remedy) from None


def _check_whole(checkpoint: Path) -> None:
    """Raise VosbenchError for a `.pt` that torch cannot have written, such as one that is cut off.

    torch writes a zip archive with a data.pkl, and older versions wrote a bare pickle. Other files are not checked.
    """
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            whole = any(name.endswith("data.pkl") for name in archive.namelist())
    except zipfile.BadZipFile:
        with checkpoint.open("rb") as file:
            whole = file.read(1) == PICKLE_START
    except OSError as error:
        raise VosbenchError(checkpoint, f"cannot be read ({error.strerror})") from None
    if checkpoint.suffix == ".pt" and not whole:
        found = f"{checkpoint.stat().st_size} bytes that are not a whole checkpoint"
        raise VosbenchError(checkpoint, found, "delete it and fetch it again")
