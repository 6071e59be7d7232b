"""Where a fetch works: alone, without what a killed one has left, and clearing up behind itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from vosbench.errors import VosbenchError
from vosbench.fetching.sources import PlannedFile
from vosbench.io import files, paths


@contextmanager
def lock_fetch(folder: Path, name: str) -> Iterator[None]:
    """Keep two fetches of the same thing apart, begin without what a killed one left half-made, leave no empty folders.

    Raises VosbenchError if another process is at it, or nothing can be written there.
    """
    path = _lock_path(folder, name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(path, timeout=0):
            try:
                for left in _find_leftovers(folder, name):
                    files.remove_path(left)
                yield
            finally:
                for empty in (folder / paths.ARCHIVES / name, folder / paths.ARCHIVES):
                    with suppress(OSError):
                        empty.rmdir()
                path.unlink(missing_ok=True)
    except Timeout:
        raise VosbenchError(f"{name} is being fetched into {folder} by another process: wait for it") from None
    except (PermissionError, FileExistsError, NotADirectoryError) as error:
        raise VosbenchError(f"{folder}: cannot write there ({error.strerror}); choose another folder") from None


def _find_leftovers(root: Path, name: str) -> list[Path]:
    """What a killed fetch of a dataset has left that the next one does not continue."""
    half_made = (paths.partial_path(root / name), scratch_folder(root / paths.ARCHIVES / name))
    return [path for path in half_made if path.exists()]


def scratch_folder(archives: Path) -> Path:
    """The folder for what must be unpacked to be read; absolute, as tools that unpack make it so in their own way."""
    return archives.resolve() / paths.SCRATCH


def remove_leftovers(root: Path, name: str) -> None:
    """Delete what a fetch has left that was killed after its last step, unless another one is under way."""
    if _find_leftovers(root, name) or _lock_path(root, name).exists():
        with suppress(VosbenchError), lock_fetch(root, name):
            pass


def _lock_path(folder: Path, name: str) -> Path:
    return folder / f".{name}.lock"


def delete_downloads(archives: Path, origins: Iterable[PlannedFile]) -> None:
    """Delete what was downloaded, unless the user gives something that lies there."""
    own = (origin.path.resolve() for origin in origins if origin.is_given and not origin.urls)
    if not any(path.is_relative_to(archives.resolve()) for path in own):
        files.remove_path(archives)
