"""Put methods side by side: their figures on each split, and for two methods on a split their paired differences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vosbench.errors import VosbenchError
from vosbench.evaluation.comparable import find_scoring_differences, note_versions
from vosbench.evaluation.interval import BOOTSTRAP_SEED, DRAWS
from vosbench.evaluation.summary import NO_INTERVAL, Evaluation
from vosbench.io.plugins import make_unknown_name_error
from vosbench.publishing.paired import Pair, compare_pair, compare_with_one
from vosbench.running.run import Run

ALONE = "each method is on another split"
MIN_DRAWS = 100


@dataclass(frozen=True)
class ScoredMethod:
    """A method's name, what it scored on one split, and where its masks are. run: None for masks that are no run."""

    name: str
    evaluation: Evaluation
    path: Path | None = None
    run: Run | None = None

    @property
    def where(self) -> tuple[str, str]:
        """The dataset and the split."""
        return self.evaluation.dataset, self.evaluation.split


@dataclass(frozen=True)
class MethodComparison:
    """Methods side by side, each scored on one split or on several under the same name.

    differences: what keeps them from being compared, a line each; none unless they were compared anyway. pairs: one
    for each split that two methods are scored on, or of a chosen method with each other one on its splits. notes: what
    else a reader should know.
    """

    methods: tuple[ScoredMethod, ...]
    differences: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def splits(self) -> list[tuple[str, str]]:
        """The datasets and splits, in the order of the methods."""
        return list(dict.fromkeys(method.where for method in self.methods))

    @property
    def names(self) -> list[str]:
        """The names of the methods, in their order, each once."""
        return list(dict.fromkeys(method.name for method in self.methods))

    @property
    def problems(self) -> list[str]:
        """What was scored as absent, a line each."""
        return [f"{method.name}: {problem}" for method in self.methods for problem in method.evaluation.problems]

    def on(self, where: tuple[str, str]) -> dict[str, Evaluation]:
        """The evaluations on a split, by the methods' names."""
        return {method.name: method.evaluation for method in self.methods if method.where == where}


@dataclass(frozen=True)
class Bootstrap:
    """How intervals and p are drawn: the number of draws, and the seed of the generator."""

    draws: int = DRAWS
    seed: int = BOOTSTRAP_SEED

    def __post_init__(self) -> None:
        if self.draws < MIN_DRAWS:
            raise VosbenchError(f"draws={self.draws}", f"too few for an interval: at least {MIN_DRAWS} are needed")
        if self.seed < 0:
            raise VosbenchError(f"seed={self.seed}", "a seed is 0 or more")


def compare_scored(
    methods: Sequence[ScoredMethod], bootstrap: Bootstrap | None = None, anyway: bool = False, against: str = ""
) -> MethodComparison:
    """Compare evaluations. Methods of the same name on different splits are one row.

    bootstrap: of the intervals and of p. anyway: compare what differs in more than the masks, and say so. against: the
    name of the method that each other one on its splits is paired with; otherwise two methods on a split are paired.
    Raises VosbenchError for another name, if no split has two methods although there are several, and, unless
    `anyway`, if methods on a split differ in how or on what they were scored.
    """
    how = bootstrap or Bootstrap()
    require_shared_split([(each.name, each.where) for each in methods])
    require_known_method(against, [each.name for each in methods])
    drawn = [
        ScoredMethod(each.name, each.evaluation.with_intervals(how.draws, how.seed), each.path, each.run)
        for each in methods
    ]
    comparison = MethodComparison(tuple(drawn))
    by_split = {where: comparison.on(where) for where in comparison.splits}
    differences = tuple(line for each in by_split.values() for line in find_scoring_differences(each))
    if differences and not anyway:
        more = f" (and {count_more})" if (count_more := _count_more(differences)) else ""
        remedy = "score them alike, or add --anyway (in Python anyway=True) to see them marked as not comparable"
        raise VosbenchError("not comparable", f"{differences[0]}{more}", remedy)
    pairs = tuple(pair for each in by_split.values() for pair in _pair_methods(each, how, against))
    return MethodComparison(tuple(drawn), differences, pairs, tuple(_collect_method_notes(drawn, bool(pairs))))


def _count_more(differences: Sequence[str]) -> str:
    return f"{len(differences) - 1} more" if len(differences) > 1 else ""


def require_known_method(name: str, names: Iterable[str]) -> None:
    """Raise VosbenchError if a method's name is given and none of the methods has it."""
    if name and name not in (known := list(dict.fromkeys(names))):
        raise make_unknown_name_error("method", name, known)


def _pair_methods(evaluations: Mapping[str, Evaluation], how: Bootstrap, against: str) -> tuple[Pair, ...]:
    """The pairs of a split. evaluations: of all methods on it, by their names."""
    if against:
        return compare_with_one(against, evaluations, how.draws, how.seed) if against in evaluations else ()
    if len(evaluations) != 2:
        return ()
    (first, before), (second, after) = evaluations.items()
    return (compare_pair((first, second), before, after, how.draws, how.seed),)


def _collect_method_notes(methods: Sequence[ScoredMethod], paired: bool) -> list[str]:
    """The notes of the evaluations, each with the names of the methods, and the versions if they differ."""
    named: dict[str, list[str]] = {}
    for method in methods:
        for note in (*method.evaluation.marks, *method.evaluation.notes):
            if note == NO_INTERVAL and paired:  # which says the same of the difference
                continue
            named.setdefault(f"{' '.join(method.where)}: {note}", []).append(method.name)
    versions = note_versions((f"{each.name} on {' '.join(each.where)}", each.evaluation) for each in methods)
    return [*versions, *(f"{note} ({', '.join(names)})" for note, names in named.items())]


def require_shared_split(placed: Sequence[tuple[str, tuple[str, str]]]) -> None:
    """Raise VosbenchError for no method, a name that is twice on a split, and methods of which no two share one."""
    if not placed:
        raise VosbenchError(
            "vosbench compare", "no method is given", "give runs or other masks, see: vosbench list runs"
        )
    if repeated := next((each for each in placed if placed.count(each) > 1), None):
        raise VosbenchError(repeated[0], f"two methods on {' '.join(repeated[1])} have this name", "name them apart")
    splits = [where for _, where in placed]
    if len({name for name, _ in placed}) > 1 and len(set(splits)) == len(splits):
        listed = ", ".join(f"{name} on {' '.join(where)}" for name, where in placed)
        remedy = "give methods on the same split; those of one name on several splits are one row"
        raise VosbenchError("nothing to compare", f"{ALONE}: {listed}", remedy)
