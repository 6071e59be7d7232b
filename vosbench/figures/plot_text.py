"""Measure, shorten and wrap the text in plots."""

from __future__ import annotations

import re
from functools import cache

FONT_FAMILY = ["DejaVu Sans"]  # comes with matplotlib, so that plots are the same everywhere


@cache
def spell_plot_text(text: str) -> str:
    """A text with escapes in place of characters that the font of plots lacks, and without line breaks."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties(family=FONT_FAMILY)))
    return "".join(
        each if each.isprintable() and font.get_char_index(ord(each)) else each.encode("unicode_escape").decode()
        for each in text
    )


def measure_width(text: str, size: float) -> float:
    """The width of a text in inches. size: of its letters, in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(family=FONT_FAMILY, size=size)
    width, _, _ = TextToPath().get_text_width_height_descent(text, font, ismath=False)
    return float(width) / 72


def shorten_name(text: str, size: float, inches: float) -> str:
    """A name that is no wider than some inches; what is left out in its middle is an ellipsis."""
    text = spell_plot_text(text)
    if measure_width(text, size) <= inches:
        return text
    for kept in range(len(text) - 1, 1, -1):
        shorter = f"{text[: -(-kept // 2)]}\N{HORIZONTAL ELLIPSIS}{text[len(text) - kept // 2 :]}"
        if measure_width(shorter, size) <= inches:
            return shorter
    return text[:1]


def wrap_name(text: str, size: float, inches: float) -> str:
    """A name in lines that are no wider than some inches, broken after a space or a mark such as + or _."""
    lines = [""]
    for part in re.findall(r"[^\s+_/,=-]*[\s+_/,=-]*", spell_plot_text(text)):
        if lines[-1] and measure_width((lines[-1] + part).rstrip(), size) > inches:
            lines.append("")
        lines[-1] += part
    return "\n".join(shorten_name(line.strip(), size, inches) for line in lines)


def wrap_words(text: str, size: float, inches: float) -> str:
    """A text in lines that are no wider than some inches, broken between words; longer words are shortened."""
    lines: list[str] = []
    for word in map(spell_plot_text, text.split()):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and measure_width(longer, size) <= inches:
            lines[-1] = longer
        else:
            lines.append(shorten_name(word, size, inches))
    return "\n".join(lines)
