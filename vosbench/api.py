"""The Python calls behind the command line: `vosbench.evaluate` and `vosbench.dataframe`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from vosbench.datasets.split import choose_videos
from vosbench.evaluation.evaluate import score_split
from vosbench.evaluation.report import dataframe
from vosbench.evaluation.summary import Evaluation
from vosbench.running.run import open_scored_split

__all__ = ["dataframe", "evaluate"]


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
