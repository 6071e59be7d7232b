"""Measure `vosbench eval` over sizes of frames and numbers of objects, with the compiled kernel and with NumPy.

    python benchmarks/evaluate_sizes.py                          a table; a minute
    python benchmarks/evaluate_sizes.py --frames 300 --sizes 480 1080 2160 --objects 1 5 20 60
    python benchmarks/evaluate_sizes.py --svg docs/images/evaluation-cost.svg

Each row measures whole processes, the two ways in turn. The cost of an object in a frame is the CPU time beyond that of
the same command on two frames, so that start-up does not count. The numbers of both ways must be equal to the last bit.
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

ROOT = Path(__file__).resolve().parents[1]
WAYS = {"kernel": "", "NumPy": "numpy"}
FEWEST = 3  # frames of which one is scored, to know the cost of start-up


class SizeCost(NamedTuple):
    """What one way takes. start: the CPU seconds for FEWEST frames."""

    cpu: float
    start: float
    megabytes: float
    figures: Mapping[str, float]


DRAW = """
import math, sys
from pathlib import Path
import numpy as np
from vosbench.masks.labels import encode_labels
folder, height, objects, frames = Path(sys.argv[1]), *map(int, sys.argv[2:])
width, side = height * 16 // 9, math.ceil(math.sqrt(objects))
rows, columns = np.mgrid[:height, :width]
for late in (0, 1):
    place = folder / ("masks", "tree/Annotations")[late] / "wander"
    place.mkdir(parents=True)
    for frame in range(frames):
        labels = np.zeros((height, width), np.uint8)
        for index in range(objects):
            row, column = divmod(index, side)
            y = (row + 0.5 + 0.2 * math.sin((frame + late) / 9 + index)) * height / side
            x = (column + 0.5 + 0.2 * math.cos((frame + late) / 7 + index)) * width / side
            reach = slice(max(0, int(y - height / side / 3)), int(y + height / side / 3))
            disk = np.hypot(rows[reach] - y, columns[reach] - x) < height / side / 3.5
            labels[reach][disk] = index + 1
        (place / f"{frame:05}.png").write_bytes(encode_labels(labels))
(folder / "tree" / "ImageSets").mkdir()
(folder / "tree" / "ImageSets" / "val.txt").write_text("wander\\n")
"""


def draw_video(folder: Path, height: int, objects: int, frames: int) -> None:
    """Draw disks that wander, as ground truth, and the same one step later, as predictions."""
    command = [sys.executable, "-c", DRAW, str(folder), str(height), str(objects), str(frames)]
    subprocess.run(command, cwd=ROOT, check=True)


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


def measure(scratch: Path, height: int, objects: int, frames: int, repeat: int) -> dict[str, SizeCost]:
    """The cost of each way, as the least of `repeat` rounds."""
    folder, short = scratch / f"{height}-{objects}", scratch / f"{height}-{objects}-short"
    draw_video(folder, height, objects, frames)
    draw_video(short, height, objects, FEWEST)
    rounds = [{way: (evaluate(folder, way), evaluate(short, way)[0]) for way in WAYS} for _ in range(repeat)]
    return {
        way: SizeCost(
            min(each[way][0][0] for each in rounds),
            min(each[way][1] for each in rounds),
            max(each[way][0][1] for each in rounds),
            rounds[0][way][0][2],
        )
        for way in WAYS
    }


def plot(points: Mapping[tuple[str, int], Sequence[tuple[int, float]]], path: Path) -> None:
    """Draw the milliseconds of an object in a frame over the number of objects, a line a way and height."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "vosbench"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
    for (way, height), line in points.items():
        style = "-o" if way == "kernel" else "--s"
        axes.loglog(*zip(*line, strict=True), style, label=f"{height} rows, {way}", markersize=4)
    axes.set_xlabel("objects in the video")
    axes.set_ylabel("CPU ms per object and frame")
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(path, metadata={"Date": None})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[480, 1080], help="rows of the frames, 16:9")
    parser.add_argument("--objects", type=int, nargs="+", default=[1, 5, 20], help="objects in a video")
    parser.add_argument("--frames", type=int, default=40, help="frames of each video (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=2, help="rounds (default: %(default)s)")
    parser.add_argument("--svg", type=Path, help="draw the costs into this file")
    options = parser.parse_args()
    points: dict[tuple[str, int], list[tuple[int, float]]] = {}
    equal = True
    print("| rows | objects | kernel, CPU s | NumPy, CPU s | NumPy / kernel | kernel, ms an object-frame | peak MB |")
    print("|--:|--:|--:|--:|--:|--:|--:|")
    with TemporaryDirectory(prefix="vosbench-") as scratch:
        for height in options.sizes:
            for objects in options.objects:
                costs = measure(Path(scratch), height, objects, options.frames, options.repeat)
                each = {
                    way: 1000 * max(cost.cpu - cost.start, 0) / (options.frames - FEWEST) / objects
                    for way, cost in costs.items()
                }
                for way, value in each.items():
                    points.setdefault((way, height), []).append((objects, value))
                kernel, plain = costs["kernel"], costs["NumPy"]
                equal = equal and kernel.figures == plain.figures
                print(
                    f"| {height} | {objects} | {kernel.cpu:.2f} | {plain.cpu:.2f} | {plain.cpu / kernel.cpu:.2f} "
                    f"| {each['kernel']:.3f} | {kernel.megabytes:.0f} |",
                    flush=True,
                )
    print("figures of both ways: equal to the last bit" if equal else "FIGURES DIFFER")
    if options.svg:
        plot(points, options.svg)
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
