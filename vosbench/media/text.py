"""Write text in pictures, with the font that comes with Pillow, so that it looks the same on every machine."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from PIL import ImageFont

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

NO_CHARACTER = "\U0010ffff"  # which no font has
ELLIPSIS = "..."


@lru_cache(64)
def load_font(size: int) -> Any:
    """The font with letters of a size in pixels."""
    return ImageFont.load_default(size)


@lru_cache(4096)
def show_unprintable(text: str) -> str:
    """Return a text with what the font can show: a letter without its accent, or else the escape of its code point."""
    return "".join(map(_spell_character, text))


@lru_cache(4096)
def _spell_character(character: str) -> str:
    for candidate in (character, unicodedata.normalize("NFKD", character)[:1]):
        if candidate.isascii() and candidate.isprintable():
            return candidate
    if character.isprintable() and _draw_character(character) != _draw_character(NO_CHARACTER):
        return character
    return character.encode("ascii", "backslashreplace").decode()


def _draw_character(character: str) -> bytes:
    return bytes(load_font(24).getmask(character))


def measure_text(text: str, size: int) -> float:
    """The width of a text in pixels. size: of the letters."""
    return float(load_font(size).getlength(show_unprintable(text)))


def shorten_text(text: str, size: int, width: float) -> str:
    """Return a text that is no wider than some pixels; what is left out in its middle is three dots."""
    text = show_unprintable(text)
    if measure_text(text, size) <= width:
        return text
    for kept in range(len(text) - 1, 0, -1):
        shorter = text[: -(-kept // 2)] + ELLIPSIS + text[len(text) - kept // 2 :]
        if measure_text(shorter, size) <= width:
            return shorter
    return ""


def wrap_text(text: str, size: int, width: float) -> list[str]:
    """Break a text into lines that are no wider than some pixels, between words; a longer word is shortened."""
    lines: list[str] = []
    for word in show_unprintable(text).split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and measure_text(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(shorten_text(word, size, width))
    return lines


def write_line(pen: ImageDraw, place: tuple[float, float], text: str, size: int, fill: tuple[int, int, int]) -> None:
    """Write a text, which begins at a place (x, y) with the upper edge of its letters."""
    pen.text(place, show_unprintable(text), fill=fill, font=load_font(size))
