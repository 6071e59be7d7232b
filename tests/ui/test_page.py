"""The page in a real browser: upload, click, track, correct, export; two tabs; the keyboard; nothing from outside."""

from __future__ import annotations

import shlex
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.pages import BrowserTab, Served, serve_page, wait_until
from tests.support.workspaces import FRAMES, draw_clip, run_command
from vosbench.io.paths import Roots

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve_page(tmp_path) as started:
        yield started


def test_a_video_is_uploaded_clicked_tracked_corrected_and_exported_as_the_command_that_is_shown_does(
    browser: Any, served: Served, tmp_path: Path
) -> None:
    clip = draw_clip(tmp_path / "clips")
    tab, other = BrowserTab(browser, served), BrowserTab(browser, served, width=800)
    tab.upload(clip)
    tab.wait_for_status("square · frame 0 of 8")
    other.upload(clip)
    other.wait_for_status("square · frame 0 of 8")
    assert len(served.list_tabs()) == 2

    tab.click_pixel(18, 28)
    tab.wait_for_command("--point 1@0:18,28 ")
    tab.track()
    tab.press("ArrowRight", 5)
    tab.wait_for_status("frame 5 of 8")
    tab.press("n")  # the tool for negative clicks
    tab.click_pixel(60, 50)
    tab.wait_for_command("--point 1@5:60,50,-")
    tab.press("z")
    tab.page.wait_for_function("!document.querySelector('#command textarea').value.includes('1@5')")
    tab.press("b")
    tab.click_pixel(16, 16)
    tab.wait_for_status("click the opposite corner")
    tab.click_pixel(40, 40)
    tab.wait_for_command("--box 1@5:16,16,40,40")
    tab.track()

    tab.page.click("#kinds label:has-text('video with masks')")
    tab.page.click("#kinds label:has-text('masks as PNG')")
    tab.wait_for_command("--masks square-masks")
    command = tab.command
    assert " -o " not in command
    tab.page.click("#export")
    with tab.page.expect_download() as download:
        tab.page.click("#files a")
    packed = tmp_path / "masks.zip"
    download.value.save_as(packed)
    expected = run_command(shlex.split(command), tmp_path / "clips", Roots())
    with zipfile.ZipFile(packed) as archive:
        assert {name: archive.read(name) for name in archive.namelist() if name.endswith(".png")} == expected
    assert len(expected) == FRAMES

    assert other.command == ""
    other.click_pixel(24, 30)
    other.wait_for_command("--point 1@0:24,30 ")
    assert "24,30" not in tab.command
    other.page.evaluate("document.activeElement.blur()")
    other.press(" ")  # play to the end
    other.wait_for_status("frame 7 of 8")
    assert (tab.trouble, other.trouble) == ([], [])

    tab.page.close()
    other.page.wait_for_timeout(200)
    wait_until(other, lambda: len(served.list_tabs()) == 1)
    assert [*served.scratch.glob("vosbench-ui-*/gradio/*/*.*")] == []  # Gradio keeps no copies of its files
    other.page.close()


def test_what_is_no_video_or_too_large_is_refused_in_one_line_and_ctrl_c_leaves_nothing(
    browser: Any, served: Served, tmp_path: Path
) -> None:
    tab = BrowserTab(browser, served)
    playlist = tmp_path / "list.mp4"
    playlist.write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n")
    tab.upload(playlist)
    tab.page.wait_for_selector("text=list.mp4: is no video of a kind that the page takes")
    large = tmp_path / "large.mp4"
    large.write_bytes(bytes(1_100_000))
    tab.upload(large)
    tab.page.wait_for_selector("text=/maximum|too large|exceeds/i")
    assert served.list_tabs() == []
    tab.page.close()
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(60) == 0
    assert [*served.scratch.iterdir()] == []
