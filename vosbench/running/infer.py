"""Run trackers over splits: track every video that a run does not have yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal

from vosbench.errors import VosbenchError
from vosbench.running.attempts import Attempts, Event
from vosbench.running.devices import choose_devices, find_torch_device
from vosbench.running.job import Job
from vosbench.running.pool import DEFAULT_STALL, Pool
from vosbench.running.record import Record
from vosbench.running.run import Run
from vosbench.running.schedule import Queue
from vosbench.running.serial import SerialPool
from vosbench.running.shard_work import open_shard
from vosbench.running.work import is_built


@dataclass(frozen=True)
class RunOutcome:
    """What became of the videos that a job asked for.

    skipped: the videos that were done before. done, failed: the records of the videos that were tracked.
    """

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
    *,
    keep: bool = False,
    on_note: Callable[[str], None] = lambda line: None,
) -> list[RunOutcome]:
    """Track the videos that the runs of some jobs do not have yet; the videos of all runs wait in one queue.

    devices: one entry for each worker, see `choose_devices`; a job whose tracker only this process has uses the first
    one. overwrite: track the videos of the jobs again that are done, and replace another run in the same folder.
    command: what run.json says of how the run was made. stall: the seconds without a frame after which a worker is
    stopped. on_event: called with what happens to each video. keep: continue a run although what made its masks has
    changed, such as the tracker's code. on_note: called with each line about a run that is continued.

    Returns the outcome of each job. However this function ends, no process stays behind, and every finished video is
    in its run. Raises VosbenchError if two jobs have the same folder, if a run cannot begin or cannot go on, and if
    what made its masks has changed.
    """
    if keep and overwrite:
        raise VosbenchError(
            "--keep and --overwrite", "one keeps masks that the other replaces", "give only one of them"
        )
    over: Literal["refuse", "keep", "overwrite"] = "keep" if keep else "overwrite" if overwrite else "refuse"
    _require_separate_folders(jobs)
    with ExitStack() as stack:
        shards = [
            stack.enter_context(open_shard(job, index, devices, command, over, on_note))
            for index, job in enumerate(jobs)
        ]

        def take(event: Event) -> None:
            if event.record:
                shards[event.item.run].add_record(event.record)
            on_event(event)

        items = [item for shard in shards for item in shard.items]
        if items:
            attempts = Attempts([job.work for job in jobs], Queue(items, [job.cost for job in jobs]))
            _track(attempts, devices, stall, take)
    return [
        RunOutcome(shard.job.work.run, tuple(shard.skipped), shard.select("done"), shard.select("failed"))
        for shard in shards
    ]


def choose_job_devices(job: Job, wanted: str | Sequence[str] | None) -> list[str]:
    """The devices for a job, see `choose_devices`.

    A tracker that only this process has is used on one device: by default the first one, and "unknown" for an object
    that is already built. Raises VosbenchError if several devices are wanted for it.
    """
    tracker = job.work.given
    if wanted is None and is_built(tracker):
        return ["unknown"]
    chosen = choose_devices(wanted)
    if tracker is None:
        return chosen
    if len(chosen) > 1 and wanted is not None:
        raise VosbenchError(
            f"devices {wanted!r}",
            f"{job.facts['tracker']} exists only in this process, which uses one device, not {len(chosen)}",
            "give one device, or a class from a module that workers can import",
        )
    return chosen[:1]


def require_success(job: Job, outcome: RunOutcome) -> Run:
    """The run of a job. Raises VosbenchError, which names the failed videos and the log, if a video failed."""
    failed = outcome.failed
    if not failed:
        return outcome.run
    names = ", ".join(record.video for record in failed)
    found = f"{len(failed)} of {len(outcome.done) + len(failed)} videos failed ({names}), the first by: "
    again = "overwrite=True tracks" if is_built(job.work.given) else "the same call tracks"
    remedy = f"see {outcome.run.log_path(failed[0].device)}; {again} the failed videos again"
    raise VosbenchError(outcome.run.path, found + failed[0].error, remedy)


def _require_separate_folders(jobs: Sequence[Job]) -> None:
    for path, count in Counter(job.work.run.path.resolve() for job in jobs).items():
        if count > 1:
            raise VosbenchError(
                path,
                f"{count} of the runs would have this folder",
                "let their settings differ, or the names of their datasets or checkpoints",
            )


def _track(attempts: Attempts, devices: Sequence[str], stall: float, on_event: Callable[[Event], None]) -> None:
    given = [work.given for work in attempts.run_works if work.given is not None]
    if given:
        torch_device = "" if all(map(is_built, given)) else find_torch_device(devices[0])
        SerialPool(attempts, torch_device).track_all(devices[0], on_event)
    else:
        Pool(attempts, stall).track_all(devices, on_event)
