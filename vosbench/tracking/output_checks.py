"""Check before the work begins that the outputs can be written, and that nothing is lost by it."""

from __future__ import annotations

import os
from itertools import permutations
from pathlib import Path

from vosbench.errors import VosbenchError
from vosbench.media.clip import Clip
from vosbench.media.write_video import ALPHA_CODECS, MP4_SUFFIXES
from vosbench.tracking.mask_store import FACTS, was_writing
from vosbench.tracking.outputs import Outputs


def check_outputs(outputs: Outputs, clip: Clip, overwrite: bool, kept_in: Path) -> None:
    """Raise VosbenchError for outputs that cannot be written, and for what would be lost.

    That is a name with an unknown suffix, a place that cannot be written to or is a mounted file system, an output
    that is the video itself or lies in another one, one that exists (unless `overwrite`, or an interrupted command that
    kept its masks in the folder `kept_in` was writing it), and a folder that holds anything but an earlier output.
    """
    check_suffixes(outputs)
    for path, other in permutations([path.resolve() for path in outputs.wanted], 2):
        if other == path or other in path.parents:
            found = "is written twice" if other == path else f"lies in {other}, which is written too"
            raise VosbenchError(path, found, "give each output a place of its own")
    for path in outputs.wanted:
        if path.resolve() == clip.path.resolve():
            raise VosbenchError(path, "is the video that is tracked", "give another name")
        if path.is_dir() and any(path.iterdir()) and not (path / FACTS).exists():
            raise VosbenchError(path, "is a folder with other files in it", "give another folder")
        if path.is_mount():
            raise VosbenchError(path, "is a mounted file system, which cannot be replaced", "give a folder in it")
        if path.exists() and not overwrite and not was_writing(kept_in, path):
            raise VosbenchError(path, "exists already", "give another name, or --overwrite to replace it")
        if path.is_dir() != (path in (outputs.masks, outputs.dataset)) and path.exists():
            found = "is a folder" if path.is_dir() else "is a file, and a folder is written"
            raise VosbenchError(path, found, "give another name")
        above = next(each for each in path.absolute().parents if each.exists())
        if not above.is_dir() or not os.access(above, os.W_OK):
            raise VosbenchError(path, f"{above} cannot be written to", "choose a folder that you may write to")


def check_suffixes(outputs: Outputs) -> None:
    """Raise VosbenchError for a video whose name does not end as one that can be written."""
    for path, suffixes in ((outputs.video, MP4_SUFFIXES), (outputs.alpha, tuple(ALPHA_CODECS))):
        if path and path.suffix.lower() not in suffixes:
            raise VosbenchError(path, f"expected a name that ends with {' or '.join(suffixes)}", "choose another name")
