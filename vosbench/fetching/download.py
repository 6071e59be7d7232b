"""Download a file from the first URL that gives it, continue what earlier attempts left, and verify the result.

The result is the verified file or one VosbenchError, whatever servers and disks do wrong. Until then the bytes lie in a
hidden folder beside the file, and the next run continues them, also after kill -9. Only one process may download into
a folder at a time.
"""

from __future__ import annotations

import glob
import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vosbench.datasets.card import Download
from vosbench.errors import VosbenchError
from vosbench.fetching.google_drive import continue_drive_file, explain_drive_login, is_drive_url
from vosbench.fetching.http_errors import MAX_RETRY_WAIT, DeniedError, RefusedError, RetryError
from vosbench.fetching.over_http import VERSION_SUFFIX, WEB_PAGE, ByteProgress, continue_http_file
from vosbench.io.disk_space import require_space
from vosbench.io.folders import remove_path
from vosbench.io.hashing import hash_file_sha256

DOWNLOAD_REMEDIES = ("give a file that you downloaded with --from FILE", "another server with --mirror URL")
PAGE_STARTS = (b"<!doctype", b"<html", b"<head", b"<?xml")  # how web pages begin, and no archive, checkpoint or list


class UnavailableError(VosbenchError):
    """No URL gives a file: it has to come from somewhere else."""


@dataclass(frozen=True)
class RetryPolicy:
    """How long to wait for a server.

    attempts: how many in a row may bring no new byte before the next URL is tried. timeout: seconds without a byte
    after which an attempt ends. backoff: seconds before the second attempt, doubled for each one after it, unless the
    server sends `Retry-After` in seconds.
    """

    attempts: int = 4
    timeout: float = 60.0
    backoff: float = 1.0


DEFAULT_POLICY = RetryPolicy()


def count_present_bytes(file: str, folder: Path) -> int:
    """The bytes of a download that are on disk, finished or not."""
    path = folder / file
    return path.stat().st_size if path.is_file() else max(map(_count_bytes, _find_unfinished(path)), default=0)


def download_file(
    source: Download,
    folder: Path,
    urls: Sequence[str],
    progress: ByteProgress = lambda done, total: None,
    policy: RetryPolicy = DEFAULT_POLICY,
) -> Path:
    """Get `folder / source.file` from the first of `urls` that gives it, verified by its size and hash if known.

    A file that is there and verifies is taken as it is. progress: called every 32 KiB.

    Raises UnavailableError with every URL's reason if none gives the file, and VosbenchError if it cannot be written.
    """
    path, reasons, remedies = folder / source.file, [], [*DOWNLOAD_REMEDIES]
    try:
        if path.is_file() and find_mismatch(path, source) is None:
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        for url in urls:
            try:
                _download_from(source, path, url, progress, policy).replace(path)
            except RefusedError as error:
                reasons.append(f"{url}: {error}")
                if isinstance(error, DeniedError) and is_drive_url(url):
                    remedies = [explain_drive_login(), *DOWNLOAD_REMEDIES]
            else:
                for left in _find_unfinished(path):
                    remove_path(left)  # what other URLs began
                return path
    except OSError as error:
        found = f"cannot be written ({error.strerror or error})"
        raise VosbenchError(path, found, "make room, or choose a folder that you may write to") from None
    found = f"not fetched ({'; '.join(reasons) or 'no URL is known'})"
    raise UnavailableError(source.file, found, ", or ".join(remedies))


def _download_from(source: Download, path: Path, url: str, progress: ByteProgress, policy: RetryPolicy) -> Path:
    """Download a file beside `path` from one URL and verify it. Raises RefusedError."""
    # If the hash is known, any server may continue what another one began; otherwise two files could be joined.
    tag = (source.sha256 or hashlib.sha256(url.encode()).hexdigest())[:8]
    folder = path.with_name(f".{path.name}.{tag}.parts")

    def watch(done: int, total: int | None) -> None:
        if source.bytes is not None and total not in (None, source.bytes):
            raise RefusedError(f"the server announces {total} bytes, expected {source.bytes}")
        progress(done, total or source.bytes)

    resume = continue_drive_file if is_drive_url(url) else continue_http_file
    folder.mkdir(exist_ok=True)
    try:
        whole = _find_largest(folder)
        if whole is None or whole.stat().st_size != source.bytes:
            whole = _repeat(
                lambda: resume(url, folder, watch, policy.timeout, not source.sha256), source, folder, policy
            )
        if mismatch := find_mismatch(whole, source):
            remove_path(folder)
            raise RefusedError(mismatch)
        return whole
    finally:
        with suppress(OSError):  # it holds what the next attempt continues
            folder.rmdir()


def _repeat(attempt: Callable[[], Path], source: Download, folder: Path, policy: RetryPolicy) -> Path:
    """Call `attempt` until it returns a file. Raises RefusedError if too many attempts in a row bring no new byte."""
    most, failures = _count_bytes(folder), 0
    while True:
        missing = (source.bytes or 0) - _count_bytes(folder)
        require_space(folder.parent, missing, source.file, "make room or choose another folder")
        try:
            return attempt()
        except RetryError as error:
            failures = failures + 1 if _count_bytes(folder) <= most else 1
            most = max(most, _count_bytes(folder))
            if failures >= policy.attempts:
                raise RefusedError(str(error)) from None
            pause = min(policy.backoff * 2 ** (failures - 1), MAX_RETRY_WAIT)
            time.sleep(pause if error.wait is None else error.wait)


def find_mismatch(path: Path, source: Download) -> str | None:
    """How a file differs from the one that is wanted, if it does."""
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        return "the file is empty"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(PAGE_STARTS):
        return WEB_PAGE
    size = path.stat().st_size
    if source.bytes is not None and size != source.bytes:
        return f"size is {size} bytes, expected {source.bytes}"
    if size < (source.least_bytes or 0):
        return f"size is {size} bytes, expected at least {source.least_bytes}"
    if source.sha256 is not None and (found := hash_file_sha256(path)) != source.sha256.lower():
        return f"sha256 is {found}, expected {source.sha256}"
    return None


def _find_unfinished(path: Path) -> list[Path]:
    """Everything that any URL, and also an older vosbench, has begun of a file."""
    return [*path.parent.glob(f".{glob.escape(path.name)}.{'?' * 8}.part*")]


def _find_largest(folder: Path) -> Path | None:
    """The bytes that are there of a file; those of Google Drive lie under a name that only gdown knows."""
    found = (path for path in folder.iterdir() if path.suffix != VERSION_SUFFIX)
    return max(found, key=lambda path: path.stat().st_size, default=None)


def _count_bytes(part: Path) -> int:
    """The bytes that are there in one of the unfinished downloads."""
    largest = _find_largest(part) if part.is_dir() else part
    return largest.stat().st_size if largest else 0
