"""Begin or continue the download of one file over HTTP, with `requests`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from vosbench.fetching.http_errors import RefusedError, RetryError, classify_http_errors

if TYPE_CHECKING:
    import requests

ByteProgress: TypeAlias = Callable[[int, "int | None"], None]
"""Called with the bytes so far, and with the bytes in all if they are known."""

CONNECT_TIMEOUT = 10.0  # seconds for each address of a host, of which Google has several
HTTP_CHUNK = 2**15  # bytes; when a connection is cut, the chunk under way is lost
USER_AGENT = "Mozilla/5.0 (compatible; vosbench)"  # some publishers' servers refuse the names of programs
VERSION_SUFFIX = ".version"  # of the note beside the bytes that says which version of the file they are of
WEB_PAGE = "a web page came in place of the file"


def continue_http_file(
    url: str, folder: Path, progress: ByteProgress, timeout: float, check_version: bool = True
) -> Path:
    """Download a file into `folder`: continue it at its end, or begin anew where the server cannot continue it.

    progress: also called before the first byte is written; an error that it raises ends the attempt. timeout: seconds
    without a byte. check_version: begin anew, too, if the server's ETag or Last-Modified is not that of the bytes in
    `folder` any more, or if it sent neither; without a known hash nothing else tells that two versions were joined.

    Returns the file's path. Raises RetryError and RefusedError for the server's faults, and OSError for the disk's.
    """
    import requests

    part, note = folder / "http", folder / f"http{VERSION_SUFFIX}"
    size = part.stat().st_size if part.exists() else 0
    version = note.read_text(encoding="latin-1") if size and check_version and note.exists() else ""
    headers = {"Accept-Encoding": "identity", "User-Agent": USER_AGENT}
    headers |= {"Range": f"bytes={size}-"} if size and (version or not check_version) else {}
    headers |= {"If-Range": version} if version else {}
    limits = (min(timeout, CONNECT_TIMEOUT), timeout)
    with classify_http_errors(), requests.get(url, headers=headers, stream=True, timeout=limits) as answer:
        nothing_to_add = answer.status_code == 416 and size > 0
        if nothing_to_add and _read_total(answer) == size:
            return part
        if not nothing_to_add:
            answer.raise_for_status()
            if answer.status_code != 206 or version in ("", _read_version(answer)):
                _receive(answer, part, note, progress)
                return part
    part.unlink()  # the server's file is shorter by now, or another one
    return continue_http_file(url, folder, progress, timeout, check_version)


def _receive(answer: requests.Response, part: Path, note: Path, progress: ByteProgress) -> None:
    """Write an answer's body to the end of `part`, or in its place if the answer is the whole file."""
    import requests

    size, total = part.stat().st_size if part.exists() else 0, _read_total(answer)
    if answer.status_code != 206:
        if size and "html" in answer.headers.get("Content-Type", ""):
            raise RefusedError(WEB_PAGE)  # such as a network's login; it must not replace the bytes that are there
        size = 0
    elif not answer.headers.get("Content-Range", "").startswith(f"bytes {size}-"):
        raise RefusedError(f"the server does not continue at byte {size}")
    progress(size, total)
    with part.open("ab" if size else "wb") as file:
        if not size:  # only now, or a kill could leave this version's note beside another version's bytes
            note.write_text(_read_version(answer), encoding="latin-1")
        try:
            for chunk in answer.iter_content(HTTP_CHUNK):
                size += file.write(chunk)
                progress(size, total)
        except requests.exceptions.ChunkedEncodingError:  # the connection was cut
            if total is None:
                raise
    if total is not None and size != total:
        raise RetryError(f"received {size} bytes but the server announced {total} bytes")


def _read_total(answer: requests.Response) -> int | None:
    """The size of the whole file as the server announces it; None if it does not."""
    if answer.status_code in (206, 416):
        announced = answer.headers.get("Content-Range", "").rpartition("/")[2]
    elif answer.headers.get("Content-Encoding", "identity") == "identity":
        announced = answer.headers.get("Content-Length", "")
    else:  # Content-Length is the size of the compressed body
        return None
    return int(announced) if re.fullmatch(r"\d+", announced) else None


def _read_version(answer: requests.Response) -> str:
    """What changes when the server's file changes: a strong ETag, or else the date of its last change."""
    tag = str(answer.headers.get("ETag", "W/"))
    return str(answer.headers.get("Last-Modified", "")) if tag.startswith("W/") else tag
