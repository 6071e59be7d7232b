"""Run trackers over splits: track every video that a run does not have yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from vosbench.errors import VosbenchError
from vosbench.io.wording import count_of, name_some
from vosbench.running.attempts import Attempts, Event
from vosbench.running.capacity import USUAL_NEED, choose_threads, choose_workers, read_machine
from vosbench.running.devices import choose_devices, find_torch_device
from vosbench.running.job import Job
from vosbench.running.open_runs import open_runs
from vosbench.running.pool import DEFAULT_STALL, Pool
from vosbench.running.record import Record
from vosbench.running.run import Run
from vosbench.running.run_json import find_identity_differences
from vosbench.running.schedule import Queue, RunVideo
from vosbench.running.serial import SerialPool
from vosbench.running.shard_work import OpenShard, open_shard
from vosbench.running.work import is_built
from vosbench.running.worker_process import SilenceLimits


@dataclass(frozen=True)
class RunOutcome:
    """What became of the videos that a job asked for.

    skipped: the videos that were done before. done, failed: the records of the videos that were tracked. untried: the
    videos that were given up because the first ones had all failed alike. broken: why the run could not begin or go on,
    although other runs did.
    """

    run: Run
    skipped: tuple[str, ...] = ()
    done: tuple[Record, ...] = ()
    failed: tuple[Record, ...] = ()
    untried: tuple[str, ...] = ()
    broken: VosbenchError | None = None


def infer_jobs(
    jobs: Sequence[Job],
    devices: Sequence[str],
    overwrite: bool = False,
    command: str = "",
    stall: float = DEFAULT_STALL,
    on_event: Callable[[Event], None] = lambda event: None,
    per_device: int | None = 1,
    threads: int | None = None,
    *,
    keep: bool = False,
    on_note: Callable[[str], None] = lambda line: None,
) -> list[RunOutcome]:
    """Track the videos that the runs of some jobs do not have yet; the videos of all runs wait in one queue.

    devices: see `choose_devices`; a job whose tracker only this process has uses the first one. overwrite: track the
    videos of the jobs again that are done, and replace another run in the same folder. command: what run.json says of
    how the run was made. stall: the seconds without a frame after which a worker is stopped. on_event: called with what
    happens to each video. per_device: workers for each entry of `devices`; None is as many as the machine has room for,
    see `choose_workers`. threads: of each worker; None is the number with which the run was begun, see
    `choose_threads`. keep: continue a run although what made its masks has changed, such as the tracker's code.
    on_note: called with each line about a run that is continued.

    Returns the outcome of each job. However this function ends, no process stays behind, and every finished video is
    in its run. A run that cannot begin, because what made its masks has changed say, or whose tracker cannot be built,
    does not hinder the others. Raises VosbenchError if two jobs have the same folder, if no run can begin or the only
    one cannot go on, and for what hinders every run.
    """
    if keep and overwrite:
        raise VosbenchError(
            "--keep and --overwrite", "one keeps masks that the other replaces", "give only one of them"
        )
    over: Literal["refuse", "keep", "overwrite"] = "keep" if keep else "overwrite" if overwrite else "refuse"
    _require_separate_folders(jobs)
    workers = _choose_job_workers(jobs, devices, per_device)
    jobs = [_give_threads(job, threads, workers) for job in jobs]
    untried: list[RunVideo] = []
    with open_runs(jobs, partial(open_shard, devices=workers, command=command, over=over, on_note=on_note)) as runs:

        def take(event: Event) -> None:
            if event.record:
                runs.shards[event.item.run].add_record(event.record)
            on_event(event)

        items = [item for shard in runs.shards.values() for item in shard.items]
        if items:
            attempts = Attempts([job.work for job in jobs], Queue(items, [job.cost for job in jobs]))
            limits = SilenceLimits(first_frame=max(stall, DEFAULT_STALL), later=stall)
            _track(attempts, workers, Pool(attempts, limits, sparing=per_device is None and len(devices) == 1), take)
            untried = attempts.untried
            for index, error in attempts.broken.items():
                runs.end(index, error)
    given_up = [tuple(item.video for item in untried if item.run == index) for index in range(len(jobs))]
    return [
        _describe_outcome(job, runs.shards.get(index), given_up[index], runs.broken.get(index))
        for index, job in enumerate(jobs)
    ]


def _describe_outcome(
    job: Job, shard: OpenShard | None, untried: tuple[str, ...], broken: VosbenchError | None
) -> RunOutcome:
    if shard is None:
        return RunOutcome(job.work.run, broken=broken)
    done, failed = shard.select("done"), shard.select("failed")
    return RunOutcome(job.work.run, tuple(shard.skipped), done, failed, untried, broken)


def _choose_job_workers(jobs: Sequence[Job], devices: Sequence[str], per_device: int | None) -> list[str]:
    """The devices of the workers for some jobs, see `choose_workers`."""
    videos = sum(len(job.videos) for job in jobs)
    need = max((job.memory for job in jobs), default=USUAL_NEED)
    return choose_workers(devices, per_device, videos, need, read_machine())


def _give_threads(job: Job, wanted: int | None, workers: Sequence[str]) -> Job:
    """A job that says with how many threads its workers compute; the same job if they are those of this process.

    Raises VosbenchError if a number is wanted for a tracker that only this process has.
    """
    if job.work.given is not None:
        if wanted is None:
            return job
        found = f"{job.facts['tracker']} exists only in this process, whose threads are its own"
        raise VosbenchError(f"threads={wanted}", found, "leave it out, and call torch.set_num_threads")
    threads = choose_threads(wanted, _read_begun_facts(job), workers, read_machine())
    return replace(job, work=replace(job.work, threads=threads), facts={**job.facts, "threads": threads})


def _read_begun_facts(job: Job) -> Mapping[str, Any]:
    """What run.json says of a job's run; empty if the run was not begun or another one is in its folder."""
    try:
        known = job.work.run.read_published()
    except VosbenchError:
        return {}
    return {} if find_identity_differences(known, job.facts) else known


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
    names = name_some([record.video for record in failed])
    given_up = f", so that {count_untried(outcome)} not tried" if outcome.untried else ""
    counts = f"{len(failed)} of {count_of(len(outcome.done) + len(failed), 'video')}"
    found = f"{counts} failed ({names}){given_up}, the first by: "
    again = "overwrite=True tracks" if is_built(job.work.given) else "the same call tracks"
    remedy = f"see {outcome.run.log_path(failed[0].worker)}; {again} the failed videos again"
    raise VosbenchError(outcome.run.path, found + failed[0].error, remedy)


def count_untried(outcome: RunOutcome) -> str:
    """Say how many videos were not tried: "1 other was", "5 others were"."""
    count = len(outcome.untried)
    return "1 other was" if count == 1 else f"{count} others were"


def _require_separate_folders(jobs: Sequence[Job]) -> None:
    for path, count in Counter(job.work.run.path.resolve() for job in jobs).items():
        if count > 1:
            raise VosbenchError(
                path,
                f"{count} of the runs would have this folder",
                "let their settings differ, or the names of their datasets or checkpoints",
            )


def _track(attempts: Attempts, workers: Sequence[str], pool: Pool, on_event: Callable[[Event], None]) -> None:
    """Track the videos that wait, in the pool's workers, or in this process if only it has the tracker of a run."""
    given = [work.given for work in attempts.run_works if work.given is not None]
    if given:
        torch_device = "" if all(map(is_built, given)) else find_torch_device(workers[0])
        SerialPool(attempts, torch_device).track_all(workers[0], on_event)
    else:
        pool.track_all(workers, on_event)
