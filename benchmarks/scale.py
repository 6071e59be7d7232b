"""Measure how `vosbench infer` scales, and check in the same run that it stays within its goals.

    python benchmarks/scale.py                   everything, some minutes; with --markdown as docs/scaling.md shows it
    python benchmarks/scale.py balance start     some parts of it

balance    how evenly several ways to distribute videos load eight devices, simulated (benchmarks/balance.py)
workers    frames per second with more and more workers, relative to one worker
parent     what a video costs beyond its tracking: CPU time of the parent, and time between two videos of a worker
start      seconds from the command to the first frame, by stage; with SAM 2 where --data has its seeded weights
growth     memory and open files of the parent and its workers during a run over ten thousand tiny videos
results    memory and CPU time of the commands on a run of very many tiny videos (benchmarks/scale_results.py)

`workers` calls the library; all other parts start the command line as a process. Times on the clock depend on what else
the machine does, so the goals are ratios, CPU time, memory and counts.

The exit status is 1 if a goal is missed. Linux only. Everything is written to a temporary folder.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from scale_tools import cpu_of_children, make_tree, met, show, spread

# Workers import this file too, and their start is measured: so functions import what workers do not need.

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("VOSBENCH_TEST_DATA") or HERE.parents[1] / "shared" / "data")
BALANCE_GOAL = 1.05  # times the ideal, for the queue on the recorded videos, sorted by the tracker's true cost
PARENT_GOAL = 20.0  # milliseconds of the parent's CPU time a video
FILES_GOAL = 2  # more open files of a process after nine times as many videos: the files of the video in work
MEMORY_GOAL = 1.1  # times the memory of a worker, after nine times as many videos
RECORD_GOAL = (
    4.0  # kB by which the parent grows for each video: it holds the names, the records and their place in run.json
)
CLIPS, CLIP = 24, 6  # the number of videos, and of frames in each, for the tracker that computes
WAITING, PAUSE = 60, 0.02  # videos per worker, and seconds per frame, for the tracker that waits
MARKS = "VOSBENCH_SCALE_MARKS"  # names the file into which a command and its workers write marks


class Nothing:
    """A tracker that sees no object and takes no time."""

    def __init__(self, device: str) -> None: ...

    def track(self, video: Any) -> Iterator[dict[int, Any]]:
        """Yield an empty mapping for each frame."""
        return ({} for _ in range(len(video.frames)))


class Waiting(Nothing):
    """A tracker that waits, as for its GPU, and does not use the processor."""

    def track(self, video: Any) -> Iterator[dict[int, Any]]:
        """Yield an empty mapping for each frame, after PAUSE seconds."""
        for nothing in super().track(video):
            time.sleep(PAUSE)
            yield nothing


def mark(stage: str) -> None:
    """Write into the file of marks that a stage is over."""
    with Path(os.environ[MARKS]).open("a") as file:
        file.write(f"{time.time()} {stage}\n")


def marks() -> list[tuple[float, str]]:
    """The stages that are over, and when each of them ended."""
    lines = Path(os.environ[MARKS]).read_text().splitlines()
    return sorted((float(at), stage) for at, _, stage in (line.partition(" ") for line in lines))


def marking(kind: Any) -> Any:
    """The same tracker class, with a mark when it is begun, when it is built, and after its first frame."""

    class Marking(kind):  # type: ignore[misc]
        @wraps(kind.__init__)  # type: ignore[misc]  # so that its settings are known
        def __init__(self, *given: Any, **settings: Any) -> None:
            mark("worker started")
            super().__init__(*given, **settings)
            mark("tracker built")

        def track(self, video: Any) -> Iterator[Any]:
            for index, found in enumerate(super().track(video)):
                if not index:
                    mark("first frame")
                yield found

    return Marking


def __getattr__(name: str) -> Any:
    """Make `MarkingStatic` and so on, trackers that write marks, when a worker asks for one."""
    own = {"MarkingNothing": Nothing, "MarkingWaiting": Waiting}
    shipped = {"MarkingStatic": "static:Static", "MarkingFlow": "flow:Flow", "MarkingSam2": "sam2:Sam2"}
    if name not in own | shipped:
        raise AttributeError(name)
    from vosbench.io import plugins

    return marking(own.get(name) or plugins.load_object(f"vosbench.trackers.{shipped[name]}"))


def command() -> None:
    """Run `vosbench` in this process, and mark when its stages are over and how much CPU time it took."""
    mark("Python started")
    import runpy

    from vosbench.datasets import split
    from vosbench.running import job

    mark("vosbench imported")
    split.open_split = then("dataset opened", split.open_split)
    job.prepare_job = then("run prepared", job.prepare_job)
    try:
        runpy.run_module("vosbench", run_name="__main__", alter_sys=True)
    finally:
        used = resource.getrusage(resource.RUSAGE_SELF)
        mark(f"CPU {used.ru_utime + used.ru_stime}")


def then(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, with a mark at its end."""

    @wraps(function)
    def marked(*given: Any, **named: Any) -> Any:
        result = function(*given, **named)
        mark(stage)
        return result

    return marked


def start(folder: Path, *arguments: object) -> subprocess.Popen[bytes]:
    """Start `vosbench infer` on the dataset of the folder, with an empty file of marks."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    Path(os.environ[MARKS]).unlink(missing_ok=True)
    mark("command")
    given = ["infer", "--dataset", folder / "tree", "--gpus", "cpu", "--out", folder / "out", *arguments]
    begin = [sys.executable, "-c", "import scale; scale.command()", *map(str, given)]
    with (folder / "told.txt").open("wb") as told:
        return subprocess.Popen(begin, cwd=folder, stdout=told, stderr=told)


def finish(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait for the end of a command. Ends the benchmark if the command failed."""
    if process.wait():
        sys.exit(f"{process.args!r}\nfailed:\n{(folder / 'told.txt').read_text()[-2000:]}")


def balance(options: argparse.Namespace, scratch: Path) -> bool:
    """Print the makespans. Returns whether the makespan of the queue is near the ideal."""
    from balance import DEVICES, TRUTH, davis, table, ways

    cost = f"frames x ({TRUTH.frame:g} + {TRUTH.object:g} x objects)"
    print(f"{DEVICES} devices; a video takes {cost}, the GFLOP of SAM 2 base_plus; {options.draws} draws")
    show(table(options.draws), options.markdown)
    return met("the queue on DAVIS", ways(davis())["queue, longest first"], BALANCE_GOAL)


class Rate(NamedTuple):
    """fps: frames per second while all workers were at work. cpu: CPU milliseconds per frame, worker starts too."""

    fps: float
    cpu: float


def rate(tree: Path, tracker: str, workers: int, videos: int) -> Rate:
    """Run a tracker over the first videos of a dataset.

    The frames per second are those of the videos that ended after the last worker was built and before the queue was
    empty.
    """
    from vosbench.datasets import split
    from vosbench.io import paths
    from vosbench.running import infer
    from vosbench.running.job import prepare_job

    Path(os.environ[MARKS]).unlink(missing_ok=True)
    opened, before = split.open_split(str(tree), None, tree.parent), cpu_of_children()
    with TemporaryDirectory(prefix="vosbench-") as out:
        wanted, events = opened.videos[:videos], list[tuple[float, Any]]()
        job = prepare_job(paths.Roots(), opened, f"scale:{tracker}", out=Path(out) / "run", videos=wanted)
        infer.infer_jobs([job], ["cpu"] * workers, on_event=lambda event: events.append((time.time(), event)))
    built = max(at for at, stage in marks() if stage == "tracker built")
    empty = max(at for at, event in events if event.kind == "started")
    done = {at: event.frame for at, event in events if event.kind == "done"}
    frames = sum(count for at, count in done.items() if built < at <= empty)
    if not frames:
        sys.exit(f"{videos} videos are too few for {workers} workers: some workers end while others start")
    return Rate(frames / (empty - built), 1000 * (cpu_of_children() - before) / sum(done.values()))


def workers(options: argparse.Namespace, scratch: Path) -> bool:
    """Print the throughput with each number of workers."""
    numbers = sorted({1, *options.workers})
    make_tree(scratch / "clips", CLIPS, CLIP, 240)
    make_tree(scratch / "tree", WAITING * max(numbers), 5)
    rows = [["frames per second, relative to one worker", *map(str, numbers)]]
    for what, tracker, tree, videos in (
        ("flow, which computes", "MarkingFlow", "clips", dict.fromkeys(numbers, CLIPS)),
        (f"waiting {1000 * PAUSE:g} ms per frame", "MarkingWaiting", "tree", {n: n * WAITING for n in numbers}),
    ):
        rounds = [{n: rate(scratch / tree, tracker, n, videos[n]) for n in numbers} for _ in range(options.repeat)]
        rows.append([what, *(spread([each[n].fps / each[1].fps for each in rounds]) for n in numbers)])
        rows.append(
            ["- CPU milliseconds per frame", *(f"{median(each[n].cpu for each in rounds):.1f}" for n in numbers)]
        )
    print(f"numbers of workers, on {len(os.sched_getaffinity(0))} cores; median of {options.repeat} (least to most)")
    show(rows, options.markdown)
    return True


def parent(options: argparse.Namespace, scratch: Path) -> bool:
    """Print what a video costs beyond its tracking. Returns whether the CPU time of the parent meets its goal."""
    few, many = 100, 100 + options.videos // 10
    make_tree(scratch / "tree", many, 2)
    measure_single_worker(scratch, 1)  # reads the files and compiles the bytecode
    rounds = [[measure_single_worker(scratch, count) for count in (few, many)] for _ in range(options.repeat)]
    cpu, idle = ([1000 * (b[i] - a[i]) / (many - few) for a, b in rounds] for i in range(2))
    print(
        f"a tracker that does nothing, one worker: {many} videos minus {few} videos, each of 2 frames of 16x16 pixels"
    )
    rows = [["milliseconds for each video", "median (least to most)"]]
    rows += [["CPU time of the parent", spread(cpu)], ["time in which the worker has no video", spread(idle)]]
    show(rows, options.markdown)
    return met("CPU time of the parent per video, ms", median(cpu), PARENT_GOAL)


def measure_single_worker(scratch: Path, count: int) -> tuple[float, float]:
    """Run over the first videos with one worker. Returns CPU seconds of the parent, and seconds without tracking."""
    finish(start(scratch, "--tracker", "scale:MarkingNothing", "--limit", count), scratch)
    built = next(at for at, stage in marks() if stage == "tracker built")
    ended, used = next((at, float(stage.split()[1])) for at, stage in marks() if stage.startswith("CPU"))
    with (scratch / "out" / "timings.csv").open() as file:
        tracked = sum(float(row["seconds"]) for row in csv.DictReader(file))
    return used, ended - built - tracked


def startup(options: argparse.Namespace, scratch: Path) -> bool:
    """Print the seconds of each stage from the command to the first frame."""
    make_tree(scratch / "tree", 1, 2, 256)
    trackers: dict[str, list[object]] = {"static": ["--tracker", "scale:MarkingStatic"]}
    if (options.data / "sam2" / "weights.py").is_file():
        weights = scratch / "seeded.pt"
        seeded = [sys.executable, "-c", "import scale; scale.seed()", options.data.resolve(), weights]
        subprocess.run(seeded, check=True, cwd=scratch, capture_output=True)
        given: list[object] = ["--tracker", "scale:MarkingSam2", "--checkpoint", weights, "--set", "image_size=256"]
        trackers["sam2, tiny, image_size=256"] = given
    columns = []
    for given in trackers.values():  # the first round reads the files and compiles the bytecode
        rounds = [staged(scratch, *given) for _ in range(options.repeat + 1)][1:]
        columns.append([spread([each[stage] for each in rounds]) for stage in rounds[0]])
        columns[-1].append(spread([sum(each.values()) for each in rounds]))
    stages = [*rounds[0], "all"]
    print(f"seconds; one video, one worker, files in memory; median of {options.repeat} (least to most)")
    show([["stage", *trackers], *map(list, zip(stages, *columns, strict=True))], options.markdown)
    return True


def staged(scratch: Path, *given: object) -> dict[str, float]:
    """The seconds of each stage of a command, up to its first frame."""
    finish(start(scratch, *given), scratch)
    found = marks()
    first = next(index for index, (_, stage) in enumerate(found) if stage == "first frame")
    return {stage: at - before for (before, _), (at, stage) in pairwise(found[: first + 1])}


def seed() -> None:
    """Write a checkpoint of SAM 2.1 tiny with seeded weights. Arguments: the folder of the test data, and the file."""
    import runpy

    import torch
    from sam2.build_sam import build_sam2_video_predictor

    data, path = map(Path, sys.argv[1:])
    predictor = build_sam2_video_predictor("configs/sam2.1/sam2.1_hiera_t.yaml", device="cpu")
    state = runpy.run_path(str(data / "sam2" / "weights.py"))["seeded_state_dict"](predictor)
    torch.save({"model": state}, path)


class Process(NamedTuple):
    """memory: MB (10^6 bytes) that a process holds. files: how many it has open. cpu: CPU seconds that it has used."""

    memory: float
    files: int
    cpu: float


def look(pid: int) -> Process:
    """What a process holds and has used until now."""
    home = Path("/proc") / str(pid)
    held = next(line for line in (home / "smaps_rollup").read_text().splitlines() if line.startswith("Rss:"))
    ticks = sum(map(int, (home / "stat").read_text().rpartition(")")[2].split()[11:13]))
    files = len(list((home / "fd").iterdir()))
    return Process(int(held.split()[1]) * 1024 / 1e6, files, ticks / os.sysconf("SC_CLK_TCK"))


def spawned(pid: int) -> list[int]:
    """The process ids of the workers of a process."""
    children = (Path("/proc") / str(pid) / "task" / str(pid) / "children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in (Path("/proc") / child / "cmdline").read_bytes()]


def looks(process: subprocess.Popen[bytes], run: Path, counts: Sequence[int]) -> Iterator[tuple[int, list[Process]]]:
    """What a command and its workers hold when so many videos are done. The command is stopped for each look."""
    for count in counts:
        while finished(run) < count and process.poll() is None:
            time.sleep(count / 1e5)  # about ten times as long as counting them takes
        process.send_signal(signal.SIGSTOP)
        if process.poll() is not None:
            sys.exit(f"{count} videos are too few: the command ended before it was looked at; give more --videos")
        yield finished(run), [look(pid) for pid in (process.pid, *spawned(process.pid))]
        process.send_signal(signal.SIGCONT)


def finished(run: Path) -> int:
    """How many videos have all their masks."""
    masks = run / "masks"
    return sum(not path.name.startswith(".") for path in masks.iterdir()) if masks.is_dir() else 0


def growth(options: argparse.Namespace, scratch: Path) -> bool:
    """Print what processes hold during a run over very many videos. Returns whether that stays within the goals."""
    count = options.videos
    make_tree(scratch / "tree", count, 2)
    process = start(scratch, "--tracker", "scale:MarkingNothing", "--workers-per-gpu", "2")
    seen = list(looks(process, scratch / "out", (count // 10, count // 2, count * 9 // 10)))
    finish(process, scratch)
    (begun, _), *_, (ended, _) = marks()
    rows = [["after videos", *(str(done) for done, _ in seen)]]
    for index, who in enumerate(("parent", "a worker", "another")):
        rows.append([f"{who}: memory, MB", *(f"{each[index].memory:.1f}" for _, each in seen)])
        rows.append([f"{who}: open files", *(str(each[index].files) for _, each in seen)])
    rows.append(["parent: CPU per video so far, ms", *(f"{1000 * each[0].cpu / done:.2f}" for done, each in seen)])
    print(f"{count} videos of 2 frames of 16x16 pixels, two workers, {ended - begun:.0f} seconds in all")
    show(rows, options.markdown)
    (few, before), *_, (many, after) = seen
    pairs = list(zip(before, after, strict=True))
    goals = [
        met("more open files", max(b.files - a.files for a, b in pairs), FILES_GOAL),
        met("memory of a worker, relative to before", max(b.memory / a.memory for a, b in pairs[1:]), MEMORY_GOAL),
        met(
            "memory of the parent, kB for each further video",
            1000 * (after[0].memory - before[0].memory) / (many - few),
            RECORD_GOAL,
        ),
        met("CPU time of the parent per video, ms", 1000 * after[0].cpu / many, PARENT_GOAL),
    ]
    return all(goals)


def results(options: argparse.Namespace, scratch: Path) -> bool:
    """Print what commands take for a finished run over very many videos. Returns whether memory meets its goal."""
    from scale_results import measure_results

    return measure_results(options.videos, scratch, options.markdown)


def prepare_environment(scratch: Path) -> None:
    """Let the processes that start here find this file, and compiled bytecode as an installed package has it."""
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))
    os.environ["PYTHONPYCACHEPREFIX"] = str(scratch / "bytecode")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ[MARKS] = str(scratch / "marks.txt")


PARTS = {
    "balance": balance,
    "workers": workers,
    "parent": parent,
    "start": startup,
    "growth": growth,
    "results": results,
}


def main() -> int:
    from evaluate import conditions

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="what to measure (default: everything)")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder that holds sam2/ (default: %(default)s)")
    parser.add_argument(
        "--draws", type=int, default=200, help="number of draws of each drawn split (default: %(default)s)"
    )
    parser.add_argument(
        "--workers", type=int, nargs="+", default=[2, 4], help="numbers of workers to compare with one (default: 2 4)"
    )
    parser.add_argument(
        "--videos", type=int, default=10_000, help="number of videos of the long run (default: %(default)s)"
    )
    parser.add_argument("--repeat", type=int, default=3, help="number of rounds (default: %(default)s)")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown part {', '.join(sorted(unknown))}; choose from {', '.join(PARTS)}")
    print(*conditions({}), sep="\n")
    goals = []
    with TemporaryDirectory(prefix="vosbench-") as scratch:
        prepare_environment(Path(scratch))
        for part in options.parts or PARTS:
            print(f"\n{'## ' * options.markdown}{part}, load {os.getloadavg()[0]:.1f}\n")
            (folder := Path(scratch) / part).mkdir()
            goals.append(PARTS[part](options, folder))
    return 0 if all(goals) else 1


if __name__ == "__main__":
    sys.exit(main())
