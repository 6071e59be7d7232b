"""The Python calls behind the command line: `vosbench.evaluate` and `vosbench.dataframe`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

from vosbench.datasets.split import choose_videos
from vosbench.evaluation import evaluate as evaluation
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
