"""The lock of a shard of a run: hold it, and tell whether a process works on a shard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.locks import LockHeldError, LockHolder, hold_lock, is_locked
from vosbench.running.run import OTHER_FOLDER, Run
from vosbench.running.shard import ShardNote

LOCK_TIMEOUT = 0.2  # seconds; where `is_locked` takes a lock, it holds it for less


def lock_path(run: Run, tag: str) -> Path:
    """The lock that the process holds which works on a shard of a run. tag: of the shard, see `Run.shard_tag`."""
    return run.path / paths.RUN_SHARDS / f"{tag}.lock"


def is_at_work(run: Run, note: ShardNote) -> bool:
    """Whether a process works on the shard of a note. One that has noted its end releases the lock at once."""
    return not note.ended and is_locked(lock_path(run, note.tag))


@contextmanager
def lock_shard(run: Run) -> Iterator[None]:
    """Hold the lock of a run's shard. Raises VosbenchError, which names the holder, if another process holds it.

    The operating system releases the lock when the process ends, even if it is killed. Where it has no locks that all
    machines see, two processes may hold it: then both track the same videos, and for each the first to end counts.
    """
    path = lock_path(run, run.shard_tag)
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(hold_lock(path, LOCK_TIMEOUT))
        except LockHeldError as error:
            raise _make_held_error(run, path, error.holder) from None
        except OSError as error:
            raise VosbenchError(run.path, f"cannot be written ({error.strerror})", OTHER_FOLDER) from None
        yield


def _make_held_error(run: Run, path: Path, holder: LockHolder | None) -> VosbenchError:
    """The error for a shard that another process holds. holder: as the lock names it, or else as the note does."""
    notes = [note for note in run.read_notes() if note.tag == run.shard_tag and not note.ended]
    known = holder or next((LockHolder(note.process, note.host) for note in notes if note.process), None)
    found = f"{known or 'another process'} works on shard {run.shard[0]}/{run.shard[1]} of this run"
    remedy = f"wait until it has ended, or, if it no longer runs, delete {path}; or {OTHER_FOLDER}"
    return VosbenchError(run.path, found, remedy)
