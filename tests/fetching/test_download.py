"""Downloads survive a server with the faults of real ones, and end with the verified file or one message."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.downloads import BARE, CONTENT, FILE, FILES, KNOWN, MEBI, begin, download, left, refusal
from tests.support.server import serve
from vosbench.datasets.card import Download
from vosbench.errors import VosbenchError
from vosbench.fetching.download import download_file


@pytest.mark.parametrize("source", [BARE, KNOWN])
def test_a_file_arrives_whole_and_nothing_else_is_left(tmp_path: Path, source: Download) -> None:
    seen: list[tuple[int, int | None]] = []
    with serve(FILES) as server:
        path = download_file(source, tmp_path / "new" / "folder", [server.url(FILE)], lambda *bytes: seen.append(bytes))
    assert path == tmp_path / "new" / "folder" / FILE
    assert path.read_bytes() == CONTENT
    assert left(path.parent) == []
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(seen)


def test_a_file_that_verifies_is_not_asked_for_again(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(CONTENT)
    assert download(tmp_path, KNOWN, "http://127.0.0.1:1/") == CONTENT


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], b"x" + CONTENT[1:], b"<!DOCTYPE html><title>log in"])
def test_a_file_that_does_not_verify_is_fetched_again(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with serve(FILES) as server:
        assert download(tmp_path, KNOWN, server.url(FILE)) == CONTENT


def test_a_redirect_is_followed(tmp_path: Path) -> None:
    with serve(FILES, cut=2 * MEBI, cuts=1) as server:
        assert download(tmp_path, KNOWN, server.url(f"moved/{FILE}")) == CONTENT


def test_a_busy_server_is_asked_again(tmp_path: Path) -> None:
    with serve(FILES, refusals=[429, 503, 500]) as server:
        assert download(tmp_path, KNOWN, server.url(FILE), attempts=4) == CONTENT


def test_a_busy_server_gets_the_time_that_it_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("vosbench.fetching.download.time", SimpleNamespace(sleep=waits.append))
    with serve(FILES, refusals=[429], retry_after="7") as server:
        assert download(tmp_path, KNOWN, server.url(FILE)) == CONTENT
    assert waits == [7]


def test_a_server_that_asks_for_an_hour_is_skipped(tmp_path: Path) -> None:
    with serve(FILES, refusals=[503], retry_after="3600") as server:
        message = refusal(tmp_path, KNOWN, server.url(FILE))
    assert "HTTP 503 Service Unavailable, asks to wait 3600 s" in message


def test_the_next_url_is_tried_when_one_does_not_have_the_file(tmp_path: Path) -> None:
    with serve({}) as empty, serve(FILES) as mirror:
        assert download(tmp_path, KNOWN, empty.url(FILE), mirror.url(FILE)) == CONTENT
    assert len(empty.requests) == 1


def test_when_every_url_fails_one_line_says_why_and_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as unused, serve({}, refusals=[403]) as server:
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}/{FILE}"
        first, second = server.url("a"), server.url("b")
        message = refusal(tmp_path, KNOWN, first, second, closed, "nonsense://x")
    assert message == (
        f"set.zip: not fetched ({first}: HTTP 403 Forbidden; {second}: HTTP 404 Not Found; "
        f"{closed}: [Errno 111] Connection refused; "
        "nonsense://x: No connection adapters were found for 'nonsense://x'); "
        "give a file that you downloaded with --from FILE, or another server with --mirror URL"
    )


def test_an_error_that_the_caller_is_handling_is_not_taken_as_the_reason(tmp_path: Path) -> None:
    try:
        raise FileNotFoundError("something else")
    except FileNotFoundError:
        message = refusal(tmp_path, KNOWN, "http://127.0.0.1:1/")
    assert "Connection refused" in message
    assert "something else" not in message


def test_without_any_url_the_message_says_what_to_do(tmp_path: Path) -> None:
    assert "no URL is known" in refusal(tmp_path, KNOWN)


def test_a_silent_server_times_out(tmp_path: Path) -> None:
    with serve(FILES, silence=0.5) as server:
        assert "timed out" in refusal(tmp_path, KNOWN, server.url(FILE), timeout=0.1)
    assert len(server.requests) == 2


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><html>Quota exceeded", b"\n\n  <HTML><body>", b"\xef\xbb\xbf<html>"])
@pytest.mark.parametrize("source", [BARE, KNOWN])
def test_a_web_page_with_status_200_is_never_saved(tmp_path: Path, page: bytes, source: Download) -> None:
    with serve({FILE: page}) as server:
        message = refusal(tmp_path, source, server.url(FILE))
    assert "a web page came" in message or "announces" in message
    assert left(tmp_path) == []


def test_a_wrong_hash_is_named_and_the_next_run_begins_afresh(tmp_path: Path) -> None:
    wrong = b"x" + CONTENT[1:]
    with serve({FILE: wrong}) as server:
        message = refusal(tmp_path, KNOWN, server.url(FILE))
        assert f"sha256 is {hashlib.sha256(wrong).hexdigest()}, expected {KNOWN.sha256}" in message
        assert left(tmp_path) == []
        server.files = FILES
        assert download(tmp_path, KNOWN, server.url(FILE)) == CONTENT
    assert server.starts == [None, None]


def test_another_url_may_have_the_right_hash(tmp_path: Path) -> None:
    with serve({FILE: CONTENT[::-1]}) as repacked, serve(FILES) as mirror:
        assert download(tmp_path, KNOWN, repacked.url(FILE), mirror.url(FILE)) == CONTENT


def test_a_wrong_announced_size_is_noticed_at_the_first_bytes(tmp_path: Path) -> None:
    seen: list[int] = []
    with serve({FILE: CONTENT + b"more"}) as server, pytest.raises(VosbenchError, match="announces 4194308 bytes"):
        download_file(KNOWN, tmp_path, [server.url(FILE)], lambda done, total: seen.append(done))
    assert seen == []
    assert left(tmp_path) == []


def test_a_file_shorter_than_announced_is_refused(tmp_path: Path) -> None:
    with serve(FILES, extra=MEBI, ranges=False) as server:
        message = refusal(tmp_path, BARE, server.url(FILE))
    assert "received 4194304 bytes but the server announced 5242880 bytes" in message


def test_a_disk_that_is_too_small_is_noticed_before_the_first_byte(tmp_path: Path) -> None:
    with serve(FILES) as server:
        message = refusal(tmp_path, Download(FILE, bytes=2**60), server.url(FILE))
    assert "set.zip: 1152921504.6 GB are needed in" in message
    assert server.requests == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the full disk is Linux's")
def test_a_disk_that_fills_up_is_one_line(tmp_path: Path) -> None:
    part = begin(tmp_path, KNOWN)
    part.unlink()
    part.symlink_to("/dev/full")
    with serve(FILES) as server:
        message = refusal(tmp_path, KNOWN, server.url(FILE))
    assert message.startswith(f"{tmp_path / FILE}: cannot be written (No space left on device)")


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with serve(FILES) as server, pytest.raises(VosbenchError, match="cannot be written") as caught:
        download_file(KNOWN, tmp_path / "file" / "folder", [server.url(FILE)])
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with serve(FILES) as server, pytest.raises(VosbenchError, match="cannot be written"):
        download_file(KNOWN, tmp_path, [server.url(FILE)])
