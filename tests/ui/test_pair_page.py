"""The panel of correspondences in a real browser: two pictures, two frames, a click that shows the map at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.pages import BrowserTab, Served, serve_page
from tests.support.workspaces import draw_clip

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive, pytest.mark.timeout(900)]


@pytest.fixture
def served(tmp_path: Path, mask_propagation_checkpoint: str) -> Iterator[Served]:
    with serve_page(tmp_path, ["--correspond-checkpoint", mask_propagation_checkpoint]) as started:
        yield started


def upload_picture(tab: BrowserTab, side: str, path: Path) -> None:
    with tab.page.expect_file_chooser() as chooser:
        tab.page.click(f"#{side}-upload")
    chooser.value.set_files(path)


def wait_for_text(tab: BrowserTab, selector: str, words: str) -> None:
    script = "([selector, words]) => document.querySelector(selector).innerText.includes(words)"
    tab.page.wait_for_function(script, arg=[selector, words])


def read_match(tab: BrowserTab) -> list[int]:
    """The x and y in the source, and those in the target, that the page tells."""
    wait_for_text(tab, "#pair-result", "of the target")
    return [int(number) for number in re.findall(r"\d+", tab.page.inner_text("#pair-result .status"))[:4]]


def test_a_click_on_the_source_shows_at_once_where_the_target_looks_like_it(
    browser: Any, served: Served, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    for name, size in (("first.png", (64, 96)), ("second.jpg", (96, 64))):
        Image.fromarray(random.integers(0, 256, (*size, 3), np.uint8)).save(tmp_path / name)
    (tmp_path / "page.png").write_bytes(b"%PDF-1.7")
    tab = BrowserTab(browser, served)
    tab.page.click("button[role=tab]:has-text('Correspond')")
    wait_for_text(tab, "#pair-result", "Upload a picture as the source and one as the target")
    upload_picture(tab, "source", tmp_path / "page.png")
    tab.page.wait_for_selector("text=page.png: is no picture of a kind that the page takes")
    upload_picture(tab, "source", tmp_path / "first.png")
    wait_for_text(tab, "#source-title", "first.png")
    upload_picture(tab, "target", tmp_path / "second.jpg")
    wait_for_text(tab, "#pair-result", "Click on the source")
    before = tab.page.get_attribute("#target-picture img", "src")

    tab.click_pixel(40, 20, "#source-picture img")
    assert read_match(tab)[:2] == [40, 20]
    tab.page.wait_for_function("src => document.querySelector('#target-picture img').src !== src", arg=before)
    command = tab.page.input_value("#pair-command textarea")
    assert command.startswith("vosbench correspond first.png second.jpg --point 40,20 --checkpoint ")
    tab.page.click("#swap")
    wait_for_text(tab, "#source-title", "second.jpg")
    tab.press("ArrowRight")  # no frame of the other panel
    assert tab.trouble == []


def test_two_frames_of_the_video_are_compared_and_another_frame_is_a_pull_at_the_slider(
    browser: Any, served: Served, tmp_path: Path
) -> None:
    tab = BrowserTab(browser, served, width=800)
    tab.upload(draw_clip(tmp_path / "clips"))
    tab.wait_for_status("square · frame 0 of 8")
    tab.page.click("button[role=tab]:has-text('Correspond')")
    wait_for_text(tab, "#source-title", "frame 0 of square")
    wait_for_text(tab, "#target-title", "frame 7 of square")
    tab.click_pixel(18, 28, "#source-picture img")
    assert read_match(tab)[:2] == [18, 28]
    tab.page.fill("#target-slider input[type=number]", "3")
    wait_for_text(tab, "#target-title", "frame 3 of square")
    assert read_match(tab)[:2] == [18, 28]
    tab.page.click("button[role=tab]:has-text('Track')")
    tab.wait_for_status("square · frame 0 of 8")
    assert tab.trouble == []
    tab.page.close()
