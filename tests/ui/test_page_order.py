"""Whatever the user does at once, the page shows in the end what the workspace is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

import pytest

from tests.support.pages import BrowserTab
from tests.support.workspaces import FRAMES, draw_clip, load_flow
from vosbench.ui import markup
from vosbench.ui.server import prepare_server
from vosbench.ui.tabs import Tabs
from vosbench.ui.view import draw_workspace, save_picture
from vosbench.ui.workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3000)]

READ = """async () => {
  const find = (selector) => document.querySelector(selector);
  const picture = await (await fetch(find("#picture img").src)).arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", picture));
  const objects = [...document.querySelectorAll("#objects label")];
  return {
    picture: [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
    slider: Number(find("#slider input[type=range]").value),
    shown: find("#frame-line .shown").getAttribute("x"),
    status: find("#status .status").innerText,
    objects: objects.map((label) => label.innerText.trim()),
    chosen: objects.findIndex((label) => label.querySelector("input").checked),
    name: find("#name textarea, #name input").value,
    command: find("#command textarea").value,
    tracking: !find("#cancel").disabled,
    begun: vosbench.track.begun,
  };
}"""
PRESS = "id => document.getElementById(id).click()"
SLIDE = """index => {
  const range = document.querySelector("#slider input[type=range]");
  range.value = index;
  for (const name of ["input", "change"]) range.dispatchEvent(new Event(name, { bubbles: true }));
}"""
CHOOSE = "place => document.querySelectorAll('#objects input')[place]?.click()"
PATIENCE = 100  # looks
PAUSE = 100  # milliseconds between two of them


@dataclass(frozen=True)
class ServedHere:
    """A page that this process serves. address: where. tabs: its workspaces."""

    address: str
    tabs: Tabs

    @property
    def workspace(self) -> Workspace:
        [workspace] = self.tabs.workspaces.values()
        return workspace


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedHere]:
    uvicorn = pytest.importorskip("uvicorn", reason='needs pip install "vosbench[ui]"')
    before = dict(os.environ)
    page = prepare_server(load_flow(tmp_path), tmp_path / "datasets", "127.0.0.1", 0, 10**7)
    server = uvicorn.Server(uvicorn.Config(page.app, log_level="error", ws="none", timeout_graceful_shutdown=1))
    serving = Thread(target=server.run, kwargs={"sockets": [page.listener]})
    serving.start()
    yield ServedHere(page.address, page.tabs)
    server.should_exit = True
    serving.join()
    page.close()
    os.environ.clear()
    os.environ.update(before)


def expect(workspace: Workspace, folder: Path) -> dict[str, Any]:
    """What the page shows when it shows the workspace as it is."""
    with workspace.lock:
        names, chosen = workspace.scene.names, workspace.scene.object_id
        shown = re.search(r'class="shown" x="([^"]+)"', markup.write_frame_line(workspace))
        picture = save_picture(folder, draw_workspace(workspace, False))
        assert shown
        assert picture
        return {
            "picture": sha256(Path(picture).read_bytes()).hexdigest(),
            "slider": workspace.index,
            "shown": shown[1],
            "status": re.sub("<[^>]*>", "", markup.write_status(workspace)),
            "objects": [*names.values()],
            "chosen": [*names].index(chosen),
            "name": names[chosen],
            "command": workspace.write_command(["video"]),
            "tracking": workspace.busy,
            "begun": 0,
        }


def wait_until_shown(tab: BrowserTab, workspace: Workspace, folder: Path, looks: int = 1) -> None:
    """Wait until the page shows the workspace as it is, at so many looks one after the other. It must come to it."""
    found, expected, same = {}, {}, 0
    for _ in range(PATIENCE + looks):
        found, expected = tab.page.evaluate(READ), expect(workspace, folder)
        same = same + 1 if found == expected and not workspace.busy else 0
        if same == looks:
            return
        tab.page.wait_for_timeout(PAUSE)
    assert found == expected


def act_at_random(tab: BrowserTab, random: Random, picture: dict[str, float]) -> None:
    """One of all things that a user may do, without waiting for anything."""
    what = random.choice(
        ["key"] * 5 + ["button"] * 2 + ["click"] * 2 + ["slide", "undo", "add", "object", "clear", "track"]
    )
    if what == "key":
        tab.press(random.choice(["ArrowRight", "ArrowRight", "ArrowLeft", "Shift+ArrowRight", "Shift+ArrowLeft"]))
    elif what == "click":
        x, y = (picture[side] * random.uniform(0.2, 0.8) for side in ("width", "height"))
        tab.page.mouse.click(picture["x"] + x, picture["y"] + y)
    elif what == "slide":
        tab.page.evaluate(SLIDE, random.randrange(FRAMES))
    elif what == "object":
        tab.page.evaluate(CHOOSE, random.randrange(4))
    else:
        tab.page.evaluate(PRESS, {"button": random.choice(["next", "previous"])}.get(what, what))


@pytest.mark.parametrize("rounds", [3, pytest.param(40, marks=pytest.mark.exhaustive)])
def test_after_many_events_at_once_all_parts_of_the_page_show_the_workspace_as_it_is(
    browser: Any, served: ServedHere, tmp_path: Path, rounds: int
) -> None:
    random, folder = Random(0), tmp_path / "expected"
    tab = BrowserTab(browser, served)
    tab.upload(draw_clip(tmp_path / "clips"))
    tab.wait_for_status("frame 0 of 8")
    tab.click_pixel(18, 28)
    tab.wait_for_command("--point 1@0:18,28 ")
    tab.track()
    picture = tab.page.locator("#picture img").bounding_box()
    for _ in range(rounds):
        for _ in range(random.randrange(5, 20)):
            act_at_random(tab, random, picture)
        wait_until_shown(tab, served.workspace, folder, looks=5)
        tab.press("ArrowLeft", FRAMES)
        steps = random.randrange(1, FRAMES)
        tab.press("ArrowRight", steps)
        tab.wait_for_status(f"frame {steps} of 8")
        wait_until_shown(tab, served.workspace, folder)
        assert served.workspace.index == steps
    assert tab.trouble == []
    tab.page.close()
