"""Measure the speed and memory of `vosbench eval` and of other evaluators on the same masks, and compare their numbers.

    python benchmarks/evaluate.py                 the table; with --markdown as the README shows it
    python benchmarks/evaluate.py --alone         the table without the other evaluators
    python benchmarks/evaluate.py --jobs 1 2 4    what several processes of `vosbench eval` take on all cores
    python benchmarks/evaluate.py --apart         the same masks as a 1-bit PNG for each object, by SA-V's rules
    python benchmarks/evaluate.py --memory        a long video of large frames: peak memory and frames a second

Each row measures whole processes from start to exit, so start-up counts. CPU is the user and system time of a process
and of all processes that it starts; peak memory is that of the largest of them. The one-core rows run on one core. Each
round goes through all rows, so that other work on the machine slows all of them, and the least of the rounds counts, as
other work can only add to it. The other evaluators are installed from the package index into a virtual environment of
their own.

The exit status is 1 if a number differs or the memory goal is missed. Works on Linux only. The data are not changed.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from importlib import metadata
from multiprocessing import get_context
from operator import attrgetter
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, TemporaryFile
from typing import NamedTuple, TypeAlias

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("VOSBENCH_TEST_DATA") or ROOT.parent / "shared" / "data")
PINNED = ("numpy==2.4.6", "opencv-python==5.0.0.93", "pillow==13.0.0", "scikit-image==0.26.0")
PEERS = {"vos-benchmark": "0.1.0", "trackeval": "1.3.0"}
OFFICIAL_TOLERANCE = 1e-12  # fractions
PEER_TOLERANCE = 1e-9  # percent, which is what vos-benchmark computes with
MEMORY_GOAL = 300.0  # MB per process, for a video of any length and size
SAV_SECONDS = 73.0  # CPU of SA-V's own evaluator for the golden masks apart, on a quiet core; it is on no package index
SIZE, OBJECTS = (1080, 1920), (4, 5)  # the large video's frames, and its rows and columns of objects

VOS_BENCHMARK = """
import json, sys
from vos_benchmark.benchmark import benchmark
ground_truth, prediction, out, processes = sys.argv[1:]
*_, (objects,) = benchmark([ground_truth], [prediction], num_processes=int(processes))
json.dump(objects, open(out, "w"))
"""
TRACKEVAL = """
import json, sys, trackeval
ground_truth, prediction, out, processes = sys.argv[1:]
folder, _, name = prediction.rpartition("/")
tree = dict(GT_FOLDER=ground_truth, TRACKERS_FOLDER=folder, TRACKERS_TO_EVAL=[name], TRACKER_SUB_FOLDER="")
parallel = dict(USE_PARALLEL=int(processes) > 1, NUM_PARALLEL_CORES=int(processes))
quiet = dict(OUTPUT_SUMMARY=False, OUTPUT_DETAILED=False, PLOT_CURVES=False, PRINT_RESULTS=False)
tool = trackeval.Evaluator(parallel | quiet)
results, _ = tool.evaluate([trackeval.datasets.DAVIS(tree)], [trackeval.metrics.JAndF()])
json.dump(results["DAVIS"][name]["COMBINED_SEQ"]["general"]["JAndF"], open(out, "w"), default=float)
"""
WAYS = {"vosbench": {"VOSBENCH_KERNEL": ""}, "vosbench, NumPy": {"VOSBENCH_KERNEL": "numpy"}}
RUNNERS = {"vos-benchmark": VOS_BENCHMARK, "trackeval": TRACKEVAL}
PILLOW = """
import sys, numpy
from pathlib import Path
from PIL import Image
for folder in sys.argv[1:]:
    for path in Path(folder).rglob("*.png"):
        numpy.asarray(Image.open(path))
"""
OWN_DECODER = """
import sys
from pathlib import Path
from vosbench.masks.labels import read_labels
for folder in sys.argv[1:]:
    for path in Path(folder).rglob("*.png"):
        read_labels(path)
"""

Command: TypeAlias = "list[str | Path]"

Numbers: TypeAlias = dict[tuple[str, str], float]
"""(object or "global", metric) -> value."""


class Usage(NamedTuple):
    """The cost of one run: CPU seconds, wall-clock seconds, MB (10^6 bytes) of its largest process."""

    cpu: float
    wall: float
    megabytes: float


class Row(NamedTuple):
    """A row of the table: its name, the number of cores, the command to measure, and variables of its environment."""

    name: str
    cores: int
    command: Command
    variables: Mapping[str, str] = {}


def rows(
    ground_truth: Path, prediction: Path, scratch: Path, peers: Mapping[str, Path], most_cores: int
) -> Iterator[Row]:
    """The rows of the table. peers: the Python in which each other evaluator is installed."""
    for cores in sorted({1, most_cores}):
        own = copy_masks(prediction, scratch / "vosbench")
        for name, variables in WAYS.items():
            out = scratch / f"{name.replace(', ', '-')}-{cores}.json"
            yield Row(name, cores, eval_command(ground_truth.parents[1], own, out, cores), variables)
        for name, python in peers.items():
            theirs, out = copy_masks(prediction, scratch / name), scratch / f"{name}-{cores}.json"
            yield Row(name, cores, [python, "-c", RUNNERS[name], ground_truth, theirs, out, str(cores)])
    yield Row("decoding only, Pillow", 1, [sys.executable, "-c", PILLOW, ground_truth, prediction])
    yield Row("decoding only, vosbench", 1, [sys.executable, "-c", OWN_DECODER, ground_truth, prediction])


def copy_masks(masks: Path, place: Path) -> Path:
    """Copy the masks for one evaluator: each writes beside them, and fails on what another has written there."""
    if not place.is_dir():
        for video in filter(Path.is_dir, masks.iterdir()):
            shutil.copytree(video, place / video.name)
    return place


def eval_command(tree: Path, prediction: Path, out: Path, jobs: int) -> Command:
    """The `vosbench eval` command that a user would type."""
    command: Command = [sys.executable, "-m", "vosbench", "eval", "--quiet", "--results", prediction]
    return [*command, "--dataset", tree, "--split", "val", "--jobs", str(jobs), "--json", out]


def measure(command: Command, cores: int, variables: Mapping[str, str] = {}) -> Usage:
    """Run a command on `cores` cores. Ends the benchmark if the command fails."""
    allowed = os.sched_getaffinity(0)
    with TemporaryFile() as output:
        os.sched_setaffinity(0, sorted(allowed)[:cores])
        start = time.perf_counter()
        environment = os.environ | variables
        process = subprocess.Popen(list(map(str, command)), cwd=ROOT, env=environment, stdout=output, stderr=output)
        os.sched_setaffinity(0, allowed)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            sys.exit(f"{' '.join(map(str, command))}\nfailed:\n{output.read().decode()[-2000:]}")
    return Usage(used.ru_utime + used.ru_stime, wall, used.ru_maxrss * 1024 / 1e6)


def install(folder: Path) -> dict[str, Path]:
    """Install the other evaluators and return the Python of each; print those that cannot be installed."""
    python = folder / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    for name, version in PEERS.items():
        if not is_installed(python, name, version):
            pip = [str(python), "-m", "pip", "install", "--quiet", f"{name}=={version}", *PINNED]
            subprocess.run(pip, capture_output=True, check=False)
    found = {name: python for name, version in PEERS.items() if is_installed(python, name, version)}
    for name in PEERS.keys() - found.keys():
        print(f"{name} {PEERS[name]}: cannot be installed here, so it is not measured")
    return found


def is_installed(python: Path, name: str, version: str) -> bool:
    """Whether another evaluator of this version is installed and can be imported."""
    check = f"import cv2, skimage, {name.replace('-', '_')}; from importlib.metadata import version as of"
    command = [str(python), "-c", f"{check}; assert of({name!r}) == {version!r}"]
    return not subprocess.run(command, capture_output=True, check=False).returncode


def read_own_numbers(path: Path) -> Numbers:
    """Every number in the file of `vosbench eval --json`."""
    content = json.loads(path.read_text())
    numbers = {("global", metric): value for metric, value in content["global"].items()}
    for entry in content["objects"]:
        name = f"{entry.pop('video')}_{entry.pop('object')}"
        numbers |= {(name, metric): value for metric, value in entry.items()}
    return numbers


def read_official_numbers(path: Path) -> Numbers:
    """Every number that davis2017-evaluation gave for the golden data."""
    content = json.loads(path.read_text())
    named = {"global": content["global"], **content["per_object"]}
    return {(name, metric): value for name, row in named.items() for metric, value in row.items()}


def read_vos_benchmark_numbers(path: Path) -> Numbers:
    """J-Mean and F-Mean of each object by vos-benchmark, in percent. It gives neither recall nor decay."""
    return {
        (f"{video}_{object_id}", f"{measure}-Mean"): value
        for video, values in json.loads(path.read_text()).items()
        for measure, objects in zip("JF", values, strict=True)
        for object_id, value in objects.items()
    }


def agree(title: str, mine: Numbers, theirs: Numbers, tolerance: float) -> bool:
    """Print the largest difference of two sets of numbers; return whether it is within the tolerance."""
    unpaired = sorted(mine.keys() ^ theirs.keys())
    most = max((abs(mine[key] - theirs[key]) for key in mine.keys() & theirs.keys()), default=0.0)
    equal = not unpaired and most <= tolerance
    print(f"{'equal' if equal else 'DIFFERENT'}: {title}, {len(theirs)} numbers, largest difference {most:.1e}", end="")
    print(f", only in one of the two: {unpaired[:6]}" if unpaired else "")
    return equal


def check(golden: Path, scratch: Path) -> bool:
    """Whether the numbers that all evaluators wrote agree.

    vos-benchmark scores the same frames as the official evaluator only where every object is seen from the first scored
    frame on. That holds for these masks.
    """
    recorded = read_official_numbers(golden / "official_rvos_match.json")
    equal = []
    for path in sorted(scratch.glob("vosbench-*.json")):
        title = f"{path.stem} and the recorded davis2017-evaluation"
        equal.append(agree(title, read_own_numbers(path), recorded, OFFICIAL_TOLERANCE))
    for path in sorted(scratch.glob("vos-benchmark-*.json")):
        theirs = read_vos_benchmark_numbers(path)
        own = read_own_numbers(scratch / "vosbench-1.json").items()
        percent = {
            (name, metric): 100 * value
            for (name, metric), value in own
            if name != "global" and metric in ("J-Mean", "F-Mean")
        }
        equal.append(agree(f"vosbench and {path.stem}, percent", percent, theirs, PEER_TOLERANCE))
    return all(equal)


def table(lines: Sequence[Row], usages: Sequence[Sequence[Usage]], markdown: bool) -> Iterator[str]:
    """The lines of the table as text."""
    cpu = [min(usage.cpu for usage in each) for each in usages]
    peer = {row.cores: seconds for row, seconds in zip(lines, cpu, strict=True) if row.name == "vos-benchmark"}
    cells = [["evaluator", "cores", "CPU s", "wall s", "peak MB", "times vos-benchmark"]]
    for row, each, seconds in zip(lines, usages, cpu, strict=True):
        times = f"{peer[row.cores] / seconds:.1f}" if row.cores in peer else "-"
        took = (spread([usage.cpu for usage in each]), spread([usage.wall for usage in each]))
        cells.append([row.name, str(row.cores), *took, f"{max(usage.megabytes for usage in each):.0f}", times])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    left, right = ("| ", " |") if markdown else ("", "")
    for index, line in enumerate(cells):
        numbers = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        yield left + (" | " if markdown else "  ").join([line[0].ljust(widths[0]), *numbers]) + right
        if markdown and not index:
            yield f"|{'-' * (widths[0] + 2)}|{'|'.join('-' * (width + 1) + ':' for width in widths[1:])}|"


def spread(values: Sequence[float]) -> str:
    """The least value, followed by the largest where there are several."""
    return f"{min(values):.2f}" + (f" (to {max(values):.2f})" if len(values) > 1 else "")


def conditions(peers: Mapping[str, Path]) -> Iterator[str]:
    """The date, the machine and the versions of everything measured."""
    described = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in described if line.startswith("model name")), "")
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    today = datetime.datetime.now(datetime.UTC).date()
    yield f"{today}: {model or platform.machine()}, {cores} cores, load {load:.1f} at the start, {platform.system()}"
    versions = [f"{name} {metadata.version(name)}" for name in ("vosbench", "numpy", "pillow")]
    yield f"Python {platform.python_version()}, {', '.join(versions)}"
    if peers:
        yield f"other evaluators: {', '.join(f'{name} {PEERS[name]}' for name in peers)}, with {', '.join(PINNED)}"


def compare(options: argparse.Namespace, scratch: Path) -> bool:
    """Measure all rows, print the table, and return whether the numbers agree."""
    golden = options.data.resolve() / "golden"
    ground_truth, prediction = golden / "DAVIS" / "Annotations" / "480p", golden / "predictions" / "rvos_match"
    peers = {} if options.alone else install(options.peers.resolve())
    print(*conditions(peers), sep="\n")
    lines = sorted(rows(ground_truth, prediction, scratch, peers, options.cores), key=attrgetter("cores"))
    measure(lines[0].command, 1)  # reads all files and compiles our bytecode, as pip has done for the others
    rounds = [[measure(row.command, row.cores, row.variables) for row in lines] for _ in range(options.repeat)]
    masks = sum(1 for _ in ground_truth.rglob("*.png"))
    videos = len(list(ground_truth.iterdir()))
    print(f"load {os.getloadavg()[0]:.1f} at the end; {masks} frames in {videos} videos; ", end="")
    print(f"the least of {options.repeat} rounds (to the most)\n")
    print(*table(lines, list(zip(*rounds, strict=True)), options.markdown), "", sep="\n")
    print("times vos-benchmark: its CPU seconds on as many cores, divided by the row's")
    if "trackeval" in peers:
        other = json.loads((scratch / "trackeval-1.json").read_text())["J&F"]
        print(
            f"trackeval measures something else (J&F {other:.4f}): it matches objects by overlap, "
            "and scores first and last frames"
        )
    return check(golden, scratch)


def compare_jobs(options: argparse.Namespace, scratch: Path) -> bool:
    """Measure `vosbench eval` with several numbers of processes on all cores; return whether the figures are equal.

    The first number is what the others are set against, in the same round. So is what the machine allows at best: the
    wall of as many evaluations at once as there are cores, divided by their number. They have nothing to wait for.
    """
    golden, cores = options.data.resolve() / "golden", len(os.sched_getaffinity(0))
    masks = copy_masks(golden / "predictions" / "rvos_match", scratch / "vosbench")
    files = [scratch / f"jobs-{jobs}.json" for jobs in options.jobs]
    commands = [
        eval_command(golden / "DAVIS", masks, path, jobs) for jobs, path in zip(options.jobs, files, strict=True)
    ]
    print(*conditions({}), sep="\n")
    measure(commands[0], cores)
    apart = [[*commands[0][:-1], scratch / f"apart-{each}.json"] for each in range(cores)]
    rounds, limits = [], []
    for _ in range(options.repeat):
        rounds.append([measure(command, cores) for command in commands])
        start = time.perf_counter()
        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(partial(measure, cores=cores), apart))
        limits.append((time.perf_counter() - start) / cores / rounds[-1][0].wall)
    print(f"load {os.getloadavg()[0]:.1f} at the end; the least of {options.repeat} rounds (to the most)\n")
    print("| jobs | CPU s | wall s | wall in the same round | peak MB a process |\n|--:|--:|--:|--:|--:|")
    for jobs, each in zip(options.jobs, zip(*rounds, strict=True), strict=True):
        cpu, wall = (spread([usage[field] for usage in each]) for field in (0, 1))
        ratio = median(usage.wall / own[0].wall for usage, own in zip(each, rounds, strict=True))
        print(f"| {jobs} | {cpu} | {wall} | {ratio:.2f} | {max(usage.megabytes for usage in each):.0f} |")
    print(f"\n{cores} evaluations at once took {median(limits):.2f} of the wall of one for each: the machine's limit")
    contents = [json.loads(path.read_text()) for path in files]
    equal = all(content["objects"] == contents[0]["objects"] for content in contents)
    print("figures: equal to the last bit" if equal else "FIGURES DIFFER")
    return equal


def measure_apart(options: argparse.Namespace, scratch: Path) -> bool:
    """Measure the golden masks with a PNG for each object; return whether SA-V's tool has the same numbers."""
    golden, tree, masks = options.data.resolve() / "golden", scratch / "tree", scratch / "masks"
    for source, target in (
        (golden / "DAVIS" / "Annotations" / "480p", tree / "Annotations"),
        (golden / "predictions" / "rvos_match", masks),
    ):
        measure([sys.executable, "-m", "vosbench", "convert", source, "-o", target, "--to", "objects"], 1)
    shutil.copytree(golden / "DAVIS" / "ImageSets" / "2017", tree / "ImageSets")
    out = scratch / "scores.json"
    print(*conditions({}), sep="\n")
    command = [*eval_command(tree, masks, out, 1), "--rules", "sav"]
    used = [measure(command, 1) for _ in range(options.repeat)]
    cpu, files = min(usage.cpu for usage in used), sum(1 for _ in scratch.rglob("*.png"))
    print(f"{files} files of an object, one core: {spread([usage.cpu for usage in used])} s CPU, ", end="")
    print(f"peak {max(usage.megabytes for usage in used):.0f} MB; load {os.getloadavg()[0]:.1f} at the end")
    print(
        f"SA-V's own evaluator took {SAV_SECONDS} s, recorded on a quiet machine: {SAV_SECONDS / cpu:.1f} times as much"
    )
    recorded = json.loads((golden / "sav_rvos_match.json").read_text())["per_object"]
    theirs = {(name, f"{metric}-Mean"): value for name, row in recorded.items() for metric, value in row.items()}
    own = {
        (f"{name.rpartition('_')[0]}_{int(name.rpartition('_')[2]) - 1:03}", metric): 100 * value
        for (name, metric), value in read_own_numbers(out).items()
        if name != "global" and metric in ("J-Mean", "F-Mean")
    }
    return agree("vosbench and SA-V's evaluator, percent", own, theirs, PEER_TOLERANCE)


def draw(folder: Path, index: int) -> None:
    """Write one label map of the large video: each object is a rectangle that moves in its own part of the frame."""
    import numpy as np  # not in the main process: a command's peak memory is never below that of the starting process

    from vosbench.masks.labels import encode_labels

    labels = np.zeros(SIZE, np.uint8)
    height, width = SIZE[0] // OBJECTS[0], SIZE[1] // OBJECTS[1]
    for index_of_object in range(OBJECTS[0] * OBJECTS[1]):
        row, column = divmod(index_of_object, OBJECTS[1])
        top = int((row + 0.25 + 0.2 * math.sin(index / 20 + index_of_object)) * height)
        start = int((column + 0.25 + 0.2 * math.cos(index / 17 + index_of_object)) * width)
        labels[top : top + height // 2, start : start + width // 2] = index_of_object + 1
    (folder / f"{index:05}.png").write_bytes(encode_labels(labels))


def measure_memory(options: argparse.Namespace, scratch: Path) -> bool:
    """Evaluate a long video of large frames; return whether the peak memory stays below the goal."""
    ground_truth, prediction = scratch / "tree" / "Annotations" / "wander", scratch / "masks" / "wander"
    lists = scratch / "tree" / "ImageSets"
    for folder in (ground_truth, prediction, lists):
        folder.mkdir(parents=True)
    (lists / "val.txt").write_text("wander\n")
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        list(pool.map(partial(draw, ground_truth), range(options.frames), chunksize=10))
    for index in range(options.frames):  # predictions that are one frame late
        (prediction / f"{index:05}.png").hardlink_to(ground_truth / f"{max(index - 1, 0):05}.png")
    print(*conditions({}), sep="\n")
    used = measure(eval_command(scratch / "tree", prediction.parent, scratch / "scores.json", 1), 1)
    title = f"{options.frames} frames of {SIZE[1]}x{SIZE[0]}, {OBJECTS[0] * OBJECTS[1]} objects, one core"
    print(f"{title}: {used.cpu:.1f} s CPU, {used.wall:.1f} s wall, {options.frames / used.wall:.1f} frames/s")
    print(f"peak memory {used.megabytes:.0f} MB; the goal is below {MEMORY_GOAL:.0f} MB")
    return used.megabytes < MEMORY_GOAL


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder that holds golden/ (default: %(default)s)")
    parser.add_argument(
        "--peers", type=Path, default=ROOT / "build" / "peers", help="the environment of the other evaluators"
    )
    parser.add_argument("--alone", action="store_true", help="do not measure the other evaluators")
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--cores", type=int, default=cores, help="the most cores (default: all of them, %(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="rounds (default: %(default)s)")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--memory", action="store_true", help="measure a long video of large frames instead")
    parser.add_argument("--frames", type=int, default=2000, help="its length (default: %(default)s)")
    parser.add_argument("--apart", action="store_true", help="measure a PNG for each object instead")
    parser.add_argument("--jobs", type=int, nargs="+", help="compare these numbers of processes instead")
    options = parser.parse_args()
    chosen = compare_jobs if options.jobs else measure_apart if options.apart else compare
    chosen = measure_memory if options.memory else chosen
    with TemporaryDirectory(prefix="vosbench-") as scratch:
        return 0 if chosen(options, Path(scratch)) else 1


if __name__ == "__main__":
    sys.exit(main())
