"""SAM2Long (Ding et al. 2024) as a tracker: SAM 2 that follows each object along several pathways and takes the best.

Written from a description of the method. A frame's masks are known when all pathways of all its objects go through the
same masks there, at the latest at the video's end: so they come later than the frame. Until then each mask that some
pathway went through, at most `num_pathway` an object and frame, waits compressed in a temporary file: 14 KiB for an
object of 8 % of the frame. Nothing else grows with the video. Each frame is decoded and encoded once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import ClassVar

from vosbench.errors import VosbenchError
from vosbench.trackers.sam2.tracker import Sam2
from vosbench.trackers.sam2long.tree import PathwayPolicy
from vosbench.types import Masks, Video


class Sam2Long(Sam2):
    """SAM2Long with the weights of SAM 2 or 2.1 of any size. cost: with three pathways that all differ."""

    cost: ClassVar[tuple[float, float]] = (647.0, 3 * 621.0)
    first_masks_only: ClassVar[bool] = True

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
        num_pathway: int = 3,
        iou_thre: float = 0.1,
        uncertainty: float = 2.0,
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
        num_pathway: pathways of an object; one alone still chooses what to remember, which SAM 2 does not.
        iou_thre: what has a predicted IoU up to it is forgotten after the next frame; the authors' paper has 0.3.
        uncertainty: where all object scores, which are logits, are at most so far from 0, the pathways must differ.
        fast: take all pathways of all objects through the model together, as batches, and on a GPU encode the next
            frame meanwhile.
        compile: compile the image encoder and the memory attention with torch.compile, which takes minutes a worker.
        tf32: multiply matrices of float32 in TF32, on a GPU that can, as torch's convolutions do anyway.

        Raises VosbenchError for a setting out of range, and for a checkpoint that is damaged or of another model.
        """
        if num_pathway < 1:
            raise VosbenchError(f"num_pathway {num_pathway}: at least 1, such as the default 3")
        if not 0 <= iou_thre <= 1:
            raise VosbenchError(f"iou_thre {iou_thre}: an IoU from 0 to 1, such as the default 0.1")
        if not uncertainty >= 0:
            raise VosbenchError(f"uncertainty {uncertainty}: at least 0, such as the default 2.0")
        self.policy = PathwayPolicy(num_pathway, iou_thre, uncertainty)
        super().__init__(
            device,
            checkpoint,
            memory_size=memory_size,
            image_size=image_size,
            dtype=dtype,
            score_threshold=score_threshold,
            memory_extension=memory_extension,
            max_object_pointers=max_object_pointers,
            fast=fast,
            compile=compile,
            tf32=tf32,
        )

    def track(self, video: Video) -> Iterator[Masks]:
        """Yield, for every frame, the masks of the objects that have been prompted so far, once they are certain.

        A prompted frame returns its prompt, a little smoothed. Unless `video.overlap`, a pixel belongs to the object
        with the highest logit, among equals to the smallest id. The frames are read in other threads.

        Raises VosbenchError for an object that is given in several frames, which the method does not know.
        """
        import torch

        from vosbench.trackers.sam2.predictor import ModelImages, decide_logits
        from vosbench.trackers.sam2long.batched import BatchedNetwork
        from vosbench.trackers.sam2long.network import Network
        from vosbench.trackers.sam2long.session import Sam2LongSession

        _check_prompts(video)
        kind = BatchedNetwork if self.fast else Network
        with (
            ModelImages(video.frames, self.predictor.image_size, self.device) as images,
            closing(
                Sam2LongSession(kind(self.predictor, images, self.dtype), self.policy, self.score_threshold)
            ) as session,
        ):
            for index in range(len(video.frames)):
                with torch.inference_mode(), self.autocast:
                    session.step(index, video.prompts.get(index, {}))
                while session.decided():
                    with torch.inference_mode(), self.autocast:
                        masks = decide_logits(session.take(), self.score_threshold, video.overlap)
                    yield masks


def _check_prompts(video: Video) -> None:
    """Refuse an object that is given in several frames."""
    starts: dict[int, int] = {}
    for index in sorted(video.prompts):
        for object_id in video.prompts[index]:
            if object_id in starts:
                raise VosbenchError(
                    f"video {video.name}: object {object_id} is given in frames {starts[object_id]} and "
                    f"{index}, but sam2long "
                    "starts from one mask; leave out the later one, or use --tracker sam2"
                )
            starts[object_id] = index
