"""Digest all that the scores of a video depend on: its masks, its ground truth, the rules, and the evaluator itself.

What is hashed is the content of the files as they are now. Their sizes and times prove nothing.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.evaluation.kernel import find_kernel
from vosbench.evaluation.score_video import ScoringTask
from vosbench.io.files import read_file
from vosbench.masks.folder import MaskFolder
from vosbench.version import LOADED_AT

if TYPE_CHECKING:
    from hashlib import _Hash

CODE_FOLDER = Path(__file__).resolve().parents[1]
EVALUATOR_CODE = ("types.py", "errors.py", "version.py", "io", "masks", "datasets", "evaluation")
"""The files and folders of the package that scores can depend on: all that the modules of an evaluation import."""


def digest_evaluator(package: Path = CODE_FOLDER) -> str:
    """The sha256 of the code that makes scores, the kernel included, and of the versions of what it computes with.

    It is empty if the code has been changed since this process loaded it. package: the folder of vosbench.
    """
    import hashlib

    from PIL import __version__ as pillow_version

    versions = platform.python_version(), np.__version__, pillow_version, platform.system(), platform.machine()
    digest = hashlib.sha256(repr((versions, find_kernel() is not None)).encode())
    for path in sorted(_find_code(package)):
        _add_content(digest, path.relative_to(package).as_posix(), path.read_bytes())
        if max(path.stat().st_mtime, path.stat().st_ctime) > LOADED_AT:
            return ""
    return digest.hexdigest()


def _find_code(package: Path) -> Iterator[Path]:
    for name in EVALUATOR_CODE:
        found = [package / name] if name.endswith(".py") else (package / name).iterdir()
        yield from (path for path in found if path.suffix in (".py", ".so", ".pyd"))


def digest_task(task: ScoringTask) -> str:
    """The sha256 of all that the scores of a video depend on, except the evaluator and the paths of the masks.

    It is empty if that cannot be told: the masks are not PNG files in a folder, or a file cannot be read.
    """
    import hashlib

    if task.prediction is not None and not isinstance(task.prediction, MaskFolder):
        return ""
    listed = None if task.listed is None else sorted(task.listed.items())
    digest = hashlib.sha256(repr((task.video, task.rules, listed)).encode())
    try:
        for masks in (task.ground_truth, task.prediction):
            if masks is None:
                digest.update(b"no masks")
            else:
                _add_masks(digest, masks)
    except (OSError, VosbenchError):  # scoring says what is wrong, as without a digest
        return ""
    return digest.hexdigest()


def _add_masks(digest: _Hash, masks: MaskFolder) -> None:
    """Add the names of the folders of objects, of which some may be empty, and the names and bytes of all masks."""
    folders = [folder.name for folder in masks.object_folders.values()]
    digest.update(repr((masks.void, masks.merge, masks.binary, folders, masks.count_files())).encode())
    for path in masks.list_files():
        _add_content(digest, f"{path.parent.name}/{path.name}" if folders else path.name, read_file(path))


def _add_content(digest: _Hash, name: str, content: bytes) -> None:
    """Add a named content with its size, so that no two lists of contents are the same bytes."""
    digest.update(f"{name!r} {len(content)}\n".encode())
    digest.update(content)
