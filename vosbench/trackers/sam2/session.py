"""A session with SAM 2 or SAM2Long: reads the frames, and turns the model's logits into masks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import torch

from vosbench.trackers.propagation_plan import RemainingFrames, Traversal
from vosbench.trackers.sam2.interactive import FrameLogits, InteractiveVideo
from vosbench.trackers.sam2.logits import decide_logits
from vosbench.trackers.session_base import CheckedSession
from vosbench.types import Masks, Prompt, Video

MODEL_STATE = "state.pt"


class ModelSession(CheckedSession):
    """A session on an InteractiveVideo.

    Where objects may not share pixels, the object that was added first has a pixel among equals.
    """

    def __init__(
        self, video: Video, follower: InteractiveVideo, threshold: float, autocast: AbstractContextManager[object]
    ) -> None:
        """Open the session and add the video's prompts.

        threshold: a pixel belongs to an object if its logit there is above this value. autocast: in which the model is
        used.
        """
        super().__init__(video)
        self.follower, self.threshold, self.autocast = follower, threshold, autocast
        self.images = follower.engine.images
        self.images.__enter__()
        try:
            self.add_all(video.any_prompts)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop the threads that read frames, and free the memory and the temporary file."""
        self.images.__exit__()
        self.follower.close()

    def _read_size(self, index: int) -> tuple[int, int]:
        with torch.inference_mode(), self.autocast:
            self.follower.engine.load(index)
        return self.images.size

    def _add(self, index: int, object_id: int, prompt: Prompt) -> Masks:
        with torch.inference_mode(), self.autocast:
            return self._decide(self.follower.add(index, object_id, prompt))

    def _clear(self, index: int, object_id: int) -> Masks:
        with torch.inference_mode(), self.autocast:
            return self._decide(self.follower.clear(index, object_id))

    def _remove(self, object_id: int, indices: Sequence[int]) -> dict[int, Masks]:
        with torch.inference_mode(), self.autocast:
            left = self.follower.remove(object_id, indices)
            return {index: self._decide(logits) for index, logits in left.items()}

    def _follow(self, traversal: Traversal) -> Iterator[tuple[int, Masks]]:
        """Propagate, and read frames ahead meanwhile. Nothing is computed before it is asked for."""
        steps = self.follower.propagate(traversal.frames, traversal.reverse)
        try:
            while True:
                self.images.step = -1 if traversal.reverse else 1
                with torch.inference_mode(), self.autocast:
                    found = next(steps, None)
                    if found is None:
                        return
                    masks = self._decide(found[1])
                yield found[0], masks
        finally:
            self.images.step = 0
            with torch.inference_mode(), self.autocast:
                steps.close()

    def _save(self, folder: Path, rest: RemainingFrames) -> bool:
        with torch.inference_mode():
            if rest.traversals:
                torch.save(self.follower.save_state(rest), folder / MODEL_STATE)
        return True

    def _restore(self, folder: Path, rest: RemainingFrames) -> None:
        with torch.inference_mode():
            state = torch.load(folder / MODEL_STATE, map_location=self.images.device, weights_only=True)
            self.follower.restore_state(state, rest)

    def _find_unprompted(self) -> list[int]:
        return self.follower.unprompted()

    def _find_first(self) -> int:
        return self.follower.first_prompted()

    def _decide(self, logits: FrameLogits) -> Masks:
        return decide_logits(logits, self.threshold, self.video.overlap)
