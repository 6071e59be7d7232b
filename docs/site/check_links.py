"""Check a built site: every link and every anchor leads somewhere, and nothing is loaded from another place."""

from __future__ import annotations

import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {
    ("link", "href"),
    ("script", "src"),
    ("img", "src"),
    ("img", "srcset"),
    ("source", "srcset"),
    ("iframe", "src"),
}
LINKED = LOADED | {("a", "href")}


class PageLinks(HTMLParser):
    """The anchors of a page, and what it links and loads: (tag, address)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = {"", "top"}
        self.links: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Take over the anchor and the links of a tag."""
        for name, value in attributes:
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value or "")
            elif (tag, name) in LINKED and value:
                self.links.append((tag, value))


def find_faults(site: Path) -> list[str]:
    """A line for each link to nothing, and for each thing that a page loads from elsewhere."""
    pages = {path: PageLinks(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    faults = []
    for path, page in pages.items():
        for tag, address in page.links:
            if trouble := find_trouble(path, tag, address, pages):
                faults.append(f"{path.relative_to(site)}: {address} {trouble}")
    for path in sorted(site.rglob("*.css")):
        outside = re.findall(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)", path.read_text(encoding="utf-8"))
        faults += [f"{path.relative_to(site)}: {address} is loaded from elsewhere" for address in outside]
    return faults


def find_trouble(path: Path, tag: str, address: str, pages: dict[Path, PageLinks]) -> str:
    """What is wrong with a link of a page; empty if nothing is."""
    parts = urlsplit(address)
    if parts.scheme == "data" or parts.scheme == "mailto":
        return ""
    if parts.scheme or parts.netloc:
        return "" if tag == "a" else "is loaded from elsewhere"
    target = Path(os.path.normpath(path.parent / unquote(parts.path))) if parts.path else path
    if not target.is_file():
        return "does not exist"
    if target in pages and unquote(parts.fragment) not in pages[target].anchors:
        return "has no such anchor"
    return ""
