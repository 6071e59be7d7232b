"""Read a JSON file piece by piece: the items of its lists are found once, and each is read when it is needed.

Only the places of the items are kept: memory grows with their number and with the largest of them, not with the file.
"""

from __future__ import annotations

import codecs
import json
import re
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, overload

from vosbench.errors import VosbenchError
from vosbench.io.files import refuse_pipe

CHUNK = 2**20  # bytes that are read at a time, or more for a larger item
_SPACE = re.compile(r"[ \t\n\r]*")
_AFTER_VALUE = frozenset(" \t\n\r,:]}")  # before anything else it may be the beginning of a number, as in `1.5`
_DECODER = json.JSONDecoder()


class JsonItem(NamedTuple):
    """The place of an item in a file.

    changed: when the file was last changed, in nanoseconds. start, size: in bytes; -1 is all that follows.
    """

    path: Path
    encoding: str
    changed: int
    start: int
    size: int

    def read(self) -> Any:
        """Return the item. Raises VosbenchError if the file has changed since its items were found, or OSError."""
        with self.path.open("rb") as file:
            if self.path.stat().st_mtime_ns != self.changed:
                raise VosbenchError(self.path, "was changed while it was read", "repeat the command")
            file.seek(self.start)
            return json.loads(file.read(self.size).decode(self.encoding, "surrogatepass"))


class JsonItems(Sequence[Any]):
    """The items of a list in a file, each read when it is asked for."""

    def __init__(self, path: Path, encoding: str, changed: int) -> None:
        self._file = path, encoding, changed
        self._starts, self._sizes = array("q"), array("q")

    def add(self, start: int, size: int) -> None:
        """Add the place of the next item, in bytes."""
        self._starts.append(start)
        self._sizes.append(size)

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[each] for each in range(len(self))[index]]
        return self.locate(index).read()

    def locate(self, index: int) -> JsonItem:
        """The place of an item."""
        return JsonItem(*self._file, self._starts[index], self._sizes[index])


def read_each_item(found: Any) -> Iterator[tuple[JsonItem, Any]]:
    """Yield each item of a list with its place. Raises TypeError for another value than JsonItems."""
    if not isinstance(found, JsonItems):
        raise TypeError(f"expected a list, found a {type(found).__name__}")
    for place in map(found.locate, range(len(found))):
        yield place, place.read()


def locate_document(path: Path) -> JsonItem:
    """The place of all that a JSON file holds. Raises OSError."""
    with path.open("rb") as file:
        encoding, start = _find_encoding(file.read(4))
    return JsonItem(path, encoding, path.stat().st_mtime_ns, start, -1)


def read_json_items(path: Path) -> Any:
    """Read a JSON file of any form: the value, in which lists at the top, or in an object at the top, are JsonItems.

    Raises VosbenchError for a pipe, OSError, ValueError for a file that is not JSON, with the place of what is wrong,
    and RecursionError.
    """
    refuse_pipe(path)
    with path.open("rb") as file:
        return _Reader(file, path).read_document()


class _Reader:
    """Reads a file from its beginning.

    _text: a part of the file. _at: the place in it. _start: the place in the file, in bytes, of the character `_told`.
    """

    def __init__(self, file: IO[bytes], path: Path) -> None:
        encoding, self._start = _find_encoding(file.read(4))
        file.seek(self._start)
        self._file, self._origin = file, (path, encoding, path.stat().st_mtime_ns)
        self._encoding, self._decoder = encoding, codecs.getincrementaldecoder(encoding)("surrogatepass")
        self._text, self._at, self._told, self._has_ended = "", 0, 0, False

    def read_document(self) -> Any:
        value = self._read_top()
        if self._peek():
            raise self._make_error("extra data")
        return value

    def _read_top(self) -> Any:
        first = self._peek()
        if first == "{":
            return dict(self._read_members())
        return self._find_items() if first == "[" else self._read_value()

    def _read_members(self) -> Iterator[tuple[str, Any]]:
        for _ in self._iterate("}"):
            if self._peek() != '"':
                raise self._make_error("expected a key in double quotes")
            key = self._read_value()
            self._take(":")
            yield key, self._find_items() if self._peek() == "[" else self._read_value()

    def _find_items(self) -> JsonItems:
        items = JsonItems(*self._origin)
        for _ in self._iterate("]"):
            self._peek()  # the item begins after the space before it
            start = self._tell()
            self._read_value()
            items.add(start, self._tell() - start)
        return items

    def _iterate(self, end: str) -> Iterator[None]:
        """Yield at each item or member of a list or object, which begins here and ends with `end`."""
        self._at += 1
        if self._peek() != end:
            yield
            while self._peek() == ",":
                self._at += 1
                yield
        self._take(end, instead="',' or ")

    def _peek(self) -> str:
        """The next character that is no space; empty at the end of the file."""
        while (found := _SPACE.match(self._text, self._at)) and found.end() == len(self._text) and not self._has_ended:
            self._at = found.end()
            self._read_more()
        self._at = found.end() if found else self._at
        return self._text[self._at : self._at + 1]

    def _take(self, character: str, instead: str = "") -> None:
        if self._peek() != character:
            raise self._make_error(f"expected {instead}{character!r}")
        self._at += 1

    def _read_value(self) -> Any:
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._has_ended:
                    self._at = error.pos
                    raise self._make_error(error.msg.lower().removesuffix(" starting at")) from None
            else:
                if self._has_ended or self._text[end : end + 1] in _AFTER_VALUE:
                    self._at = end
                    return value
            self._read_more()

    def _read_more(self) -> None:
        """Read as much again as is there, so that an item of any size is parsed only a few times."""
        self._tell()
        self._text, self._at, self._told = self._text[self._at :], 0, 0
        content = self._file.read(max(CHUNK, len(self._text)))
        self._has_ended = not content
        self._text += self._decoder.decode(content, final=self._has_ended)

    def _tell(self) -> int:
        """The place in the file, in bytes."""
        text = self._text[self._told : self._at]
        is_plain = self._encoding == "utf-8" and text.isascii()
        self._start += len(text) if is_plain else len(text.encode(self._encoding, "surrogatepass"))
        self._told = self._at
        return self._start

    def _make_error(self, what: str) -> ValueError:
        return ValueError(f"{what} at byte {self._tell()}")


def _find_encoding(head: bytes) -> tuple[str, int]:
    """The encoding of a file by its first bytes, as JSON allows it, and the bytes of its mark of the byte order."""
    encoding = json.detect_encoding(head)
    if encoding == "utf-8-sig":
        return "utf-8", len(codecs.BOM_UTF8)
    if encoding in ("utf-16", "utf-32"):
        mark = codecs.BOM_UTF16_LE if encoding == "utf-16" else codecs.BOM_UTF32_LE
        return f"{encoding}-{'le' if head.startswith(mark) else 'be'}", len(mark)
    return encoding, 0
