"""The library behind the command line: fetch, open_dataset, infer, evaluate and dataframe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

from vosbench.datasets.registry import find_dataset
from vosbench.datasets.split import DatasetSplit, choose_videos, open_split
from vosbench.errors import VosbenchError
from vosbench.evaluation import evaluate as evaluation
from vosbench.evaluation.report import dataframe
from vosbench.evaluation.summary import Evaluation
from vosbench.fetching.checkpoints import known_checkpoints
from vosbench.fetching.fetch import FetchResult, fetch_checkpoint, fetch_dataset, rename_dataset
from vosbench.fetching.sources import FetchProgress, Sources
from vosbench.running.run import open_scored_split

__all__ = ["dataframe", "evaluate", "fetch", "open_dataset"]


def ignore_fetch_progress(label: str, done: int, total: int | None) -> None:
    """Progress of a fetch that nobody watches."""


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
    """Download a dataset's split or a checkpoint, verify it, and put it in place, as `vosbench fetch` does.

    name: a dataset's name or alias, the path of a card, or a checkpoint of the catalogue. split: the card's default if
    None. from_: archives, folders or URLs in place of the card's. links: a file of `file_name<TAB>URL` lines, tried
    first. mirror: a base URL that holds the card's files by name, tried second. as_name: another name for the dataset.
    keep_archives: whether downloads stay on disk. force: fetch again what is complete. datasets, checkpoints: where to
    put it. on_progress: called with what is done, how much of it, and how much there is, or None if that is not known.

    What is complete already is left alone; the result says so. Raises VosbenchError, with nothing changed, for an
    unknown name, a file that cannot be had, and content that is damaged or not what the card says.
    """
    sources = Sources(tuple(map(str, from_)), Path(links) if links else None, mirror, keep_archives, force)
    known = known_checkpoints()
    if name in known:
        if as_name is not None:
            raise VosbenchError(f"as_name {as_name}", f"{name} is a checkpoint, and only a dataset takes another name")
        return fetch_checkpoint(known[name], Path(checkpoints), sources, on_progress)
    dataset = find_dataset(name)
    chosen = dataset if as_name is None else rename_dataset(dataset, as_name)
    return fetch_dataset(chosen, split, Path(datasets), sources, on_progress)


def open_dataset(
    name_or_path: str | Path, split: str | None = None, *, rules: str | None = None, datasets: str | Path = "datasets"
) -> DatasetSplit:
    """Open a split on disk: its videos, frames, prompts and ground truth.

    name_or_path: a dataset's name or alias, looked up below `datasets`; or the path of a tree in the normal layout or
    in DAVIS's own. split: the card's default if None. rules: another dataset's card, by whose prompts and rules to go.
    Raises VosbenchError if the dataset is not there, has no such split, or the split lists no video.
    """
    return open_split(str(name_or_path), split, Path(datasets), rules)


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

    results: a run, a folder of `<video>/<frame>.png`, or another form that `vosbench.guesses` names.
    dataset: a name under `datasets`, or the path of a tree; None is a run's own. split: None is a run's own, or else
    the card's default. rules: a card whose rules count instead. videos: only these. jobs: processes, one a core if
    None; in a script, more than one need `if __name__ == "__main__":`, as they import it. strict: refuse what is
    missing; else it is scored as absent and in `problems`. on_video: told the videos done and all there are.
    Raises VosbenchError for what the user can put right.
    """
    dataset_split = open_scored_split(Path(results), dataset, split, rules, Path(datasets))
    chosen = choose_videos(dataset_split, videos or ())
    done = count(1)
    return evaluation.score_split(
        Path(results), dataset_split, chosen, jobs, strict, lambda _: on_video(next(done), len(chosen))
    )
