"""The Python calls behind the command line: `vosbench.evaluate` and `vosbench.dataframe`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

from vosbench import scoring, store
from vosbench.datasets import Tree, open_tree
from vosbench.jobs import choose_videos
from vosbench.report import dataframe
from vosbench.runs import Run
from vosbench.scoring import Evaluation
from vosbench.types import VosbenchError

__all__ = ["dataframe", "evaluate", "scored_tree"]


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
    tree = scored_tree(Path(results), dataset, split, rules, Path(datasets))
    chosen = choose_videos(tree, videos or ())
    done = count(1)
    return scoring.evaluate(Path(results), tree, chosen, jobs, strict, lambda _: on_video(next(done), len(chosen)))


def scored_tree(
    results: Path, dataset: str | Path | None, split: str | None, rules: str | None, datasets: Path
) -> Tree:
    """What masks are to be scored against: as given, else as the run says. Raises VosbenchError if neither says."""
    if not results.exists():
        raise VosbenchError(f"--results {results}: no such file or folder")
    run = Run(results).published() if (results / store.RUN).is_file() else None
    if run is None and not dataset:
        raise VosbenchError(f"{results} is not a run, so say what it is scored against with --dataset and --split")
    if run is None:
        return open_tree(str(dataset), split, datasets, rules)
    named = str(dataset) if dataset else run["dataset_path"]
    if not Path(named).is_dir():
        named = named if dataset else run["dataset"]
    tree = open_tree(named, split or run["split"], datasets, rules)
    return (
        tree if rules or tree.rules.name == run["rules"] else open_tree(named, tree.split.name, datasets, run["rules"])
    )
