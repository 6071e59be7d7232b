"""Measure `vosbench eval` over sizes of frames and numbers of objects, with the compiled kernel and with NumPy.

    python benchmarks/evaluate_sizes.py                          a table; a minute
    python benchmarks/evaluate_sizes.py --frames 300 --sizes 480 1080 2160 --objects 1 5 20 60
    python benchmarks/evaluate_sizes.py --ways kernel --svg docs/images/evaluation-cost.svg

Each row measures whole processes, the two ways in turn. The cost of an object in a frame, and of a pixel of a frame, is
that of `vosbench.evaluate` in a process that has started and has scored the video once: the least CPU time of ROUNDS
further rounds. The motion repeats after CYCLE frames. The numbers of both ways must be equal to the last bit.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
import wandering_disks
from wandering_disks import CYCLE, VIDEO, link_video

ROOT = Path(__file__).resolve().parents[1]
WAYS = {"kernel": "", "NumPy": "numpy"}
ROUNDS = 4


class SizeCost(NamedTuple):
    """What one way takes. again: the CPU seconds of scoring it again in a process that has started."""

    cpu: float
    again: float
    megabytes: float
    figures: Mapping[str, float]


class Point(NamedTuple):
    """What scoring costs with this number of objects: ms of an object in a frame, and ns of a pixel of a frame."""

    objects: int
    milliseconds: float
    nanoseconds: float


AGAIN = """
import sys, time
import vosbench
results, tree, rounds = sys.argv[1:]
def score():
    start = time.process_time()
    vosbench.evaluate(results, dataset=tree, split="val", jobs=1)
    return time.process_time() - start
score()
print(min(score() for _ in range(int(rounds))))
"""


def draw_video(folder: Path, height: int, objects: int, frames: int) -> None:
    """Draw disks that wander, as predictions, and the same one step later, as ground truth."""
    drawn = folder / "drawn"
    drawn.mkdir(parents=True)
    size = (height, height * 16 // 9, objects, min(frames, CYCLE))
    subprocess.run([sys.executable, wandering_disks.__file__, drawn, *map(str, size)], cwd=ROOT, check=True)
    for ahead, name in enumerate(("masks", "tree/Annotations")):
        link_video(drawn, folder / name, frames, ahead)
    (folder / "tree" / "ImageSets").mkdir()
    (folder / "tree" / "ImageSets" / "val.txt").write_text(f"{VIDEO}\n")


def evaluate(folder: Path, way: str) -> tuple[float, float, Mapping[str, float]]:
    """CPU seconds, MB of the process, and the means that it wrote."""
    out = folder / "scores.json"
    command = [sys.executable, "-m", "vosbench", "eval", "--quiet", "--jobs", "1", "--json", str(out)]
    command += ["--results", str(folder / "masks"), "--dataset", str(folder / "tree"), "--split", "val"]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "VOSBENCH_KERNEL": WAYS[way]}, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6, json.loads(out.read_text())["global"]


def score_again(folder: Path, way: str) -> float:
    """CPU seconds of scoring a video in a process that has already done so."""
    command = [sys.executable, "-c", AGAIN, str(folder / "masks"), str(folder / "tree"), str(ROUNDS)]
    environment = {**os.environ, "VOSBENCH_KERNEL": WAYS[way]}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    return float(done.stdout)


def measure(
    scratch: Path, height: int, objects: int, frames: int, repeat: int, ways: Sequence[str]
) -> dict[str, SizeCost]:
    """The cost of each way, as the least of `repeat` rounds."""
    folder = scratch / f"{height}-{objects}"
    draw_video(folder, height, objects, frames)
    rounds = [{way: (evaluate(folder, way), score_again(folder, way)) for way in ways} for _ in range(repeat)]
    return {
        way: SizeCost(
            min(each[way][0][0] for each in rounds),
            min(each[way][1] for each in rounds),
            max(each[way][0][1] for each in rounds),
            rounds[0][way][0][2],
        )
        for way in ways
    }


def plot(points: Mapping[tuple[str, int], Sequence[Point]], path: Path) -> None:
    """Draw the cost of an object in a frame and of a pixel over the number of objects, a line a way and height."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "vosbench"
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    labels = ("CPU ms per object and frame", "CPU ns per pixel of a frame")
    for panel, (axes, label) in enumerate(zip(panels, labels, strict=True), start=1):
        for (way, height), line in points.items():
            style = "-o" if way == "kernel" else "--s"
            counts, values = [point.objects for point in line], [point[panel] for point in line]
            axes.loglog(counts, values, style, label=f"{height} rows, {way}", markersize=4)
        axes.set_xlabel("objects in the video")
        axes.set_ylabel(label)
        axes.set_xticks(sorted({point.objects for line in points.values() for point in line}))
        axes.xaxis.set_major_formatter("{x:.0f}")
        axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
        axes.yaxis.set_major_formatter("{x:g}")
        axes.grid(True, which="major", alpha=0.3)
    panels[0].legend(fontsize=8)
    figure.savefig(path, metadata={"Date": None})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[480, 1080], help="rows of the frames, 16:9")
    parser.add_argument("--objects", type=int, nargs="+", default=[1, 5, 20], help="objects in a video")
    parser.add_argument("--frames", type=int, default=40, help="frames of each video (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=2, help="rounds (default: %(default)s)")
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS), help="default: both")
    parser.add_argument("--svg", type=Path, help="draw the costs into this file")
    options = parser.parse_args()
    points: dict[tuple[str, int], list[Point]] = {}
    equal = True
    ways = [
        f"{way}, {what}" for way in options.ways for what in ("CPU s", "ms an object-frame", "ns a pixel", "peak MB")
    ]
    print(f"| rows | frames | objects | {' | '.join(ways)} |\n|--:|--:|--:|{'--:|' * len(ways)}")
    for height in options.sizes:
        for objects in options.objects:
            with TemporaryDirectory(prefix="vosbench-") as scratch:
                costs = measure(Path(scratch), height, objects, options.frames, options.repeat, options.ways)
            cells = []
            for way, cost in costs.items():
                spent = cost.again / (options.frames - 2)  # the first and the last frame are not scored
                pixels = height * (height * 16 // 9)
                point = Point(objects, 1e3 * spent / objects, 1e9 * spent / pixels)
                points.setdefault((way, height), []).append(point)
                cells += [f"{cost.cpu:.2f}", f"{point.milliseconds:.3f}", f"{point.nanoseconds:.2f}"]
                cells.append(f"{cost.megabytes:.0f}")
            equal = equal and len({tuple(cost.figures.items()) for cost in costs.values()}) == 1
            print(f"| {height} | {options.frames} | {objects} | {' | '.join(cells)} |", flush=True)
    print(f"load {os.getloadavg()[0]:.1f} at the end")
    if len(options.ways) > 1:
        print("figures of both ways: equal to the last bit" if equal else "FIGURES DIFFER")
    if options.svg:
        plot(points, options.svg)
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
