"""Methods that are compared: each is a run, or masks of any tool, with a name and the split that it is scored on.

The modules of runs are imported only for a run, since they take longer to import than a small split to score.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vosbench.datasets.split import DatasetSplit, choose_videos, open_split
from vosbench.errors import VosbenchError
from vosbench.evaluation.evaluate import score_split
from vosbench.evaluation.summary import Evaluation
from vosbench.io.paths import is_run
from vosbench.masks.open import Predictions, open_predictions

if TYPE_CHECKING:
    from vosbench.running.run import Run


@dataclass(frozen=True)
class Method:
    """Masks with a name and the split that they are scored on.

    name: for tables and legends. path: of the run or of the masks. run: None for masks that no run of vosbench made.
    """

    name: str
    path: Path
    dataset_split: DatasetSplit
    run: Run | None

    def open_masks(self, videos: Sequence[str] = ()) -> Predictions:
        """The masks of the given videos, or of all of the split. Raises VosbenchError if they cannot be read."""
        return open_predictions(self.path, videos or self.dataset_split.videos, self.dataset_split.rules.merge)


def open_method(
    masks: Path,
    dataset: str | Path | None = None,
    split: str | None = None,
    rules: str | None = None,
    datasets: Path = Path("datasets"),
    name: str | None = None,
) -> Method:
    """The method whose masks lie at a path: a run, or masks in another form that docs/evaluation.md lists.

    dataset, split, rules: None is what the run says. datasets: the folder of all datasets. name: by default that of the
    file or folder, without its suffix unless it is a run.
    Raises VosbenchError if there is nothing at the path, or if nothing says the dataset.
    """
    dataset_split = open_scored_split(masks, dataset, split, rules, datasets)
    found = masks.resolve()
    return Method(name or (found.name if masks.is_dir() else found.stem), masks, dataset_split, find_own_run(masks))


def find_own_run(masks: Path) -> Run | None:
    """The run whose masks lie at a path; None if they are not a run's."""
    if not is_run(masks):
        return None
    from vosbench.running.run import Run

    return Run(masks)


def open_scored_split(
    results: Path, dataset: str | Path | None, split: str | None, rules: str | None, datasets: Path
) -> DatasetSplit:
    """The split against which masks are scored: the given one, or the one that the run names.

    results: a run, or masks in another form. dataset, split, rules: None is what the run says. datasets: the folder of
    all datasets. Raises VosbenchError if neither the arguments nor a run name the dataset.
    """
    if not results.exists():
        raise VosbenchError(results, "no such file or folder", "see: vosbench list runs")
    if not is_run(results):
        if not dataset:
            remedy = "say what it is scored against with --dataset and --split"
            raise VosbenchError(results, "not a run, so its dataset is unknown", remedy)
        return open_split(dataset, split, datasets, rules)
    from vosbench.running.run import Run

    facts = Run(results).read_header()
    named = dataset or facts["dataset_path"]
    if not dataset and not Path(named).is_dir():  # on this machine the dataset may lie elsewhere
        named = facts["dataset"]
    dataset_split = open_split(named, split or facts["split"], datasets, rules)
    if not rules and dataset_split.rules.name != facts["rules"]:
        dataset_split = open_split(named, dataset_split.split.name, datasets, facts["rules"])
    return _describe_run_prompts(dataset_split, facts)


def _describe_run_prompts(dataset_split: DatasetSplit, facts: Mapping[str, Any]) -> DatasetSplit:
    """The split, which says how the objects of a run were prompted if not by masks."""
    if "prompter" not in facts:
        return dataset_split
    return dataset_split.prompted_by(facts["settings"].get("prompt", ""), facts["prompter"])


def name_apart(methods: Sequence[Method]) -> list[Method]:
    """The methods, with the names of their folders in front where two on the same split would have one name.

    Raises VosbenchError if two methods have the same masks and the same split, or cannot be told apart by their paths.
    """
    named, folders = list(methods), [method.path.resolve().parent for method in methods]
    while repeated := {key for key, count in Counter(map(_name_on_split, named)).items() if count > 1}:
        for index, method in enumerate(named):
            if _name_on_split(method) in repeated:
                if not folders[index].name:
                    raise VosbenchError(method.path, "two methods have this name", "name them, as in NAME=PATH")
                named[index] = replace(method, name=f"{folders[index].name}/{method.name}")
                folders[index] = folders[index].parent
    return named


def _name_on_split(method: Method) -> tuple[str, str, str]:
    return method.name, method.dataset_split.name, method.dataset_split.split.name


def score_method(
    method: Method,
    videos: Sequence[str] = (),
    jobs: int | None = None,
    strict: bool = True,
    on_video: Callable[[int, int], None] = lambda done, total: None,
    reuse: bool = False,
) -> Evaluation:
    """Score the masks of a method. Writes nothing, except with `reuse`.

    videos: only these; all of the split if empty. jobs: processes, one a core if None. strict: raise an error for what
    is missing; otherwise it is scored as absent and named in `problems`. on_video: called after each video with the
    number of videos scored so far and of all. reuse: see `score_run`.
    Raises VosbenchError for any problem that the user can solve, and for `reuse` of masks that are not a run.
    """
    chosen = choose_videos(method.dataset_split, videos)
    if method.run is None and reuse:
        found = "these masks are not a run, and only a run keeps scores that can be reused"
        raise VosbenchError(method.path, found, "leave out --reuse (in Python reuse=True)")
    if method.run is None:
        return score_split(method.path, method.dataset_split, chosen, jobs, strict, on_video)
    from vosbench.running.score_run import require_asked_videos, score_run

    if strict and not videos:
        require_asked_videos(method.run, method.dataset_split)
    return score_run(method.run, method.dataset_split, chosen, jobs, strict, on_video, reuse)
