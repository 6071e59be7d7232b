"""Downloads from Google Drive, of which a proxy on this machine plays the part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.downloads import BARE, CONTENT, FILE, FILES, KNOWN, MEBI, download, left, refusal
from tests.support.server import Server, serve, serve_as_google
from vosbench.fetching import google_drive
from vosbench.fetching.download import count_present_bytes
from vosbench.fetching.http_errors import RefusedError, RetryError

URL = "https://drive.google.com/uc?id=1"


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that plays Google Drive for this process."""
    with serve_as_google(tmp_path / "google.pem") as server:
        monkeypatch.setenv("https_proxy", server.url(""))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.certificate))
        yield server


def test_pages_that_lead_to_themselves_for_ever_end_the_attempt(
    tmp_path: Path, google: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(google_drive, "PATIENCE", 0.1)
    form = '<form id="download-form" action="https://drive.google.com/uc"><input type="hidden" name="id" value="1">'
    google.files, google.silence = {"uc?id=1": form.encode()}, 0.1
    with pytest.raises(RetryError, match=r"no byte of the file came in 0\.5 s, only pages that lead to others"):
        google_drive.continue_drive_file(URL, tmp_path, lambda done, total: None, timeout=5)


def test_a_drive_that_says_nothing_ends_the_attempt(tmp_path: Path, google: Server) -> None:
    google.silence = 1.0
    with pytest.raises(RetryError, match=r"timed out|no byte of the file came"):
        google_drive.continue_drive_file(URL, tmp_path, lambda done, total: None, timeout=0.2)


def test_a_page_that_cannot_be_read_ends_the_download(tmp_path: Path, google: Server) -> None:
    google.files = {"uc?id=1": b"<![\xff\x00no page"}
    with pytest.raises(RefusedError, match="says that it is a web page and cannot be read as one"):
        google_drive.continue_drive_file(URL, tmp_path, lambda done, total: None, timeout=5)


def test_a_file_of_google_drive_that_changed_its_size_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(google_drive, "DRIVE_HOSTS", ("127.0.0.1",))
    changed = CONTENT[::-1] + b"more"
    with serve(FILES, cut=2 * MEBI, cuts=1) as server:
        refusal(tmp_path, BARE, server.url(FILE), attempts=1)
        server.files = {FILE: changed}
        assert download(tmp_path, BARE, server.url(FILE)) == changed
    assert left(tmp_path) == []


def test_a_file_of_google_drive_is_continued_verified_and_tidied_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Google cannot be asked here, but gdown fetches any other URL in the same way."""
    monkeypatch.setattr(google_drive, "DRIVE_HOSTS", ("127.0.0.1",))
    with serve(FILES, cut=2 * MEBI, cuts=1) as server:
        assert "received 2097152 bytes" in refusal(tmp_path, KNOWN, server.url(FILE), attempts=1)
        assert count_present_bytes(FILE, tmp_path) == 2 * MEBI
        assert download(tmp_path, KNOWN, server.url(FILE)) == CONTENT
    assert server.starts == [None, None, 2 * MEBI]
    assert left(tmp_path) == []


def test_a_file_of_google_drive_that_was_whole_before_the_kill_needs_only_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(google_drive, "DRIVE_HOSTS", ("127.0.0.1",))
    with serve(FILES, cut=2 * MEBI) as server:
        refusal(tmp_path, KNOWN, server.url(FILE), attempts=1)
        (part,) = left(tmp_path)[0].glob("*.part")
        part.write_bytes(CONTENT)
        assert download(tmp_path, KNOWN, server.url(FILE)) == CONTENT
    assert len(server.requests) == 1
