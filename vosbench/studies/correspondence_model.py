"""Find and load the weights of the model that compares two images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vosbench.datasets.checkpoints import known_checkpoints
from vosbench.io.plugins import load_object
from vosbench.running.weights import choose_weights
from vosbench.trackers import registry

if TYPE_CHECKING:
    from vosbench.trackers.mask_propagation import MaskPropagation

CORRESPONDENCE_MODEL = "mask-propagation"  # the tracker whose two encoders compare images


def choose_correspondence_weights(checkpoint: str | None, checkpoints: Path) -> Path:
    """The file of weights to compare images with.

    checkpoint: a name of the catalogue, or the path of a file; None is the default of the model. checkpoints: the
    folder of all checkpoints. Raises VosbenchError for a checkpoint that is missing, cut off or of another model.
    """
    spec = registry.find_tracker(CORRESPONDENCE_MODEL)
    parameters = registry.read_tracker_parameters(spec)
    weights = choose_weights(load_object(spec), CORRESPONDENCE_MODEL, checkpoint, parameters, {}, checkpoints)
    assert weights is not None  # the model takes a checkpoint
    return weights


def list_correspondence_weights(checkpoints: Path) -> list[str]:
    """The checkpoints of the catalogue that can compare images and are in the folder of all checkpoints, by name."""
    return [
        name
        for name, download in known_checkpoints().items()
        if name.startswith(f"{CORRESPONDENCE_MODEL}-") and (checkpoints / download.file).is_file()
    ]


def load_correspondence_model(weights: Path, torch_device: str) -> MaskPropagation:
    """Load the model that compares images. torch_device: "cpu" or "cuda:N".

    Raises VosbenchError for a file of weights that is missing, damaged or of another model.
    """
    from vosbench.trackers.mask_propagation import MaskPropagation

    return MaskPropagation(torch_device, str(weights))
