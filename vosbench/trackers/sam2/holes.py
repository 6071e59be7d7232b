"""Fill small holes in masks as SAM 2's post-processing does, also on machines without its CUDA extension."""

from __future__ import annotations

import numpy as np
import torch

from vosbench.trackers.components import remove_small_components

FILLED_LOGIT = 0.1  # the logit of a filled pixel: just above 0, so that the pixel is in the mask


def fill_holes(logits: torch.Tensor, area: int) -> torch.Tensor:
    """Fill the holes in logits [N, 1, h, w]: pieces of background of at most `area` pixels at this resolution.

    Background is where a logit is not above 0; pixels that touch at a corner belong to one piece. The function
    `fill_holes_in_mask_scores` of the `sam2` package does the same, but where its extension is not built it returns the
    logits unchanged.
    """
    backgrounds = (logits[:, 0] <= 0).cpu().numpy()  # not ~(logits > 0): NaN is no background
    holes = np.stack([background & ~remove_small_components(background, area) for background in backgrounds])
    return torch.where(torch.from_numpy(holes)[:, None].to(logits.device), FILLED_LOGIT, logits)
