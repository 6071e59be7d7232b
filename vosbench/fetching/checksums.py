"""The lists that publishers give out with their files: where each can be had, and what its hash is."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import urlsplit

from vosbench.errors import VosbenchError
from vosbench.io.files import hash_file

RESTORE_LIST_REMEDY = "take the list as the publisher gave it"


class Hash(NamedTuple):
    """A hash in hexadecimal, and the list that it stands in."""

    value: str
    list_name: str

    @property
    def algorithm(self) -> str:
        """Which one it is, told by its length."""
        return "sha256" if len(self.value) == 64 else "md5"

    def find_mismatch(self, path: Path) -> str | None:
        """What tells a file from the one that the list means, if anything does."""
        found = hash_file(path, self.algorithm)
        return None if found == self.value else f"{self.algorithm} is {found}, expected {self.value}"


def is_url(text: str) -> bool:
    """Whether something is to be downloaded; if not, it is a path."""
    return urlsplit(text).scheme in ("http", "https")


def read_links(path: Path) -> dict[str, str]:
    """The URLs in a list of links by the names of the files: `name<TAB>url` a line, under a header or not.

    Raises VosbenchError if the file cannot be read or a line is none such.
    """
    links: dict[str, str] = {}
    for number, line in enumerate(_read_lines(path), 1):
        name, url, *_ = (*map(str.strip, line.split("\t")), "")
        if name and is_url(url):
            links[name] = url
        elif line.strip() and number > 1:
            raise VosbenchError(f"{path}: line {number} is no `file_name<TAB>url`; {RESTORE_LIST_REMEDY}")
    if not links:
        raise VosbenchError(f"{path}: no `file_name<TAB>url` in it; {RESTORE_LIST_REMEDY}")
    return links


def read_hashes(path: Path) -> dict[str, Hash]:
    """The hashes in a list as `sha256sum` or `md5sum` writes it, by the names of the files without their folders.

    Raises VosbenchError if there is none.
    """
    found = (re.fullmatch(r"([0-9a-fA-F]{64}|[0-9a-fA-F]{32})\s+\*?(.+)", line.strip()) for line in _read_lines(path))
    hashes = {PurePosixPath(match[2]).name: Hash(match[1].lower(), path.name) for match in found if match}
    if not hashes:
        raise VosbenchError(f"{path}: no `<sha256 or md5>  <file>` in it, so it verifies nothing; leave it out")
    return hashes


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise VosbenchError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise VosbenchError(f"{path}: is not a text file") from None
