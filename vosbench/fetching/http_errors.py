"""What servers say, told apart: what may work later, what another URL may give, and what a person has the key to."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests

MAX_RETRY_WAIT = 60.0  # seconds; the longest pause between attempts, a server that asks for more is passed over
TRANSIENT_STATUSES = frozenset(
    {408, 425, 429, 500, 502, 503, 504}
)  # HTTP statuses after which the same request may work
DENIED_STATUSES = frozenset({401, 403})  # HTTP statuses for which a person may have the key


class RefusedError(Exception):
    """Why a URL does not give the file. Another URL may."""


class DeniedError(RefusedError):
    """The server has the file and does not give it to us: a quota, or permission that a person may have."""


class RetryError(Exception):
    """What failed and may work the next time, after `wait` seconds if the server named a time."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


@contextmanager
def classify_errors() -> Iterator[None]:
    """Tell what may work later (RetryError) from what will not (RefusedError)."""
    import requests
    from gdown.exceptions import DownloadError, FileURLRetrievalError

    outside = sys.exception()
    try:
        yield
    except FileURLRetrievalError as error:  # Google's page about quota or permission
        raise DeniedError(_join_lines(str(error).partition("You may still")[0])) from None
    except DownloadError as error:
        raise RetryError(_join_lines(str(error).partition("\n")[0])) from None
    except requests.HTTPError as error:
        assert error.response is not None  # raise_for_status says so
        raise _classify_status(error.response) from None
    except (requests.exceptions.SSLError, requests.exceptions.ProxyError) as error:
        raise RefusedError(_describe_error(_find_innermost_cause(error, outside))) from None
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
        cause = _find_innermost_cause(error, outside)
        unknown = isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME
        raise (RefusedError if unknown else RetryError)(_describe_error(cause)) from None
    except requests.RequestException as error:
        raise RefusedError(_join_lines(str(error))) from None


def _classify_status(answer: requests.Response) -> RefusedError | RetryError:
    """The error that an HTTP status stands for. A Retry-After that is a date is not looked at."""
    reason = f"HTTP {answer.status_code} {answer.reason}"
    asked = answer.headers.get("Retry-After", "")
    wait = float(asked) if asked.isdecimal() else None
    if wait is not None and wait > MAX_RETRY_WAIT:
        return RefusedError(f"{reason}, asks to wait {wait:.0f} s")
    if answer.status_code in DENIED_STATUSES:
        return DeniedError(reason)
    return RetryError(reason, wait) if answer.status_code in TRANSIENT_STATUSES else RefusedError(reason)


def _find_innermost_cause(error: BaseException, outside: BaseException | None) -> BaseException:
    """The innermost cause, which is what the operating system said; not what the caller was handling."""
    while inner := error.__cause__ or error.__context__:
        if inner is outside:
            break
        error = inner
    return error


def _describe_error(error: BaseException) -> str:
    return _join_lines(str(error)) or type(error).__name__


def _join_lines(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def describe_login(url: str) -> list[str]:
    """How a person gets past a server's refusal, where that is known."""
    from gdown.download import DEFAULT_COOKIES_FILE
    from gdown.parse_url import is_google_drive_url

    if not is_google_drive_url(url):
        return []
    return [
        "sign in to Google in a browser and put its cookies into "
        f"{DEFAULT_COOKIES_FILE} (`gdown --cookies-from-browser firefox URL` does)"
    ]
