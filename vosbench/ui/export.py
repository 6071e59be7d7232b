"""Write what was tracked on the page, as `vosbench track` does, into files that a browser can download."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.media.clip import Clip
from vosbench.tracking.mask_store import MaskStore
from vosbench.tracking.outputs import Outputs, write_outputs

EXPORTS: Mapping[str, tuple[str, str, str]] = {
    "video": ("-o", "video", "-masks.mp4"),
    "masks": ("--masks", "masks", "-masks"),
    "rle": ("--rle", "rle", "-rle.json"),
    "alpha": ("--alpha", "alpha", "-alpha.webm"),
    "dataset": ("--as-dataset", "dataset", "-dataset"),
}
"""What can be written: its name -> the option of `vosbench track`, the field of `Outputs`, and how its name ends."""


def list_output_options(name: str, kinds: Sequence[str]) -> list[str]:
    """The options of `vosbench track` that write these kinds of files of a clip of this name."""
    stem = make_file_stem(name)
    return [word for kind in _check_kinds(kinds) for word in (EXPORTS[kind][0], f"{stem}{EXPORTS[kind][2]}")]


def make_file_stem(name: str) -> str:
    """A clip's name as the beginning of a file's name: letters, digits, `_`, `-` and inner dots only."""
    return re.sub(r"[^\w.-]+", "_", name).strip("._-")[:60] or "video"


def export_files(
    kinds: Sequence[str],
    clip: Clip,
    store: MaskStore,
    facts: Mapping[str, Any],
    folder: Path,
    progress: Callable[[int], None],
) -> list[Path]:
    """Write files into a folder, in place of those of earlier exports, and return them; a folder of files as a zip.

    Raises VosbenchError for an unknown kind or none, and if a file cannot be written.
    """
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    stem = make_file_stem(clip.name)
    wanted = {EXPORTS[kind][1]: folder / f"{stem}{EXPORTS[kind][2]}" for kind in _check_kinds(kinds)}
    write_outputs(Outputs(**wanted), clip, store, facts, progress)
    return [_pack(path) if path.is_dir() else path for path in wanted.values()]


def _pack(folder: Path) -> Path:
    """Put a folder into a zip beside it, with its files at the top, and delete it."""
    packed = Path(shutil.make_archive(str(folder), "zip", folder))
    shutil.rmtree(folder)
    return packed


def _check_kinds(kinds: Sequence[str]) -> list[str]:
    unknown = [kind for kind in kinds if kind not in EXPORTS]
    if unknown or not kinds:
        raise VosbenchError("export", "nothing to write is chosen", f"choose some of {', '.join(EXPORTS)}")
    return [kind for kind in EXPORTS if kind in kinds]
