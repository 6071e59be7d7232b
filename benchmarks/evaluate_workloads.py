"""Measure `vosbench eval` on large frames, many objects, long videos and the forms in which masks come.

    python benchmarks/evaluate_workloads.py                   all workloads with a tenth of their frames
    python benchmarks/evaluate_workloads.py 4k zip            only these
    python benchmarks/evaluate_workloads.py --whole --peers   with all their frames, beside vos-benchmark

Each row measures whole processes on one core, as `evaluate.py` does, and takes the least of the rounds. vos-benchmark
runs once on the same masks as PNG label maps, which is all that it reads: its figures are in brackets where ours come
in another form, and one run stands for all forms of the same masks. It does not have MOSEv2's measures, and no tool on
the package index does. The numbers are compared, and the exit status is 1 if they differ. With all frames vos-benchmark
takes four minutes of CPU time. Every workload is one video of disks that wander; the predictions are one step late, and
the motion repeats after CYCLE frames.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
import wandering_disks
from evaluate import (
    PEER_TOLERANCE,
    RUNNERS,
    Command,
    Numbers,
    Usage,
    conditions,
    eval_command,
    install,
    measure,
    read_own_numbers,
    read_vos_benchmark_numbers,
)
from wandering_disks import CYCLE, VIDEO, link_video

ROOT = Path(__file__).resolve().parents[1]
PEAK_GOAL = 150.0  # MB a process
PARTS = 10  # without --whole, a workload has one frame in this many


class PeerResult(NamedTuple):
    """What vos-benchmark took for some masks, and its numbers."""

    used: Usage
    numbers: Numbers


class Workload(NamedTuple):
    """One video. rows: of its frames, which are 16:9. form: how the masks come. rules: of another dataset's card."""

    what: str
    rows: int
    objects: int
    frames: int
    form: str = "png"
    rules: str = ""


WORKLOADS = {
    "1080p": Workload("1920x1080", 1080, 5, 300),
    "4k": Workload("3840x2160", 2160, 5, 20),
    "crowd": Workload("854x480", 480, 60, 50),
    "sav": Workload("854x480, a 1-bit PNG for each object, SA-V's rules", 480, 10, 150, "objects", "sav"),
    "long": Workload("854x480, LVOS's length", 480, 2, 2000),
    "mosev2": Workload("1920x1080, MOSEv2's measures", 1080, 5, 300, rules="mosev2"),
    "zip": Workload("1920x1080, from a zip", 1080, 5, 300, "zip"),
    "rle": Workload("1920x1080, from COCO RLE", 1080, 5, 300, "rle"),
}


def prepare(workload: Workload, frames: int, scratch: Path) -> tuple[Path, Path]:
    """Write the dataset and the masks of a workload, and return both. The label maps stay in `maps` and `truth`."""
    drawn, width = scratch / "drawn", workload.rows * 16 // 9 + (workload.rows == 480)
    drawn.mkdir()
    size = [str(workload.rows), str(width), str(workload.objects), str(CYCLE)]
    measure([sys.executable, wandering_disks.__file__, drawn, *size], 1)
    for ahead, name in enumerate(("maps", "truth")):
        link_video(drawn, scratch / name, frames, ahead)
    tree, objects = scratch / "tree", [str(index + 1) for index in range(workload.objects)]
    (tree / "ImageSets").mkdir(parents=True)
    (tree / "ImageSets" / "val.txt").write_text(f"{VIDEO}\n")
    video = {"length": frames, "height": workload.rows, "width": width, "objects": objects}
    (tree / "meta.json").write_text(json.dumps({"videos": {VIDEO: video}}))
    if workload.form == "objects":
        convert(scratch / "truth", tree / "Annotations", "objects")
        convert(scratch / "maps", scratch / "objects", "objects")
        return tree, scratch / "objects"
    (tree / "Annotations").symlink_to(scratch / "truth")
    if workload.form == "zip":
        with zipfile.ZipFile(scratch / "maps.zip", "w") as archive:
            for path in sorted((scratch / "maps").rglob("*.png")):
                archive.write(path, path.relative_to(scratch / "maps"))
        return tree, scratch / "maps.zip"
    if workload.form == "rle":
        convert(scratch / "maps", scratch / "maps.json", "rle")
        return tree, scratch / "maps.json"
    return tree, scratch / "maps"


def convert(source: Path, target: Path, form: str) -> None:
    """Write masks in another form."""
    measure([sys.executable, "-m", "vosbench", "convert", source, "-o", target, "--to", form], 1)


def evaluate(workload: Workload, frames: int, scratch: Path, repeat: int) -> list[Usage]:
    """What each round of `vosbench eval` took."""
    tree, masks = prepare(workload, frames, scratch)
    command: Command = eval_command(tree, masks, scratch / "scores.json", 1)
    if workload.rules:
        command += ["--rules", workload.rules]
    return [measure(command, 1) for _ in range(repeat)]


def measure_peer(python: Path, scratch: Path) -> PeerResult:
    """Let vos-benchmark score the label maps of a workload, once."""
    out = scratch / "peer.json"
    command: Command = [python, "-c", RUNNERS["vos-benchmark"], scratch / "truth", scratch / "maps", out, "1"]
    return PeerResult(measure(command, 1), read_vos_benchmark_numbers(out))


def has_equal_numbers(own: Path, theirs: Numbers) -> bool:
    """Whether J-Mean and F-Mean of all objects equal those of vos-benchmark."""
    mine = read_own_numbers(own)
    return bool(theirs) and all(abs(100 * mine[key] - value) <= PEER_TOLERANCE for key, value in theirs.items())


def describe(name: str, workload: Workload, frames: int, used: list[Usage], peer: Usage | None) -> Iterator[str]:
    """The cells of a workload's row."""
    cpu, wall = min(usage.cpu for usage in used), min(usage.wall for usage in used)
    cost = 1e3 * cpu / frames / workload.objects
    yield from (name, workload.what, str(workload.objects), str(frames), f"{cpu:.2f}", f"{wall:.2f}")
    yield from (f"{max(usage.megabytes for usage in used):.0f}", f"{cost:.2f}")
    if peer:
        left, right = ("", "") if workload.form == "png" else ("(", ")")
        yield from (f"{left}{peer.cpu:.1f}{right}", f"{left}{peer.cpu / cpu:.1f}{right}", f"{peer.megabytes:.0f}")
    else:
        yield from ("-", "-", "-") if workload.rules != "mosev2" else ("has no such measures", "-", "-")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", choices=[*WORKLOADS, []], help="default: all")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--whole", action="store_true", help="all frames of each workload")
    length.add_argument("--frames", type=int, help="this many frames of each workload")
    parser.add_argument("--repeat", type=int, default=3, help="rounds (default: %(default)s)")
    parser.add_argument("--peers", action="store_true", help="measure vos-benchmark too")
    parser.add_argument("--environment", type=Path, default=ROOT / "build" / "peers", help="where it is installed")
    options = parser.parse_args()
    python = install(options.environment.resolve()).get("vos-benchmark") if options.peers else None
    print(*conditions({}), sep="\n")
    print("| workload | masks | objects | frames | CPU s | wall s | peak MB | CPU ms per object and frame ", end="")
    print("| vos-benchmark, CPU s | times vosbench | its peak MB |")
    print("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    highest, equal, peers = 0.0, True, dict[tuple[int, int, int], PeerResult]()
    for name in options.workloads or WORKLOADS:
        workload = WORKLOADS[name]
        frames = options.frames or math.ceil(workload.frames / (1 if options.whole else PARTS))
        with TemporaryDirectory(prefix="vosbench-") as folder:
            scratch, peer = Path(folder), None
            used = evaluate(workload, frames, scratch, options.repeat)
            if python and workload.rules != "mosev2":
                same_masks = workload.rows, workload.objects, frames
                peer = peers.get(same_masks) or peers.setdefault(same_masks, measure_peer(python, scratch))
                equal = equal and has_equal_numbers(scratch / "scores.json", peer.numbers)
        highest = max(highest, *(usage.megabytes for usage in used))
        print(f"| {' | '.join(describe(name, workload, frames, used, peer and peer.used))} |", flush=True)
    print(f"load {os.getloadavg()[0]:.1f} at the end; peak {highest:.0f} MB, the goal is below {PEAK_GOAL:.0f} MB")
    if python:
        print("numbers of vos-benchmark: equal" if equal else "NUMBERS DIFFER")
    return 0 if equal and highest < PEAK_GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
