"""Masks whose objects share no pixel any more."""

from __future__ import annotations

from dataclasses import dataclass

from vosbench.errors import VosbenchError
from vosbench.masks.label_map import LabelMap
from vosbench.masks.labels import from_labels, to_labels
from vosbench.masks.source import MaskSource, SizedMasks


@dataclass(frozen=True)
class FlattenedMasks:
    """The masks of a video, in which a pixel that objects share belongs to the smallest id.

    So does SAM 2's `vos_inference.py` when it writes a label map.
    """

    source: MaskSource

    @property
    def frame_names(self) -> list[str]:
        return self.source.frame_names

    def describe(self, frame_name: str) -> str:
        return self.source.describe(frame_name)

    def has(self, frame_name: str) -> bool:
        return self.source.has(frame_name)

    def read(self, frame_name: str) -> SizedMasks:
        """Read a frame as MaskSource does. Raises VosbenchError for an id outside of 1 to 65535 as well."""
        size, masks = self.source.read(frame_name)
        if outside := [object_id for object_id in masks if not 0 < object_id < 2**16]:
            found = f"object id {outside[0]} has no place in a label map"
            raise VosbenchError(self.describe(frame_name), found, "choose another form, without --flatten")
        return size, from_labels(to_labels(masks, size))

    def read_label_map(self, frame_name: str) -> LabelMap | None:
        return self.source.read_label_map(frame_name)

    def read_label_file(self, frame_name: str) -> bytes | None:
        return self.source.read_label_file(frame_name)
