"""Cutie (Cheng et al. 2024) as a tracker, on the package rf-cutie: the masks of its eval_vos.py, in one pass.

What the package keeps of a video does not grow with its length. Nothing is downloaded, and Hydra, by which the package
is otherwise configured, is not started.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.types import Frame, Mask, Masks, Video

if TYPE_CHECKING:
    import torch

CUTIE_MODELS = {1024: "base", 256: "small"}  # by the channels of the image encoder's coarsest features
PATCH_STRIDE, MIN_PATCHES = 16, 30  # pixels a side of the patches that are remembered, and how many are read at a time
COMPETING_GROUP = 0  # the group of the objects that compete; no object has this id


class Cutie:
    """Cutie base or small, with the weights of a checkpoint. The settings are those of eval_vos.py."""

    def __init__(
        self,
        device: str,
        checkpoint: str,
        size: int = 480,
        mem_every: int = 5,
        max_mem_frames: int = 5,
        use_long_term: bool = False,
    ) -> None:
        """Load the model onto the device: "cpu", "cuda" or "cuda:N".

        checkpoint: path of a `.pth` file as hkchengrex/Cutie publishes them.
        size: pixels to which the shorter side of a larger frame is reduced; -1 leaves every frame as it is.
        mem_every: frames from one that is remembered to the next.
        max_mem_frames: frames that are remembered at a time, the prompt included.
        use_long_term: condense what would be forgotten; max_mem_frames then has no effect.

        Raises VosbenchError for a setting out of range, for a checkpoint that is damaged or of another model, and where
        the package is missing.
        """
        import torch

        for name, value in (("mem_every", mem_every), ("max_mem_frames", max_mem_frames)):
            if value < 1:
                raise VosbenchError(f"{name} {value}: at least 1, such as the default 5")
        self.device, self.size = torch.device(device), size
        settings = {"mem_every": mem_every, "max_mem_frames": max_mem_frames, "use_long_term": use_long_term}
        self.network, self.config = build_network(Path(checkpoint), settings)
        self.network.to(self.device)

    def track(self, video: Video) -> Iterator[Masks]:
        """Yield, for every frame, the masks of the objects that have been prompted so far.

        Objects compete for pixels; where `video.overlap`, each is followed by itself, on the same features of the
        frame. A later prompt of an object replaces what is found of it in that frame. A first prompt without a pixel at
        the size at which the model sees it begins no object.
        """
        import torch
        from cutie.inference.image_feature_store import ImageFeatureStore
        from cutie.inference.inference_core import InferenceCore

        features = ImageFeatureStore(self.network, no_warning=True)
        cores: dict[int, Any] = {}
        for index in range(len(video.frames)):
            given = group_prompts(video.prompts.get(index, {}), video.overlap)
            for group in sorted(given.keys() - cores.keys()):
                cores[group] = InferenceCore(self.network, self.config, image_feature_store=features)
            masks: dict[int, Mask] = {}
            if cores:
                frame = video.frames[index]
                with torch.inference_mode():
                    image = shrink_frame(frame, self.size, self.device)
                    for group, core in cores.items():
                        core.curr_ti = index - 1  # by this number the cores share the features of a frame
                        masks |= track_frame(core, image, given.get(group, {}), frame.shape[:2])
                    features.delete(index)
            yield masks


def group_prompts(prompts: Masks, overlap: bool) -> dict[int, Masks]:
    """The prompts of each group of objects that compete: all together, or where they may overlap each alone."""
    if overlap:
        return {object_id: {object_id: mask} for object_id, mask in prompts.items()}
    return {COMPETING_GROUP: prompts} if prompts else {}


def track_frame(core: Any, image: torch.Tensor, prompts: Masks, size: tuple[int, ...]) -> Masks:
    """The masks of a core's objects in the next frame, at the frame's own size (height, width)."""
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
    """What a core must be told in a prompted frame: labels int64[h, w], and which objects they show.

    New objects can be told alone. To change one that it knows, the package must be told of all, and of the others what
    it sees of them itself.
    """
    import torch

    labels = paint_prompts(prompts, image)
    known = core.object_manager.all_obj_ids
    new = [object_id for object_id in sorted(prompts) if object_id not in known and (labels == object_id).any()]
    again = [object_id for object_id in prompts if object_id in known]
    if not again:
        return labels, new
    seen = core.output_prob_to_mask(core.step(image, end=True, delete_buffer=False))  # the memory stays as it is
    core.curr_ti -= 1
    seen[torch.isin(seen, torch.tensor(again, device=seen.device))] = 0
    return torch.where(labels > 0, labels, seen), known + new


def paint_prompts(prompts: Masks, image: torch.Tensor) -> torch.Tensor:
    """The prompts as one label map int64[h, w] of the image's size, sampled as Pillow does; the smallest id wins."""
    import torch
    from PIL import Image

    height, width = image.shape[1:]
    labels = np.zeros(next(iter(prompts.values())).shape, np.int32)
    for object_id in sorted(prompts, reverse=True):
        labels[prompts[object_id]] = object_id
    reduced = Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST)
    return torch.tensor(np.array(reduced), device=image.device).long()


def shrink_frame(frame: Frame, side: int, device: torch.device) -> torch.Tensor:
    """A frame as the model sees it, float32[3, h, w] from 0 to 1, its shorter side no longer than `side` pixels.

    Raises VosbenchError if it is too small for the model.
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
            f"a frame of {width} x {height} pixels: Cutie needs {MIN_PATCHES} patches "
            f"of {PATCH_STRIDE} x {PATCH_STRIDE}"
        )
    return image


def build_network(checkpoint: Path, settings: Mapping[str, Any]) -> tuple[Any, Any]:
    """The package's network with the weights of a checkpoint, and its configuration with these settings.

    Raises VosbenchError if the checkpoint is none of Cutie's, and if the package is missing.
    """
    try:
        from cutie.model.cutie import CUTIE
    except ImportError as error:
        raise VosbenchError(f'the tracker cutie needs rf-cutie ({error}): pip install "vosbench[cutie]"') from error
    from vosbench.trackers.weights import check_weights

    weights = read_cutie_checkpoint(checkpoint)
    config = configure_network(recognise_cutie_model(weights, checkpoint), settings)
    with TemporaryDirectory() as folder:
        stub_imagenet_weights(Path(folder))
        config.model.resnet_model_path = folder
        network = CUTIE(config).eval()
    expected = network.state_dict()
    known = {name: tensor for name, tensor in weights.items() if name in expected}  # the package ignores others too
    check_weights(known, expected, f"{checkpoint}: not a whole checkpoint of Cutie")
    network.load_state_dict(known)
    return network, config


def configure_network(model: str, settings: Mapping[str, Any]) -> Any:
    """The package's configuration of a model, "base" or "small", as its own scripts compose it, with these settings."""
    import cutie.config
    from omegaconf import OmegaConf

    folder = Path(cutie.config.__file__).parent
    models = [OmegaConf.load(folder / "model" / f"{name}.yaml") for name in ("base", model)]
    return OmegaConf.merge(OmegaConf.load(folder / "eval_config.yaml"), {"model": OmegaConf.merge(*models)}, settings)


def read_cutie_checkpoint(checkpoint: Path) -> dict[str, torch.Tensor]:
    """The tensors in a checkpoint. Raises VosbenchError if the file is not there or damaged."""
    import torch

    from vosbench.trackers.weights import load_weights

    content = load_weights(checkpoint, "give the path of one of Cutie's .pth files")
    tensors = content.items() if isinstance(content, Mapping) else ()
    return {name: tensor for name, tensor in tensors if isinstance(tensor, torch.Tensor)}


def recognise_cutie_model(weights: Mapping[str, torch.Tensor], checkpoint: Path) -> str:
    """Which of the package's models the tensors are. Raises VosbenchError, which names the checkpoint, if none."""
    shape = weights["pix_feat_proj.weight"].shape if "pix_feat_proj.weight" in weights else ()
    channels = shape[1] if len(shape) == 4 else 0
    if channels not in CUTIE_MODELS:
        raise VosbenchError(
            f"{checkpoint}: not a model of Cutie; found {len(weights)} tensors, and {channels or 'no'} channels of "
            f"image features, not {' or '.join(map(str, CUTIE_MODELS))}"
        )
    return CUTIE_MODELS[channels]


def stub_imagenet_weights(folder: Path) -> None:
    """Put files where the package expects the ImageNet weights with which it builds a network.

    It would download them otherwise. The checkpoint overwrites what is in them, so there is nothing: zeros without
    storage, in the right shapes.
    """
    import torch
    from cutie.model.utils import resnet

    for name, url in resnet.model_urls.items():
        with torch.device("meta"):
            shapes = getattr(resnet, name)(pretrained=False).state_dict()
        zeros = {key: torch.zeros(()).expand(tensor.shape) for key, tensor in shapes.items()}
        torch.save(zeros, folder / Path(url).name)
