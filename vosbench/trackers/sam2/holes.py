"""Small holes in masks, filled as SAM 2's post-processing does, on machines that lack its CUDA extension as well."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

FILLED_LOGIT = 0.1  # the logit of a filled pixel: just foreground


def fill_holes(logits: torch.Tensor, area: int) -> torch.Tensor:
    """Logits [N, 1, h, w] without holes, which are background pieces of at most `area` pixels at their resolution.

    Background is where a logit is not above 0; pixels that touch at a corner are of one piece. So does
    `fill_holes_in_mask_scores` of the `sam2` package, which leaves the holes where its extension is not built.
    """
    holes = torch.from_numpy(np.stack([_find_holes(mask, area) for mask in (logits[:, 0] <= 0).byte().cpu().numpy()]))
    return torch.where(holes[:, None].to(logits.device), FILLED_LOGIT, logits)


def _find_holes(background: NDArray[np.uint8], area: int) -> NDArray[np.bool_]:
    """Where the small pieces of a background [h, w] are."""
    _, pieces, statistics, _ = cv2.connectedComponentsWithStats(background, connectivity=8)
    small = np.asarray(statistics)[:, cv2.CC_STAT_AREA] <= area
    small[0] = False  # the foreground
    return np.asarray(small[pieces])
