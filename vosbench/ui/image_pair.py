"""Two images of a tab, and where a point of the first one is found in the second one. No browser is needed."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING, Literal

from vosbench.errors import VosbenchError
from vosbench.studies.correspond import CorrespondenceQuery, ImagePoint, Match, list_matches
from vosbench.types import Frame
from vosbench.ui.comparer import ImageComparer

if TYPE_CHECKING:
    from vosbench.trackers.mask_propagation.correspondence import Correspondence

Side = Literal["source", "target"]


@dataclass(frozen=True)
class PlacedImage:
    """An image of a pair.

    pixels: uint8[H, W, 3], RGB. title: what it is, such as "frame 3 of clip". argument: what `vosbench correspond` is
    given for it; empty if it is no file by itself. index: of a frame in the video. note: what the user should know of
    it; empty if there is nothing to say.
    """

    pixels: Frame
    title: str
    argument: str = ""
    index: int | None = None
    note: str = ""


class ImagePair:
    """A source and a target image, and a point of the source that is looked for. Any thread may call it.

    images: those that are there. point: x and y in the source, or None. match: what was found; None before. weights:
    the name of the weights, or None for the first that are there.
    """

    def __init__(self, comparer: ImageComparer) -> None:
        self.comparer = comparer
        self.lock = RLock()
        self.images: dict[Side, PlacedImage] = {}
        self.point: ImagePoint | None = None
        self.weights: str | None = None
        self._forget()

    def clear(self) -> None:
        """Forget the images and what was found."""
        with self.lock:
            self.images, self.point = {}, None
            self._forget()

    def _forget(self) -> None:
        self.compared: Correspondence | None = None
        self.match: Match | None = None

    def place(self, side: Side, image: PlacedImage) -> None:
        """Take an image as the source or target. The point stays if it can, and is looked for in another target.

        Raises VosbenchError if the images cannot be compared; the image is taken nevertheless.
        """
        with self.lock:
            before = self.images.get("source")
            self.images[side] = image
            if side == "source" and (before is None or before.pixels.shape != image.pixels.shape):
                self.point = None
            self._forget()
            self._find()

    def swap(self) -> None:
        """Exchange the images. What was found becomes the point that is looked for."""
        with self.lock:
            point = self.match.best if self.match else None
            exchanged: dict[Side, Side] = {"source": "target", "target": "source"}
            self.images = {exchanged[side]: image for side, image in self.images.items()}
            self.point = point
            self._forget()
            self._find()

    def choose_weights(self, name: str | None) -> None:
        """Compare with other weights. Raises VosbenchError for weights that are not there."""
        with self.lock:
            self.comparer.find_weights(name)
            self.weights = name
            self._forget()
            self._find()

    def look_for(self, x: int, y: int) -> None:
        """Find a pixel of the source in the target.

        Raises VosbenchError if an image is missing, if the pixel is outside of the source, and for weights that are
        missing, damaged or of another model.
        """
        with self.lock:
            for side in ("source", "target"):
                if side not in self.images:
                    raise VosbenchError("correspondences", f"there is no {side}", "upload a picture, or take a frame")
            height, width = self.images["source"].pixels.shape[:2]
            if not (0 <= x < width and 0 <= y < height):
                raise VosbenchError(f"point {x},{y}", f"is outside of the source, which has {width}x{height} pixels")
            self.point, self.match = (x, y), None
            self._find()

    def _find(self) -> None:
        if self.point is None or len(self.images) < 2:
            return
        source, target = self.images["source"].pixels, self.images["target"].pixels
        self.compared = self.compared or self.comparer.compare(self.weights, source, target)
        [self.match] = list_matches(CorrespondenceQuery(source, target, (self.point,)), self.compared)

    def write_command(self) -> str:
        """The command line that finds the same; empty if an image is no file, or if nothing was found."""
        with self.lock:
            files = [self.images[side].argument for side in ("source", "target") if side in self.images]
            if self.match is None or self.point is None or not all(files):
                return ""
            words = ["vosbench", "correspond", *(f"./{file}" if file.startswith("-") else file for file in files)]
            words += ["--point", f"{self.point[0]},{self.point[1]}", *self.comparer.list_options(self.weights)]
            return shlex.join([*words, "--out", "correspondences"])
