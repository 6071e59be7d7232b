"""Run a tracker over one video and write its masks: the work of a worker, without the processes."""

from __future__ import annotations

import resource
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.masks import labels
from vosbench.running.record import hash_masks
from vosbench.running.run import Run
from vosbench.types import Masks, Tracker

MAX_UNWRITTEN_FRAMES = 4  # frames whose masks may wait to be written


def track_video(
    tracker: Tracker, name: str, dataset_split: DatasetSplit, run: Run, on_frame: Callable[[int], None]
) -> dict[str, Any]:
    """Track a video and put its masks into the run; they appear only when all frames are there.

    Returns the fields of its Record: frames, objects, seconds, fps, peak memory and digest.
    Raises VosbenchError if the tracker yields too few or too many frames, or what is no mask of this video.
    """
    start = time.perf_counter()
    video = dataset_split.video(name)
    size = video.frames[0].shape[:2]
    objects = sorted({object_id for prompted in video.prompts.values() for object_id in prompted})
    frame_names = [path.stem for path in dataset_split.frame_paths(name)]
    apart = dataset_split.ground_truth(name).object_folders
    folders = {object_id: apart[object_id].name for object_id in objects if object_id in apart}
    with run.write_video(name) as folder:
        with _run_in_background(_write_masks) as write:
            for index, (frame_name, found) in enumerate(zip_longest(frame_names, tracker.track(video))):
                if frame_name is None or found is None:
                    raise VosbenchError(
                        f"the tracker yielded {'more than ' * (frame_name is None)}{index} of {len(frame_names)} frames"
                    )
                _check_masks(found, objects, size, frame_name)
                write(found, size, folder, frame_name, folders)
                on_frame(index + 1)
        digest = hash_masks(folder)
    seconds = time.perf_counter() - start
    return {
        "frames": len(frame_names),
        "objects": len(objects),
        "seconds": round(seconds, 3),
        "fps": round(len(frame_names) / seconds, 2),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "peak_gpu_memory_mb": _read_and_reset_peak_gpu_memory(),
        "digest": digest,
    }


@contextmanager
def _run_in_background(work: Callable[..., None]) -> Iterator[Callable[..., None]]:
    """`work` to be called without waiting for it: a thread does it, in order, while the tracker is at the next frames.

    At most BEHIND calls wait. What one raises is raised by a later call or at the end, before what came after it. No
    thread is left then.
    """
    waiting: deque[Future[None]] = deque()

    def settle(most: int) -> None:
        while len(waiting) > most:
            waiting[0].result()  # if it raises it stays the first, and is what is raised at the end too
            waiting.popleft()

    def call(*arguments: object) -> None:
        waiting.append(writer.submit(work, *arguments))
        settle(MAX_UNWRITTEN_FRAMES)

    with ThreadPoolExecutor(1, "masks") as writer:
        try:
            yield call
        finally:
            settle(0)


def _check_masks(found: Masks, objects: Sequence[int], size: tuple[int, int], frame_name: str) -> None:
    """Refuse what a tracker must not yield, before it becomes a wrong score."""
    for object_id, mask in found.items():
        if object_id not in objects:
            raise VosbenchError(f"frame {frame_name}: the tracker yielded object {object_id!r}, which was not prompted")
        if getattr(mask, "dtype", None) != np.bool_ or mask.shape != size:
            shape, kind = getattr(mask, "shape", "no shape"), getattr(mask, "dtype", type(mask).__name__)
            raise VosbenchError(f"frame {frame_name}: object {object_id} has a mask {kind}{shape}, expected bool{size}")


def _write_masks(found: Masks, size: tuple[int, int], folder: Path, frame_name: str, objects: dict[int, str]) -> None:
    """One label map, or one binary mask for each of `objects` (id -> folder) where the dataset keeps objects apart."""
    if not objects:
        (folder / f"{frame_name}.png").write_bytes(labels.encode_labels(labels.to_labels(found, size)))
        return
    empty = np.zeros(size, np.bool_)
    for object_id, name in objects.items():
        path = folder / name / f"{frame_name}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(labels.encode_labels(found.get(object_id, empty).astype(np.uint8)))


def _read_and_reset_peak_gpu_memory() -> float:
    """The most GPU memory that the tracker's torch has held for a video, and start anew; 0 without torch or a GPU."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return 0.0
    peak: float = torch.cuda.max_memory_allocated() / 1e6
    torch.cuda.reset_peak_memory_stats()
    return round(peak, 1)
