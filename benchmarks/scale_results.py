"""Measure the commands on a run of very many tiny videos: `python benchmarks/scale.py results --videos 50000`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from scale_tools import cpu_of_children, make_tree, met, show

RESULTS_GOAL = 300.0  # MB of a process, for 50,000 videos
CONVERTED = {
    "png": "png",
    "objects": "objects",
    "rle": "rle.json",
    "youtube-vis": "youtube-vis.json",
    "burst": "burst.json",
    "masklets": "masklets",
    "npz": "masks.npz",
}
"""The forms of `convert`, and the names of what is written."""


def measure_results(videos: int, scratch: Path, markdown: bool) -> bool:
    """Print what each command takes for a run over so many videos. Returns whether memory meets its goal."""
    make_annotated_tree(scratch / "tree", videos)
    rows = [["command", "CPU s", "peak MB of a process", "PSS of all, MB"]]
    peaks = []
    for name, command in list_commands(scratch).items():
        cpu, peak, shared = measure_command([sys.executable, "-m", "vosbench", *map(str, command)], scratch)
        peaks.append(peak)
        rows.append([name, f"{cpu:.0f}", f"{peak:.0f}", f"{shared:.0f}"])
    print(f"{videos} videos of 3 frames of 16x16 pixels with one object")
    show(rows, markdown)
    return met("peak of a process, MB", max(peaks), RESULTS_GOAL)


def make_annotated_tree(tree: Path, videos: int) -> None:
    """Write a dataset of so many equal videos of three frames with one object, each frame with its ground truth."""
    make_tree(tree, videos, 3)
    first, *others = sorted((tree / "Annotations").iterdir())
    for frame in ("00001.png", "00002.png"):
        (first / frame).write_bytes((first / "00000.png").read_bytes())  # a new file, as one has few links
        for video in others:
            (video / frame).hardlink_to(first / frame)


def list_commands(scratch: Path) -> dict[str, list[object]]:
    """The commands by their names, in the order in which they need what the ones before have written."""
    tree, run = scratch / "tree", scratch / "out"
    scored = ["--dataset", tree, "--rules", "sav"]
    given = ["--gpus", "cpu", "--out", run, "--tracker", "static"]
    commands: dict[str, list[object]] = {
        "infer": ["infer", *scored, *given],
        "eval, 1 job": ["eval", run, "--jobs", 1],
        "eval, 2 jobs": ["eval", run, "--jobs", 2],
        "eval --interval": ["eval", run, "--jobs", 1, "--interval", "--worst", 5],
        "status": ["status", run],
        "show": ["show", run],
        "verify": ["verify", tree],
        "compare with other masks": ["compare", run, f"truth={tree / 'Annotations'}", *scored, "--draws", 1000],
        "report": ["report", run, "--out", scratch / "report.html"],
        "overlay --worst": ["overlay", run, "--worst", 6, "--out", scratch / "worst.png"],
        "pack": ["pack", run, "--rules", "mosev2", "--out", scratch / "packed.zip"],
        "pack --check": ["pack", "--check", scratch / "packed.zip", "--dataset", tree, "--rules", "mosev2"],
        "eval of the zip": ["eval", scratch / "packed.zip", *scored, "--jobs", 1],
    }
    for form, name in CONVERTED.items():
        commands[f"convert --to {form}"] = ["convert", run, "--to", form, "--out", scratch / name]
        commands[f"eval of {form}"] = ["eval", scratch / name, *scored, "--jobs", 1]
    return commands


def measure_command(command: Sequence[str], folder: Path) -> tuple[float, float, float]:
    """Run a command. Returns its CPU seconds, the peak of its largest process, and of all together as PSS, in MB.

    PSS counts a page that processes share once: each of n processes counts an n-th of it. It is read five times a
    second.
    """
    before, shared = cpu_of_children(), 0
    with (folder / "told.txt").open("wb") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told)
        while True:
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            shared = max(shared, sum(map(read_pss, find_descendants(process.pid))))
            time.sleep(0.2)
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"{command!r}\nfailed:\n{(folder / 'told.txt').read_text()[-2000:]}")
    return cpu_of_children() - before, used.ru_maxrss * 1024 / 1e6, shared / 1e6


def find_descendants(pid: int) -> list[int]:
    """A process and all that it and they have started."""
    found = [pid]
    for each in found:
        with suppress(OSError):
            found += map(int, (Path("/proc") / str(each) / "task" / str(each) / "children").read_text().split())
    return found


def read_pss(pid: int) -> int:
    """The proportional set size of a process in bytes; 0 if it has ended."""
    with suppress(OSError):
        lines = (Path("/proc") / str(pid) / "smaps_rollup").read_text().splitlines()
        return 1024 * int(next(line.split()[1] for line in lines if line.startswith("Pss:")))
    return 0
