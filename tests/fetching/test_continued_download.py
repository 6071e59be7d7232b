"""A download that was cut off continues where it stopped, or begins anew where that would mix two files."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.downloads import BARE, CONTENT, FILE, FILES, KNOWN, MEBI, begin, download, left, refusal
from tests.support.server import serve
from vosbench.datasets.card import Download
from vosbench.fetching.download import RetryPolicy, count_present_bytes, download_file


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


def test_a_server_that_falls_silent_in_mid_file_is_continued(tmp_path: Path) -> None:
    with serve(FILES) as server:
        begin(tmp_path, KNOWN)
        server.delay = 0.5
        assert "timed out" in refusal(tmp_path, KNOWN, server.url(FILE), timeout=0.1)
        server.delay = 0
        assert download(tmp_path, KNOWN, server.url(FILE)) == CONTENT
    assert server.starts[-1] == 2 * MEBI


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
