"""The model of the `sam2` package: built from a checkpoint alone, what goes into it, and what comes out.

It is the video predictor as facebookresearch/sam2's tools/vos_inference.py sets it up: without post-processing. Its
size and version are read from the checkpoint's tensors. It is made from the configuration files that the package ships,
but not through Hydra's global state, which other packages claim for themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sam2
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from PIL import Image

from vosbench.errors import VosbenchError
from vosbench.trackers.sam2.checkpoint import TEMPORAL_KEY, read_sam2_checkpoint, recognise_sam2_config, resize_memory
from vosbench.trackers.weights import check_weights
from vosbench.types import Frame, Masks

CONFIGS = Path(sam2.__file__).parent / "configs"
FEATURE_STRIDE = 32  # of the image encoder's coarsest features, which are laid over those of half the stride
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colours, with which SAM 2 was trained
CAST_BY_AUTOCAST = (torch.nn.Linear, torch.nn.Conv2d, torch.nn.ConvTranspose2d)
EXTENSIONS = ("repeat", "interpolate")
FRAMES_READ_AHEAD = 4  # frames that are read before they are asked for
READER_THREADS = 4  # threads that read them for a GPU; a CPU, which the model keeps busy, has one
BEATEN_LOGIT = -10.0  # to which the predictor lowers the logit of an object where another has a higher one


def build_predictor(
    checkpoint: Path,
    device: torch.device,
    image_size: int,
    memory_size: int,
    dtype: torch.dtype,
    memory_extension: str = "repeat",
    max_object_pointers: int = 16,
    temporal_stride: int = 1,
) -> Any:
    """The `SAM2VideoPredictor` in a checkpoint, on the device, to be used under autocast unless the dtype is float32.

    Raises VosbenchError for a checkpoint that is no released SAM 2 or 2.1, and for values that the model cannot have.
    """
    if image_size < FEATURE_STRIDE or image_size % FEATURE_STRIDE:
        raise VosbenchError(
            f"image_size {image_size}: the model needs a positive multiple of {FEATURE_STRIDE}, such as 1024"
        )
    if memory_size < 1:
        raise VosbenchError(f"memory_size {memory_size}: at least 1, or the model forgets the prompt itself")
    if memory_extension not in EXTENSIONS:
        raise VosbenchError(f"memory_extension {memory_extension!r}: choose one of {', '.join(EXTENSIONS)}")
    if max_object_pointers < 2:
        raise VosbenchError(f"max_object_pointers {max_object_pointers}: at least 2, as the model divides by one less")
    if temporal_stride < 1:
        raise VosbenchError(f"temporal_stride {temporal_stride}: at least 1")
    weights = read_sam2_checkpoint(checkpoint)
    name = recognise_sam2_config(weights, checkpoint)
    config = OmegaConf.load(CONFIGS / f"{name}.yaml").model
    rows = weights[TEMPORAL_KEY]
    if rows.shape[:1] == (config.num_maskmem,):
        weights[TEMPORAL_KEY] = resize_memory(rows, memory_size, memory_extension)
    config._target_ = "sam2.sam2_video_predictor.SAM2VideoPredictor"
    config.image_size, config.num_maskmem = image_size, memory_size
    config.max_obj_ptrs_in_encoder, config.memory_temporal_stride_for_eval = max_object_pointers, temporal_stride
    # The package puts its tables on the current CUDA device, whatever device the model is for.
    with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
        predictor = instantiate(config)
    check_weights(weights, predictor.state_dict(), f"{checkpoint}: not a whole {Path(name).name} checkpoint")
    predictor.load_state_dict(weights)
    return _resize_positions(_cast_weights(predictor, dtype).to(device).eval())


def _cast_weights(predictor: torch.nn.Module, dtype: torch.dtype) -> torch.nn.Module:
    """Cast once the weights that autocast would cast anew in every frame, as it forgets them at each frame's end."""
    for module in predictor.modules():
        if isinstance(module, CAST_BY_AUTOCAST):
            module.to(dtype)
    return predictor


def _resize_positions(predictor: Any) -> Any:
    """Resize once the table of positions that the image encoder would resize anew in every frame, to the same size."""
    trunk = predictor.image_encoder.trunk
    side = predictor.image_size // trunk.patch_embed.proj.stride[0]
    with torch.no_grad():
        positions = trunk._get_pos_embed((side, side))
    trunk._get_pos_embed = lambda size: positions
    return predictor


class ModelImages:
    """A video's frames as the model sees them, made when asked for.

    As a context manager it has the next few frames read and resized in threads while the model is at work. They wait as
    bytes, so that a frame costs little room, and are normalised on the device. What a frame raises is raised where it
    is asked for. No thread is left at the end.

    size: (height, width) of the latest frame asked for, at the video's own resolution.
    """

    def __init__(self, frames: Sequence[Frame], side: int, device: torch.device) -> None:
        self.frames, self.side, self.device = frames, side, device
        self.mean, self.std = (torch.tensor(colour)[:, None, None].to(device) for colour in (MEAN, STD))
        self.size = (0, 0)
        self.readers: ThreadPoolExecutor | None = None
        self.coming: dict[int, Future[tuple[tuple[int, int], torch.Tensor]]] = {}

    def __enter__(self) -> ModelImages:
        self.readers = ThreadPoolExecutor(1 if self.device.type == "cpu" else READER_THREADS, "frames")
        return self

    def __exit__(self, *raised: object) -> None:
        if self.readers:
            self.readers.shutdown(cancel_futures=True)
        self.readers = None
        self.coming.clear()

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> torch.Tensor:
        """One frame: float32[3, side, side], bit for bit as the package's own loader makes it."""
        self.size, pixels = self._take(index)
        pixels = pixels.to(self.device, non_blocking=True)
        image = (pixels.double() / 255.0).float().permute(2, 0, 1).contiguous()
        return (image - self.mean) / self.std

    def _take(self, index: int) -> tuple[tuple[int, int], torch.Tensor]:
        """A frame from those that were read ahead, which are then the next ones."""
        if self.readers is None:
            return self._read(index)
        wanted = range(index, min(index + 1 + FRAMES_READ_AHEAD, len(self)))
        for other in self.coming.keys() - set(wanted):
            self.coming.pop(other).cancel()
        for frame in wanted:
            if frame not in self.coming:
                self.coming[frame] = self.readers.submit(self._read, frame)
        return self.coming.pop(index).result()

    def _read(self, index: int) -> tuple[tuple[int, int], torch.Tensor]:
        """A frame's own size, and its pixels uint8[side, side, 3], from where the device can fetch them by itself."""
        frame = self.frames[index]
        small = Image.fromarray(frame).resize((self.side, self.side), Image.Resampling.BICUBIC)
        pixels = torch.from_numpy(np.array(small))
        return frame.shape[:2], pixels.pin_memory() if self.device.type == "cuda" else pixels


class MaskDecision(NamedTuple):
    """Which pixels are whose, on its way from the device: bool[N, H, W], or the objects' ranks [H, W], N for none."""

    object_ids: tuple[int, ...]
    pixels: torch.Tensor
    copied: torch.cuda.Event | None

    def masks(self) -> Masks:
        """The masks, as soon as they have arrived."""
        if self.copied:
            self.copied.synchronize()
        pixels = self.pixels.numpy()
        if pixels.dtype == np.bool_:
            return dict(zip(self.object_ids, pixels, strict=True))
        return {object_id: pixels == rank for rank, object_id in enumerate(self.object_ids)}


def begin_decision(logits: Mapping[int, torch.Tensor], threshold: float, overlap: bool) -> MaskDecision:
    """Decide on the device and begin to copy the result, one small array; see `decide`."""
    if not logits:
        return MaskDecision((), torch.empty(0, dtype=torch.bool), None)
    stacked = torch.stack(list(logits.values()))
    decided = stacked > threshold if overlap else _find_owners(stacked, threshold)
    pixels = decided.to("cpu", non_blocking=True)
    copied = torch.cuda.current_stream(decided.device).record_event() if decided.is_cuda else None
    return MaskDecision(tuple(logits), pixels, copied)


def decide_logits(logits: Mapping[int, torch.Tensor], threshold: float, overlap: bool) -> Masks:
    """Masks from logits [H, W] by ascending id.

    With `overlap` an object has every pixel whose logit is above the threshold. Without, of several objects all but the
    one with the highest logit, among equals the smallest id, are lowered to -10 at most; then the smallest id whose
    logit is above the threshold has the pixel. That is the official script's combined PNG.
    """
    return begin_decision(logits, threshold, overlap).masks()


def _find_owners(stacked: torch.Tensor, threshold: float) -> torch.Tensor:
    """The rank of the object [N, H, W] that has a pixel, N for none, in the smallest type that holds it."""
    count = len(stacked)
    best, owner = stacked.max(dim=0)  # of equals the first
    seen = best > threshold
    if threshold < BEATEN_LOGIT:
        lowered = stacked.clamp(max=BEATEN_LOGIT).scatter(0, owner[None], best[None]) if count > 1 else stacked
        owner = (lowered > threshold).byte().argmax(dim=0)
    return torch.where(seen, owner, count).to(torch.uint8 if count < 256 else torch.int16)
