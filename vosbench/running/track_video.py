"""Run a tracker over one video and write its masks into the run, in the process that calls it."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from vosbench.datasets.split import DatasetSplit
from vosbench.io.memory import peak_memory_mb
from vosbench.io.threads import count_torch_threads
from vosbench.masks.labels import encode_labels, to_labels
from vosbench.running.mask_files import count_mask_bytes
from vosbench.running.prompt_digest import hash_prompts, stamp_prompt_files
from vosbench.running.record import hash_masks
from vosbench.running.run import Run
from vosbench.trackers.yielded import pair_frames, take_masks
from vosbench.types import Labels, Masks, Tracker

MAX_UNWRITTEN_FRAMES = 4  # frames whose masks may wait to be written


def track_video(
    tracker: Tracker,
    name: str,
    dataset_split: DatasetSplit,
    run: Run,
    on_frame: Callable[[int], None],
    on_read: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Track a video and write its masks into the run, where they appear when all of them are complete.

    name: of the video. on_frame: called after each frame with the number of frames done. on_read: called after each
    frame that the tracker has decoded. Returns the measured fields of the video's record. Raises VosbenchError if the
    tracker yields too few or too many frames, or anything that is no mask of this video.
    """
    start = time.perf_counter()
    stamp = stamp_prompt_files(dataset_split, name)
    video = dataset_split.video(name, on_read)
    size = video.frames[0].shape[:2]
    objects = sorted({object_id for masks in video.prompts.values() for object_id in masks})
    frame_names = [path.stem for path in dataset_split.frame_paths(name)]
    apart = dataset_split.ground_truth(name).object_folders
    folders = {object_id: apart[object_id].name for object_id in objects if object_id in apart}
    with run.write_video(name) as folder:
        with _run_in_background(_write_masks) as write:
            for index, (frame_name, found) in enumerate(pair_frames(frame_names, tracker.track(video))):
                masks = take_masks(found, objects, size, frame_name)
                write(folder, f"{frame_name}.png", _copy_masks(masks, size, folders))
                on_frame(index + 1)
        digest, mask_bytes = hash_masks(folder), count_mask_bytes(folder)
    seconds = time.perf_counter() - start
    return {
        "frames": len(frame_names),
        "objects": len(objects),
        "seconds": round(seconds, 3),
        "fps": round(len(frame_names) / seconds, 2),
        "peak_memory_mb": peak_memory_mb(),
        "peak_gpu_memory_mb": _read_and_reset_peak_gpu_memory(),
        "threads": count_torch_threads(),
        "digest": digest,
        "prompts": hash_prompts(video.prompts),
        "prompt_files": stamp,
        "mask_bytes": mask_bytes,
    }


@contextmanager
def _run_in_background(function: Callable[..., None]) -> Iterator[Callable[..., None]]:
    """Give a stand-in for `function` that returns at once; a thread makes the calls in order.

    So masks are written while the tracker computes the next ones. At most MAX_UNWRITTEN_FRAMES calls wait. If a call
    fails, a later call raises its error, or the end of the block does. At the end of the block the thread has ended.
    """
    waiting: deque[Future[None]] = deque()

    def wait_until(most: int) -> None:
        while len(waiting) > most:
            waiting[0].result()  # if it raises, it stays first, and the end of the block raises it again
            waiting.popleft()

    def call(*arguments: object) -> None:
        waiting.append(writer.submit(function, *arguments))
        wait_until(MAX_UNWRITTEN_FRAMES)

    with ThreadPoolExecutor(1, "masks") as writer:
        try:
            yield call
        finally:
            wait_until(0)


def _copy_masks(found: Masks, size: tuple[int, int], objects: Mapping[int, str]) -> dict[str, Labels]:
    """The label maps to write for a frame, by the folder of each: one in ".", or a binary one for each object.

    They are copies, because the tracker may fill the arrays that it yielded anew as soon as it gets control again.
    objects: object id -> the name of its folder, where the dataset has a folder for each object; else empty.
    """
    if not objects:
        return {".": to_labels(found, size)}
    empty = np.zeros(size, np.bool_)
    return {name: found.get(object_id, empty).astype(np.uint8) for object_id, name in objects.items()}


def _write_masks(folder: Path, file: str, label_maps: Mapping[str, Labels]) -> None:
    """Write the label maps of a frame into the folders below `folder` that they are for."""
    for name, label_map in label_maps.items():
        path = folder / name / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode_labels(label_map))


def _read_and_reset_peak_gpu_memory() -> float:
    """The most GPU memory that torch has held since the last call, in MB; 0 without torch or a GPU."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return 0.0
    peak: float = torch.cuda.max_memory_allocated() / 1e6
    torch.cuda.reset_peak_memory_stats()
    return round(peak, 1)
