"""Downloads survive a server with the faults of real ones, and end with the verified file or one message."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.server import serve
from vosbench.datasets.card import Download
from vosbench.errors import VosbenchError
from vosbench.fetching import google_drive
from vosbench.fetching.download import RetryPolicy, count_present_bytes, download_file

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


def test_a_download_that_was_killed_continues_where_it_stopped(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from vosbench.fetching.download import download_file; "
        "from vosbench.datasets.card import Download;"
        f"download_file(Download({FILE!r}), Path(sys.argv[1]), sys.argv[2:])"
    )
    with serve(FILES, delay=0.02) as server:
        arguments = [sys.executable, "-c", program, str(tmp_path), server.url(FILE)]
        with subprocess.Popen(arguments, cwd=Path(__file__).parents[2]) as process:
            while process.poll() is None and count_present_bytes(FILE, tmp_path) < MEBI:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        size = count_present_bytes(FILE, tmp_path)
        server.delay = 0
        assert download(tmp_path, BARE, server.url(FILE)) == CONTENT
    assert server.starts == [None, size]
    assert left(tmp_path) == []


@pytest.mark.parametrize("source", [BARE, KNOWN])
def test_how_much_of_a_file_is_there_is_known_without_a_request(tmp_path: Path, source: Download) -> None:
    assert count_present_bytes(FILE, tmp_path) == count_present_bytes(FILE, tmp_path / "no-such") == 0
    begin(tmp_path, source)
    assert count_present_bytes(FILE, tmp_path) == 2 * MEBI
    with serve(FILES) as server:
        download_file(source, tmp_path, [server.url(FILE)])
    assert count_present_bytes(FILE, tmp_path) == 4 * MEBI


def test_a_cut_download_continues_within_the_call(tmp_path: Path) -> None:
    with serve(FILES, cut=2 * MEBI, cuts=1) as server:
        assert download(tmp_path, KNOWN, server.url(FILE)) == CONTENT
    assert server.starts == [None, 2 * MEBI]


def test_cuts_do_not_use_up_the_attempts_while_bytes_are_gained(tmp_path: Path) -> None:
    with serve(FILES, cut=MEBI // 2) as server:
        assert download(tmp_path, KNOWN, server.url(FILE), attempts=2) == CONTENT
    assert server.starts[-1] == 7 * MEBI // 2


def test_a_small_file_that_is_cut_is_continued_too(tmp_path: Path) -> None:
    small = CONTENT[: MEBI // 4]
    with serve({FILE: small}, cut=len(small) // 2) as server:
        assert download(tmp_path, BARE, server.url(FILE), attempts=2) == small
    assert server.starts[-1] == len(small) // 2


def test_a_server_that_cuts_without_gain_is_given_up(tmp_path: Path) -> None:
    with serve(FILES, cut=1000) as server:
        message = refusal(tmp_path, KNOWN, server.url(FILE))
    assert "received 0 bytes but the server announced 4194304 bytes" in message
    assert len(server.requests) == 2


@pytest.mark.parametrize("source", [BARE, KNOWN])
def test_a_server_without_ranges_begins_again_from_zero(tmp_path: Path, source: Download) -> None:
    with serve(FILES, ranges=False, cut=2 * MEBI, cuts=1) as server:
        assert download(tmp_path, source, server.url(FILE), attempts=2) == CONTENT
    assert server.starts == [None, 2 * MEBI]
    assert left(tmp_path) == []


@pytest.mark.parametrize("ranges", [True, False])
def test_a_partial_file_that_is_complete_needs_only_its_name(tmp_path: Path, ranges: bool) -> None:
    begin(tmp_path, KNOWN).write_bytes(CONTENT)
    seen: list[int] = []
    with serve(FILES, ranges=ranges) as server:
        path = download_file(
            KNOWN, tmp_path, [server.url(FILE)], lambda done, total: seen.append(done), policy=RetryPolicy(attempts=1)
        )
    assert path.read_bytes() == CONTENT
    assert seen == []


def test_a_partial_file_that_is_too_long_is_dropped(tmp_path: Path) -> None:
    begin(tmp_path, KNOWN).write_bytes(CONTENT + b"more")
    with serve(FILES) as server:
        assert download(tmp_path, KNOWN, server.url(FILE), attempts=1) == CONTENT


def test_a_mirror_continues_what_another_server_began_if_the_hash_is_known(tmp_path: Path) -> None:
    with serve(FILES, cut=2 * MEBI, cuts=1) as first, serve(FILES) as mirror:
        assert download(tmp_path, KNOWN, first.url(FILE), mirror.url(FILE), attempts=1) == CONTENT
    assert mirror.starts == [2 * MEBI]


def test_files_of_two_servers_are_not_spliced_if_the_hash_is_not_known(tmp_path: Path) -> None:
    other = CONTENT[::-1]
    with serve(FILES, cut=2 * MEBI, cuts=1) as first, serve({FILE: other}) as mirror:
        assert download(tmp_path, BARE, first.url(FILE), mirror.url(FILE), attempts=1) == other
    assert left(tmp_path) == []


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


def test_a_server_that_falls_silent_in_mid_file_is_continued(tmp_path: Path) -> None:
    with serve(FILES) as server:
        begin(tmp_path, KNOWN)
        server.delay = 0.5
        assert "timed out" in refusal(tmp_path, KNOWN, server.url(FILE), timeout=0.1)
        server.delay = 0
        assert download(tmp_path, KNOWN, server.url(FILE)) == CONTENT
    assert server.starts[-1] == 2 * MEBI


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><html>Quota exceeded", b"\n\n  <HTML><body>", b"\xef\xbb\xbf<html>"])
@pytest.mark.parametrize("source", [BARE, KNOWN])
def test_a_web_page_with_status_200_is_never_saved(tmp_path: Path, page: bytes, source: Download) -> None:
    with serve({FILE: page}) as server:
        message = refusal(tmp_path, source, server.url(FILE))
    assert "a web page came" in message or "announces" in message
    assert left(tmp_path) == []


def test_a_web_page_does_not_replace_the_bytes_that_are_there(tmp_path: Path) -> None:
    part = begin(tmp_path, KNOWN)
    with serve({FILE: b"<html>log in to the network"}, content_type="text/html", ranges=False) as portal:
        assert "a web page came" in refusal(tmp_path, KNOWN, portal.url(FILE))
    assert part.read_bytes() == CONTENT[: 2 * MEBI]


def test_a_busy_answer_to_a_range_keeps_the_bytes_that_are_there(tmp_path: Path) -> None:
    begin(tmp_path, KNOWN)
    with serve(FILES, refusals=[429]) as server:
        assert download(tmp_path, KNOWN, server.url(FILE)) == CONTENT
    assert server.starts[-1] == 2 * MEBI


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


def test_an_interrupt_passes_and_the_next_run_continues(tmp_path: Path) -> None:
    def interrupt(done: int, total: int | None) -> None:
        if done >= MEBI:
            raise KeyboardInterrupt

    with serve(FILES) as server:
        with pytest.raises(KeyboardInterrupt):
            download_file(KNOWN, tmp_path, [server.url(FILE)], interrupt)
        assert download(tmp_path, KNOWN, server.url(FILE)) == CONTENT
    assert server.starts == [None, MEBI]


@pytest.mark.slow
@pytest.mark.parametrize("if_range", [True, False])
@pytest.mark.parametrize("validator", ["ETag", "Last-Modified", ""])
@pytest.mark.parametrize("changed", [CONTENT[::-1], CONTENT[::-1] + b"more", CONTENT[::-1][: 3 * MEBI], b"short"])
def test_a_file_that_changed_between_two_attempts_is_begun_anew(
    tmp_path: Path, if_range: bool, validator: str, changed: bytes
) -> None:
    with serve(FILES, cut=2 * MEBI, cuts=1, if_range=if_range, validator=validator) as server:
        refusal(tmp_path, BARE, server.url(FILE), attempts=1)
        server.files = {FILE: changed}
        assert download(tmp_path, BARE, server.url(FILE)) == changed
    assert left(tmp_path) == []


@pytest.mark.parametrize("if_range", [True, False])
@pytest.mark.parametrize("validator", ["ETag", "Last-Modified"])
def test_a_file_that_did_not_change_is_continued(tmp_path: Path, if_range: bool, validator: str) -> None:
    with serve(FILES, cut=2 * MEBI, cuts=1, if_range=if_range, validator=validator) as server:
        refusal(tmp_path, BARE, server.url(FILE), attempts=1)
        assert download(tmp_path, BARE, server.url(FILE)) == CONTENT
    assert server.starts == [None, 2 * MEBI]


def test_without_a_validator_only_a_known_hash_lets_a_download_continue(tmp_path: Path) -> None:
    for source, second in ((BARE, None), (KNOWN, 2 * MEBI)):
        with serve(FILES, cut=2 * MEBI, cuts=1, validator="") as server:
            refusal(tmp_path / str(second), source, server.url(FILE), attempts=1)
            assert download(tmp_path / str(second), source, server.url(FILE)) == CONTENT
        assert server.starts == [None, second]


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
