"""Gather the pages of the documentation site in one folder, with links that lead to each other there.

The pages are written for the repository: `docs/runs.md`, `../ARCHITECTURE.md`. On the site they lie in one folder:
links to pages are changed to their places there, and a file that is no page is copied, so that it can be downloaded. A
link to nothing is a `SiteError`, and so is a page that the contents do not list.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TOP_PAGES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
CONTENTS = DOCS / "index.md"
COMMANDS_MARK = "<!-- the site lists every command here -->"
LIBRARY_MARK = "<!-- the site describes every name of the library here -->"
LINK = re.compile(r"(?P<code>(?P<ticks>`+).+?(?P=ticks))|(?P<before>\]\(|(?:src|href|srcset)=\")(?P<target>[^)\s\"]+)")


class SiteError(Exception):
    """A page links a file that does not exist, or is in no list."""


def list_pages() -> dict[Path, str]:
    """The Markdown files that are pages, and their names on the site. README.md and the contents are one page there."""
    pages = {ROOT / name: f"{Path(name).stem.lower()}.md" for name in TOP_PAGES}
    pages |= {path: path.name for path in sorted(DOCS.glob("*.md"))}
    return pages | {ROOT / "README.md": "index.md", CONTENTS: "index.md"}


def stage_pages(folder: Path) -> None:
    """Write every page into an empty folder. Raises SiteError."""
    contents = re.sub(r"(?m)^(#+ )", r"#\1", read_page(CONTENTS, folder))
    listed = {"index.md", *(f"{name}.md" for _, pages in list_sections(contents) for _, name in pages)}
    for path, name in list_pages().items():
        if name not in listed:
            raise SiteError(f"{path.relative_to(ROOT)} is in no list of {CONTENTS.relative_to(ROOT)}; add it there")
        if name != "index.md":
            (folder / name).write_text(read_page(path, folder), encoding="utf-8")
    front = read_page(ROOT / "README.md", folder)
    (folder / "index.md").write_text(f"{front}\n{contents}\n{format_navigation(contents)}", encoding="utf-8")


def read_page(path: Path, folder: Path) -> str:
    """The text of a page with its links as they are on the site; files that it links are copied into the folder."""
    lines, in_code = [], False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        in_code ^= line.lstrip().startswith("```")
        try:
            lines.append(line if in_code else LINK.sub(lambda found: move_link(found, path, folder), line))
        except FileNotFoundError as error:
            raise SiteError(f"{path.relative_to(ROOT)}:{number}: {error}") from None
    return "\n".join(lines) + "\n"


def move_link(found: re.Match[str], page: Path, folder: Path) -> str:
    """A link or a piece of code that was found in a page, with the target's place on the site."""
    target = found["target"]
    if found["code"] or re.match(r"[a-z]+:|#", target):
        return found[0]
    name, hash_sign, anchor = target.partition("#")
    linked = Path(os.path.normpath(page.parent / unquote(name)))
    if linked in list_pages():
        return f"{found['before']}{list_pages()[linked]}{hash_sign}{anchor}"
    if not linked.is_file() or not linked.is_relative_to(ROOT):
        raise FileNotFoundError(f"{target} is no page and no file of the repository")
    copy = folder / "files" / linked.relative_to(ROOT)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(linked, copy)
    return f"{found['before']}{copy.relative_to(folder)}"


def list_sections(contents: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The headings of the contents and the pages below each, in their order, as (title, name)."""
    for section in re.split(r"(?m)^#+ ", contents)[1:]:
        heading, _, text = section.partition("\n")
        if pages := re.findall(r"(?m)^- \[([^]]+)\]\(([^)#]+)\.md\)", text):
            yield heading, pages


def format_navigation(contents: str) -> str:
    """The contents once more, in the form from which Sphinx makes the list of pages beside each page."""
    trees = []
    for heading, pages in list_sections(contents):
        entries = [f"{title} <{name}>" for title, name in pages]
        trees.append("\n".join(["```{toctree}", ":hidden:", f":caption: {heading}", "", *entries, "```"]))
    return "\n\n".join(trees) + "\n"
