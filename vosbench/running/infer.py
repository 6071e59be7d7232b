"""Run a tracker over a split, into the run's folder: whatever videos it still lacks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.running import provenance, schedule
from vosbench.running.job import Job
from vosbench.running.pool import DEFAULT_STALL, Event, Pool
from vosbench.running.record import Record
from vosbench.running.run import IDENTITY_ENTRY, IDENTITY_KEYS, Run
from vosbench.running.status import ProgressJournal
from vosbench.running.worker import BrokenTrackerError

PUBLISH_INTERVAL = 5.0  # seconds between two writings of run.json; the records behind it are written at once
PUBLISH_SHARE = 0.05  # of the time that these may take, however many videos there are


@dataclass(frozen=True)
class RunOutcome:
    """What came of the videos that were asked for."""

    run: Run
    skipped: tuple[str, ...]
    done: tuple[Record, ...]
    failed: tuple[Record, ...]


def infer_jobs(
    jobs: Sequence[Job],
    devices: Sequence[str],
    overwrite: bool = False,
    command: str = "",
    stall: float = DEFAULT_STALL,
    on_event: Callable[[Event], None] = lambda event: None,
) -> list[RunOutcome]:
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
        sittings = [stack.enter_context(_work_on_shard(job, devices, overwrite, command)) for job in jobs]
        items = [
            item
            for i, s in enumerate(sittings)
            for item in schedule.list_run_videos(s.job.work.dataset_split, s.missing_videos, i)
        ]
        if items:
            queue = schedule.Queue(items, [job.prior for job in jobs])
            _record_events(Pool([job.work for job in jobs], queue, stall), devices, sittings, on_event)
    return [sitting.outcome() for sitting in sittings]


@dataclass
class _ShardWork:
    """A process's work at its shard of one run: what was done before, what is missing, what has ended."""

    job: Job
    facts: Mapping[str, Any]
    skipped: Sequence[str]
    missing_videos: Sequence[str]
    known_records: Mapping[str, Record]
    ended_records: dict[str, Record] = field(default_factory=dict)
    next_publication: float = field(default_factory=lambda: time.monotonic() + PUBLISH_INTERVAL)

    def add_record(self, record: Record) -> None:
        """Put a record down, and now and then the views of all."""
        run = self.job.work.run
        run.write_record(record)
        self.ended_records[record.video] = record
        if (start := time.monotonic()) > self.next_publication:
            self.known_records = run.publish(self.facts, {**self.known_records, **self.ended_records})
            took = time.monotonic() - start
            self.next_publication = start + took + max(PUBLISH_INTERVAL, took / PUBLISH_SHARE)

    def outcome(self) -> RunOutcome:
        done, failed = (
            tuple(r for r in self.ended_records.values() if r.state == state) for state in ("done", "failed")
        )
        return RunOutcome(self.job.work.run, tuple(self.skipped), done, failed)


@contextmanager
def _work_on_shard(job: Job, devices: Sequence[str], overwrite: bool, command: str) -> Iterator[_ShardWork]:
    """Begin or continue a run, alone at its shard, and leave it in order."""
    here = {
        **provenance.describe_machine(),
        "device": ", ".join(devices),
        "command": command,
        "started": _format_utc_now(),
    }
    run, facts = job.work.run, {**job.facts, **here}
    run.begin(facts, overwrite)
    with run.lock_shard(), _discard_unbegun_run(run):
        if overwrite:
            run.remove_records(job.videos)
        known = run.read_records()
        done = {video for video, record in known.items() if record.state == "done"}
        missing = [video for video in job.videos if video not in done]
        if anew := bool(missing or overwrite or not run.has_ended()):
            run.write_note(
                **{IDENTITY_ENTRY: {key: facts[key] for key in IDENTITY_KEYS}},
                videos=list(job.videos),
                **here,
                ended=None,
            )
            run.publish(facts, known)
        run.remove_leftovers()
        sitting = _ShardWork(job, facts, [video for video in job.videos if video in done], missing, known)
        try:
            yield sitting
        finally:
            if anew:
                run.remove_leftovers()
                run.write_note(ended=_format_utc_now())
            if missing or run.is_outdated(known):
                run.publish(facts)


@contextmanager
def _discard_unbegun_run(run: Run) -> Iterator[None]:
    """Leave nothing of a run that could not begin."""
    try:
        yield
    except BrokenTrackerError:
        raise  # its log is needed
    except VosbenchError:
        run.delete_if_empty()
        raise


def _format_utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _record_events(
    pool: Pool, devices: Sequence[str], sittings: Sequence[_ShardWork], on_event: Callable[[Event], None]
) -> None:
    """Keep the record of each video as it ends, and in each run a journal of what is going on."""
    with ExitStack() as stack:
        journals = {
            index: stack.enter_context(
                ProgressJournal(sittings[index].job.work.run, sum(item.frames for item in items))
            )
            for index, items in pool.queue.waiting.items()
        }
        for event in stack.enter_context(closing(pool.events(devices))):
            if event.record:
                sittings[event.item.run].add_record(event.record)
            journals[event.item.run](event)
            on_event(event)
