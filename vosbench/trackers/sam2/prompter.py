"""SAM 2's image predictor: finds the mask of an object from clicks or a box, by one frame only.

The masks are those of the `sam2` package's `SAM2ImagePredictor`, which needs torchvision, bit for bit on the same
machine: of a single click the best of three masks, of several clicks or a box the one mask that is meant for them.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vosbench.trackers.sam2.settings import DEFAULT_CHECKPOINT, ModelSettings
from vosbench.types import BoxPrompt, Frame, Mask, PointPrompt

if TYPE_CHECKING:
    import torch


class Sam2Prompter:
    """SAM 2 or 2.1 of any size as a `Prompter`. The frame that was used last is encoded once."""

    def __init__(
        self, device: str, checkpoint: str = DEFAULT_CHECKPOINT, image_size: int = 1024, dtype: str = "bfloat16"
    ) -> None:
        """Load the model onto the device: "cpu", "cuda" or "cuda:N".

        checkpoint: path of a `.pt` file as facebookresearch/sam2 publishes them. image_size, dtype: as for the tracker.

        Raises VosbenchError for a setting or a checkpoint that is no good.
        """
        import torch

        from vosbench.trackers.sam2.predictor import build_predictor

        settings = ModelSettings(image_size=image_size, dtype=dtype)
        self.device = torch.device(device)
        self.autocast: AbstractContextManager[object] = nullcontext()
        if dtype != "float32":
            self.autocast = torch.autocast(self.device.type, getattr(torch, dtype))
        self.predictor = build_predictor(Path(checkpoint), self.device, settings)
        self.latest: Frame | None = None
        self.features: list[torch.Tensor] = []

    @classmethod
    def check_checkpoint(cls, checkpoint: str, **settings: Any) -> None:
        """Raise VosbenchError if a file is missing or of another model; only names and shapes of tensors are read."""
        from vosbench.trackers.sam2.predictor import check_sam2_checkpoint

        check_sam2_checkpoint(Path(checkpoint))

    def find_mask(self, frame: Frame, prompt: PointPrompt | BoxPrompt) -> Mask:
        """The mask of an object, bool[H, W], by clicks or a box in a frame, uint8[H, W, 3]."""
        import torch

        with torch.inference_mode(), self.autocast:
            if self.latest is None or not np.array_equal(frame, self.latest):
                self.features, self.latest = self._encode(frame), frame.copy()
            return self._decode(prompt, frame.shape[:2])

    def _encode(self, frame: Frame) -> list[torch.Tensor]:
        """The features of a frame, the coarsest last: [1, C, h, w] each."""
        import torch
        from torch.nn.functional import interpolate

        from vosbench.trackers.sam2.images import MEAN, STD

        model, side = self.predictor, self.predictor.image_size
        pixels = torch.from_numpy(frame.copy()).permute(2, 0, 1).contiguous().float().div(255)[None]
        image = interpolate(pixels, (side, side), mode="bilinear", antialias=True)
        mean, std = (torch.tensor(colour)[:, None, None] for colour in (MEAN, STD))
        _, features, _, sizes = model._prepare_backbone_features(
            model.forward_image(((image - mean) / std).to(self.device))
        )
        features[-1] = features[-1] + model.no_mem_embed
        return [one.permute(1, 2, 0).view(1, -1, *size) for one, size in zip(features, sizes, strict=True)]

    def _decode(self, prompt: PointPrompt | BoxPrompt, size: tuple[int, ...]) -> Mask:
        from torch.nn.functional import interpolate

        from vosbench.trackers.sam2.images import scale_points

        model = self.predictor
        height, width = size[:2]
        points = scale_points([prompt], (height, width), model.image_size, self.device)
        sparse, dense = model.sam_prompt_encoder(
            points=(points["point_coords"], points["point_labels"]), boxes=None, masks=None
        )
        logits, ious, *_ = model.sam_mask_decoder(
            image_embeddings=self.features[-1],
            image_pe=model.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=points["point_labels"].numel() == 1,
            repeat_image=False,
            high_res_features=self.features[:-1],
        )
        masks: Any = interpolate(logits.float(), (height, width), mode="bilinear") > 0
        return np.asarray(masks[0, int(ious[0].argmax())].cpu().numpy(), np.bool_)
