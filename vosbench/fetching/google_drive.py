"""Begin or continue the download of one file from Google Drive, with `gdown`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from vosbench.fetching.http_errors import DeniedError, RefusedError, RetryError, classify_http_errors, join_lines
from vosbench.fetching.over_http import CONNECT_TIMEOUT, VERSION_SUFFIX, ByteProgress

DRIVE_HOSTS = ("drive.google.com", "docs.google.com")
PATIENCE = 2  # gdown may ask for several pages before the first byte, each with the timeout of a read


class _OtherFileError(Exception):
    """The file on the server is not the one of which some bytes are there."""


def is_drive_url(url: str) -> bool:
    """Whether a URL is one of Google Drive."""
    return urlsplit(url).hostname in DRIVE_HOSTS


def explain_drive_login() -> str:
    """How a person with permission lets `gdown` download as that person."""
    cookies = Path("~/.cache/gdown/cookies.txt").expanduser()  # gdown's default
    command = "gdown --cookies-from-browser firefox URL"
    return f"sign in to Google in Firefox and save its cookies to {cookies} (run: {command})"


def continue_drive_file(
    url: str, folder: Path, progress: ByteProgress, timeout: float, check_version: bool = True
) -> Path:
    """Download a file into `folder`, which gdown has for itself; returns the file's path when it is whole.

    progress and timeout are as in `continue_http_file`; an attempt also ends if no byte of the file has come after
    PATIENCE times the timeout, because gdown follows pages that lead to themselves for ever. check_version: begin anew
    if the size of the whole file is not what it was; gdown does not tell its ETag. Raises RetryError, RefusedError, and
    DeniedError for Google's page about quota or permission.
    """
    import gdown  # takes 0.4 s, which a command that fetches nothing from Google Drive must not pay
    from bs4 import ParserRejectedMarkup  # gdown lets it pass

    whole, note, limit = folder / "drive", folder / f"drive{VERSION_SUFFIX}", PATIENCE * timeout
    version = note.read_text() if check_version and note.exists() else None
    with classify_http_errors(), _set_after(limit) as (cancel, stop_waiting):

        def report(done: int, total: int | None) -> None:
            stop_waiting()
            if version not in (None, str(total)):
                raise _OtherFileError
            if not note.exists():
                note.write_text(str(total))
            progress(done, total)

        limits = (min(timeout, CONNECT_TIMEOUT), timeout)
        try:
            gdown.download(url, str(whole), quiet=True, resume=True, timeout=limits, progress=report, cancel=cancel)
        except _OtherFileError:
            for begun in folder.iterdir():
                begun.unlink()
            raise RetryError("the file on the server has another size by now") from None
        except gdown.FileURLRetrievalError as error:
            raise DeniedError(join_lines(str(error).partition("You may still")[0])) from None
        except ParserRejectedMarkup:
            raise RefusedError("the answer says that it is a web page and cannot be read as one") from None
        except gdown.DownloadCancelled:
            raise RetryError(f"no byte of the file came in {limit:g} s, only pages that lead to others") from None
        except gdown.DownloadError as error:
            reason = join_lines(str(error).partition("\n")[0])
            raise RetryError(f"{reason} (if this repeats, delete {folder} to begin anew)") from None
    return whole


@contextmanager
def _set_after(seconds: float) -> Iterator[tuple[threading.Event, Callable[[], None]]]:
    """Yield an event that is set after some seconds, and a function that prevents it."""
    event = threading.Event()
    timer = threading.Timer(seconds, event.set)
    timer.daemon = True
    timer.start()
    try:
        yield event, timer.cancel
    finally:
        timer.cancel()
