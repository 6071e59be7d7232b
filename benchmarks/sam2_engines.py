"""What benchmarks/track.py compares: SAM 2's official script and vosbench, each on one drawn video, with what it took.

Only the measured processes import torch: the peak memory of a process is never less than that of its parent.
"""

from __future__ import annotations

import math
import os
import resource
import runpy
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from drawn_clip import VIDEO
from evaluate import ROOT

Result = TypeVar("Result")

DTYPES = {"cpu": "float32", "cuda": "bfloat16"}
MODELS = {"tiny": "t", "small": "s", "base_plus": "b+", "large": "l"}
STOCK = "stock"


class Engine(NamedTuple):
    """A tracker and its settings. like: the engine whose masks it should have."""

    tracker: str
    settings: Mapping[str, bool]
    like: str = STOCK


ENGINES: Mapping[str, Engine] = {
    STOCK: Engine("sam2", {}),
    "exact": Engine("sam2", {}),
    "fast": Engine("sam2", {"fast": True}),
    "compiled": Engine("sam2", {"fast": True, "compile": True}),
    "long": Engine("sam2long", {}, like="long"),
    "long-fast": Engine("sam2long", {"fast": True}, like="long"),
}


class Machine(NamedTuple):
    """device: where the model runs. size: which model. side: of its input, in pixels. checkpoint: its weights."""

    device: str
    size: str
    side: int
    checkpoint: Path


class Usage(NamedTuple):
    """What a video took.

    wall, cpu: seconds on the clock, and of CPU. megabytes, gpu_megabytes: the peak memory of the process and of the
    GPU, in 10^6 bytes. tracking: seconds of tracking only. busy: seconds in which the GPU was busy.
    """

    wall: float
    cpu: float
    megabytes: float
    gpu_megabytes: float
    tracking: float = math.nan
    busy: float = math.nan


def seed(machine: Machine, weights: Path) -> str:
    """Write a checkpoint whose weights depend only on the names of tensors. Returns a line about model and device."""
    import torch

    torch.manual_seed(0)
    model = stock_predictor(machine._replace(device="cpu"), weighted=False)
    drawn = runpy.run_path(str(weights))["seeded_state_dict"](model) if weights.is_file() else model.state_dict()
    torch.save({"model": drawn}, machine.checkpoint)
    kind = "seeded" if weights.is_file() else "initial"
    what = f"SAM 2.1 {machine.size} with {kind} weights, {machine.side} pixels, {DTYPES[machine.device]}"
    gpu = f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}, " if machine.device == "cuda" else ""
    return f"{what}; {gpu}torch {torch.__version__} on {torch.get_num_threads()} CPU threads, sam2 {version('sam2')}"


def stock_predictor(machine: Machine, weighted: bool = True) -> Any:
    """Build the predictor as the official script does."""
    from sam2.build_sam import build_sam2_video_predictor

    return build_sam2_video_predictor(
        f"configs/sam2.1/sam2.1_hiera_{MODELS[machine.size]}.yaml",
        str(machine.checkpoint) if weighted else None,
        device=machine.device,
        apply_postprocessing=False,
        hydra_overrides_extra=["++model.non_overlap_masks=true", f"++model.image_size={machine.side}"],
    )


def measure(machine: Machine, work: Callable[[], Result]) -> tuple[Usage, Result]:
    """Do some work. Returns what it took, and its result."""
    import torch

    gpu = machine.device == "cuda"
    if gpu:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    if gpu:
        torch.cuda.synchronize()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return Usage(wall, cpu, megabytes, torch.cuda.max_memory_allocated() / 1e6 if gpu else math.nan), result


def measure_gpu_seconds(machine: Machine, work: Callable[[], object]) -> float:
    """The seconds of some work in which a kernel ran on the GPU; a copy is no kernel. NaN without a GPU."""
    import torch
    from torch.autograd import DeviceType
    from torch.profiler import ProfilerActivity, profile

    if machine.device != "cuda":
        return math.nan
    with profile(activities=[ProfilerActivity.CUDA]) as watched:
        work()
        torch.cuda.synchronize()
    events = watched.profiler.kineto_results.events()  # the public list of events takes minutes to build
    kernels = [event for event in events if event.device_type() == DeviceType.CUDA and event.name()[:3] != "Mem"]
    return covered((event.start_ns(), event.end_ns()) for event in kernels) / 1e9 or math.nan


def covered(spans: Iterable[tuple[int, int]]) -> int:
    """The total length of the union of spans, each of which is (start, end)."""
    total = until = 0
    for start, end in sorted(spans):
        total += max(0, end - max(start, until))
        until = max(until, end)
    return total


def measure_stock(machine: Machine, tree: Path, warm: Path, out: Path) -> Usage:
    """Measure the stock predictor, used as by the official script. Its time for reading is not counted as tracking."""
    os.environ["TQDM_DISABLE"] = "1"
    import torch
    from PIL import Image
    from sam2 import sam2_video_predictor

    from vosbench.datasets.split import open_split
    from vosbench.masks.labels import make_palette, to_labels

    sys.path.insert(0, str(ROOT))
    from tests.support import official

    predictor, load, seconds = stock_predictor(machine), sam2_video_predictor.load_video_frames, [0.0]
    precision = torch.autocast("cuda", torch.bfloat16) if machine.device == "cuda" else nullcontext()

    def load_and_note(*arguments: Any, **named: Any) -> Any:
        start = time.perf_counter()
        loaded = load(*arguments, **named)
        seconds[0] = time.perf_counter() - start
        return loaded

    def track(tree: Path) -> Any:
        dataset = open_split(str(tree), "val", tree)
        prompts, frames = dataset.video(VIDEO).prompts, dataset.frames_folder / VIDEO
        with torch.inference_mode(), precision:
            if [*prompts] != [0]:
                return official.labels(predictor, official.separate(predictor, frames, prompts))
            tracked = official.together(predictor, frames, prompts[0])
        return [to_labels(masks, next(iter(masks.values())).shape) for masks in tracked]

    def track_and_write() -> float:
        start = time.perf_counter()
        maps = track(tree)
        tracked = time.perf_counter() - start
        out.mkdir()
        for index, labels in enumerate(maps):
            image = Image.fromarray(labels)
            image.putpalette(make_palette())
            image.save(out / f"{index:05}.png")
        return tracked

    sam2_video_predictor.load_video_frames = load_and_note
    track(warm)
    usage, tracked = measure(machine, track_and_write)
    return usage._replace(tracking=tracked - seconds[0], busy=measure_gpu_seconds(machine, lambda: track(tree)))


def measure_own(machine: Machine, tree: Path, warm: Path, out: Path, engine: Engine, tracking: bool = True) -> Usage:
    """Measure what a worker of vosbench does with a video and then, if `tracking`, only its tracking."""
    from vosbench.datasets.split import open_split
    from vosbench.io import plugins
    from vosbench.running.run import Run
    from vosbench.running.track_video import track_video
    from vosbench.trackers.registry import BUILT_IN_TRACKERS

    model = {"checkpoint": str(machine.checkpoint), "image_size": machine.side, "dtype": DTYPES[machine.device]}
    tracker = plugins.load_object(BUILT_IN_TRACKERS[engine.tracker])(machine.device, **model, **engine.settings)

    def track(tree: Path, out: Path) -> Any:
        return track_video(tracker, VIDEO, open_split(str(tree), "val", tree), Run(out), lambda done: None)

    track(warm, out.with_suffix(".warm"))
    usage, _ = measure(machine, partial(track, tree, out.with_suffix(".run")))
    (out.with_suffix(".run") / "masks" / VIDEO).rename(out)
    if not tracking:
        return usage
    video = open_split(str(tree), "val", tree).video(VIDEO)
    video = replace(video, frames=list(video.frames))
    seconds = measure(machine, lambda: list(tracker.track(video)))[0].wall
    return usage._replace(tracking=seconds, busy=measure_gpu_seconds(machine, lambda: list(tracker.track(video))))


def call_in_process(function: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function in a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def count_differing_pixels(masks: Path, others: Path) -> int:
    """The number of pixels in which the label maps of two folders differ."""
    from vosbench.masks.labels import read_labels

    names = sorted(path.name for path in masks.iterdir())
    if names != sorted(path.name for path in others.iterdir()):
        sys.exit(f"{masks} and {others} have masks of different frames: one of the two engines has left some out")
    return sum(int((read_labels(masks / name) != read_labels(others / name)).sum()) for name in names)
