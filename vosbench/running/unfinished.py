"""What is not finished in a run's folder: masks that a process is writing, and what killed processes left."""

from __future__ import annotations

import platform
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from vosbench.io import folders, paths
from vosbench.io.locks import is_locked
from vosbench.io.orphans import find_orphans, get_age, is_process_alive
from vosbench.running.run import Run
from vosbench.running.shard_lock import lock_path

PARTIAL_NAME = re.compile(
    rf"\.(?P<video>.+)\.(?P<tag>\d+-of-\d+)(\.(?P<host>.+)-(?P<process>\d+))?{re.escape(paths.PARTIAL_SUFFIX)}"
)
ABANDONED_SECONDS = 24 * 3600  # without a new mask, until a folder counts as left by a killed process


class UnfinishedMasks(NamedTuple):
    """A folder of masks that are not complete, and what its name says; older versions name no host and no process."""

    path: Path
    video: str
    tag: str
    host: str | None
    process: int

    @property
    def age(self) -> float:
        """The seconds since a mask was added to it."""
        return min(map(get_age, (self.path, *paths.list_folders(self.path))))


def find_unfinished_masks(run: Run) -> Mapping[tuple[str, str], Sequence[Path]]:
    """The folders of unfinished masks by video and tag of the shard; with several processes on a shard, of each."""
    found = defaultdict(list)
    for each in _list_unfinished_masks(run):
        found[each.video, each.tag].append(each.path)
    return found


def has_masks_of_others(run: Run) -> bool:
    """Whether a process of another machine may be writing masks of a run."""
    return any(each.host not in (None, platform.node()) for each in _list_unfinished_masks(run))


def remove_unfinished_files(run: Run) -> None:
    """Delete what killed processes left of a run. This process holds the lock of the run's shard."""
    here = {note.tag for note in run.read_notes() if note.host == platform.node()}
    for masks in _list_unfinished_masks(run):
        is_mine = masks.tag == run.shard_tag
        if (is_mine or not is_locked(lock_path(run, masks.tag))) and _is_left(masks, is_mine or masks.tag in here):
            folders.remove_path(masks.path)
    inside = (paths.RUN_VIDEOS, paths.RUN_SHARDS, paths.RUN_RECIPES, paths.RUN_PROMPTS)
    for folder in (run.path, *(run.path / name for name in inside)):
        for path in find_orphans(folder):
            folders.remove_path(path)


def _is_left(masks: UnfinishedMasks, is_here: bool) -> bool:
    """Whether nobody writes these masks any more, although nobody works on their shard as far as locks tell.

    Some file systems do not show the locks of other machines, so masks of another machine count only when they are
    old. is_here: whether the shard was last begun on this machine, if their name does not say where they were begun.
    """
    if (masks.host is None and is_here) or (masks.host == platform.node() and not is_process_alive(masks.process)):
        return True
    return masks.age > ABANDONED_SECONDS


def _list_unfinished_masks(run: Run) -> list[UnfinishedMasks]:
    found = []
    for path in sorted((run.path / paths.RUN_MASKS).glob(f".*{paths.PARTIAL_SUFFIX}")):
        if match := PARTIAL_NAME.fullmatch(path.name):
            found.append(UnfinishedMasks(path, match["video"], match["tag"], match["host"], int(match["process"] or 0)))
    return found
