"""SAM 2 (Ravi et al. 2024) as a tracker: one pass over a video of any length with any number of objects.

The masks are those of facebookresearch/sam2's tools/vos_inference.py, objects that appear late included, bit for bit on
the same machine. The work is less: a frame is decoded and encoded once for all objects, none before the first prompt,
frames are read ahead while the model works, and memory does not grow with the video. The settings `fast`, `compile` and
`tf32` are for more speed at the price of another rounding, which changes a few pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.types import Masks, Video

if TYPE_CHECKING:
    import torch

DTYPES = ("bfloat16", "float16", "float32")
LOWEST_LOGIT = -1024.0  # the logit, everywhere, of an object that is not to be seen


class Sam2:
    """SAM 2 or 2.1 of any size, with the weights of a checkpoint.

    cost: of a frame, and more of each object in it: GFLOP of the base+ model at 1024 pixels with a full memory.
    lean: what takes less memory, for the same masks up to rounding.
    """

    cost: ClassVar[tuple[float, float]] = (647.0, 621.0)
    lean: ClassVar[dict[str, bool]] = {"fast": False, "compile": False}

    def __init__(
        self,
        device: str,
        checkpoint: str = "sam2.1_hiera_base_plus",
        memory_size: int = 7,
        image_size: int = 1024,
        dtype: str = "bfloat16",
        score_threshold: float = 0.0,
        memory_extension: str = "repeat",
        max_object_pointers: int = 16,
        temporal_stride: int = 1,
        fill_hole_area: int = 0,
        fast: bool = False,
        compile: bool = False,
        tf32: bool = False,
    ) -> None:
        """Load the model onto the device: "cpu", "cuda" or "cuda:N".

        checkpoint: path of a `.pt` file as facebookresearch/sam2 publishes them; the command line takes a name of the
            catalogue as well, such as the default, and gives the path of its file.
        memory_size: frames in the memory bank, the prompted one included; the released models were trained with 7.
        image_size: side of the square to which frames are resized, a multiple of 32.
        dtype: of the arithmetic: "bfloat16" or "float16" (autocast), or "float32".
        score_threshold: an object's pixels are those whose logit lies above it.
        memory_extension: how a bank of more than 7 dates its frames: "repeat" the oldest date, or "interpolate".
        max_object_pointers: frames whose object pointer the model sees, the prompted one included.
        temporal_stride: what the memory bank has beside the prompted and the latest frame is every N-th frame.
        fill_hole_area: fill holes of up to so many pixels, counted at a quarter of image_size; 0 leaves all.
        fast: take all objects through the model together, as batches, and on a GPU encode the next frame meanwhile.
        compile: compile the image encoder and the memory attention with torch.compile, which takes minutes a worker.
        tf32: multiply matrices of float32 in TF32, on a GPU that can, as torch's convolutions do anyway.

        Raises VosbenchError for a setting out of range, and for a checkpoint that is damaged or of another model.
        """
        import torch

        from vosbench.trackers.sam2 import compiled, predictor

        if dtype not in DTYPES:
            raise VosbenchError(f"dtype {dtype!r}: choose one of {', '.join(DTYPES)}")
        if not score_threshold >= LOWEST_LOGIT:
            raise VosbenchError(
                f"score_threshold {score_threshold}: at least {LOWEST_LOGIT}, the logit of an absent object"
            )
        if fill_hole_area < 0:
            raise VosbenchError(f"fill_hole_area {fill_hole_area}: a number of pixels, or 0 to leave holes as they are")
        self.device = torch.device(device)
        self.dtype: torch.dtype = getattr(torch, dtype)
        self.autocast: AbstractContextManager[object] = nullcontext()
        if dtype != "float32":
            self.autocast = torch.autocast(self.device.type, self.dtype)
        torch.backends.cuda.matmul.allow_tf32 = tf32  # of the process, so that it must be taken back as well
        self.score_threshold, self.fill_hole_area, self.fast = score_threshold, fill_hole_area, fast
        self.predictor = predictor.build_predictor(
            Path(checkpoint),
            self.device,
            image_size,
            memory_size,
            self.dtype,
            memory_extension,
            max_object_pointers,
            temporal_stride,
        )
        if compile:
            self._warm_up()  # the model makes some tables at its first frames; with them all would be compiled again
            compiled.compile_parts(self.predictor)
            self._warm_up()

    def _warm_up(self) -> None:
        """Track all that a compiler tells apart: several objects and one, each with one memory and with several."""
        mask = np.ones((64, 64), np.bool_)
        video = Video("warm-up", [np.zeros((64, 64, 3), np.uint8)] * 4, {0: {1: mask, 2: mask}, 1: {3: mask}})
        list(self.track(video))

    def track(self, video: Video) -> Iterator[Masks]:
        """Yield, for every frame, the masks of the objects that have been prompted so far.

        A prompted frame returns its prompt, a little smoothed. Unless `video.overlap`, a pixel belongs to the object
        with the highest logit, among equals to the smallest id. A frame's masks leave the device while the next frame
        is at work. The frames are read in other threads.
        """
        import torch

        from vosbench.trackers.sam2.batched import BatchedSession
        from vosbench.trackers.sam2.predictor import MaskDecision, ModelImages, begin_decision
        from vosbench.trackers.sam2.session import Sam2Session

        kind = BatchedSession if self.fast else Sam2Session
        latest: MaskDecision | None = None
        with ModelImages(video.frames, self.predictor.image_size, self.device) as images:
            session = kind(self.predictor, images, video.prompts, self.dtype, self.fill_hole_area)
            for index in range(len(video.frames)):
                with torch.inference_mode(), self.autocast:
                    decision = begin_decision(session.step(index), self.score_threshold, video.overlap)
                if latest:
                    yield latest.masks()
                latest = decision
        if latest:
            yield latest.masks()
