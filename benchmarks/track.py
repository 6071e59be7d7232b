"""Time SAM 2's official script and vosbench on the same drawn videos and seeded weights, and compare the masks.

    python benchmarks/track.py                          the table for a CPU; with --markdown as docs/speed.md shows it
    python benchmarks/track.py --device cuda            for a GPU, at 1024 pixels in bfloat16
    python benchmarks/track.py --device cuda --quick    a first table and the job of --davis, in less than ten minutes
    python benchmarks/track.py --memory                 peak memory of a short video and of a long one
    python benchmarks/track.py --device cuda --davis    `vosbench infer`, start-up included, over drawn videos: as many
                                                        videos, frames and objects as DAVIS 2017 val has

    python benchmarks/track.py --propagation --objects 1 2   Mask-Propagation and SimVOS: see benchmarks/propagation.py

stock      the stock predictor, used as by the official script (tests/support/official.py): it reads all frames, tracks
           the objects of the first frame together, or late objects one after the other, and then writes the masks
exact      vosbench with its default settings
fast       with `--set fast=true`
compiled   with `--set fast=true --set compile=true`; measured only if --engines names it, like the next two
long       `--tracker sam2long`
long-fast  `--tracker sam2long --set fast=true`; its masks are compared with those of long

Each measurement is a process of its own. It lasts from the first JPEG to the last PNG; the model is built and warm.
"Tracking only" leaves out reading, resizing and writing for stock; vosbench resizes frames while it tracks, so for
vosbench resizing is part of it. The GPU is busy while a kernel runs on it: a profiler counts these seconds in another
pass, and "GPU only" is the speed if there were no other seconds. Each round measures all engines, so that other work on
the machine slows all of them down alike.

The exit status is 1 if a mask of exact differs from that of stock, or if the long video takes much more memory. Linux
only. The weights are those of --data, or the initial ones of torch if --data has none.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import resource
import runpy
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar

from balance import DAVIS
from evaluate import DATA, ROOT, conditions, spread
from propagation import PROPAGATION_ENGINES, compare_propagation, compare_reading

# Only the measured processes import torch: the peak memory of a process is never less than that of its parent.

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
MEMORY_GOAL = 200.0  # MB by which the memory for a long video may exceed that for a short one
DAVIS_GOAL = 63.0  # seconds that eight GPUs took for DAVIS 2017 val with base_plus and a shell loop
FULL = 18  # frames after which a memory bank has its full length
VIDEO, PERIOD = "clip", 12  # the name of the only video, and the number of frames after which its frames repeat
COLUMNS = (
    "objects",
    "engine",
    "frames/s",
    "times stock",
    "CPU s",
    "by CPU, times stock",
    "tracking only, frames/s",
    "GPU only, frames/s",
    "peak MB",
    "GPU MB",
    "GPU busy %",
    "pixels that differ",
)


class Machine(NamedTuple):
    """device: where the model runs. size: which model. side: of its input, in pixels. checkpoint: its weights."""

    device: str
    size: str
    side: int
    checkpoint: Path


class Clip(NamedTuple):
    """A video to draw. late: each object begins in another frame, none in the first. shape: (height, width)."""

    objects: int
    frames: int
    late: bool = False
    shape: tuple[int, int] = (480, 854)

    def start(self, object_id: int) -> int:
        """The frame in which an object begins."""
        return max(1, object_id * self.frames // (4 * self.objects)) if self.late else 0


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


def draw(tree: Path, clip: Clip, name: str = VIDEO) -> None:
    """Add a video to a dataset in the normal layout: discs that circle over a gradient, again every PERIOD frames."""
    import numpy as np
    from PIL import Image

    from vosbench.masks.labels import encode_labels

    frames, masks, lists = tree / "JPEGImages" / name, tree / "Annotations" / name, tree / "ImageSets"
    for folder in (frames, masks, lists):
        folder.mkdir(parents=True, exist_ok=folder == lists)
    with (lists / "val.txt").open("a") as listed:
        listed.write(f"{name}\n")
    y, x = np.mgrid[: clip.shape[0], : clip.shape[1]] / clip.shape[0]
    everything = range(1, clip.objects + 1)
    for index in range(clip.frames):
        begun = [object_id for object_id in everything if clip.start(object_id) == index]
        path = frames / f"{index:05}.jpg"
        if index >= PERIOD:
            path.hardlink_to(frames / f"{index % PERIOD:05}.jpg")
            if not begun:
                continue
        labels = np.zeros(clip.shape, np.uint8)
        for object_id in everything:
            turn = 2 * math.pi * (object_id / clip.objects + (index % PERIOD) / PERIOD / 8)
            labels[np.hypot(x - 0.9 - 0.6 * math.cos(turn), y - 0.5 - 0.35 * math.sin(turn)) < 0.1] = object_id
        if begun:
            given = np.where(np.isin(labels, begun), labels, 0).astype(np.uint8)
            (masks / f"{index:05}.png").write_bytes(encode_labels(given))
        if index < PERIOD:
            colours = np.stack([x, y, 1 - y], axis=2) * 60 + labels[..., None] * (20, 7, 13) % 150
            Image.fromarray(colours.astype(np.uint8)).save(path, quality=90)


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


def rounds(
    machine: Machine, clip: Clip, options: argparse.Namespace, scratch: Path
) -> tuple[dict[str, list[Usage]], dict[str, int]]:
    """Measure the engines in turn. Returns what each of them used, and the most pixels of a round that differed."""
    engines = list(dict.fromkeys(name for each in options.engines for name in (STOCK, ENGINES[each].like, each)))
    tree, warm = scratch / "tree", scratch / "warm"
    draw(tree, clip)
    full = clip._replace(frames=min(clip.frames, FULL))  # a GPU's memory is allocated at its first use
    draw(warm, full if machine.device == "cuda" else Clip(min(clip.objects, 2), 3))
    usages: dict[str, list[Usage]] = {engine: [] for engine in engines}
    differing = dict.fromkeys(engines, 0)
    for turn in range(options.repeat):
        for name in engines:
            out, engine = scratch / f"{name}-{turn}", ENGINES[name]
            where = (machine, tree, warm, out)
            usages[name].append(
                call_in_process(measure_stock, *where)
                if name == STOCK
                else call_in_process(measure_own, *where, engine)
            )
            differing[name] = max(differing[name], count_differing_pixels(scratch / f"{engine.like}-{turn}", out))
            print(f"{describe_clip(clip)}, {name}: {usages[name][-1].wall:.1f} s", file=sys.stderr, flush=True)
    return usages, differing


def describe_clip(clip: Clip) -> str:
    """The name of a clip in the table."""
    return f"{clip.objects}{' late' if clip.late else ''}, {clip.frames} frames"


def row(clip: Clip, engine: str, each: Sequence[Usage], theirs: Sequence[Usage], differing: int) -> list[str]:
    """A line of the table: medians, the peaks of all rounds, and ratios to what stock took in the same round."""

    def rate(name: str) -> str:
        return f"{median(clip.frames / getattr(one, name) for one in each):.2f}"

    def times(name: str) -> str:
        return f"{median(getattr(a, name) / getattr(b, name) for a, b in zip(theirs, each, strict=True)):.2f}"

    return [
        describe_clip(clip),
        engine,
        rate("wall"),
        times("wall"),
        spread([one.cpu for one in each]),
        times("cpu"),
        rate("tracking"),
        rate("busy"),
        f"{max(one.megabytes for one in each):.0f}",
        f"{max(one.gpu_megabytes for one in each):.0f}",
        f"{median(100 * one.busy / one.wall for one in each):.0f}",
        f"{differing:,}",
    ]


def table(body: Sequence[Sequence[str]], markdown: bool) -> Iterator[str]:
    """The lines of the table, without columns that have no value."""
    known = [column for column in zip(COLUMNS, *body, strict=True) if set(column[1:]) != {"nan"}]
    widths = [max(map(len, column)) for column in known]
    for index, line in enumerate(zip(*known, strict=True)):
        names, numbers = zip(line[:2], widths[:2], strict=True), zip(line[2:], widths[2:], strict=True)
        cells = [*(cell.ljust(width) for cell, width in names), *(cell.rjust(width) for cell, width in numbers)]
        yield f"| {' | '.join(cells)} |" if markdown else "  ".join(cells)
        if markdown and not index:
            yield f"|{'|'.join('-' * (width + 1) + '-:'[rank > 1] for rank, width in enumerate(widths))}|"


def compare(options: argparse.Namespace, machine: Machine, scratch: Path) -> bool:
    """Measure all videos and print the table. Returns whether exact has the masks of stock."""
    lengths = options.frames or (16,)
    clips = [Clip(objects, frames) for frames in lengths for objects in options.objects]
    clips += [Clip(objects, frames, late=True) for frames in lengths for objects in options.late]
    body, differing_exact = [], 0
    for number, clip in enumerate(clips):
        usages, differing = rounds(machine, clip, options, scratch / str(number))
        body += [row(clip, engine, each, usages[STOCK], differing[engine]) for engine, each in usages.items()]
        differing_exact += differing.get("exact", 0)
    print(*table(body, options.markdown), "", sep="\n")
    pixels = clips[0].shape[0] * clips[0].shape[1]
    print(f"median of {options.repeat} (least to most); a frame has {pixels:,} pixels; peaks are those of all rounds")
    if "exact" in options.engines:
        print(f"{'DIFFERENT' if differing_exact else 'equal'}: the masks of stock and exact")
    return not differing_exact


def compare_memory(options: argparse.Namespace, machine: Machine, scratch: Path) -> bool:
    """Track a short and a long video. Returns whether the long one stays within MEMORY_GOAL of the short one."""
    peaks = []
    draw(scratch / "warm", Clip(3, 3))
    for frames in options.frames or (60, 2000):
        tree = scratch / str(frames)
        draw(tree, Clip(3, frames, shape=(720, 1280)))
        where = (machine, tree, scratch / "warm", scratch / f"out-{frames}")
        usage = call_in_process(partial(measure_own, tracking=False), *where, ENGINES["exact"])
        gpu = "" if math.isnan(usage.gpu_megabytes) else f", of the GPU {usage.gpu_megabytes:.0f} MB"
        print(f"{frames} frames of 1280x720, 3 objects: peak {usage.megabytes:.0f} MB{gpu}; {usage.cpu:.0f} s CPU")
        peaks.append((usage.megabytes, 0.0 if math.isnan(usage.gpu_megabytes) else usage.gpu_megabytes))
    grown = max(last - first for first, last in zip(peaks[0], peaks[-1], strict=True))
    print(f"{grown:.0f} MB more for the last one; the goal is at most {MEMORY_GOAL:.0f} MB")
    return grown <= MEMORY_GOAL


def infer_all(engines: Sequence[str], machine: Machine, most: float, scratch: Path) -> None:
    """Track as many videos as DAVIS 2017 val has with the command line, of each at most the first `most` frames."""
    tree = scratch / "davis"
    for rank, (frames, objects) in enumerate(DAVIS):
        draw(tree, Clip(objects, int(min(frames, most))), f"{rank:02}")
    for name in engines:
        if name != STOCK:
            out, seconds = scratch / f"davis-{name}", time.perf_counter()
            subprocess.run(command(machine, tree, ENGINES[name], out), cwd=ROOT, check=True)
            print(summarise_run(name, time.perf_counter() - seconds, out / "timings.csv"), flush=True)
    print(f"goal, for base_plus and all frames on one GPU: {DAVIS_GOAL:.0f} s")


def command(machine: Machine, tree: Path, engine: Engine, out: Path) -> list[str]:
    """The command line that a user would type."""
    settings = {"image_size": machine.side, "dtype": DTYPES[machine.device], **engine.settings}
    start = [sys.executable, "-m", "vosbench", "infer", "--quiet", "--dataset", tree, "--split", "val", "--out", out]
    model = ["--tracker", engine.tracker, "--checkpoint", machine.checkpoint]
    device = ["--gpus", "cpu" if machine.device == "cpu" else "0"]
    chosen = [word for key, value in settings.items() for word in ("--set", f"{key}={str(value).lower()}")]
    return list(map(str, [*start, *model, *device, *chosen]))


def summarise_run(name: str, seconds: float, timings: Path) -> str:
    """A line with what a run took."""
    with timings.open(newline="") as table:
        videos = list(csv.DictReader(table))
    frames, objects, tracking = (sum(float(video[key]) for video in videos) for key in ("frames", "objects", "seconds"))
    peak, gpu = (max(float(video[key]) for video in videos) for key in ("peak_memory_mb", "peak_gpu_memory_mb"))
    return (
        f"{name}: {len(videos)} videos, {frames:.0f} frames, {objects:.0f} objects in {seconds:.1f} s, "
        f"{frames / seconds:.2f} frames/s, {seconds - tracking:.1f} s of them not tracking; "
        f"peak {peak:.0f} MB, of the GPU {gpu:.0f} MB"
    )


def measure_propagation(options: argparse.Namespace, scratch: Path) -> None:
    """Print the tables of Mask-Propagation and SimVOS."""

    def draw_clip(tree: Path, objects: int, frames: int, shape: tuple[int, int]) -> None:
        draw(tree, Clip(objects, frames, shape=tuple(shape)))

    print(*conditions({}), "", sep="\n")
    if options.memory:
        compare_reading(options.frames or (20, 100, 200), call_in_process)
    else:
        compare_propagation(options, scratch, draw_clip, call_in_process)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=DTYPES, default="cpu", help="default: %(default)s")
    parser.add_argument("--size", choices=MODELS, help="size of the model (default: tiny; on a GPU base_plus)")
    parser.add_argument(
        "--image-size", type=int, help="side in pixels (default: 256, with --memory 128; on a GPU 1024)"
    )
    parser.add_argument(
        "--objects", type=int, nargs="*", default=[1, 3, 8], help="numbers of objects in frame 0 (default: 1 3 8)"
    )
    parser.add_argument(
        "--late", type=int, nargs="*", default=[3], help="numbers of objects in later frames (default: 3)"
    )
    parser.add_argument("--frames", type=int, nargs="+", help="lengths of videos (default: 16, with --memory 60 2000)")
    parser.add_argument("--repeat", type=int, default=3, help="number of rounds (default: %(default)s)")
    parser.add_argument("--engines", choices=ENGINES, nargs="+", default=[STOCK, "exact", "fast"])
    parser.add_argument("--quick", action="store_true", help="few rows, one round, and then --davis")
    parser.add_argument("--davis", action="store_true", help="measure whole runs; --frames then limits each video")
    parser.add_argument("--memory", action="store_true", help="measure only the memory for a short and a long video")
    parser.add_argument(
        "--propagation",
        choices=PROPAGATION_ENGINES,
        nargs="*",
        metavar="NAME",
        help="measure only Mask-Propagation and SimVOS, by default the usual of: " + "; ".join(PROPAGATION_ENGINES),
    )
    parser.add_argument(
        "--frame-size",
        type=int,
        nargs=2,
        default=(480, 854),
        metavar=("HEIGHT", "WIDTH"),
        help="of the frames of --propagation (default: 480 854)",
    )
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder that holds sam2/ (default: %(default)s)")
    options = parser.parse_args()
    most = max(options.frames or [math.inf])
    if options.quick:
        options.objects, options.late, options.repeat, options.frames = [1, 3], [3], 1, options.frames or [60]
    gpu = options.device == "cuda"
    side = options.image_size or (1024 if gpu else 128 if options.memory else 256)
    with TemporaryDirectory(prefix="vosbench-") as folder:
        scratch = Path(folder)
        if options.propagation is not None:
            measure_propagation(options, scratch)
            return 0
        machine = Machine(options.device, options.size or ("base_plus" if gpu else "tiny"), side, scratch / "seeded.pt")
        described = call_in_process(seed, machine, options.data.resolve() / "sam2" / "weights.py")
        print(*conditions({}), described, "", sep="\n")
        if options.memory:
            return 0 if compare_memory(options, machine, scratch) else 1
        alike = options.davis or compare(options, machine, scratch)
        if options.davis or options.quick:
            infer_all(options.engines, machine, most, scratch)
        return 0 if alike else 1


if __name__ == "__main__":
    sys.exit(main())
