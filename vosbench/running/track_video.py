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

from vosbench.datasets.split import Tree
from vosbench.errors import VosbenchError
from vosbench.masks import labels
from vosbench.running.record import digest_of
from vosbench.running.run import Run
from vosbench.types import Masks, Tracker

BEHIND = 4  # frames whose masks may wait to be written


def track_video(tracker: Tracker, name: str, tree: Tree, run: Run, on_frame: Callable[[int], None]) -> dict[str, Any]:
    """Track a video and put its masks into the run; they appear only when all frames are there.

    Returns the fields of its Record: frames, objects, seconds, fps, peak memory and digest.
    Raises VosbenchError if the tracker yields too few or too many frames, or what is no mask of this video.
    """
    start = time.perf_counter()
    video = tree.video(name)
    size = video.frames[0].shape[:2]
    objects = sorted({label for prompted in video.prompts.values() for label in prompted})
    stems = [path.stem for path in tree.frame_paths(name)]
    apart = tree.truth(name).objects
    folders = {label: apart[label].name for label in objects if label in apart}
    with run.writing(name) as folder:
        with _in_background(_write) as write:
            for index, (stem, found) in enumerate(zip_longest(stems, tracker.track(video))):
                if stem is None or found is None:
                    raise VosbenchError(
                        f"the tracker yielded {'more than ' * (stem is None)}{index} of {len(stems)} frames"
                    )
                _check(found, objects, size, stem)
                write(found, size, folder, stem, folders)
                on_frame(index + 1)
        digest = digest_of(folder)
    seconds = time.perf_counter() - start
    return {
        "frames": len(stems),
        "objects": len(objects),
        "seconds": round(seconds, 3),
        "fps": round(len(stems) / seconds, 2),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "peak_gpu_memory_mb": _peak_gpu_memory_mb(),
        "digest": digest,
    }


@contextmanager
def _in_background(work: Callable[..., None]) -> Iterator[Callable[..., None]]:
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
        settle(BEHIND)

    with ThreadPoolExecutor(1, "masks") as writer:
        try:
            yield call
        finally:
            settle(0)


def _check(found: Masks, objects: Sequence[int], size: tuple[int, int], stem: str) -> None:
    """Refuse what a tracker must not yield, before it becomes a wrong score."""
    for label, mask in found.items():
        if label not in objects:
            raise VosbenchError(f"frame {stem}: the tracker yielded object {label!r}, which was not prompted")
        if getattr(mask, "dtype", None) != np.bool_ or mask.shape != size:
            shape, kind = getattr(mask, "shape", "no shape"), getattr(mask, "dtype", type(mask).__name__)
            raise VosbenchError(f"frame {stem}: object {label} has a mask {kind}{shape}, expected bool{size}")


def _write(found: Masks, size: tuple[int, int], folder: Path, stem: str, objects: dict[int, str]) -> None:
    """One label map, or one binary mask for each of `objects` (id -> folder) where the dataset keeps objects apart."""
    if not objects:
        (folder / f"{stem}.png").write_bytes(labels.encode_labels(labels.to_labels(found, size)))
        return
    empty = np.zeros(size, np.bool_)
    for label, name in objects.items():
        path = folder / name / f"{stem}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(labels.encode_labels(found.get(label, empty).astype(np.uint8)))


def _peak_gpu_memory_mb() -> float:
    """The most GPU memory that the tracker's torch has held for a video, and start anew; 0 without torch or a GPU."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return 0.0
    peak: float = torch.cuda.max_memory_allocated() / 1e6
    torch.cuda.reset_peak_memory_stats()
    return round(peak, 1)
