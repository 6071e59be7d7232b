"""Run a tracker over a split: from names to things, into the run's folder, whatever videos it still lacks."""

from __future__ import annotations

import hashlib
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vosbench import plan, plugins, provenance, settings, store, workload
from vosbench.datasets import Tree
from vosbench.download import sha256
from vosbench.plan import Cost
from vosbench.pool import STALL, Event, Pool
from vosbench.runs import Record, Run
from vosbench.status import Journal
from vosbench.types import VosbenchError
from vosbench.worker import SEED, Work

PICKLE = b"\x80"  # how a pickle begins
LONGEST = 200  # bytes of a run's name; a longer one ends with a hash, as file systems take 255 with what is beside it
PUBLISH_INTERVAL = 5.0  # seconds between two writings of run.json; the records behind it are written at once
PUBLISH_SHARE = 0.05  # of the time that these may take, however many videos there are


@dataclass(frozen=True)
class Job:
    """A run that is ready to begin: what the workers need, what run.json will say of it, and which videos are wanted.

    prior: what the tracker says of its cost, before anything is measured.
    """

    work: Work
    facts: Mapping[str, Any]
    videos: tuple[str, ...]
    prior: Cost


@dataclass(frozen=True)
class Outcome:
    """What came of the videos that were asked for."""

    run: Run
    skipped: tuple[str, ...]
    done: tuple[Record, ...]
    failed: tuple[Record, ...]


def prepare(
    roots: store.Roots,
    tree: Tree,
    tracker: str,
    checkpoint: str | None = None,
    pairs: Sequence[str] = (),
    out: Path | None = None,
    videos: Sequence[str] | None = None,
    shard: tuple[int, int] = (1, 1),
) -> Job:
    """A job from names: the i-th of N parts of equal work of the videos, all of the split if None.

    Raises VosbenchError for an unknown tracker, setting or checkpoint, and for a video without frames, before any work
    is done.
    """
    spec = plugins.tracker(tracker)
    parameters = plugins.settings_of(spec)
    offered = settings.offered(parameters)
    chosen = settings.parse(pairs, offered, tracker)
    deviating, every = settings.changed(chosen, offered), provenance.every(chosen, offered)
    tree = tree.prompted(chosen.pop(settings.PROMPTS.name, settings.PROMPTS.default))
    weights = _checkpoint(tracker, checkpoint, parameters, roots)
    path = out or roots.results / f"{tree.name}-{tree.split.name}" / _run_name(tracker, weights, deviating)
    if weights:
        chosen = {**chosen, "checkpoint": str(weights.resolve())}
    kind = plugins.load(spec)
    facts = {
        "tracker": tracker,
        "tracker_object": spec,
        "settings": deviating,
        "all_settings": every,
        "checkpoint": str(weights) if weights else None,
        "checkpoint_path": str(weights.resolve()) if weights else None,
        "checkpoint_sha256": sha256(weights) if weights else None,
        "dataset": tree.name,
        "dataset_path": str(tree.root.resolve()),
        "given_at": None if tree.fetched else str(tree.root.resolve()),
        "split": tree.split.name,
        "rules": tree.rules.name,
        "seed": SEED,
        **provenance.data(tree),
        **provenance.code(spec),
    }
    work = Work(spec, chosen, tree, Run(path, shard), getattr(kind, "lean", {}))
    prior = Cost(*getattr(kind, "cost", Cost()))
    return Job(work, facts, tuple(_shard(tree, tree.videos if videos is None else videos, prior, shard)), prior)


def _shard(tree: Tree, videos: Sequence[str], prior: Cost, shard: tuple[int, int]) -> list[str]:
    """The videos of a shard: a pure function of the dataset and the tracker, so that shards need not talk."""
    index, count = shard
    if count == 1:
        return list(videos)
    mine = set(plan.shards({item.video: prior.of(item) for item in workload.items(tree, videos)}, count)[index - 1])
    return [video for video in videos if video in mine]


def infer(
    jobs: Sequence[Job],
    devices: Sequence[str],
    overwrite: bool = False,
    command: str = "",
    stall: float = STALL,
    on_event: Callable[[Event], None] = lambda event: None,
) -> list[Outcome]:
    """Track the videos that the runs lack, or all that are wanted with `overwrite`; all runs' videos in one queue.

    Whatever ends it, no process stays behind and every finished video is in its run.
    """
    for path, count in Counter(job.work.run.path.resolve() for job in jobs).items():
        if count > 1:
            raise VosbenchError(
                f"{path}: {count} of the runs would have this folder; "
                "let their settings differ, and the names of their datasets and checkpoints"
            )
    with ExitStack() as stack:
        sittings = [stack.enter_context(_sitting(job, devices, overwrite, command)) for job in jobs]
        items = [item for i, s in enumerate(sittings) for item in workload.items(s.job.work.tree, s.missing, i)]
        if items:
            queue = plan.Queue(items, [job.prior for job in jobs])
            _follow(Pool([job.work for job in jobs], queue, stall), devices, sittings, on_event)
    return [sitting.outcome() for sitting in sittings]


@dataclass
class _Sitting:
    """A process's work at its shard of one run: what was done before, what is missing, what has ended."""

    job: Job
    facts: Mapping[str, Any]
    skipped: Sequence[str]
    missing: Sequence[str]
    known: Mapping[str, Record]
    ended: dict[str, Record] = field(default_factory=dict)
    due: float = field(default_factory=lambda: time.monotonic() + PUBLISH_INTERVAL)

    def keep(self, record: Record) -> None:
        """Put a record down, and now and then the views of all."""
        run = self.job.work.run
        run.keep(record)
        self.ended[record.video] = record
        if (start := time.monotonic()) > self.due:
            self.known = run.publish(self.facts, {**self.known, **self.ended})
            took = time.monotonic() - start
            self.due = start + took + max(PUBLISH_INTERVAL, took / PUBLISH_SHARE)

    def outcome(self) -> Outcome:
        done, failed = (tuple(r for r in self.ended.values() if r.state == state) for state in ("done", "failed"))
        return Outcome(self.job.work.run, tuple(self.skipped), done, failed)


@contextmanager
def _sitting(job: Job, devices: Sequence[str], overwrite: bool, command: str) -> Iterator[_Sitting]:
    """Begin or continue a run, alone at its shard, and leave it in order."""
    here = {**provenance.machine(), "device": ", ".join(devices), "command": command, "started": _now()}
    run, facts = job.work.run, {**job.facts, **here}
    run.begin(facts, overwrite)
    with run.alone():
        if overwrite:
            run.forget(job.videos)
        known = run.records()
        done = {video for video, record in known.items() if record.state == "done"}
        missing = [video for video in job.videos if video not in done]
        if anew := bool(missing or overwrite or not run.ended()):
            run.note(videos=list(job.videos), **here, ended=None)
            run.publish(facts, known)
        run.sweep(missing)
        sitting = _Sitting(job, facts, [video for video in job.videos if video in done], missing, known)
        try:
            yield sitting
        finally:
            if anew:
                run.sweep(missing)
                run.note(ended=_now())
            if missing or run.lags(known):
                run.publish(facts)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _follow(
    pool: Pool, devices: Sequence[str], sittings: Sequence[_Sitting], on_event: Callable[[Event], None]
) -> None:
    """Keep the record of each video as it ends, and in each run a journal of what is going on."""
    with ExitStack() as stack:
        journals = {
            index: stack.enter_context(Journal(sittings[index].job.work.run, sum(item.frames for item in items)))
            for index, items in pool.queue.waiting.items()
        }
        for event in stack.enter_context(closing(pool.events(devices))):
            if event.record:
                sittings[event.item.run].keep(event.record)
            journals[event.item.run](event)
            on_event(event)


def choose_videos(tree: Tree, names: Sequence[str] = (), limit: int | None = None) -> list[str]:
    """The videos of a split by name, the first `limit` of them. Raises VosbenchError for one that is not listed."""
    for name in names:
        if name not in tree.videos:
            raise plugins.unknown(f"video of {tree.name} {tree.split.name}", name, tree.videos)
    return [video for video in tree.videos if not names or video in names][:limit]


def _checkpoint(tracker: str, name: str | None, parameters: Mapping[str, Any], roots: store.Roots) -> Path | None:
    """The file of the checkpoint that was asked for, or of the tracker's default; None for a tracker without one."""
    if "checkpoint" not in parameters:
        if name:
            raise VosbenchError(f"--checkpoint {name}: the tracker {tracker} takes no checkpoint")
        return None
    default = parameters["checkpoint"].default
    wanted = name or (default if isinstance(default, str) else None)
    if wanted is None:
        raise VosbenchError(f"the tracker {tracker} needs a --checkpoint: a catalogue name or the path of a .pt file")
    return _whole(plugins.checkpoint(wanted, roots.checkpoints))


def _whole(checkpoint: Path) -> Path:
    """The same file, if torch may have written it: a zip archive with a data.pkl, or in its former days a bare pickle.

    Raises VosbenchError for a .pt that is neither, such as one that is cut off. Other files are the tracker's affair.
    """
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            whole = any(name.endswith("data.pkl") for name in archive.namelist())
    except zipfile.BadZipFile:
        with checkpoint.open("rb") as file:
            whole = file.read(1) == PICKLE
    if checkpoint.suffix == ".pt" and not whole:
        raise VosbenchError(
            f"{checkpoint}: {checkpoint.stat().st_size} bytes that are not a whole checkpoint; "
            "delete it and fetch it again"
        )
    return checkpoint


def _run_name(tracker: str, checkpoint: Path | None, deviating: Mapping[str, Any]) -> str:
    name = f"{tracker}-{checkpoint.stem}" if checkpoint else tracker
    name += "".join(f"+{key}={value}" for key, value in deviating.items())
    name = name.replace("/", "_").replace(":", ".")
    if len(name.encode()) <= LONGEST:
        return name
    return f"{name.encode()[: LONGEST - 9].decode(errors='ignore')}+{hashlib.sha256(name.encode()).hexdigest()[:8]}"
