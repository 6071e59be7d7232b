"""SAM2Long (Ding et al. 2024) as a tracker: SAM 2 that follows each object along several pathways and takes the best.

A frame's masks are decided when all pathways of each of its objects go through the same mask there, at the latest at
the end of the video: so they are yielded later than the frame is read. Until then, every mask that some pathway goes
through waits compressed in memory: at most `num_pathway` masks for an object and frame, about 20 KiB each in bfloat16.
Nothing else grows with the video. Each frame is decoded and encoded once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from vosbench.errors import VosbenchError
from vosbench.trackers.sam2.settings import DEFAULT_CHECKPOINT
from vosbench.trackers.sam2.tracker import ModelTracker
from vosbench.trackers.sam2long.settings import Sam2LongSettings
from vosbench.trackers.sam2long.tree import PathwayPolicy
from vosbench.types import Masks, Session, Video


class Sam2Long(ModelTracker):
    """SAM2Long with the weights of SAM 2 or 2.1 of any size.

    cost: as of `Sam2`, with three pathways that all differ. first_masks_only: an object is prompted in one frame only,
    except in a session. prompt_kinds: all.
    """

    Settings = Sam2LongSettings
    cost: ClassVar[tuple[float, float]] = (647.0, 3 * 621.0)
    first_masks_only: ClassVar[bool] = True
    prompt_kinds: ClassVar[tuple[str, ...]] = ("mask", "points", "box")

    def __init__(self, device: str, checkpoint: str = DEFAULT_CHECKPOINT, **settings: Any) -> None:
        """Load the model onto the device: "cpu", "cuda" or "cuda:N".

        checkpoint: path of a `.pt` file as facebookresearch/sam2 publishes them. The command line also takes a name of
        the catalogue, such as the default, and gives the path of its file.
        settings: fields of `Sam2LongSettings`.

        Raises VosbenchError for a value that a setting cannot have, and for a checkpoint that is missing, damaged or of
        another model.
        """
        chosen = Sam2LongSettings(**settings)
        self.policy = PathwayPolicy(chosen.num_pathway, chosen.iou_thre, chosen.uncertainty)
        super().__init__(device, checkpoint, chosen)

    def track(self, video: Video) -> Iterator[Masks]:
        """Yield, for every frame, the masks of the objects that have been prompted so far, once they are decided.

        A prompted frame returns its prompt, a little smoothed. Unless `video.overlap`, a pixel belongs to the object
        with the highest logit, among equals to the smallest id. Other threads read the frames.

        Raises VosbenchError for an object that is prompted in several frames, which the method does not support.
        """
        import torch

        from vosbench.trackers.sam2.images import ModelImages
        from vosbench.trackers.sam2.logits import decide_logits
        from vosbench.trackers.sam2long.batched import BatchedNetwork
        from vosbench.trackers.sam2long.network import Network
        from vosbench.trackers.sam2long.video_pass import Sam2LongPass

        _check_prompts(video)
        network_class, threshold = BatchedNetwork if self.settings.fast else Network, self.settings.score_threshold
        with ModelImages(video.frames, self.predictor.image_size, self.device) as images:
            video_pass = Sam2LongPass(network_class(self.predictor, images, self.dtype), self.policy, threshold)
            for index in range(len(video.frames)):
                with torch.inference_mode(), self.autocast:
                    video_pass.step(index, video.any_prompts.get(index, {}))
                while video_pass.decided():
                    with torch.inference_mode(), self.autocast:
                        masks = decide_logits(video_pass.take(), threshold, video.overlap)
                    yield masks

    def open_session(self, video: Video) -> Session:
        """A session on a video: prompts of any kind, masks at once, propagation in both directions, corrections.

        `vosbench.trackers.sam2long.interactive` says what the pathways do at prompts. A propagation yields a frame when
        its masks are decided. The setting `fast` has no effect.
        """
        from vosbench.trackers.sam2.engine import CachingEngine
        from vosbench.trackers.sam2.images import ModelImages
        from vosbench.trackers.sam2.session import ModelSession
        from vosbench.trackers.sam2long.interactive import InteractiveTree

        images = ModelImages(video.frames, self.predictor.image_size, self.device, step=0)
        follower = InteractiveTree(CachingEngine(self.predictor, images, self.dtype), self.policy)
        return ModelSession(video, follower, self.settings.score_threshold, self.autocast)


def _check_prompts(video: Video) -> None:
    """Raise VosbenchError for an object that is prompted in several frames."""
    starts: dict[int, int] = {}
    for index in sorted(video.prompts):
        for object_id in video.prompts[index]:
            if object_id in starts:
                raise VosbenchError(
                    f"video {video.name}",
                    f"object {object_id} has prompts in frames {starts[object_id]} and {index}, but sam2long takes one "
                    "prompt for each object",
                    "leave out the later prompt, or use --tracker sam2",
                )
            starts[object_id] = index
