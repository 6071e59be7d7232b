"""The functions of the package: fetch, plan_fetch, open_dataset, infer, evaluate and dataframe."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vosbench.datasets.card import Dataset, Download
from vosbench.datasets.checkpoints import known_checkpoints
from vosbench.datasets.registry import find_dataset
from vosbench.datasets.split import DatasetSplit, choose_videos, open_split
from vosbench.errors import VosbenchError
from vosbench.evaluation.report import dataframe
from vosbench.evaluation.summary import Evaluation
from vosbench.fetching.fetch import FetchResult, fetch_checkpoint, fetch_dataset, rename_dataset
from vosbench.fetching.plan import FetchPlan, plan_checkpoint, plan_dataset
from vosbench.fetching.sources import FetchProgress, Sources
from vosbench.io.paths import Roots, is_run
from vosbench.running.attempts import Event
from vosbench.running.infer import choose_job_devices, infer_jobs, require_success
from vosbench.running.job import NO_SETTINGS, prepare_job
from vosbench.running.methods import Method, open_scored_split, score_method
from vosbench.running.pool import DEFAULT_STALL
from vosbench.running.prerequisites import require_fitting_weights
from vosbench.running.run import Run
from vosbench.trackers.registry import DEFAULT_TRACKER

__all__ = ["dataframe", "evaluate", "fetch", "infer", "open_dataset", "plan_fetch"]


def ignore_fetch_progress(label: str, done: int, total: int | None) -> None:
    """Do nothing with the progress of a fetch."""


def fetch(
    name: str,
    split: str | None = None,
    *,
    from_: Sequence[str | Path] = (),
    links: str | Path | None = None,
    mirror: str | None = None,
    as_name: str | None = None,
    keep_archives: bool = False,
    force: bool = False,
    datasets: str | Path = "datasets",
    checkpoints: str | Path = "checkpoints",
    on_progress: FetchProgress = ignore_fetch_progress,
) -> FetchResult:
    """Download a dataset's split or a checkpoint, verify it, and put it in its folder, as `vosbench fetch` does.

    name: a dataset's name or alias, the path of a card, or a checkpoint of the catalogue. split: the card's default if
    None. from_: archives, folders or URLs in place of the card's. links: a file of `file_name<TAB>URL` lines, tried
    first. mirror: a base URL that holds the card's files by name, tried second. as_name: another name for the dataset.
    keep_archives: keep the downloads on disk. force: fetch again what is complete. datasets, checkpoints: the folders
    of all datasets and of all checkpoints. on_progress: called with the name of a piece of work, the amount that is
    done, and the whole amount, or None where that is not known.

    A split or checkpoint that is complete already is left as it is, and `was_fetched` of the result is False. Raises
    VosbenchError, and changes nothing, for an unknown name, for a file that cannot be downloaded, and for content that
    is damaged or that differs from the card.
    """
    sources = Sources(tuple(map(str, from_)), Path(links) if links else None, mirror, keep_archives, force)
    wanted = _find_fetchable(name, as_name)
    if isinstance(wanted, Download):
        return fetch_checkpoint(wanted, Path(checkpoints), sources, on_progress)
    return fetch_dataset(wanted, split, Path(datasets), sources, on_progress)


def plan_fetch(
    name: str,
    split: str | None = None,
    *,
    from_: Sequence[str | Path] = (),
    links: str | Path | None = None,
    mirror: str | None = None,
    as_name: str | None = None,
    force: bool = False,
    datasets: str | Path = "datasets",
    checkpoints: str | Path = "checkpoints",
) -> FetchPlan:
    """List the files that `fetch` with the same arguments would need, their sizes, and the free space.

    Asks no server and writes nothing. Raises VosbenchError for an unknown name and for links that cannot be read.
    """
    sources = Sources(tuple(map(str, from_)), Path(links) if links else None, mirror, force=force)
    wanted = _find_fetchable(name, as_name)
    if isinstance(wanted, Download):
        return plan_checkpoint(wanted, Path(checkpoints), sources)
    return plan_dataset(wanted, split, Path(datasets), sources)


def _find_fetchable(name: str, as_name: str | None) -> Dataset | Download:
    """Return the checkpoint or the dataset of a name; the dataset is renamed if another name is given."""
    checkpoints = known_checkpoints()
    checkpoint = checkpoints.get(name)
    if checkpoint and as_name is not None:
        raise VosbenchError(f"--as {as_name}", f"{name} is a checkpoint, and only a dataset can have another name")
    if checkpoint:
        return checkpoint
    dataset = find_dataset(name, others=checkpoints)
    return dataset if as_name is None else rename_dataset(dataset, as_name)


def open_dataset(
    name_or_path: str | Path, split: str | None = None, *, rules: str | None = None, datasets: str | Path = "datasets"
) -> DatasetSplit:
    """Open a split on disk: its videos, frames, prompts and ground truth.

    name_or_path: a dataset's name or alias, looked up below `datasets`; or the path of a folder in the normal layout or
    in DAVIS's own. split: the card's default if None. rules: the name of the dataset whose prompts and scoring rules
    are used instead.

    Raises VosbenchError if the dataset is not on disk, has no such split, or the split lists no video.
    """
    return open_split(name_or_path, split, Path(datasets), rules)


def evaluate(
    results: str | Path | Run,
    dataset: str | Path | DatasetSplit | None = None,
    split: str | None = None,
    *,
    rules: str | None = None,
    videos: Sequence[str] | None = None,
    jobs: int | None = None,
    strict: bool = True,
    reuse: bool = False,
    datasets: str | Path = "datasets",
    on_video: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Score the masks of a run, or of any tool, as `vosbench eval` does. Writes nothing, except with `reuse`.

    results: a run or its path, a folder of `<video>/<frame>.png`, or another form that docs/evaluation.md lists.
    dataset: a name under `datasets`, a path, or a split that is open already, for which `split` and `rules` do not
    count; None for a run, which knows its own. split: None for a run's own, or else the default on the dataset's card.
    rules: the dataset whose rules count instead of its own. videos: only these.
    jobs: processes, one a core if None.
    strict: raise an error for what is missing; otherwise it is scored as absent and named in `problems`.
    reuse: take over the scores that a run keeps of videos whose masks, ground truth and rules have not changed, and
    keep those of the others in the run; `reused` of the result says how many.
    on_video: called after each video with the number of videos scored so far and of all.
    `marks` of the result say what sets it apart from an evaluation of the whole split, by the run's rules, strictly.
    Raises VosbenchError for any problem that the user can solve.
    """
    path = results.path if isinstance(results, Run) else Path(results)
    opened = dataset
    if not isinstance(opened, DatasetSplit):
        opened = open_scored_split(path, opened, split, rules, Path(datasets))
    run = Run(path) if is_run(path) else None
    return score_method(Method(path.name, path, opened, run), videos or (), jobs, strict, on_video, reuse)


def infer(
    dataset: str | Path | DatasetSplit = "default",
    tracker: Any = DEFAULT_TRACKER,
    *,
    split: str | None = None,
    checkpoint: str | Path | None = None,
    settings: Mapping[str, Any] = NO_SETTINGS,
    prompt: str = "mask",
    prompter: str | None = None,
    prompter_checkpoint: str | Path | None = None,
    prompts_from: str | Path | Run | None = None,
    devices: str | Sequence[str] | None = None,
    threads: int | None = None,
    videos: Sequence[str] | None = None,
    limit: int | None = None,
    rules: str | None = None,
    shard: tuple[int, int] = (1, 1),
    out: str | Path | None = None,
    overwrite: bool = False,
    keep: bool = False,
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
    such as {"memory_size": 3}. prompt: what each object is given by: "mask", its first mask, or "box", "1-click",
    "3-click" or "5-click", drawn from this mask by a simulated user, see docs/promptable.md. prompter,
    prompter_checkpoint: what turns clicks and boxes into masks for a tracker that takes masks only, "sam2" if None, and
    its weights. prompts_from: a run whose recorded clicks or boxes are given again.
    devices: "all", "cpu", indices of GPUs such as "0,1", or a list such as ["cpu", "cpu"],
    with a worker for each entry; None is all GPUs, or the CPU. "cpu" has as many workers as cores, videos and memory
    allow. threads: with how many torch computes in each worker; None is the number with which the run was begun, or
    else the cores divided by the workers. videos, limit: only these; only the first so many.
    rules: the dataset whose prompts and rules count instead. shard: (i, N) takes the i-th of N parts of equal work.
    out: the run's own folder; None is a folder under `results` that is named after dataset, tracker and settings.
    overwrite: track again what is done, and replace another run in the folder. keep: continue a run and keep its masks
    although what made them has changed: the tracker's code, its weights, the prompts, or the version of torch, sam2 or
    another package of the tracker. stall: the seconds without a frame after which a worker is stopped; a video's first
    frame always has 600. on_event: called with what happens to each video: its `kind`, `video`, `device`, `frame`,
    `record` and `error`.

    Workers import a tracker by its module, so a class that is defined in a notebook, in the script itself or in a
    function, and an object that is already built, are used in this process instead, on one device and one video after
    the other. There `stall` does not count, and a crash of the tracker ends this process. What the state of an object
    is cannot be told, so its run is continued only with `keep=True`; else give `overwrite=True` or another `out`.

    What is to be known of a run that is continued, such as other versions of packages, is a Python warning.

    Raises VosbenchError for whatever the user can put right, and if a video failed in all its attempts. Then the error
    names the failed videos and the log; all other videos are in the run, and the same call tries the failed ones again.
    """
    roots = Roots(Path(datasets), Path(checkpoints), Path(results))
    weights = str(checkpoint) if checkpoint else None
    settings = {**settings, **_collect_prompt_settings(prompt, prompter, prompter_checkpoint, prompts_from)}
    if isinstance(tracker, str):
        require_fitting_weights(tracker, weights, settings, roots.checkpoints)
    opened = dataset if isinstance(dataset, DatasetSplit) else open_split(dataset, split, Path(datasets), rules)
    chosen = choose_videos(opened, videos or (), limit)
    job = prepare_job(roots, opened, tracker, weights, settings, Path(out) if out else None, chosen, shard)
    call = f"vosbench.infer({opened.name!r}, {job.facts['tracker']!r}, settings={dict(settings)!r})"
    used = choose_job_devices(job, devices)
    each = None if devices is None or isinstance(devices, str) else 1
    outcomes = infer_jobs([job], used, overwrite, call, stall, on_event, each, threads, keep=keep, on_note=_warn_user)
    return require_success(job, outcomes[0])


def _collect_prompt_settings(
    prompt: str, prompter: str | None, checkpoint: str | Path | None, prompts_from: str | Path | Run | None
) -> dict[str, str]:
    """The settings of a run that say how its objects are given, without those that are left as they are."""
    again = prompts_from.path if isinstance(prompts_from, Run) else prompts_from
    given = {"prompter": prompter, "prompter_checkpoint": checkpoint, "prompts_from": again}
    chosen = {"prompt": prompt} if prompt != "mask" else {}
    return chosen | {name: str(value) for name, value in given.items() if value is not None}


def _warn_user(line: str) -> None:
    warnings.warn(line, stacklevel=2)
