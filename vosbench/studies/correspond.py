"""Show where points or a mask of one image are found in another one."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from vosbench.errors import VosbenchError
from vosbench.io.files import write_bytes
from vosbench.masks.labels import read_labels
from vosbench.studies.correspondence_model import choose_correspondence_weights, load_correspondence_model
from vosbench.types import Frame, Mask

if TYPE_CHECKING:
    from vosbench.trackers.mask_propagation.correspondence import Correspondence

ImagePoint = tuple[int, int]


@dataclass(frozen=True)
class CorrespondenceQuery:
    """What of a source image is looked for in a target image.

    source, target: uint8[H, W, 3], RGB; their sizes may differ. points: x and y of pixels of the source. mask:
    bool[H, W] of the source, or None.
    """

    source: Frame
    target: Frame
    points: tuple[ImagePoint, ...]
    mask: Mask | None = None


@dataclass(frozen=True)
class Match:
    """What was found in the target.

    name: of its files, such as point-40-30. point: what was looked for, None for the mask. found: float32[H, W], how
    much each pixel of the target resembles it. best: x and y of the pixel that resembles it most. source_overlay,
    target_overlay: the images, uint8[H, W, 3], with what was looked for and what was found in red.
    """

    name: str
    point: ImagePoint | None
    found: NDArray[np.float32]
    best: ImagePoint
    source_overlay: Frame
    target_overlay: Frame

    @property
    def share(self) -> float:
        """How much the best pixel resembles it, from 0 to 1."""
        return float(self.found[self.best[1], self.best[0]])


def read_query(source: Path, target: Path, points: Sequence[ImagePoint], mask: Path | None) -> CorrespondenceQuery:
    """Read the images and the mask, whose pixels other than 0 count.

    Raises VosbenchError if nothing is looked for, for a file that cannot be read, a point outside of the source, and a
    mask that is empty or of another size.
    """
    if not points and mask is None:
        raise VosbenchError("correspond", "nothing to look for", "give --point X,Y or --mask FILE")
    images = [read_image(path) for path in (source, target)]
    height, width = images[0].shape[:2]
    for x, y in points:
        if not (0 <= x < width and 0 <= y < height):
            raise VosbenchError(f"--point {x},{y}", f"outside of {source}, which has {width}x{height} pixels")
    looked_for = None if mask is None else _read_mask(mask, source, (height, width))
    return CorrespondenceQuery(images[0], images[1], tuple(dict.fromkeys(points)), looked_for)


def read_image(path: Path) -> Frame:
    """Read an image as uint8[H, W, 3], RGB, turned upright if it says that the camera was turned.

    Raises VosbenchError if there is no such file, or if it cannot be decoded.
    """
    if not path.is_file():
        raise VosbenchError(path, "no such file", "give the path of an image")
    try:
        with Image.open(path) as image:
            return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise VosbenchError(path, f"cannot be decoded ({error})", "give an image that can be read") from None


def _read_mask(path: Path, source: Path, size: tuple[int, int]) -> Mask:
    mask: Mask = read_labels(path) != 0
    if mask.shape != size:
        (height, width), (rows, columns) = mask.shape, size
        found = f"{width}x{height} pixels, but {source} has {columns}x{rows}"
        raise VosbenchError(path, found, "give a mask of the source image, in its size")
    if not mask.any():
        raise VosbenchError(path, "a mask without any pixel", "give one with pixels other than 0")
    return mask


def find_matches(
    query: CorrespondenceQuery, checkpoint: str | None, checkpoints: Path, torch_device: str
) -> Iterator[Match]:
    """Yield what resembles each point, and then the mask, in the target.

    checkpoint: a name of the catalogue, or the path of a file; None is the default of the model. checkpoints: the
    folder of all checkpoints. torch_device: "cpu" or "cuda:N".

    Raises VosbenchError for a checkpoint that is missing, damaged or of another model.
    """
    from vosbench.trackers.mask_propagation.correspondence import Correspondence

    model = load_correspondence_model(choose_correspondence_weights(checkpoint, checkpoints), torch_device)
    yield from list_matches(query, Correspondence(model, query.source, query.target))


def list_matches(query: CorrespondenceQuery, compared: Correspondence) -> Iterator[Match]:
    """Yield what resembles each point, and then the mask, in the target of two images that are compared."""
    from vosbench.trackers.mask_propagation.correspondence import draw_map, find_match

    def make_match(point: ImagePoint | None, shown: NDArray[np.float32], found: NDArray[np.float32]) -> Match:
        name = f"point-{point[0]}-{point[1]}" if point else "mask"
        overlays = draw_map(query.source, shown), draw_map(query.target, found)
        return Match(name, point, found, find_match(found), *overlays)

    for x, y in query.points:
        yield make_match((x, y), compared.show_point(x, y), compared.transfer_point(x, y))
    if query.mask is not None:
        yield make_match(None, compared.show_mask(query.mask), compared.transfer_mask(query.mask))


def list_match_files(query: CorrespondenceQuery, out: Path) -> list[Path]:
    """The files that `write_match` writes for a query, in the order of its matches."""
    names = [f"point-{x}-{y}" for x, y in query.points] + ["mask"] * (query.mask is not None)
    return [path for name in names for path in _name_files(out, name).values()]


def _name_files(out: Path, name: str) -> dict[str, Path]:
    return {"map": out / f"{name}.npy", "overlay": out / f"{name}.png", "source_overlay": out / f"{name}-source.png"}


def write_match(match: Match, out: Path) -> dict[str, Path]:
    """Write the map as .npy, and both overlays as PNG, into the folder `out`. Returns their paths by what they are.

    Raises VosbenchError if a file cannot be written.
    """
    paths = _name_files(out, match.name)
    as_array, overlay, source_overlay = (io.BytesIO() for _ in range(3))
    np.save(as_array, match.found)
    Image.fromarray(match.target_overlay).save(overlay, "PNG")
    Image.fromarray(match.source_overlay).save(source_overlay, "PNG")
    for path, content in zip(paths.values(), (as_array, overlay, source_overlay), strict=True):
        write_bytes(path, content.getvalue())
    return paths


def describe_match(match: Match, files: dict[str, Path]) -> dict[str, Any]:
    """A match as JSON can hold it. files: what `write_match` returned; empty if nothing was written."""
    return {
        "name": match.name,
        "point": list(match.point) if match.point else None,
        "match": list(match.best),
        "share": match.share,
        **{kind: str(path) for kind, path in files.items()},
    }
