"""The page in a real browser: upload, click, track, correct, export; two tabs; the keyboard; nothing from outside."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.workspaces import FRAMES, draw_clip, run_command
from vosbench.io.paths import Roots

pytest.importorskip("gradio", reason='needs pip install "vosbench[ui]"')
sync_api = pytest.importorskip("playwright.sync_api", reason="needs pip install playwright")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: no chromium, chromium-browser or google-chrome"),
    pytest.mark.timeout(280),
]
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SETTLED = """() => {
  const picture = document.querySelector("#picture img"), before = window.settled ?? {};
  const same = picture?.src && picture.src === before.source;
  window.settled = {source: picture?.src, frames: same ? before.frames + 1 : 0};
  return picture?.complete && picture.naturalWidth && window.settled.frames > 15;
}"""  # the picture has been the same for 15 frames of the browser
WAIT = 60_000  # milliseconds; a loaded machine may take long


class Served(NamedTuple):
    """A page that is served. scratch: the folder for temporary files."""

    address: str
    process: subprocess.Popen[str]
    scratch: Path

    def list_tabs(self) -> list[Path]:
        """The folders of the tabs that have a video."""
        return [*self.scratch.glob("vosbench-ui-*/tabs/*")]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """`vosbench ui` with flow on the CPU, on any free port, in a folder without datasets or weights."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    words = ["ui", "--tracker", "flow", "--gpu", "cpu", "--port", "0", "--max-upload", "1"]
    with subprocess.Popen(
        [sys.executable, "-m", "vosbench", *words],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(scratch), "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        try:
            yield Served(address, process, scratch)
        finally:
            if process.poll() is None:
                process.kill()


class Tab:
    """A tab of the browser. trouble: errors on its console, and requests to other places than the server."""

    def __init__(self, browser: Any, served: Served, width: int = 1280) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900})
        self.page.set_default_timeout(WAIT)
        self.trouble: list[str] = []
        self.page.on("console", lambda line: self._note(line.text, line.type == "error"))
        self.page.on("pageerror", lambda error: self._note(str(error), True))
        own = (served.address, "data:", "blob:")
        self.page.on("request", lambda request: self._note(request.url, not request.url.startswith(own)))
        self.page.goto(served.address)
        self.page.wait_for_selector("#tool")

    def _note(self, text: str, bad: bool) -> None:
        self.trouble += [text] if bad else []

    def upload(self, path: Path) -> None:
        self.page.set_input_files("#source input[type=file]", path)

    def click_pixel(self, x: int, y: int) -> None:
        """Click into the middle of a pixel of the drawn frame of 96 x 64 pixels."""
        self.page.wait_for_function(SETTLED)
        box = self.page.locator("#picture img").bounding_box()
        scale = min(box["width"] / 96, box["height"] / 64)
        left = box["x"] + (box["width"] - 96 * scale) / 2
        top = box["y"] + (box["height"] - 64 * scale) / 2
        self.page.mouse.click(left + (x + 0.5) * scale, top + (y + 0.5) * scale)

    @property
    def command(self) -> str:
        return str(self.page.input_value("#command textarea"))

    def wait_for_command(self, words: str) -> None:
        script = "words => document.querySelector('#command textarea').value.includes(words)"
        self.page.wait_for_function(script, arg=words)

    def wait_for_status(self, words: str) -> None:
        self.page.wait_for_function("words => document.querySelector('#status').innerText.includes(words)", arg=words)

    def track(self) -> None:
        self.page.click("#track")
        self.wait_for_status("· tracked")

    def press(self, key: str, times: int = 1) -> None:
        for _ in range(times):
            self.page.keyboard.press(key)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    with sync_api.sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()


def test_a_video_is_uploaded_clicked_tracked_corrected_and_exported_as_the_command_that_is_shown_does(
    served: Served, browser: Any, tmp_path: Path
) -> None:
    clip = draw_clip(tmp_path / "clips")
    tab, other = Tab(browser, served), Tab(browser, served, width=800)
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


def wait_until(tab: Tab, holds: Any) -> None:
    for _ in range(WAIT // 200):
        if holds():
            return
        tab.page.wait_for_timeout(200)
    raise AssertionError("it did not come to be")


def test_what_is_no_video_or_too_large_is_refused_in_one_line_and_ctrl_c_leaves_nothing(
    served: Served, browser: Any, tmp_path: Path
) -> None:
    tab = Tab(browser, served)
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
