"""Files from the network: continued, repeated, recognised and verified before they get their name.

What servers and disks are known to do wrong ends in the verified file or in one VosbenchError. Until then the bytes lie
in hidden files beside its place, and the next run continues them, also after kill -9. One process a folder at a time.
"""

from __future__ import annotations

import glob
import hashlib
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from vosbench.datasets.card import Download
from vosbench.errors import VosbenchError
from vosbench.fetching.http_errors import (
    MAX_RETRY_WAIT,
    DeniedError,
    RefusedError,
    RetryError,
    classify_errors,
    describe_login,
)
from vosbench.io.files import hash_file_sha256
from vosbench.io.paths import PARTIAL_SUFFIX

ByteProgress: TypeAlias = Callable[[int, "int | None"], None]
"""Told the bytes so far and the bytes in all, if known, every 32 KiB."""

DOWNLOAD_REMEDIES = ("give a file fetched by hand with --from FILE", "another server with --mirror URL")
DOWNLOAD_CHUNK = 2**15  # bytes; gdown loses a chunk that is cut, and its own half megabyte may be the whole file
PAGE_STARTS = (b"<!doctype", b"<html", b"<head", b"<?xml")  # how pages begin, and no archive, checkpoint or list


class UnavailableError(VosbenchError):
    """No URL gives a file: it has to come from somewhere else. what: the message without the ways out."""

    def __init__(self, what: str, ways: Sequence[str]) -> None:
        super().__init__(f"{what}; {', or '.join(ways)}")
        self.message = what


def _ignore_progress(done: int, total: int | None) -> None:
    """Progress that nobody looks at."""


def count_present_bytes(file: str, folder: Path) -> int:
    """How many bytes of a download are there, finished or not."""
    path = folder / file
    parts = folder.glob(_unfinished_pattern(path.name))
    return path.stat().st_size if path.is_file() else max((part.stat().st_size for part in parts), default=0)


def download_file(
    source: Download,
    folder: Path,
    urls: Sequence[str],
    progress: ByteProgress = _ignore_progress,
    attempts: int = 4,
    timeout: float = 60.0,
    backoff: float = 1.0,
) -> Path:
    """Get `folder / source.file` from the first of `urls` that gives it, verified by its size and hash where known.

    A file that is there and verifies is taken as it is. attempts: how many in a row may bring nothing new before the
    next URL's turn. timeout: seconds without a byte after which a server counts as silent. backoff: seconds before the
    second attempt, doubled for each one after it, unless the server sends `Retry-After` in seconds.

    Raises UnavailableError if no URL gives the file, with every reason, and VosbenchError if the disk does not take it.
    """
    path, reasons, ways = folder / source.file, [], [*DOWNLOAD_REMEDIES]
    try:
        if path.is_file() and _find_mismatch(path, source) is None:
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        for url in urls:
            try:
                _download_from(source, path, url, progress, attempts, timeout, backoff).replace(path)
            except RefusedError as error:
                reasons.append(f"{url}: {error}")
                if isinstance(error, DeniedError) and len(ways) == len(DOWNLOAD_REMEDIES):
                    ways = [*describe_login(url), *ways]
            else:
                for left in path.parent.glob(_unfinished_pattern(path.name)):
                    left.unlink()  # what other URLs began
                return path
    except OSError as error:
        reason = error.strerror or error
        raise VosbenchError(f"{path}: cannot be written ({reason}); mend that or choose another folder") from None
    raise UnavailableError(f"{source.file}: not fetched ({'; '.join(reasons) or 'no URL is known'})", ways)


def _unfinished_pattern(name: str) -> str:
    """The pattern of all that any URL has begun of a file."""
    return f".{glob.escape(name)}.{'?' * 8}{PARTIAL_SUFFIX}{'?' * 8}.part"


def _download_from(
    source: Download, path: Path, url: str, progress: ByteProgress, attempts: int, timeout: float, backoff: float
) -> Path:
    """A whole and verified file beside `path` from one URL. Raises RefusedError."""
    # Where the content is known, any server may continue what another began; otherwise two files could be spliced.
    tag = (source.sha256 or hashlib.sha256(url.encode()).hexdigest())[:8]
    staged = path.with_name(f".{path.name}.{tag}{PARTIAL_SUFFIX}")

    def watched(done: int, total: int | None) -> None:
        if source.bytes is not None and total not in (None, source.bytes):
            _find_partial_files(staged)[0].unlink()
            raise RefusedError(f"the server announces {total} bytes, expected {source.bytes}")
        progress(done, total or source.bytes)

    most, failures = _count_staged_bytes(staged), 0
    while not staged.is_file():
        _check_download_space(staged, source)
        try:
            _attempt_download(url, staged, watched, timeout)
        except RetryError as error:
            failures = failures + 1 if _count_staged_bytes(staged) <= most else 1
            most = max(most, _count_staged_bytes(staged))
            if failures >= attempts:
                raise RefusedError(str(error)) from None
            time.sleep(min(backoff * 2 ** (failures - 1), MAX_RETRY_WAIT) if error.wait is None else error.wait)
    if flaw := _find_mismatch(staged, source):
        staged.unlink()
        raise RefusedError(flaw)
    return staged


def _attempt_download(url: str, staged: Path, progress: ByteProgress, timeout: float) -> None:
    """Begin or continue `staged` once. Raises RetryError, RefusedError, and OSError about the disk."""
    import gdown  # costs 0.4 s, which a command that fetches nothing must not pay

    vars(sys.modules["gdown.download"])["CHUNK_SIZE"] = DOWNLOAD_CHUNK

    for spare in _find_partial_files(staged)[1:]:
        spare.unlink()
    before = _count_staged_bytes(staged)
    with classify_errors():
        try:
            gdown.download(url, str(staged), quiet=True, resume=True, timeout=timeout, progress=progress)
            return
        except gdown.exceptions.DownloadError as error:
            stuck = _count_staged_bytes(staged) == before > 0
            if not stuck or isinstance(error, gdown.exceptions.FileURLRetrievalError):
                raise
        _resolve_refused_resume(url, staged, timeout)
    if not staged.is_file():
        _attempt_download(url, staged, progress, timeout)


def _resolve_refused_resume(url: str, staged: Path, timeout: float) -> None:
    """Ask why a server would not continue: all is there already, or it never will and all must begin again."""
    import requests
    from gdown.parse_url import is_google_drive_url

    part, size = _find_partial_files(staged)[0], _count_staged_bytes(staged)
    headers = {"Range": f"bytes={size}-", "Accept-Encoding": "identity", "User-Agent": "Mozilla/5.0"}
    with requests.get(url, headers=headers, stream=True, timeout=timeout) as answer:
        complete = answer.status_code == 416
        if not complete:
            answer.raise_for_status()
            # Drive's own page about large files is no sign: gdown has already passed it.
            if "html" in answer.headers.get("Content-Type", "") and not is_google_drive_url(url):
                raise RefusedError("a web page came in place of the file")
        length = answer.headers.get("Content-Range" if complete else "Content-Length", "")
    if length.rpartition("/")[2] == str(size):
        part.replace(staged)
    else:
        part.unlink()


def _find_mismatch(path: Path, source: Download) -> str | None:
    """What tells a file from the one that is wanted, if anything does."""
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        return "the file is empty"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(PAGE_STARTS):
        return "a web page came in place of the file"
    if source.bytes is not None and (size := path.stat().st_size) != source.bytes:
        return f"size is {size} bytes, expected {source.bytes}"
    if source.sha256 is not None and (found := hash_file_sha256(path)) != source.sha256.lower():
        return f"sha256 is {found}, expected {source.sha256}"
    return None


def _check_download_space(staged: Path, source: Download) -> None:
    """Raises VosbenchError if what is missing of a known size cannot fit, before hours are spent on it."""
    free = shutil.disk_usage(staged.parent).free
    if source.bytes is not None and (needed := source.bytes - _count_staged_bytes(staged)) > free:
        raise VosbenchError(
            f"{source.file}: needs {needed / 1e9:.1f} GB in {staged.parent}, {free / 1e9:.1f} GB are free; "
            "make room or choose another folder"
        )


def _find_partial_files(staged: Path) -> list[Path]:
    """gdown's unfinished files for `staged`, largest first."""
    found = staged.parent.glob(glob.escape(staged.name) + "?" * 8 + ".part")
    return sorted(found, key=lambda part: part.stat().st_size, reverse=True)


def _count_staged_bytes(staged: Path) -> int:
    """The bytes that are there of `staged` so far."""
    return max((part.stat().st_size for part in _find_partial_files(staged)), default=0)
