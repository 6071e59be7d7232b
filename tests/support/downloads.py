"""Downloads of a small file from a server with the faults of real ones."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from tests.support.server import serve
from vosbench.datasets.card import Download
from vosbench.errors import VosbenchError
from vosbench.fetching.download import RetryPolicy, download_file

MEBI = 2**20
CONTENT = random.Random(0).randbytes(4 * MEBI)
FILE = "set.zip"
FILES = {FILE: CONTENT}
BARE = Download(FILE)
KNOWN = Download(FILE, sha256=hashlib.sha256(CONTENT).hexdigest(), bytes=len(CONTENT))


def left(folder: Path) -> list[Path]:
    """Everything in the folder but the file itself."""
    return [path for path in folder.iterdir() if path.name != FILE]


def begin(folder: Path, source: Download, size: int = 2 * MEBI) -> Path:
    """The first `size` bytes of a file, left by a download that was cut once and not repeated."""
    with serve(FILES, cut=size) as server, pytest.raises(VosbenchError, match="received"):
        download_file(source, folder, [server.url(FILE)], policy=RetryPolicy(attempts=1))
    (parts,) = left(folder)
    part = parts / "http"
    assert part.stat().st_size == size
    return part


def download(folder: Path, source: Download, *urls: str, attempts: int = 4) -> bytes:
    """The content of a download without pauses between its attempts."""
    return download_file(source, folder, urls, policy=RetryPolicy(attempts, backoff=0)).read_bytes()


def refusal(folder: Path, source: Download, *urls: str, attempts: int = 2, timeout: float = 5.0) -> str:
    """The message of a download that must fail and must leave no file."""
    with pytest.raises(VosbenchError) as caught:
        download_file(source, folder, urls, policy=RetryPolicy(attempts, timeout, backoff=0))
    assert not (folder / FILE).exists()
    assert "\n" not in str(caught.value)
    return str(caught.value)
