"""The colours of objects and of errors in pictures, chosen so that colour-blind people can tell them apart."""

from __future__ import annotations

import colorsys

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

OBJECT_COLOURS: tuple[Colour, ...] = (
    (0, 160, 255), (255, 160, 0), (208, 64, 112), (0, 255, 255), (255, 255, 208), (208, 64, 0), (255, 255, 112),
    (255, 112, 112), (64, 112, 208), (0, 208, 160),
)  # fmt: skip
"""The colours of the objects 1 to 10. Any two are at least 13 apart in CIEDE2000, the first six at least 18, as seen by
people with usual sight and in protanopia and deuteranopia (simulated by Machado, Oliveira and Fernandes, 2009); 2 can
just be told apart side by side. They were found by search for the largest least distance among bright colours."""

MISSED_COLOUR: Colour = (40, 110, 255)
FALSE_COLOUR: Colour = (255, 170, 0)
"""Of pixels that a prediction misses, and of those that it has falsely: blue and orange, which every kind of colour
blindness tells apart, and dark and light, which colours in print without ink of their own still are. False pixels are
striped besides."""

DARK: Colour = (16, 16, 16)
WHITE: Colour = (255, 255, 255)


def choose_colour(object_id: int) -> Colour:
    """The colour of an object: one of ten that everybody can tell apart, and after them others of any hue."""
    if 1 <= object_id <= len(OBJECT_COLOURS):
        return OBJECT_COLOURS[object_id - 1]
    red, green, blue = colorsys.hls_to_rgb(object_id * 0.618034 % 1, 0.5 + 0.1 * (object_id % 3), 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def measure_luminance(colour: Colour) -> float:
    """The relative luminance of a colour, 0 to 1, as WCAG 2 defines it for contrast."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (value / 255 for value in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
