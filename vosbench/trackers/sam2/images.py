"""Resize frames and prompts to the size at which SAM 2 sees them; read frames ahead of the model."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import interpolate

from vosbench.trackers.prompts import list_points
from vosbench.types import BoxPrompt, Frame, Mask, PointPrompt

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colours, with which SAM 2 was trained
FRAMES_READ_AHEAD = 4  # frames that are read before they are asked for
READER_THREADS = 4  # threads that read frames for a GPU; a CPU, which the model keeps busy, has one


class ModelImages:
    """A video's frames as the model sees them, made when they are asked for.

    Used as a context manager, it reads and resizes the next few frames in threads while the model works. These frames
    wait as bytes, which take little memory, and are normalised on the device. An error in a frame is raised when that
    frame is asked for. At the end of the context all threads have stopped.

    size: (height, width) of the latest frame asked for, at the video's own resolution.
    step: from a frame to the one that is read ahead of its turn: 1, or -1 for a video that is followed backwards; 0
    where the next frame is not known.
    """

    def __init__(self, frames: Sequence[Frame], side: int, device: torch.device, step: int = 1) -> None:
        self.frames, self.side, self.device, self.step = frames, side, device, step
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
        """A frame that was read ahead, if it was; the frames after it are then read ahead."""
        if self.readers is None:
            return self._read(index)
        wanted = [index + rank * self.step for rank in range(FRAMES_READ_AHEAD + 1)] if self.step else [index]
        wanted = [frame for frame in wanted if 0 <= frame < len(self)]
        for other in self.coming.keys() - set(wanted):
            self.coming.pop(other).cancel()
        for frame in wanted:
            if frame not in self.coming:
                self.coming[frame] = self.readers.submit(self._read, frame)
        return self.coming.pop(index).result()

    def _read(self, index: int) -> tuple[tuple[int, int], torch.Tensor]:
        """A frame's own (height, width), and its pixels uint8[side, side, 3]; for a GPU in pinned memory."""
        frame = self.frames[index]
        small = Image.fromarray(frame).resize((self.side, self.side), Image.Resampling.BICUBIC)
        pixels = torch.from_numpy(np.array(small))
        return frame.shape[:2], pixels.pin_memory() if self.device.type == "cuda" else pixels


def resize_prompts(prompts: Sequence[Mask], side: int, device: torch.device) -> torch.Tensor:
    """The masks of N prompts, bool[H, W] each, as the predictor takes them: float32[N, 1, side, side], 0 or 1."""
    masks = np.stack(prompts)
    resized = torch.from_numpy(masks).to(device).float()[:, None]
    if masks.shape[1:] != (side, side):
        resized = interpolate(resized, (side, side), mode="bilinear", antialias=True) >= 0.5
    return resized.float()


def scale_points(
    prompts: Sequence[PointPrompt | BoxPrompt], size: tuple[int, int], side: int, device: torch.device
) -> dict[str, torch.Tensor]:
    """The places [N, P, 2] and labels [N, P] of N prompts with P points each, as the predictor names and scales them.

    size: (height, width) of the frame. side: of the square to which it is resized.
    """
    listed = [list_points(prompt) for prompt in prompts]
    places = torch.tensor([[(point.x, point.y) for point, _ in points] for points in listed], dtype=torch.float32)
    labels = torch.tensor([[label for _, label in points] for points in listed], dtype=torch.int32)
    height, width = size
    places = places / torch.tensor([width, height]) * side
    return {"point_coords": places.to(device), "point_labels": labels.to(device)}
