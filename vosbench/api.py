"""The functions of the package: `vosbench.infer`, `vosbench.evaluate` and `vosbench.dataframe`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vosbench.datasets.split import DatasetSplit, choose_videos, open_split
from vosbench.evaluation.evaluate import score_split
from vosbench.evaluation.report import dataframe
from vosbench.evaluation.summary import Evaluation
from vosbench.io.paths import Roots
from vosbench.running.attempts import Event
from vosbench.running.infer import choose_job_devices, infer_jobs, require_success
from vosbench.running.job import NO_SETTINGS, prepare_job
from vosbench.running.pool import DEFAULT_STALL
from vosbench.running.run import Run, open_scored_split
from vosbench.trackers.registry import DEFAULT_TRACKER

__all__ = ["dataframe", "evaluate", "infer"]


def evaluate(
    results: str | Path,
    dataset: str | Path | None = None,
    split: str | None = None,
    *,
    rules: str | None = None,
    videos: Sequence[str] | None = None,
    jobs: int | None = None,
    strict: bool = True,
    datasets: str | Path = "datasets",
    on_video: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Score the masks of a run, or of any tool, as `vosbench eval` does. Writes nothing.

    results: a run, a folder of `<video>/<frame>.png`, or another form that docs/evaluation.md lists.
    dataset: a name under `datasets`, or a path; None for a run, which knows its own.
    split: None for a run's own split, or else the default on the dataset's card.
    rules: the dataset whose rules count instead of its own. videos: only these.
    jobs: processes, one a core if None. A script that asks for more than one must call this below
    `if __name__ == "__main__":`, because the processes import the script.
    strict: raise an error for what is missing; otherwise it is scored as absent and named in `problems`.
    on_video: called after each video with the number of videos scored so far and of all.
    Raises VosbenchError for any problem that the user can solve.
    """
    dataset_split = open_scored_split(Path(results), dataset, split, rules, Path(datasets))
    chosen = choose_videos(dataset_split, videos or ())
    return score_split(Path(results), dataset_split, chosen, jobs, strict, on_video)


def infer(
    dataset: str | Path | DatasetSplit = "default",
    tracker: Any = DEFAULT_TRACKER,
    *,
    split: str | None = None,
    checkpoint: str | Path | None = None,
    settings: Mapping[str, Any] = NO_SETTINGS,
    devices: str | Sequence[str] | None = None,
    videos: Sequence[str] | None = None,
    limit: int | None = None,
    rules: str | None = None,
    shard: tuple[int, int] = (1, 1),
    out: str | Path | None = None,
    overwrite: bool = False,
    stall: float = DEFAULT_STALL,
    datasets: str | Path = "datasets",
    checkpoints: str | Path = "checkpoints",
    results: str | Path = "results",
    on_event: Callable[[Event], None] = lambda event: None,
) -> Run:
    """Track the videos of a split that a run does not have yet, as `vosbench infer` does, and return the run.

    dataset: a name under `datasets`, the path of a dataset, or a split that is open already, for which `split` and
    `rules` do not count; the default is DAVIS 2017. tracker: a name, "module:object", a class, or an object with a
    method `track`. checkpoint: a name of the catalogue, or the path of a file. settings: of the tracker, as values,
    such as {"memory_size": 3}. devices: "all", "cpu", indices of GPUs such as "0,1", or a list such as ["cpu", "cpu"],
    with a worker for each entry; None is all GPUs, or the CPU. videos, limit: only these; only the first so many.
    rules: the dataset whose prompts and rules count instead. shard: (i, N) takes the i-th of N parts of equal work.
    out: the run's own folder; None is a folder under `results` that is named after dataset, tracker and settings.
    overwrite: track again what is done, and replace another run in the folder. stall: the seconds without a frame
    after which a worker is stopped. on_event: called with what happens to each video: its `kind`, `video`, `device`,
    `frame`, `record` and `error`.

    Workers import a tracker by its module, so a class that is defined in a notebook, in the script itself or in a
    function, and an object that is already built, are used in this process instead, on one device and one video after
    the other. There `stall` does not count, and a crash of the tracker ends this process. What the state of an object
    is cannot be told, so its run is never continued: give `overwrite=True` or another `out`.

    Raises VosbenchError for whatever the user can put right, and if a video failed in all its attempts. Then the error
    names the failed videos and the log; all other videos are in the run, and the same call tries the failed ones again.
    """
    opened = dataset if isinstance(dataset, DatasetSplit) else open_split(str(dataset), split, Path(datasets), rules)
    chosen = choose_videos(opened, videos or (), limit)
    roots = Roots(Path(datasets), Path(checkpoints), Path(results))
    weights = str(checkpoint) if checkpoint else None
    job = prepare_job(roots, opened, tracker, weights, settings, Path(out) if out else None, chosen, shard)
    call = f"vosbench.infer({opened.name!r}, {job.facts['tracker']!r}, settings={dict(settings)!r})"
    used = choose_job_devices(job, devices)
    return require_success(job, infer_jobs([job], used, overwrite, call, stall, on_event)[0])
