"""A web server on this machine that can fail as real ones do, and records its requests."""

from __future__ import annotations

import hashlib
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import pytest

BLOCK = 64 * 1024


class Request(NamedTuple):
    """A request: its path, and the first byte of its Range header, `None` if it has none."""

    path: str
    start: int | None


@dataclass
class Server:
    """What is served, and the faults. Every field can be changed between two requests.

    files: name -> content. Other names are answered with 404; `/moved/NAME` redirects to `/NAME`.
    ranges: whether Range requests are honoured; if not, they are answered with 200 and the whole file.
    cut: the connection is closed after so many bytes of a body, in the first `cuts` answers; -1 for all.
    refusals: statuses with which the next requests are answered, in this order. retry_after: their header.
    delay: seconds before every block of 64 KiB. silence: seconds before the status line.
    if_range: whether If-Range is honoured: a range of another version is answered with the whole file.
    validator: the header that tells versions of a file apart, "ETag" or "Last-Modified"; empty for none.
    extra: bytes by which the announced length is too long.
    attachment: the name under which Google Drive offers a file, in the header Content-Disposition; empty for none.
    certificate: a PEM file with a key. A client whose proxy is this server then gets TLS from it.
    """

    port: int = 0
    files: Mapping[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    if_range: bool = True
    validator: str = "ETag"
    cut: int | None = None
    cuts: int = -1
    refusals: list[int] = field(default_factory=list)
    retry_after: str | None = None
    delay: float = 0.0
    silence: float = 0.0
    extra: int = 0
    content_type: str = "application/octet-stream"
    attachment: str = ""
    certificate: Path | None = None
    requests: list[Request] = field(default_factory=list)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    @property
    def starts(self) -> list[int | None]:
        """The first byte of every request so far."""
        return [request.start for request in self.requests]


def make_validator(content: bytes, header: str) -> str:
    """The value of the header for a file: another one for other content."""
    digest = hashlib.md5(content).digest()
    return f'"{digest.hex()}"' if header == "ETag" else formatdate(int.from_bytes(digest[:3], "big"), usegmt=True)


@contextmanager
def serve(files: Mapping[str, bytes], **faults: Any) -> Iterator[Server]:
    """Serve `files` (name -> content) with the faults that `Server` describes until the block ends."""
    state = Server(files=files, **faults)
    handler = type("Handler", (_Handler,), {"state": state})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        state.port = http.server_port
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield state
        finally:
            http.shutdown()
            thread.join()


@contextmanager
def serve_as_google(certificate: Path) -> Iterator[Server]:
    """Serve web pages as a proxy that plays drive.google.com, where the file with the id 1 is `uc?id=1`.

    certificate: the file to write the certificate to, which a client has to trust.
    """
    if not shutil.which("openssl"):
        pytest.skip("a certificate is made with openssl")
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(certificate), "-out", str(certificate)]
    made += ["-subj", "/CN=drive.google.com", "-addext", "subjectAltName=DNS:drive.google.com"]
    subprocess.run(["openssl", *made], check=True, capture_output=True)
    with serve({}, content_type="text/html", certificate=certificate) as server:
        yield server


class _Handler(BaseHTTPRequestHandler):
    state: Server

    def do_CONNECT(self) -> None:
        """Answer a client of the proxy as the server that it wants to reach would."""
        assert self.state.certificate is not None
        self.send_response(200)
        self.end_headers()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.state.certificate)
        try:
            self.connection = context.wrap_socket(self.connection, server_side=True)
        except OSError:  # a client may go at any time
            self.close_connection = True
            return
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.close_connection = False

    def finish(self) -> None:
        with suppress(ConnectionError, ssl.SSLError):
            super().finish()
        self.connection.close()

    def do_GET(self) -> None:
        with suppress(ConnectionError, ssl.SSLError):  # a client may go at any time
            self._answer(self.state)

    def _answer(self, state: Server) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        state.requests.append(Request(self.path, int(asked[1]) if asked else None))
        time.sleep(state.silence)
        name = self.path.removeprefix("/")
        version = make_validator(state.files.get(name, b""), state.validator)
        outdated = state.if_range and self.headers.get("If-Range", version) != version
        if state.refusals:
            self._end(state.refusals.pop(0), {"Retry-After": state.retry_after} if state.retry_after else {})
        elif name.startswith("moved/"):
            self._end(302, {"Location": "/" + name.removeprefix("moved/")})
        elif name not in state.files:
            self._end(404)
        else:
            self._send(state, state.files[name], int(asked[1]) if asked and state.ranges and not outdated else None)

    def _send(self, state: Server, content: bytes, start: int | None) -> None:
        if start is not None and start >= len(content):
            self._end(416, {"Content-Range": f"bytes */{len(content)}"})
            return
        body = content[start or 0 :]
        self.send_response(200 if start is None else 206)
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if state.validator:
            self.send_header(state.validator, make_validator(content, state.validator))
        if state.attachment:
            self.send_header("Content-Disposition", f'attachment; filename="{state.attachment}"')
        self.send_header("Content-Type", state.content_type)
        self.send_header("Content-Length", str(len(body) + state.extra))
        self.end_headers()
        if state.cut is not None and state.cuts != 0 and state.cut < len(body):
            body = body[: state.cut]
            state.cuts -= 1
        for first in range(0, len(body), BLOCK):
            time.sleep(state.delay)
            self.wfile.write(body[first : first + BLOCK])

    def _end(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Log nothing: `Server.requests` is the log."""
