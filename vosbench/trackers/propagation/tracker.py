"""Track objects that compete for pixels, frame by frame: the loop that Mask-Propagation and SimVOS share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from vosbench.trackers.settings import TrackerSettings, setting
from vosbench.types import Masks, Video

if TYPE_CHECKING:
    import torch

NETWORK_DTYPES = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class PropagationSettings(TrackerSettings):
    """Settings that Mask-Propagation and SimVOS share."""

    short_side: int = setting(
        0, "pixels to which the shorter side of a frame is resized, 480 for YouTube-VOS; 0 keeps the frame", least=0
    )
    dtype: str = setting("float32", "number type of the network; the other two by autocast", choices=NETWORK_DTYPES)
    fast: bool = setting(False, "take all objects of a frame through the network in one batch; the same up to rounding")
    compile: bool = setting(False, "compile the encoder with torch.compile; takes each worker minutes")


class PropagationMemory(Protocol):
    """What a network remembers of the objects of one video."""

    def predict(self, image: torch.Tensor) -> Mapping[int, torch.Tensor]:
        """The probabilities [1, h, w] of each known object in a frame [1, 3, h, w]."""
        ...

    def remember(
        self, image: torch.Tensor, found: Mapping[int, torch.Tensor], given: Mapping[int, torch.Tensor]
    ) -> None:
        """Remember the latest frame, in which objects were found (aggregated probabilities) and some of them given."""
        ...


class PropagationTracker(ABC):
    """A tracker whose objects are found one by one, and then aggregated.

    lean: settings that take less memory.
    """

    lean: ClassVar[dict[str, Any]] = {"fast": False, "compile": False}
    settings: PropagationSettings
    device: torch.device

    @abstractmethod
    def open_memory(self, grid: tuple[int, int]) -> PropagationMemory:
        """An empty memory for a video whose coarsest features are `grid` (height, width) cells."""

    def track(self, video: Video) -> Iterator[Masks]:
        """Yield, for every frame, the masks of the objects that have been given so far. They never overlap.

        Where an object is given, all others lose its pixels. An object that is given again is replaced by its new mask.
        Frames before the first prompt are not read.
        """
        first = min(video.prompts, default=len(video.frames))
        yield from ({} for _ in range(first))
        if first == len(video.frames):
            return
        import torch

        from vosbench.trackers.propagation.aggregation import merge
        from vosbench.trackers.propagation.frames import PreparedFrames

        frames = PreparedFrames(video.frames, self.settings.short_side, self.device)
        memory = self.open_memory(frames.grid)
        for index in range(first, len(video.frames)):
            with torch.inference_mode():
                image = frames.image(index)
                prompts = video.prompts.get(index, {})
                given = {object_id: frames.mask(mask) for object_id, mask in prompts.items()}
                with self.autocast():
                    predicted = memory.predict(image)
                merged, object_ids = merge(predicted, given)
                winners = frames.find_winners(merged)
                if index + 1 < len(video.frames):
                    found = dict(zip(object_ids, merged[1:], strict=True))
                    with self.autocast():
                        memory.remember(image, found, given)
            yield {object_id: winners == rank for rank, object_id in enumerate(object_ids, start=1)}

    def autocast(self) -> AbstractContextManager[object]:
        """The arithmetic of the network, as the setting dtype says."""
        if self.settings.dtype == "float32":
            return nullcontext()
        import torch

        return torch.autocast(self.device.type, getattr(torch, self.settings.dtype))
