"""Take pictures that are to be compared: uploaded ones, whose names and content are not trusted, or frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from vosbench.errors import VosbenchError
from vosbench.media.clip import Clip
from vosbench.studies.correspond import read_image
from vosbench.types import Frame
from vosbench.ui.image_pair import PlacedImage
from vosbench.ui.sources import MAX_FRAME_PIXELS, clean_file_name

PICTURE_FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
MOST_COMPARED_PIXELS = 1920 * 1088  # all pairs of cells of two such images take 270 MB


def open_picture(uploaded: Path, name: str, max_bytes: int) -> PlacedImage:
    """Read an uploaded picture. What kind of file it is, is decided by its content.

    name: the file's name on the user's machine; it is shown, and never used as a path. Raises VosbenchError for a file
    that is too large, no picture, damaged, or of more than 36 million pixels.
    """
    shown = clean_file_name(name, "picture")
    if uploaded.stat().st_size > max_bytes:
        raise VosbenchError(shown, f"is larger than {max_bytes / 1e6:.0f} MB", "make it smaller")
    try:
        with Image.open(uploaded, formats=PICTURE_FORMATS) as image:
            width, height = image.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        kinds = f"upload a file of one of the kinds {', '.join(PICTURE_FORMATS)}"
        raise VosbenchError(shown, "is no picture of a kind that the page takes", kinds) from None
    if width * height > MAX_FRAME_PIXELS:
        raise VosbenchError(shown, f"has {width}x{height} pixels", "scale it down to 36 million pixels at most")
    try:
        return shrink_picture(PlacedImage(read_image(uploaded), shown, shown))
    except VosbenchError as error:
        raise VosbenchError(shown, error.found, error.remedy) from None


def take_frame(clip: Clip, index: int) -> PlacedImage:
    """Take a frame of a clip; beyond its ends, the first or last one."""
    index = max(0, min(index, len(clip.frames) - 1))
    file = clip.find_frame_file(index)
    return shrink_picture(
        PlacedImage(clip.frames[index], f"frame {index} of {clip.name}", str(file) if file else "", index)
    )


def shrink_picture(image: PlacedImage) -> PlacedImage:
    """The same picture, or one of the same shape with about as many pixels as can be compared, and a note of it."""
    height, width = image.pixels.shape[:2]
    if height * width <= MOST_COMPARED_PIXELS:
        return image
    factor = (MOST_COMPARED_PIXELS / (height * width)) ** 0.5
    size = max(1, int(width * factor)), max(1, int(height * factor))
    pixels: Frame = np.asarray(Image.fromarray(image.pixels).resize(size, Image.Resampling.LANCZOS))
    note = f"made smaller, from {width}x{height} to {size[0]}x{size[1]} pixels; vosbench correspond takes it whole"
    return PlacedImage(pixels, image.title, "", image.index, note)
