"""SAM 2 (Ravi et al. 2024) as a tracker: one pass over a video of any length with any number of objects.

The masks are those of facebookresearch/sam2's tools/vos_inference.py, bit for bit on the same machine, also for objects
that appear late. Less work is done for them: each frame is decoded and encoded once for all objects, no frame before
the first prompt is read, frames are read ahead while the model works, and memory does not grow with the video. The
settings `fast`, `compile` and `tf32` give more speed, but round differently, which changes a few pixels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from vosbench.trackers.sam2.settings import DEFAULT_CHECKPOINT, ModelSettings, Sam2Settings
from vosbench.types import Masks, Session, Video

if TYPE_CHECKING:
    import torch


class ModelTracker(ABC):
    """What the trackers SAM 2 and SAM2Long share: a model with the weights of a checkpoint, on a device.

    lean: settings that take less memory, for the same masks up to rounding. memory: MiB of the base+ model at 1024
    pixels on a CPU, rounded up: 1300 when it has encoded an image.
    """

    lean: ClassVar[dict[str, bool]] = {"fast": False, "compile": False}
    memory: ClassVar[float] = 2000.0

    def __init__(self, device: str, checkpoint: str, settings: ModelSettings, temporal_stride: int = 1) -> None:
        """Load the model onto the device: "cpu", "cuda" or "cuda:N".

        checkpoint: path of a `.pt` file as facebookresearch/sam2 publishes them.

        Raises VosbenchError for a checkpoint that is missing, damaged or of another model.
        """
        import torch

        from vosbench.trackers.sam2 import compiled, predictor

        self.settings = settings
        self.device = torch.device(device)
        self.dtype: torch.dtype = getattr(torch, settings.dtype)
        self.autocast: AbstractContextManager[object] = nullcontext()
        if settings.dtype != "float32":
            self.autocast = torch.autocast(self.device.type, self.dtype)
        torch.backends.cuda.matmul.allow_tf32 = settings.tf32  # of the whole process, so False must be set as well
        self.predictor = predictor.build_predictor(Path(checkpoint), self.device, settings, temporal_stride)
        if settings.compile:
            self._warm_up()  # the model makes some tables at its first frames; afterwards less is compiled twice
            compiled.compile_parts(self.predictor)
            self._warm_up()

    @classmethod
    def check_checkpoint(cls, checkpoint: str, **settings: Any) -> None:
        """Raise VosbenchError if a file is missing or of another model; only names and shapes of tensors are read."""
        from vosbench.trackers.sam2.predictor import check_sam2_checkpoint

        check_sam2_checkpoint(Path(checkpoint))

    def _warm_up(self) -> None:
        """Track every case that is compiled separately: one and several objects, each with one and several memories."""
        mask = np.ones((64, 64), np.bool_)
        video = Video("warm-up", [np.zeros((64, 64, 3), np.uint8)] * 4, {0: {1: mask, 2: mask}, 1: {3: mask}})
        list(self.track(video))

    @abstractmethod
    def track(self, video: Video) -> Iterator[Masks]:
        """Yield the masks of every frame, in order."""


class Sam2(ModelTracker):
    """SAM 2 or 2.1 of any size, with the weights of a checkpoint.

    cost: of a frame, and of each object in it: GFLOP of the base+ model at 1024 pixels with a full memory.
    prompt_kinds: all.
    """

    Settings = Sam2Settings
    prompt_kinds: ClassVar[tuple[str, ...]] = ("mask", "points", "box")
    cost: ClassVar[tuple[float, float]] = (647.0, 621.0)

    def __init__(self, device: str, checkpoint: str = DEFAULT_CHECKPOINT, **settings: Any) -> None:
        """Load the model onto the device: "cpu", "cuda" or "cuda:N".

        checkpoint: path of a `.pt` file as facebookresearch/sam2 publishes them. The command line also takes a name of
        the catalogue, such as the default, and gives the path of its file.
        settings: fields of `Sam2Settings`.

        Raises VosbenchError for a value that a setting cannot have, and for a checkpoint that is missing, damaged or of
        another model.
        """
        chosen = Sam2Settings(**settings)
        self.fill_hole_area = chosen.fill_hole_area
        super().__init__(device, checkpoint, chosen, chosen.temporal_stride)

    def track(self, video: Video) -> Iterator[Masks]:
        """Yield, for every frame, the masks of the objects that have been prompted so far.

        A prompted frame returns its prompt, a little smoothed. Unless `video.overlap`, a pixel belongs to the object
        with the highest logit, among equals to the smallest id. The masks of a frame are copied from the device while
        the model works at the next frame. Other threads read the frames.
        """
        import torch

        from vosbench.trackers.sam2.batched import BatchedPass
        from vosbench.trackers.sam2.images import ModelImages
        from vosbench.trackers.sam2.logits import MaskDecision, begin_decision
        from vosbench.trackers.sam2.video_pass import Sam2Pass

        pass_class = BatchedPass if self.settings.fast else Sam2Pass
        latest: MaskDecision | None = None
        with ModelImages(video.frames, self.predictor.image_size, self.device) as images:
            video_pass = pass_class(self.predictor, images, video.any_prompts, self.dtype, self.fill_hole_area)
            for index in range(len(video.frames)):
                with torch.inference_mode(), self.autocast:
                    decision = begin_decision(video_pass.step(index), self.settings.score_threshold, video.overlap)
                if latest:
                    yield latest.masks()
                latest = decision
        if latest:
            yield latest.masks()

    def open_session(self, video: Video, keep_corrections: bool = True) -> Session:
        """A session on a video: prompts of any kind, masks at once, propagation in both directions, corrections.

        Every step gives what the same step gives with the predictor of the `sam2` package, bit for bit on the same
        machine: `add` with `add_new_mask` and `add_new_points_or_box`, `clear` with `clear_all_prompts_in_frame`,
        `remove` with `remove_object`, `propagate` with `propagate_in_video`. The setting `fast` has no effect.
        keep_corrections: whether a prompt in a frame that was propagated already counts as a prompt from then on; that
        is the predictor's `add_all_frames_to_correct_as_cond`. If not, as is the predictor's default, it is lost when
        that frame is propagated again.
        """
        from vosbench.trackers.sam2.engine import CachingEngine
        from vosbench.trackers.sam2.images import ModelImages
        from vosbench.trackers.sam2.interactive import InteractiveVideo
        from vosbench.trackers.sam2.session import ModelSession

        images = ModelImages(video.frames, self.predictor.image_size, self.device, step=0)
        engine = CachingEngine(self.predictor, images, self.dtype, self.fill_hole_area)
        follower = InteractiveVideo(engine, keep_corrections)
        return ModelSession(video, follower, self.settings.score_threshold, self.autocast)
