"""Lock and scratch folder of one fetch; removes what an interrupted fetch left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from vosbench.errors import VosbenchError
from vosbench.io import folders, paths
from vosbench.io.files import DiskError, explain_refusal
from vosbench.io.locks import LockHeldError, hold_lock


@contextmanager
def lock_fetch(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock of the fetch of `name` into `folder`, so that only one process fetches it.

    At the start, half-made files of an interrupted fetch are deleted; at the end, empty folders and the lock.

    Raises VosbenchError if another process fetches the same, if nothing can be written to `folder`, and for what the
    disk refuses within the block.
    """
    path = _lock_path(folder, name)
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(hold_lock(path))
        except LockHeldError as error:
            found = f"{error.holder or 'another process'} is fetching it into {folder}"
            raise VosbenchError(name, found, f"wait until it ends, or, if it no longer runs, delete {path}") from None
        except OSError as error:
            raise DiskError(folder, f"cannot write there ({error.strerror})", "choose another folder") from None
        stack.callback(path.unlink, missing_ok=True)
        try:
            yield from _fetch_cleanly(folder, name)
        except OSError as error:
            raise explain_refusal(error, folder) or error from None


def _fetch_cleanly(folder: Path, name: str) -> Iterator[None]:
    """Delete half-made files before, and empty folders after."""
    try:
        for left in _find_leftovers(folder, name):
            folders.remove_path(left)
        yield
    finally:
        for empty in (folder / paths.ARCHIVES / name, folder / paths.ARCHIVES):
            with suppress(OSError):
                empty.rmdir()


def _find_leftovers(root: Path, name: str) -> list[Path]:
    """Half-made folders of an interrupted fetch, which the next fetch does not continue."""
    half_made = (paths.partial_path(root / name), scratch_folder(root / paths.ARCHIVES / name))
    return [path for path in half_made if path.exists()]


def scratch_folder(archives: Path) -> Path:
    """The folder for files that must be unpacked before they can be read, as an absolute path."""
    return archives.resolve() / paths.SCRATCH


def remove_leftovers(root: Path, name: str, parts: Path) -> None:
    """Delete what a fetch left that was interrupted after its last step, unless another fetch of it is running.

    parts: the folder of what was unpacked of the split that is complete.
    """
    if _find_leftovers(root, name) or parts.exists() or _lock_path(root, name).exists():
        with suppress(VosbenchError), lock_fetch(root, name):
            folders.remove_path(parts)


def _lock_path(folder: Path, name: str) -> Path:
    return folder / f".{name}.lock"
