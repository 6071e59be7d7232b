"""Work on one shard of a run: begin or continue it, record each video as it ends, and note the end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.running.continuing import (
    describe_smaller_changes,
    find_damaged_videos,
    keep_unrecorded_facts,
    require_same_recipe,
)
from vosbench.running.devices import describe_devices
from vosbench.running.failure import BrokenTrackerError
from vosbench.running.job import Job
from vosbench.running.provenance import describe_machine
from vosbench.running.record import Record
from vosbench.running.run import Run
from vosbench.running.run_folder import begin_run, delete_untried_run, find_folders_to_make
from vosbench.running.run_json import IDENTITY_KEYS
from vosbench.running.schedule import RunVideo, list_run_videos
from vosbench.running.shard import FINISHED_ENTRY, IDENTITY_ENTRY, LENGTHS_ENTRY
from vosbench.running.shard_lock import lock_shard
from vosbench.running.shared_recipe import agree_on_recipe, announce_recipe
from vosbench.running.unfinished import remove_unfinished_files

PUBLISH_INTERVAL = 5.0  # seconds between two writings of run.json; a record is written at once
PUBLISH_SHARE = 0.05  # of the time that these writings may take, however many videos there are


@dataclass
class OpenShard:
    """A shard of a run on which this process works.

    facts: what run.json is to say. skipped: the videos that were done before. items: the videos to track. old_records:
    the records when the work began, or when run.json was last written. new_records: of the videos that ended since.
    """

    job: Job
    facts: Mapping[str, Any]
    skipped: Sequence[str]
    items: Sequence[RunVideo]
    old_records: Mapping[str, Record]
    new_records: dict[str, Record] = field(default_factory=dict)
    next_publication: float = field(default_factory=lambda: time.monotonic() + PUBLISH_INTERVAL)

    def add_record(self, record: Record) -> None:
        """Write the record of a video that has ended, and from time to time run.json and timings.csv."""
        run = self.job.work.run
        self.new_records[record.video] = run.write_record(record)
        if (start := time.monotonic()) > self.next_publication:
            self.old_records = run.publish(self.facts, {**self.old_records, **self.new_records})
            took = time.monotonic() - start
            self.next_publication = start + took + max(PUBLISH_INTERVAL, took / PUBLISH_SHARE)

    def select(self, state: Literal["done", "failed"]) -> tuple[Record, ...]:
        """The records of the videos that have ended in a state since the work began."""
        return tuple(record for record in self.new_records.values() if record.state == state)


@contextmanager
def open_shard(
    job: Job,
    index: int,
    devices: Sequence[str],
    command: str,
    over: Literal["refuse", "keep", "overwrite"],
    on_note: Callable[[str], None],
) -> Iterator[OpenShard]:
    """Hold the lock of a job's shard, begin or continue its run, and at the end leave the run's folder in order.

    index: of the run among those in work. over: what becomes of masks that were made by something else, or at all if
    they are overwritten. on_note: called with each line about the run as it is continued.

    Raises VosbenchError if another process works on the shard, if the folder holds something else, if what made the
    masks has changed and is neither kept nor overwritten, or if a video has no frames.
    """
    run, now = job.work.run, _describe_now(devices, command)
    facts, made = {**job.facts, **now}, find_folders_to_make(run)
    identity = begin_run(run, facts, over == "overwrite")
    with lock_shard(run), _delete_if_untried(run, made):
        announce_recipe(run, job.recipe)
        if over == "overwrite":
            run.remove_records(job.videos)
        known = _check_videos(job, identity, over == "refuse", on_note)
        done = {video for video, record in known.items() if record.state == "done"}
        skipped, missing = ([v for v in job.videos if (v in done) is wanted] for wanted in (True, False))
        items = list_run_videos(job.work.dataset_split, missing, index)
        if changed := bool(missing or over == "overwrite" or not run.has_ended()):
            keep_unrecorded_facts(run, known)
            _note_begin(job, facts, items, now)
        remove_unfinished_files(run)
        shard = OpenShard(job, facts, skipped, items, known)
        try:
            if changed:
                agree_on_recipe(run, job.recipe, over != "refuse")
                run.publish(facts, known)
            yield shard
        finally:
            if changed:
                remove_unfinished_files(run)
                run.write_note(ended=_format_time(), **{FINISHED_ENTRY: len(shard.new_records)})
            if missing or run.is_outdated(known):
                run.publish(facts)


def _check_videos(
    job: Job, identity: Mapping[str, Any], refuse: bool, on_note: Callable[[str], None]
) -> dict[str, Record]:
    """The records of a run, without those of the job's videos whose masks are damaged.

    identity: what the run says of itself. refuse: raise VosbenchError if what made the masks has changed.
    """
    run = job.work.run
    known = run.read_records()
    damaged = find_damaged_videos(run, job.videos, known)
    known = {video: record for video, record in known.items() if video not in damaged}
    done = {video: record for video, record in known.items() if record.state == "done"}
    if refuse:
        require_same_recipe(run, job.recipe, done, job.work.dataset_split, job.videos, identity)
    for line in describe_smaller_changes(run, job.recipe, done):
        on_note(line)
    for video, damage in damaged.items():
        on_note(f"{run.path}: the masks of {video} are not whole ({damage}), so it is tracked again")
    run.remove_records(damaged)
    return known


def _describe_now(devices: Sequence[str], command: str) -> dict[str, Any]:
    """What a shard's note says of where, when and how its work was begun."""
    return {
        **describe_machine(),
        "process": os.getpid(),
        "device": describe_devices(devices),
        "command": command,
        "started": _format_time(),
    }


def _note_begin(job: Job, facts: Mapping[str, Any], items: Sequence[RunVideo], now: Mapping[str, Any]) -> None:
    """Note that the work on a shard begins, and which run and which videos it is about."""
    identity = {key: facts[key] for key in IDENTITY_KEYS if key in facts}
    frames = {item.video: item.frames for item in items}
    entries = {IDENTITY_ENTRY: identity, "videos": list(job.videos), LENGTHS_ENTRY: frames, FINISHED_ENTRY: 0}
    job.work.run.write_note(**entries, **now, ended=None)


@contextmanager
def _delete_if_untried(run: Run, made: Sequence[Path]) -> Iterator[None]:
    """Delete the run if it fails before the first video was tried; a log that tells why is kept elsewhere.

    made: the folders above the run that were made for it.
    """
    try:
        yield
    except BrokenTrackerError as error:
        if not (logs := delete_untried_run(run, made, keep_logs=True)):
            raise
        remedy = error.remedy
        for place in (run.path.absolute(), run.path):
            remedy = remedy.replace(str(place / paths.RUN_LOGS), str(logs))
        raise BrokenTrackerError(error.subject, error.found, remedy) from error
    except VosbenchError:
        delete_untried_run(run, made, keep_logs=False)
        raise


def _format_time() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
