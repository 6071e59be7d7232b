"""Compare two images with one model that all tabs share; it is loaded when it is needed first."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from vosbench.errors import VosbenchError
from vosbench.io.paths import Roots
from vosbench.studies.correspondence_model import (
    choose_correspondence_weights,
    list_correspondence_weights,
    load_correspondence_model,
)
from vosbench.types import Frame

if TYPE_CHECKING:
    from vosbench.trackers.mask_propagation.correspondence import Correspondence


@dataclass
class ImageComparer:
    """Compares images.

    roots: with the folder of weights. named: the weights that the user named, or None. gpu: the device as the user
    named it; device: as torch calls it. lock: held while a model computes. loaded: the file of weights, and the model.
    """

    roots: Roots
    named: str | None
    gpu: str | None
    device: str
    lock: Lock
    loaded: tuple[Path, Any] | None = field(default=None)

    def list_weights(self) -> list[str]:
        """The weights that can be chosen: those that the user named, and those in the folder of weights."""
        found = list_correspondence_weights(self.roots.checkpoints)
        return found if self.named is None or self.named in found else [self.named, *found]

    def find_weights(self, name: str | None) -> Path:
        """The file of weights. name: one of `list_weights`, or None for the first one.

        Raises VosbenchError for another name, as a browser could send any, and if there are no weights.
        """
        offered = self.list_weights()
        if name is not None and name not in offered:
            raise VosbenchError("weights", "are not there any more", "reload the page, and choose others")
        return choose_correspondence_weights(name or next(iter(offered), None), self.roots.checkpoints)

    def compare(self, name: str | None, source: Frame, target: Frame) -> Correspondence:
        """Compare two images, uint8[H, W, 3], with the weights of a name. Raises VosbenchError as `find_weights`."""
        from vosbench.trackers.mask_propagation.correspondence import Correspondence

        weights = self.find_weights(name).resolve()
        with self.lock:
            if self.loaded is None or self.loaded[0] != weights:
                self.loaded = None  # frees the other model before
                self.loaded = weights, load_correspondence_model(weights, self.device)
            return Correspondence(self.loaded[1], source, target)

    def list_options(self, name: str | None) -> list[str]:
        """The options by which `vosbench correspond` uses the same weights and device."""
        chosen = name or next(iter(self.list_weights()), None)
        words = ["--checkpoint", chosen] if chosen else []
        words += ["--gpu", self.gpu] if self.gpu is not None else []
        folder = self.roots.checkpoints
        return words + (["--checkpoints", str(folder)] if folder != Roots().checkpoints else [])
