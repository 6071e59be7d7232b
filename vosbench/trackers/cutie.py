"""Cutie (Cheng et al. 2024) as a tracker, with the package rf-cutie: the masks of its eval_vos.py, in one pass.

What the package keeps of a video does not grow with the video's length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.trackers.settings import TrackerSettings, setting
from vosbench.types import Frame, Mask, Masks, Video

if TYPE_CHECKING:
    import torch

PATCH_STRIDE, MIN_PATCHES = 16, 30  # side in pixels of the patches that are remembered; how many are read at a time
COMPETING_GROUP = 0  # the group of the objects that compete; no object has this id


@dataclass(frozen=True)
class CutieSettings(TrackerSettings):
    """Settings of the tracker `cutie`, with the names and defaults of the package's eval_vos.py."""

    size: int = setting(
        480, "pixels to which the shorter side of a larger frame is reduced; -1 keeps every frame as it is"
    )
    mem_every: int = setting(5, "frames from one remembered frame to the next", least=1)
    max_mem_frames: int = setting(5, "frames that are remembered at a time, the prompted frame included", least=1)
    use_long_term: bool = setting(
        False, "condense frames instead of forgetting them; max_mem_frames then has no effect"
    )


class Cutie:
    """Cutie base or small, with the weights of a checkpoint."""

    Settings = CutieSettings

    def __init__(self, device: str, checkpoint: str, **settings: Any) -> None:
        """Load the model onto the device: "cpu", "cuda" or "cuda:N".

        checkpoint: path of a `.pth` file as hkchengrex/Cutie publishes them. settings: fields of `CutieSettings`.

        Raises VosbenchError for a value that a setting cannot have, for a checkpoint that is missing, damaged or of
        another model, and if the package is missing.
        """
        import torch

        from vosbench.trackers.cutie_network import build_network

        self.settings = CutieSettings(**settings)
        self.device = torch.device(device)
        overrides = {name: value for name, value in asdict(self.settings).items() if name != "size"}
        self.network, self.config = build_network(Path(checkpoint), overrides)
        self.network.to(self.device)

    @classmethod
    def check_checkpoint(cls, checkpoint: str, **settings: Any) -> None:
        """Raise VosbenchError if a file is missing or of another model; only names and shapes of tensors are read."""
        from vosbench.trackers.cutie_network import check_cutie_checkpoint

        check_cutie_checkpoint(Path(checkpoint))

    def track(self, video: Video) -> Iterator[Masks]:
        """Yield, for every frame, the masks of the objects that have been prompted so far.

        Objects compete for pixels. If `video.overlap`, each object is followed by itself, on the same features of the
        frame. A later prompt of an object replaces what is found of it in that frame. A first prompt that has no pixel
        at the model's resolution starts no object.
        """
        import torch
        from cutie.inference.image_feature_store import ImageFeatureStore
        from cutie.inference.inference_core import InferenceCore

        features = ImageFeatureStore(self.network, no_warning=True)
        cores: dict[int, Any] = {}
        for index in range(len(video.frames)):
            groups = group_prompts(video.prompts.get(index, {}), video.overlap)
            for group in sorted(groups.keys() - cores.keys()):
                cores[group] = InferenceCore(self.network, self.config, image_feature_store=features)
            masks: dict[int, Mask] = {}
            if cores:
                frame = video.frames[index]
                with torch.inference_mode():
                    image = shrink_frame(frame, self.settings.size, self.device)
                    for group, core in cores.items():
                        core.curr_ti = index - 1  # the number by which the cores share the features of a frame
                        masks |= track_frame(core, image, groups.get(group, {}), frame.shape[:2])
                    features.delete(index)
            yield masks


def group_prompts(prompts: Masks, overlap: bool) -> dict[int, Masks]:
    """The prompts of each group of objects that compete: one group of all, or with `overlap` a group of each object."""
    if overlap:
        return {object_id: {object_id: mask} for object_id, mask in prompts.items()}
    return {COMPETING_GROUP: prompts} if prompts else {}


def track_frame(core: Any, image: torch.Tensor, prompts: Masks, size: tuple[int, ...]) -> Masks:
    """The masks of a core's objects in the next frame, at the frame's own size, (height, width).

    core: an `InferenceCore`. image: the frame as `shrink_frame` returns it. prompts: those of this frame.
    """
    from torch.nn.functional import interpolate

    labels, objects = make_prompt(core, image, prompts) if prompts else (None, [])
    if not objects and not core.object_manager.num_obj:
        return {}
    probabilities = core.step(image, labels if objects else None, objects, delete_buffer=False)
    if probabilities.shape[1:] != size:
        probabilities = interpolate(probabilities[:, None], size, mode="bilinear")[:, 0]
    winner = probabilities.argmax(dim=0).short().cpu().numpy()
    return {object_id: winner == rank for rank, object_id in enumerate(core.object_manager.all_obj_ids, start=1)}


def make_prompt(core: Any, image: torch.Tensor, prompts: Masks) -> tuple[torch.Tensor, list[int]]:
    """What a core is given in a prompted frame: a label map int64[h, w], and the ids of the objects in it.

    New objects can be given without the others. To change an object that the core tracks, all its objects must be
    given: the others are given as the core finds them in this frame.
    """
    import torch

    labels = paint_prompts(prompts, image)
    known = core.object_manager.all_obj_ids
    new = [object_id for object_id in sorted(prompts) if object_id not in known and (labels == object_id).any()]
    again = [object_id for object_id in prompts if object_id in known]
    if not again:
        return labels, new
    found = core.output_prob_to_mask(core.step(image, end=True, delete_buffer=False))  # leaves the memory as it is
    core.curr_ti -= 1
    found[torch.isin(found, torch.tensor(again, device=found.device))] = 0
    return torch.where(labels > 0, labels, found), known + new


def paint_prompts(prompts: Masks, image: torch.Tensor) -> torch.Tensor:
    """The prompts as one label map int64[h, w] of the image's size, resized by Pillow; the smallest id wins a pixel."""
    import torch
    from PIL import Image

    height, width = image.shape[1:]
    labels = np.zeros(next(iter(prompts.values())).shape, np.int32)
    for object_id in sorted(prompts, reverse=True):
        labels[prompts[object_id]] = object_id
    reduced = Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST)
    return torch.tensor(np.array(reduced), device=image.device).long()


def shrink_frame(frame: Frame, side: int, device: torch.device) -> torch.Tensor:
    """A frame as the model sees it, float32[3, h, w] from 0 to 1, with at most `side` pixels on its shorter side.

    Raises VosbenchError for a frame that is too small for the model.
    """
    import torch
    from torch.nn.functional import interpolate

    image = torch.tensor(frame, device=device).permute(2, 0, 1).contiguous().float() / 255
    shorter = min(frame.shape[:2])
    if 0 < side < shorter:
        size = [side * length // shorter for length in frame.shape[:2]]
        image = interpolate(image[None], size, mode="bilinear", antialias=True)[0]
    height, width = image.shape[1:]
    if ceil(height / PATCH_STRIDE) * ceil(width / PATCH_STRIDE) < MIN_PATCHES:
        raise VosbenchError(
            f"a frame of {width} x {height} pixels",
            f"Cutie needs at least {MIN_PATCHES} patches of {PATCH_STRIDE} x {PATCH_STRIDE} pixels",
            "give larger frames, a larger --set size=..., or another --tracker",
        )
    return image
