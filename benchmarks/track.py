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
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from balance import DAVIS
from drawn_clip import Clip, draw
from evaluate import DATA, ROOT, conditions, spread
from propagation import PROPAGATION_ENGINES, compare_propagation, compare_reading
from sam2_engines import (
    DTYPES,
    ENGINES,
    MODELS,
    STOCK,
    Engine,
    Machine,
    Usage,
    call_in_process,
    count_differing_pixels,
    measure_own,
    measure_stock,
    seed,
)

MEMORY_GOAL = 200.0  # MB by which the memory for a long video may exceed that for a short one
DAVIS_GOAL = 63.0  # seconds that eight GPUs took for DAVIS 2017 val with base_plus and a shell loop
FULL = 18  # frames after which a memory bank has its full length
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
