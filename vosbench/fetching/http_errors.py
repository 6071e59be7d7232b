"""Sort HTTP failures into: retry later, try the next URL, needs a login."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests

MAX_RETRY_WAIT = 60.0  # seconds between two attempts; if a server asks for more, the next URL is tried
TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})  # the same request may succeed later
DENIED_STATUSES = frozenset({401, 403})  # a person with a login may succeed


class RefusedError(Exception):
    """A URL does not give the file. Another URL may."""


class DeniedError(RefusedError):
    """The server has the file and does not give it to us: a quota is used up, or a login is needed."""


class RetryError(Exception):
    """An attempt failed and the next one may succeed, after `wait` seconds if the server named a time."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


@contextmanager
def classify_http_errors() -> Iterator[None]:
    """Turn the errors of `requests` into RetryError and RefusedError."""
    import requests

    outside = sys.exception()
    try:
        yield
    except requests.HTTPError as error:
        assert error.response is not None  # `raise_for_status` always sets it
        raise _classify_status(error.response) from None
    except (requests.exceptions.SSLError, requests.exceptions.ProxyError) as error:
        raise RefusedError(_describe_cause(_find_cause(error, outside))) from None
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
        cause = _find_cause(error, outside)
        unknown_host = isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME
        raise (RefusedError if unknown_host else RetryError)(_describe_cause(cause)) from None
    except requests.RequestException as error:
        raise RefusedError(join_lines(str(error))) from None


def join_lines(text: str) -> str:
    """A message as one line without a full stop."""
    return " ".join(text.split()).rstrip(".")


def _classify_status(answer: requests.Response) -> RefusedError | RetryError:
    """The error that an HTTP status stands for. A Retry-After that is a date is ignored."""
    reason = f"HTTP {answer.status_code} {answer.reason}"
    asked = answer.headers.get("Retry-After", "")
    wait = float(asked) if asked.isdecimal() else None
    if wait is not None and wait > MAX_RETRY_WAIT:
        return RefusedError(f"{reason}, asks to wait {wait:.0f} s")
    if answer.status_code in DENIED_STATUSES:
        return DeniedError(reason)
    return RetryError(reason, wait) if answer.status_code in TRANSIENT_STATUSES else RefusedError(reason)


def _find_cause(error: BaseException, outside: BaseException | None) -> BaseException:
    """The innermost cause of an error, which is the operating system's; `outside` is no cause of it."""
    while (inner := error.__cause__ or error.__context__) and inner is not outside:
        error = inner
    return error


def _describe_cause(error: BaseException) -> str:
    return join_lines(str(error)) or type(error).__name__
