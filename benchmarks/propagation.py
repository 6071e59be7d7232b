"""Time Mask-Propagation and SimVOS on drawn videos, for `track.py --propagation`.

The documents' definition of frames per second is used: all frames, the first included, divided by the seconds of
tracking, whatever the number of objects. Frames are read before. Normalising and padding them, which the documents
leave out, is part of the seconds here; so are the arg-max at the frame's own size and the copy of masks to the host.

With --memory: the peak memory of reading a memory of many frames, against the stored keys and values. Each row is a
process of its own. The weights are the initial ones of torch.
"""

from __future__ import annotations

import argparse
import math
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

MASK_PROPAGATION, SIMVOS = "mask-propagation", "simvos"


class PropagationEngine(NamedTuple):
    """A tracker, the variant of SimVOS, and settings."""

    tracker: str
    variant: str
    settings: Mapping[str, Any]


PROPAGATION_ENGINES = {
    "mask-propagation": PropagationEngine(MASK_PROPAGATION, "", {}),
    "mask-propagation, all cells": PropagationEngine(MASK_PROPAGATION, "", {"top_k": 0}),
    "mask-propagation, kernelized": PropagationEngine(MASK_PROPAGATION, "", {"kernelized": True}),
    "mask-propagation, fast": PropagationEngine(MASK_PROPAGATION, "", {"fast": True}),
    "mask-propagation, bfloat16": PropagationEngine(MASK_PROPAGATION, "", {"dtype": "bfloat16"}),
    "mask-propagation, compile": PropagationEngine(MASK_PROPAGATION, "", {"compile": True}),
    "simvos-b": PropagationEngine(SIMVOS, "b", {}),
    "simvos-b, fast": PropagationEngine(SIMVOS, "b", {"fast": True}),
    "simvos-b, bfloat16": PropagationEngine(SIMVOS, "b", {"dtype": "bfloat16"}),
    "simvos-bs": PropagationEngine(SIMVOS, "bs", {}),
    "simvos-l": PropagationEngine(SIMVOS, "l", {}),
}
CALM = ("mask-propagation", "mask-propagation, fast", "simvos-b", "simvos-bs")  # measured if none are named
GRID = (30, 54)  # cells of a frame of 854x480 pixels


class Tracked(NamedTuple):
    """What tracking took: seconds on the clock and of CPU, peaks in 10^6 bytes, and the masks as label maps."""

    wall: float
    cpu: float
    megabytes: float
    gpu_megabytes: float
    label_maps: Any


def save_initial_weights(engine: PropagationEngine, folder: Path) -> Path:
    """A checkpoint with initial weights, named as the tracker expects it."""
    import torch

    from vosbench.trackers.mask_propagation.network import MaskPropagationNetwork
    from vosbench.trackers.simvos.network import SimVosNetwork
    from vosbench.trackers.simvos.variants import VARIANTS

    torch.manual_seed(0)
    path = folder / f"{engine.tracker}-{engine.variant}.pth"
    if engine.tracker == MASK_PROPAGATION:
        network: torch.nn.Module = MaskPropagationNetwork()
    else:
        variant = VARIANTS[engine.variant.upper()]
        network = SimVosNetwork(variant.channels, variant.blocks, (384, 384) if variant.token_learner else (0, 0))
    torch.save(network.state_dict(), path)
    return path


def measure_tracking(device: str, tree: Path, checkpoint: Path, engine: PropagationEngine) -> Tracked:
    """Track the only video of a tree after a warm-up of three frames."""
    import numpy as np
    import torch

    from vosbench.datasets.split import open_split
    from vosbench.io import plugins
    from vosbench.masks.labels import to_labels
    from vosbench.trackers.registry import BUILT_IN_TRACKERS

    tracker = plugins.load_object(BUILT_IN_TRACKERS[engine.tracker])(device, str(checkpoint), **engine.settings)
    split = open_split(str(tree), "val", tree)
    video = split.video(split.videos[0])
    video = replace(video, frames=list(video.frames))
    list(tracker.track(replace(video, frames=video.frames[:3])))
    gpu = device != "cpu"
    if gpu:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    wall, cpu = time.perf_counter(), time.process_time()
    masks = list(tracker.track(video))
    if gpu:
        torch.cuda.synchronize()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    label_maps = np.stack([to_labels(each, video.frames[0].shape[:2]) for each in masks])
    return Tracked(wall, cpu, read_peak(), torch.cuda.max_memory_allocated() / 1e6 if gpu else math.nan, label_maps)


def read_peak() -> float:
    """The peak memory of this process in 10^6 bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def compare_propagation(
    options: argparse.Namespace,
    scratch: Path,
    draw: Callable[[Path, int, int, tuple[int, int]], None],
    call: Callable[..., Any],
) -> None:
    """Measure the engines and print a table. draw: draws a video of objects, frames and a size. call: in a process."""
    print("| tracker | objects | frames/s | CPU s a frame | peak MB | GPU MB | pixels that differ |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    frames = (options.frames or [8])[0]
    for objects in options.objects:
        tree, plain = scratch / f"tree-{objects}", {}
        draw(tree, objects, frames, options.frame_size)
        for name in options.propagation or CALM:
            engine = PROPAGATION_ENGINES[name]
            checkpoint = call(save_initial_weights, engine, scratch)
            took: Tracked = call(measure_tracking, options.device, tree, checkpoint, engine)
            family = plain.setdefault(checkpoint.name, took.label_maps)
            cells = (name, objects, f"{frames / took.wall:.2f}", f"{took.cpu / frames:.2f}", f"{took.megabytes:.0f}")
            gpu = "-" if math.isnan(took.gpu_megabytes) else f"{took.gpu_megabytes:.0f}"
            print("|", " | ".join(map(str, (*cells, gpu, int((took.label_maps != family).sum())))), "|", flush=True)
            print(f"{name}: {took.wall:.1f} s", file=sys.stderr)
            checkpoint.unlink()


def measure_reading(count: int, whole: bool) -> tuple[float, float]:
    """Read once from a memory of `count` frames, from the best 50 cells.

    whole: compare all of the memory at once. Returns the size of the keys and values and by how much the peak memory
    exceeded it, in 10^6 bytes.
    """
    import torch

    from vosbench.trackers.mask_propagation import memory
    from vosbench.trackers.mask_propagation.memory import Memorized, Reading, read_memory

    def draw_memory(cells: int) -> Memorized:
        return Memorized(torch.randn(128, cells), torch.randn(512, cells), True)

    cells = GRID[0] * GRID[1]
    if whole:
        memory.BLOCK_CELLS = count * cells
    with torch.inference_mode():
        query, reading = torch.randn(128, cells), Reading(50, 0.0)
        read_memory([draw_memory(cells)], query, GRID, reading)
        before = read_resident()
        frames = [draw_memory(cells) for _ in range(count)]
        stored = sum(each.keys.nbytes + each.values.nbytes for each in frames) / 1e6
        read_memory(frames, query, GRID, reading)
    return stored, read_peak() - before - stored


def read_resident() -> float:
    """The memory of this process now, in 10^6 bytes. Linux only."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def compare_reading(counts: Sequence[int], call: Callable[..., Any]) -> None:
    """Print what reading a memory takes beside the keys and values, in blocks and at once."""
    print("| remembered frames | keys and values, MB | beside them, in blocks, MB | beside them, at once, MB |")
    print("|--:|--:|--:|--:|")
    for count in counts:
        (stored, blocks), (_, whole) = (call(measure_reading, count, each) for each in (False, True))
        print(f"| {count} | {stored:.0f} | {blocks:.0f} | {whole:.0f} |", flush=True)
