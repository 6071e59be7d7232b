"""Begin a run in its folder, and delete a run."""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io import folders, paths
from vosbench.io.locks import is_locked, read_holder
from vosbench.running.run import OTHER_FOLDER, Run
from vosbench.running.run_json import find_identity_differences
from vosbench.running.shard_lock import lock_path
from vosbench.running.unfinished import has_masks_of_others

OWN_FILES = (
    paths.RUN_MASKS,
    paths.EVAL,
    paths.RUN_LOGS,
    paths.RUN_VIDEOS,
    paths.RUN_RECIPES,
    paths.RUN_PROMPTS,
    paths.TIMINGS,
    paths.RUN,
    paths.RUN_SHARDS,
)
"""All that belongs to a run in its folder. What tells which run it is comes last, so a deletion can be repeated."""


def begin_run(run: Run, facts: Mapping[str, Any], overwrite: bool) -> Mapping[str, Any]:
    """Create a run's folder, or check that it holds the same run; write run.json if it is missing or damaged.

    facts: what run.json is to say. overwrite: delete another run that is in the folder. Returns what the run in the
    folder says of itself, which is `facts` for a new one. Raises VosbenchError if the folder holds another run and
    `overwrite` is False, or if it holds anything that is not a run.
    """
    if run.path.exists() and not run.path.is_dir():
        raise VosbenchError(run.path, "a file, expected a folder", OTHER_FOLDER)
    known = _read_identity(run)
    if known is not None and (different := find_identity_differences(known, facts)):
        if not overwrite:
            found = f"holds another run ({'; '.join(different)})"
            raise VosbenchError(run.path, found, f"{OTHER_FOLDER}, or replace that run with --overwrite")
        _delete_run(run)
        known = None
    try:
        run.read_published()
    except VosbenchError:  # it is missing or damaged
        run.publish(facts)
    return facts if known is None else known


def _read_identity(run: Run) -> Mapping[str, Any] | None:
    """The identity of the run in a folder, from a shard's note or from run.json; None if the folder is empty.

    Raises VosbenchError if the folder holds something else, or if run.json is damaged and there is no note.
    """
    for note in run.read_notes():
        if note.makes is not None:
            return note.makes
    if (run.path / paths.RUN).exists():
        try:
            return run.read_published()
        except VosbenchError as error:
            found = f"{error.found}, and nothing else tells which run this was"
            score = f"vosbench eval --results {run.path / paths.RUN_MASKS} --dataset NAME"
            raise VosbenchError(error.subject, found, f"{OTHER_FOLDER}, and score the masks here: {score}") from None
    if any(run.path.glob("[!.]*")):
        raise VosbenchError(run.path, "not empty and not a run", OTHER_FOLDER)
    return None


def find_folders_to_make(run: Run) -> list[Path]:
    """The folders above a run that do not exist yet, the innermost first."""
    return [folder for folder in run.path.absolute().parents if not folder.exists()]


def delete_untried_run(run: Run, made: Sequence[Path], keep_logs: bool) -> Path | None:
    """Delete a run of which no video was ever tried, unless another shard of it is, or may be, in work.

    made: the folders above it that were made for it. Returns the temporary folder to which the logs were moved; None if
    they were not to be kept, or if the run was not deleted.
    """
    tried = run.read_records() or paths.list_folders(run.path / paths.RUN_MASKS) or has_masks_of_others(run)
    if tried or any(note.host != platform.node() for note in run.read_notes()):
        return None
    logs = Path(tempfile.mkdtemp(prefix="vosbench-")) if keep_logs else None
    try:
        if logs:
            shutil.copytree(run.path / paths.RUN_LOGS, logs, dirs_exist_ok=True)
        _delete_run(run, own_lock=lock_path(run, run.shard_tag))
    except (VosbenchError, OSError):
        if logs:
            folders.remove_path(logs)
        return None
    for folder in made:
        with suppress(OSError):  # somebody else has put something into it
            folder.rmdir()
    return logs


def _delete_run(run: Run, own_lock: Path | None = None) -> None:
    """Delete all files of a run. own_lock: the lock that this process holds itself.

    Raises VosbenchError if a process works on the run.
    """
    for path in sorted((run.path / paths.RUN_SHARDS).glob("*.lock")):
        if path != own_lock and is_locked(path):
            found = f"{read_holder(path) or 'a process'} works on this run (shard {path.stem})"
            raise VosbenchError(run.path, found, f"stop it before --overwrite, or, if it no longer runs, delete {path}")
    for name in OWN_FILES:
        folders.remove_path(run.path / name)
    with suppress(OSError):  # other files in the folder belong to somebody else
        run.path.rmdir()


def find_sibling_runs(run: Run) -> list[str]:
    """The names of the other runs in the folder that holds a run."""
    beside = sorted(run.path.parent.glob(f"*/{paths.RUN}"))
    return [path.parent.name for path in beside if path.parent.name != run.path.name]
