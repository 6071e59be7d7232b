"""Read the lists that publishers give out with their files: lists of hashes and lists of links."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import urlsplit

from vosbench.errors import VosbenchError
from vosbench.io.hashing import hash_file

LINK_FORMAT = "`file_name<TAB>url`"


class Hash(NamedTuple):
    """A hash in hexadecimal, and the name of the list that states it."""

    value: str
    list_name: str

    @property
    def algorithm(self) -> str:
        """sha256 or md5, told by the number of digits."""
        return "sha256" if len(self.value) == 64 else "md5"

    def find_mismatch(self, path: Path) -> str | None:
        """How a file's hash differs from this one; None if it is the same."""
        found = hash_file(path, self.algorithm)
        return None if found == self.value else f"{self.algorithm} is {found}, expected {self.value}"


def is_url(text: str) -> bool:
    """Whether a text is an http(s) URL; if not, it is taken as a path."""
    return urlsplit(text).scheme in ("http", "https")


def read_links(path: Path) -> dict[str, str]:
    """Read a list of links, one `name<TAB>url` a line with or without a header line: file name -> URL.

    Raises VosbenchError if the file cannot be read, has no link, or has a line of another form.
    """
    links: dict[str, str] = {}
    remedy = "give the list as the publisher published it"
    for number, line in enumerate(_read_lines(path), 1):
        name, url, *_ = (*map(str.strip, line.split("\t")), "")
        if name and is_url(url):
            links[name] = url
        elif line.strip() and number > 1:
            raise VosbenchError(path, f"line {number} is not {LINK_FORMAT}", remedy)
    if not links:
        raise VosbenchError(path, f"no line is {LINK_FORMAT}", remedy)
    return links


def read_hashes(path: Path) -> dict[str, Hash]:
    """Read a list of hashes as `sha256sum` and `md5sum` write it: file name without folders -> hash.

    Lines of another form are ignored. Raises VosbenchError if no line has a hash, or the file cannot be read.
    """
    found = (re.fullmatch(r"([0-9a-fA-F]{64}|[0-9a-fA-F]{32})\s+\*?(.+)", line.strip()) for line in _read_lines(path))
    hashes = {PurePosixPath(match[2]).name: Hash(match[1].lower(), path.name) for match in found if match}
    if not hashes:
        raise VosbenchError(path, "no line is `<sha256 or md5>  <file>`, so it verifies nothing", "leave it out")
    return hashes


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise VosbenchError(path, f"cannot be read ({error.strerror})", "check the path and its permissions") from None
    except UnicodeDecodeError:
        raise VosbenchError(path, "not a text file", "give a list in UTF-8") from None
