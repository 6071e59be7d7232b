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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from vosbench.store import PARTIAL
from vosbench.types import Download, VosbenchError

if TYPE_CHECKING:
    import requests

Progress: TypeAlias = Callable[[int, "int | None"], None]
"""Told the bytes so far and the bytes in all, if known, after every half megabyte."""

PATIENCE = 60.0  # seconds; the longest pause between attempts, a server that asks for more is passed over
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP statuses after which the same request may work
PAGE = (b"<!doctype", b"<html", b"<head", b"<?xml")  # how pages begin, and no archive, checkpoint or list


class _RefusedError(Exception):
    """Why a URL does not give the file. Another URL may."""


class _RetryError(Exception):
    """What failed and may work the next time, after `wait` seconds if the server named a time."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def _unseen(done: int, total: int | None) -> None:
    """Progress that nobody looks at."""


def sha256(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(
    source: Download,
    folder: Path,
    urls: Sequence[str],
    progress: Progress = _unseen,
    attempts: int = 4,
    timeout: float = 60.0,
    backoff: float = 1.0,
) -> Path:
    """Get `folder / source.file` from the first of `urls` that gives it, verified by its size and hash where known.

    A file that is there and verifies is taken as it is. attempts: how many in a row may bring nothing new before the
    next URL's turn. timeout: seconds without a byte after which a server counts as silent. backoff: seconds before the
    second attempt, doubled for each one after it, unless the server sends `Retry-After` in seconds.

    Raises VosbenchError if no URL gives the file, with every reason, or if the disk does not take it.
    """
    path, reasons = folder / source.file, []
    try:
        if path.is_file() and _flaw(path, source) is None:
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        for url in urls:
            try:
                _fetch(source, path, url, progress, attempts, timeout, backoff).replace(path)
            except _RefusedError as error:
                reasons.append(f"{url}: {error}")
            else:
                for left in path.parent.glob(f".{glob.escape(path.name)}.{'?' * 8}{PARTIAL}{'?' * 8}.part"):
                    left.unlink()  # what other URLs began
                return path
    except OSError as error:
        reason = error.strerror or error
        raise VosbenchError(f"{path}: cannot be written ({reason}); mend that or choose another folder") from None
    raise VosbenchError(
        f"{source.file}: not fetched ({'; '.join(reasons) or 'no URL is known'}); "
        "give a file fetched by hand with --from FILE, or another server with --mirror URL"
    )


def _fetch(
    source: Download, path: Path, url: str, progress: Progress, attempts: int, timeout: float, backoff: float
) -> Path:
    """A whole and verified file beside `path` from one URL. Raises _RefusedError."""
    # Where the content is known, any server may continue what another began; otherwise two files could be spliced.
    tag = (source.sha256 or hashlib.sha256(url.encode()).hexdigest())[:8]
    staged = path.with_name(f".{path.name}.{tag}{PARTIAL}")

    def watched(done: int, total: int | None) -> None:
        if source.bytes is not None and total not in (None, source.bytes):
            _parts(staged)[0].unlink()
            raise _RefusedError(f"the server announces {total} bytes, expected {source.bytes}")
        progress(done, total or source.bytes)

    most, failures = _size(staged), 0
    while not staged.is_file():
        _check_space(staged, source)
        try:
            _attempt(url, staged, watched, timeout)
        except _RetryError as error:
            failures = failures + 1 if _size(staged) <= most else 1
            most = max(most, _size(staged))
            if failures >= attempts:
                raise _RefusedError(str(error)) from None
            time.sleep(min(backoff * 2 ** (failures - 1), PATIENCE) if error.wait is None else error.wait)
    if flaw := _flaw(staged, source):
        staged.unlink()
        raise _RefusedError(flaw)
    return staged


def _attempt(url: str, staged: Path, progress: Progress, timeout: float) -> None:
    """Begin or continue `staged` once. Raises _RetryError, _RefusedError, and OSError about the disk."""
    import gdown  # costs 0.4 s, which a command that fetches nothing must not pay

    for spare in _parts(staged)[1:]:
        spare.unlink()
    before = _size(staged)
    with _explained():
        try:
            gdown.download(url, str(staged), quiet=True, resume=True, timeout=timeout, progress=progress)
            return
        except gdown.exceptions.DownloadError as error:
            stuck = _size(staged) == before > 0
            if not stuck or isinstance(error, gdown.exceptions.FileURLRetrievalError):
                raise
        _unblock(url, staged, timeout)
    if not staged.is_file():
        _attempt(url, staged, progress, timeout)


def _unblock(url: str, staged: Path, timeout: float) -> None:
    """Ask why a server would not continue: all is there already, or it never will and all must begin again."""
    import requests
    from gdown.parse_url import is_google_drive_url

    part, size = _parts(staged)[0], _size(staged)
    headers = {"Range": f"bytes={size}-", "Accept-Encoding": "identity", "User-Agent": "Mozilla/5.0"}
    with requests.get(url, headers=headers, stream=True, timeout=timeout) as answer:
        complete = answer.status_code == 416
        if not complete:
            answer.raise_for_status()
            # Drive's own page about large files is no sign: gdown has already passed it.
            if "html" in answer.headers.get("Content-Type", "") and not is_google_drive_url(url):
                raise _RefusedError("a web page came in place of the file")
        length = answer.headers.get("Content-Range" if complete else "Content-Length", "")
    if length.rpartition("/")[2] == str(size):
        part.replace(staged)
    else:
        part.unlink()


@contextmanager
def _explained() -> Iterator[None]:
    """Tell what may work later (_RetryError) from what will not (_RefusedError)."""
    import requests
    from gdown.exceptions import DownloadError, FileURLRetrievalError

    outside = sys.exception()
    try:
        yield
    except FileURLRetrievalError as error:  # Google's page about quota or permission
        raise _RefusedError(_line(str(error).partition("You may still")[0])) from None
    except DownloadError as error:
        raise _RetryError(_line(str(error).partition("\n")[0])) from None
    except requests.HTTPError as error:
        assert error.response is not None  # raise_for_status says so
        raise _judged(error.response) from None
    except requests.exceptions.SSLError as error:
        raise _RefusedError(_root(error, outside)) from None
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
        raise _RetryError(_root(error, outside)) from None
    except requests.RequestException as error:
        raise _RefusedError(_line(str(error))) from None


def _judged(answer: requests.Response) -> _RefusedError | _RetryError:
    """The error that an HTTP status stands for. A Retry-After that is a date is not looked at."""
    reason = f"HTTP {answer.status_code} {answer.reason}"
    asked = answer.headers.get("Retry-After", "")
    wait = float(asked) if asked.isdecimal() else None
    if wait is not None and wait > PATIENCE:
        return _RefusedError(f"{reason}, asks to wait {wait:.0f} s")
    return _RetryError(reason, wait) if answer.status_code in TRANSIENT else _RefusedError(reason)


def _root(error: BaseException, outside: BaseException | None) -> str:
    """The innermost cause, which is what the operating system said; not what the caller was handling."""
    while inner := error.__cause__ or error.__context__:
        if inner is outside:
            break
        error = inner
    return _line(str(error)) or type(error).__name__


def _line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def _flaw(path: Path, source: Download) -> str | None:
    """What tells a file from the one that is wanted, if anything does."""
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        return "the file is empty"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(PAGE):
        return "a web page came in place of the file"
    if source.bytes is not None and (size := path.stat().st_size) != source.bytes:
        return f"size is {size} bytes, expected {source.bytes}"
    if source.sha256 is not None and (found := sha256(path)) != source.sha256.lower():
        return f"sha256 is {found}, expected {source.sha256}"
    return None


def _check_space(staged: Path, source: Download) -> None:
    """Raises VosbenchError if what is missing of a known size cannot fit, before hours are spent on it."""
    free = shutil.disk_usage(staged.parent).free
    if source.bytes is not None and (needed := source.bytes - _size(staged)) > free:
        raise VosbenchError(
            f"{source.file}: needs {needed / 1e9:.1f} GB in {staged.parent}, {free / 1e9:.1f} GB are free; "
            "make room or choose another folder"
        )


def _parts(staged: Path) -> list[Path]:
    """gdown's unfinished files for `staged`, largest first."""
    found = staged.parent.glob(glob.escape(staged.name) + "?" * 8 + ".part")
    return sorted(found, key=lambda part: part.stat().st_size, reverse=True)


def _size(staged: Path) -> int:
    """The bytes that are there of `staged` so far."""
    return max((part.stat().st_size for part in _parts(staged)), default=0)
