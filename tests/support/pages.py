"""`vosbench ui` as a process, and a tab of a real browser that shows its page."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SETTLED = """image => {
  const picture = document.querySelector(image), before = window.settled ?? {};
  const same = picture?.src && picture.src === before.source;
  window.settled = {source: picture?.src, frames: same ? before.frames + 1 : 0};
  return picture?.complete && picture.naturalWidth && window.settled.frames > 15;
}"""  # the picture has been the same for 15 frames of the browser
WAIT = 180_000  # milliseconds; a loaded machine may take long, and what never comes is a fault either way


class HasAddress(Protocol):
    """A page that is served, by whatever process."""

    @property
    def address(self) -> str: ...


class Served(NamedTuple):
    """A page that is served. scratch: the folder for temporary files."""

    address: str
    process: subprocess.Popen[str]
    scratch: Path

    def list_tabs(self) -> list[Path]:
        """The folders of the tabs that have a video."""
        return [*self.scratch.glob("vosbench-ui-*/tabs/*")]


@contextmanager
def serve_page(folder: Path, options: Sequence[str] = ()) -> Iterator[Served]:
    """`vosbench ui` with flow on the CPU, on any free port, in a folder where it finds its datasets and weights."""
    scratch = folder / "scratch"
    scratch.mkdir()
    words = ["ui", "--tracker", "flow", "--gpu", "cpu", "--port", "0", "--max-upload", "1", *options]
    with subprocess.Popen(
        [sys.executable, "-m", "vosbench", *words],
        cwd=folder,
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


class BrowserTab:
    """A tab of the browser. trouble: errors on its console, and requests to other places than the server."""

    def __init__(self, browser: Any, served: HasAddress, width: int = 1280) -> None:
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

    def click_pixel(self, x: int, y: int, image: str = "#picture img") -> None:
        """Click into the middle of a pixel of a picture of 96 x 64 pixels. image: its selector."""
        self.page.wait_for_function(SETTLED, arg=image)
        box = self.page.locator(image).bounding_box()
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


def wait_until(tab: BrowserTab, holds: Callable[[], bool]) -> None:
    for _ in range(WAIT // 200):
        if holds():
            return
        tab.page.wait_for_timeout(200)
    raise AssertionError("it did not come to be")
