"""The page of a report in a real browser: sorted, filtered, opened, in both colours, on a phone, without a network."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import vosbench
from tests.support.golden import make_tree, squares, write_masks

pytest.importorskip("vl_convert", reason='needs pip install "vosbench[report]"')
sync_api = pytest.importorskip("playwright.sync_api", reason="needs pip install playwright")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: no chromium, chromium-browser or google-chrome"),
    pytest.mark.timeout(280),
]
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
WAIT = 60_000  # milliseconds; a loaded machine may take long
HOSTILE = "<img src=x onerror=alert(1)>"
SIZE = (120, 160)
WIDTHS = (1280, 800, 390)


def move(*steps: tuple[int, int]) -> list[Any]:
    """A video of eight frames with objects that move right by so many pixels a frame. steps: row and step of each."""
    return [
        squares(*((number, row, 10 + step * index) for number, (row, step) in enumerate(steps, 1)), size=SIZE)
        for index in range(8)
    ]


VIDEOS = {"still": move((20, 0)), HOSTILE: move((20, 3)), "two": move((20, 1), (80, 8)), "fast": move((60, 12))}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of masks that stay where their objects were, and of masks without a fault, in that order."""
    folder = tmp_path_factory.mktemp("report")
    tree = make_tree(folder / "bears", VIDEOS)
    held = write_masks(folder / "held", {video: [maps[0]] * len(maps) for video, maps in VIDEOS.items()})
    methods = {f"Held {HOSTILE}": held, "Perfect": tree / "Annotations"}
    return vosbench.report(methods, folder / "report.html", dataset=str(tree), jobs=1, strips=3).path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()


class Opened:
    """The page in a tab. trouble: what its console said, its errors, and its requests to anywhere."""

    def __init__(self, browser: Any, path: Path, width: int = 1280, colours: str = "light") -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=colours)
        self.page.set_default_timeout(WAIT)
        self.trouble: list[str] = []
        self.page.on("console", lambda line: self.trouble.append(line.text))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.trouble.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self._note(request.url, path))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready]")

    def _note(self, url: str, path: Path) -> None:
        self.trouble += [] if url.startswith(("data:", "blob:")) or url.partition("#")[0] == path.as_uri() else [url]

    def rows(self) -> list[list[str]]:
        """The cells of the table of videos or objects, row by row."""
        script = "() => [...document.querySelectorAll('#rows tbody tr')].map(r => [...r.cells].map(c => c.innerText))"
        found: list[list[str]] = self.page.evaluate(script)
        return found

    def column(self, index: int) -> list[str]:
        return [row[index] for row in self.rows()]

    def sort_state(self, index: int) -> str:
        return str(self.page.locator("#rows thead th").nth(index).get_attribute("aria-sort"))


@pytest.fixture
def opened(browser: Any, written: Path) -> Iterator[Opened]:
    tab = Opened(browser, written)
    yield tab
    assert tab.trouble == []
    tab.page.close()


def test_tables_are_sorted_and_filtered_and_show_two_methods_side_by_side(opened: Opened) -> None:
    head = opened.page.locator("#rows thead th").all_inner_texts()
    names = [f"Held {HOSTILE}", "Perfect"]
    assert head == ["video", "objects", "frames", *names, " \N{MINUS SIGN} ".join(reversed(names))]
    figures = [float(cell) for cell in opened.column(3)]
    assert figures == sorted(figures)
    assert figures[-1] == 100.0
    assert set(opened.column(4)) == {"100.0"}
    gains = [float(row[5]) + float(row[3]) for row in opened.rows()]
    assert gains == [pytest.approx(100, abs=0.11)] * len(gains)
    opened.page.locator("#rows thead button").nth(3).focus()
    opened.page.keyboard.press("Enter")
    assert (opened.sort_state(3), opened.sort_state(0)) == ("descending", "none")
    assert [float(cell) for cell in opened.column(3)] == sorted(figures, reverse=True)
    opened.page.keyboard.press("Space")  # the button has kept the focus
    assert opened.sort_state(3) == "ascending"
    opened.page.fill("#table-below", "90")
    assert "still" not in opened.column(0)
    opened.page.fill("#table-filter", "tw")
    assert opened.column(0) == ["two"]
    assert opened.page.inner_text("#table-count") == "1 of 4 videos"
    opened.page.fill("#table-filter", "")
    opened.page.fill("#table-below", "")
    opened.page.check("input[name=rows][value=object]")
    assert len(opened.rows()) == 5
    opened.page.select_option("#table-metric", "J-Decay")
    shown = {(row[0], row[1]): row[2] for row in opened.rows()}
    assert shown["still", "1"] == "0.0"
    assert float(shown["two", "1"]) > 10
    opened.page.click("#methods thead th >> nth=1 >> button")
    assert opened.page.locator("#methods tbody th").all_inner_texts() == ["Perfect", f"Held {HOSTILE}"]


def test_a_video_opens_and_its_chart_tells_values_and_shows_frames(opened: Opened) -> None:
    page = opened.page
    page.click("#rows tbody a:has-text('two')")
    video = page.locator("details.video[open]")
    assert video.locator("summary .name").inner_text() == "two"
    page.wait_for_selector("details.video[open] .series[data-drawn] svg")
    assert video.locator(".series").count() == 2
    box = video.locator(".series svg").first.bounding_box()
    page.mouse.move(box["x"] + 0.55 * box["width"], box["y"] + 0.5 * box["height"])
    page.wait_for_function("document.querySelector('#vg-tooltip-element')?.innerText.includes('0000')")
    told = page.inner_text("#vg-tooltip-element")
    assert f"J, Held {HOSTILE}" in told
    assert "100.0" in told
    page.mouse.click(box["x"] + 0.55 * box["width"], box["y"] + 0.5 * box["height"])
    page.wait_for_selector("#viewer[open]")
    assert page.inner_text("#viewer-title").startswith("two, frame 0000")
    captions = page.locator("#viewer-tiles figcaption").all_inner_texts()
    assert captions == [
        "ground truth",
        f"Held {HOSTILE}: prediction",
        f"Held {HOSTILE}: errors",
        "Perfect: prediction",
        "Perfect: errors",
    ]
    decoded = "() => [...document.querySelectorAll('#viewer-tiles img')].every(i => i.complete && i.naturalWidth > 200)"
    page.wait_for_function(decoded)
    page.keyboard.press("Escape")
    assert page.locator("#viewer[open]").count() == 0
    heads = video.locator(".strip .head").all_inner_texts()
    scores = [float(re.search(r"([\d.]+) · ", text)[1]) for text in heads]
    assert scores == sorted(scores)
    assert len(scores) >= 3


def test_only_the_worst_videos_have_pictures_and_the_page_says_so(opened: Opened) -> None:
    assert "the 3 videos of 4 with the lowest scores" in opened.page.inner_text("#videos .lead")
    names = opened.page.locator("details.video .name").all_inner_texts()
    assert names[-1] == "still"
    assert set(names[:3]) == {"two", "fast", HOSTILE}
    opened.page.click("details.video summary:has-text('still')")
    opened.page.wait_for_selector("details.video[open]:has-text('This video has no pictures')")
    opened.page.select_option("#video-order", "name")
    assert opened.page.locator("details.video .name").all_inner_texts()[-1] == "two"
    opened.page.fill("#video-filter", "onerror")
    assert opened.page.locator("details.video .name").all_inner_texts() == [HOSTILE]


def test_every_chart_is_drawn_and_a_dot_opens_its_video(opened: Opened) -> None:
    charts = opened.page.locator("main .chart")
    for index in range(charts.count()):
        charts.nth(index).scroll_into_view_if_needed()
        opened.page.wait_for_function(
            "index => 'drawn' in document.querySelectorAll('main .chart')[index].dataset", arg=index
        )
    assert charts.count() == 10
    opened.page.click("#scatter svg .mark-symbol path >> nth=0")
    opened.page.wait_for_selector("details.video[open]")


@pytest.fixture(scope="module")
def written_in_part(written: Path) -> Path:
    """A report of the same masks that has two of the four videos in full."""
    tree = written.parent / "bears"
    methods = {"Held": written.parent / "held", "Perfect": tree / "Annotations"}
    return vosbench.report(methods, written.parent / "part.html", dataset=str(tree), jobs=1, strips=1, shown=2).path


@pytest.mark.parametrize("width", [1280, 390])
def test_a_page_of_some_videos_has_a_table_of_all_and_counts_all_objects(
    browser: Any, written_in_part: Path, width: int
) -> None:
    tab = Opened(browser, written_in_part, width)
    page = tab.page
    assert "are here in full: 2 of 4." in page.inner_text("#shown-note")
    assert sorted(tab.column(0)) == sorted(VIDEOS)
    assert page.inner_text("#table-count") == "4 videos"
    assert not page.is_visible("#table-metric")
    assert page.locator("#rows tbody a").count() == 2
    assert set(tab.column(4)) == {"100.0"}
    gains = [float(row[5]) + float(row[3]) for row in tab.rows()]
    assert gains == [pytest.approx(100, abs=0.11)] * 4
    page.fill("#table-filter", "two")
    assert tab.column(0) == ["two"]
    page.fill("#table-filter", "")
    page.check("input[name=rows][value=object]")
    assert page.is_visible("#table-metric")
    assert 2 <= len(tab.rows()) <= 3
    page.locator("#scatter").scroll_into_view_if_needed()
    page.wait_for_selector("#scatter[data-drawn] svg .mark-rect path")
    assert page.locator("#scatter svg .mark-rect.role-mark path").count() >= 2
    assert page.locator("details.video").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert tab.trouble == []
    page.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_page_follows_the_colours_of_the_system_and_fits_every_width(
    browser: Any, written: Path, width: int, colours: str
) -> None:
    tab = Opened(browser, written, width, colours)
    assert tab.page.evaluate("document.documentElement.dataset.theme") == colours
    tab.page.locator("details.video summary").first.press("Enter")
    tab.page.wait_for_selector("details.video[open] .series[data-drawn]")
    assert tab.page.evaluate("document.documentElement.scrollWidth") == width
    before = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    for _ in range(1 if colours == "dark" else 2):  # from the system's colours to light to dark
        tab.page.click("#theme")
    other = {"light": "dark", "dark": "light"}[colours]
    assert tab.page.evaluate("document.documentElement.dataset.theme") == other
    assert tab.page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    tab.page.reload()
    tab.page.wait_for_selector("html[data-ready]")
    assert tab.page.evaluate("document.documentElement.dataset.theme") == other  # the choice is kept
    assert tab.trouble == []
    tab.page.close()
