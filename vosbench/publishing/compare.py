"""Score runs and other masks, and put them side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vosbench.evaluation.interval import BOOTSTRAP_SEED, DRAWS
from vosbench.io.paths import is_run
from vosbench.publishing.comparison import (
    Bootstrap,
    MethodComparison,
    ScoredMethod,
    compare_scored,
    require_known_method,
    require_shared_split,
)
from vosbench.running.methods import Method, name_apart, open_method, score_method
from vosbench.running.run import Run


def compare(
    methods: Sequence[str | Path | Run] | Mapping[str, str | Path | Run],
    dataset: str | Path | None = None,
    split: str | None = None,
    *,
    rules: str | None = None,
    videos: Sequence[str] | None = None,
    jobs: int | None = None,
    strict: bool = True,
    anyway: bool = False,
    against: str = "",
    draws: int = DRAWS,
    seed: int = BOOTSTRAP_SEED,
    datasets: str | Path = "datasets",
    on_video: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> MethodComparison:
    """Score methods and put them side by side, as `vosbench compare` does. Writes nothing.

    methods: runs or other masks, or a mapping from the names to these; without a name it is that of the file or folder.
    dataset, split: of masks that are not a run; a run knows its own. rules: the dataset whose rules count instead, for
    all of them. videos, jobs, strict: as for `evaluate`, for all of them. anyway: compare methods although they were
    scored differently; `differences` of the result says how. against: the name of the method that each other one is
    paired with; by default two methods on a split are paired. draws, seed: of the bootstrap over videos. on_video:
    called with the method's name, and with the number of its videos scored so far and of all.
    Raises VosbenchError if they cannot be compared, and for any other problem that the user can solve.
    """
    given = methods.items() if isinstance(methods, Mapping) else [(None, each) for each in methods]
    opened = [_open_compared(name, masks, dataset, split, rules, Path(datasets)) for name, masks in given]
    options = ScoringOptions(videos or (), jobs, strict, on_video)
    return compare_methods(opened, options, Bootstrap(draws, seed), anyway, against)


def _open_compared(
    name: str | None,
    masks: str | Path | Run,
    dataset: str | Path | None,
    split: str | None,
    rules: str | None,
    root: Path,
) -> Method:
    path = masks.path if isinstance(masks, Run) else Path(masks)
    own = is_run(path)
    return open_method(path, None if own else dataset, None if own else split, rules, root, name)


@dataclass(frozen=True)
class ScoringOptions:
    """How methods are scored, see `score_method`. videos: only these; all of each split if empty."""

    videos: Sequence[str] = ()
    jobs: int | None = None
    strict: bool = True
    on_video: Callable[[str, int, int], None] = field(default=lambda name, done, total: None)


def compare_methods(
    methods: Sequence[Method],
    options: ScoringOptions,
    bootstrap: Bootstrap | None = None,
    anyway: bool = False,
    against: str = "",
) -> MethodComparison:
    """Score methods and compare them. The arguments are those of `score_method` and `compare_scored`.

    Raises VosbenchError as these do, and if two methods cannot be told apart.
    """
    named = name_apart(methods)
    require_shared_split([(each.name, (each.dataset_split.name, each.dataset_split.split.name)) for each in named])
    require_known_method(against, [each.name for each in named])
    scored = []
    for each in named:

        def report(done: int, total: int, name: str = each.name) -> None:
            options.on_video(name, done, total)

        evaluation = score_method(each, options.videos, options.jobs, options.strict, report)
        scored.append(ScoredMethod(each.name, evaluation, each.path, each.run))
    return compare_scored(scored, bootstrap, anyway, against)
