"""Dense correspondences between two images, from the keys of Mask-Propagation's two encoders.

Source: try_correspondence.py of hkchengrex/Mask-Propagation. Each cell of 16x16 pixels of the target is a mixture of
the cells of the source. The images may differ in size; clicks and maps are in the images' own pixels.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import avg_pool2d, interpolate

from vosbench.trackers.mask_propagation.tracker import MaskPropagation
from vosbench.trackers.propagation.frames import STRIDE, PreparedFrames
from vosbench.types import Frame, Mask


class Correspondence:
    """Which cells of a source image each cell of a target image resembles.

    weights: float32[cells of the source, cells of the target]; every column sums to 1.
    """

    def __init__(self, model: MaskPropagation, source: Frame, target: Frame) -> None:
        """Compare two images, uint8[H, W, 3], RGB, with the encoders of a model."""
        self.source = PreparedFrames([source], 0, model.device)
        self.target = PreparedFrames([target], 0, model.device)
        with torch.inference_mode():
            image = self.source.image(0)
            keys, _ = model.network.memorize(image, torch.zeros_like(image[:, :1]))
            query, _ = model.network.kv_q_f16(model.network.rgb_encoder(self.target.image(0))[2])
            affinity = keys[0].flatten(1).T @ (query[0].flatten(1) / keys.shape[1] ** 0.5)
            self.weights = affinity.softmax(dim=0)

    def transfer_point(self, x: int, y: int) -> NDArray[np.float32]:
        """How much each pixel of the target resembles the source's cell around a pixel: float32[H, W] from 0 to 1."""
        return self._transfer(self._mark_point(x, y))

    def transfer_mask(self, mask: Mask) -> NDArray[np.float32]:
        """How much each pixel of the target resembles a mask, bool[H, W], of the source: float32[H, W] from 0 to 1."""
        return self._transfer(self._mark_mask(mask))

    def show_point(self, x: int, y: int) -> NDArray[np.float32]:
        """The source's cell around a pixel, as it is compared: float32[H, W] of the source, from 0 to 1."""
        return _enlarge(self._mark_point(x, y), self.source)

    def show_mask(self, mask: Mask) -> NDArray[np.float32]:
        """A mask, bool[H, W], of the source in cells, as it is compared: float32[H, W] of the source, from 0 to 1."""
        return _enlarge(self._mark_mask(mask), self.source)

    def _mark_point(self, x: int, y: int) -> torch.Tensor:
        left, _, above, _ = self.source.padding
        cells = torch.zeros(self.source.grid, device=self.weights.device)
        cells[(y + above) // STRIDE, (x + left) // STRIDE] = 1
        return cells

    def _mark_mask(self, mask: Mask) -> torch.Tensor:
        return avg_pool2d(self.source.mask(mask)[None], STRIDE)[0, 0]

    def _transfer(self, cells: torch.Tensor) -> NDArray[np.float32]:
        """Carry a share for each cell of the source over to the target, and enlarge it to the target's pixels."""
        return _enlarge((cells.flatten() @ self.weights).reshape(self.target.grid), self.target)


def _enlarge(cells: torch.Tensor, frames: PreparedFrames) -> NDArray[np.float32]:
    """Bring a value for each cell to the pixels of an image, without those that were added around it."""
    enlarged = interpolate(cells[None, None], scale_factor=STRIDE, mode="bilinear", align_corners=False)[0, 0]
    left, _, above, _ = frames.padding
    height, width = frames.size
    return enlarged[above : above + height, left : left + width].cpu().numpy()


def find_match(found: NDArray[np.float32]) -> tuple[int, int]:
    """x and y of the pixel that resembles most; the first one in reading order among equals."""
    y, x = np.unravel_index(int(found.argmax()), found.shape)
    return int(x), int(y)


def draw_map(image: Frame, found: NDArray[np.float32]) -> Frame:
    """An image, uint8[H, W, 3], with a map over it in red, brightest where the map is highest."""
    strength = np.clip(2 * found / (found.max() + 1e-6), 0, 1)[..., None]
    red = np.array([255, 0, 0], np.float32)
    drawn = image * (1 - strength) * 0.7 + image * strength * 0.3 + red * strength * 0.7
    rounded: Frame = drawn.astype(np.uint8)
    return rounded
