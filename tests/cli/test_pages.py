"""The pages of the documentation are listed, and their links lead somewhere, in the repository and on the site."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import site

STAGE = site.load_script("stage_pages")
CHECK = site.load_script("check_links")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository with a front page, contents and one page."""
    root = tmp_path / "repository"
    (root / "docs" / "images").mkdir(parents=True)
    for name in STAGE.TOP_PAGES:
        (root / name).write_text(f"# {name}\n")
    (root / "docs/index.md").write_text(
        "# Contents\n\n## Start\n\n- [How to](how.md): it\n- [Code](../ARCHITECTURE.md)\n- [Add](../CONTRIBUTING.md)\n"
        "- [News](../CHANGELOG.md)\n"
    )
    (root / "docs/how.md").write_text("# How\n")
    (root / "docs/images/a.png").write_bytes(b"picture")
    for name, value in (("ROOT", root), ("DOCS", root / "docs"), ("CONTENTS", root / "docs/index.md")):
        monkeypatch.setattr(STAGE, name, value)
    return root


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    folder = tmp_path / "staged"
    folder.mkdir()
    return folder


def test_every_page_is_in_a_list_of_the_contents_and_every_link_leads_somewhere(staged: Path) -> None:
    STAGE.stage_pages(staged)
    written = {path.name for path in staged.glob("*.md")}
    assert {path.name for path in STAGE.DOCS.glob("*.md")} <= written
    front = (staged / "index.md").read_text(encoding="utf-8")
    assert ":caption: Score" in front
    assert "Commands <commands>" in front


def test_links_of_the_repository_become_links_of_the_site(repository: Path, staged: Path) -> None:
    (repository / "README.md").write_text(
        '[a](docs/how.md#x) <img src="docs/images/a.png"> [b](CHANGELOG.md) [c](#here)\n'
    )
    (repository / "docs/how.md").write_text(
        "[d](../README.md) [e](../ARCHITECTURE.md) ![f](images/a.png) `[g](gone.md)`\n\n```\n[h](gone.md)\n```\n"
        "[i](https://example.org/x.md)\n"
    )
    STAGE.stage_pages(staged)
    front, page = ((staged / name).read_text() for name in ("index.md", "how.md"))
    assert front.startswith('[a](how.md#x) <img src="files/docs/images/a.png"> [b](changelog.md) [c](#here)\n')
    assert page.startswith("[d](index.md) [e](architecture.md) ![f](files/docs/images/a.png) `[g](gone.md)`\n")
    assert (staged / "files/docs/images/a.png").read_bytes() == b"picture"
    assert "How to <how>\nCode <architecture>\nAdd <contributing>\nNews <changelog>\n" in front


@pytest.mark.parametrize("link", ["[a](gone.md)", "[a](../../outside.md)", "![a](images/b.png)", "[a](images)"])
def test_a_link_to_nothing_is_named_with_its_line(repository: Path, staged: Path, link: str) -> None:
    (repository / "docs/how.md").write_text(f"# How\n\n{link}\n")
    with pytest.raises(STAGE.SiteError, match=re.escape("docs/how.md:3: ")):
        STAGE.stage_pages(staged)


def test_a_page_that_no_list_names_is_refused(repository: Path, staged: Path) -> None:
    (repository / "docs/new.md").write_text("# New\n")
    with pytest.raises(STAGE.SiteError, match=r"docs/new\.md is in no list of docs/index\.md"):
        STAGE.stage_pages(staged)


def test_a_built_site_is_searched_for_links_to_nothing_and_for_what_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<h1 id="one">A</h1><a href="b.html#two">good</a><a href="#one">good</a><a href="https://example.org">good</a>'
        '<a href="b.html#three">no anchor</a><a href="c.html">gone</a><script src="https://example.org/x.js"></script>'
        '<img src="//example.org/x.png">'
    )
    (tmp_path / "b.html").write_text('<p id="two">B</p>')
    (tmp_path / "x.css").write_text("@import 'https://example.org/font.css'; p { background: url(data:image/png,) }")
    assert CHECK.find_faults(tmp_path) == [
        "a.html: b.html#three has no such anchor",
        "a.html: c.html does not exist",
        "a.html: https://example.org/x.js is loaded from elsewhere",
        "a.html: //example.org/x.png is loaded from elsewhere",
        "x.css: https://example.org/font.css is loaded from elsewhere",
    ]
