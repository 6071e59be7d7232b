"""The methods that a command line names: runs and other masks, with a name and a split where they need them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from vosbench.errors import VosbenchError

if TYPE_CHECKING:
    from vosbench.running.methods import Method


class GivenMethod(NamedTuple):
    """What an argument `[NAME=]PATH[@DATASET[:SPLIT]]` says; None for what it does not."""

    name: str | None
    path: str
    dataset: str | None = None
    split: str | None = None


def parse_method(text: str, results_root: Path) -> GivenMethod:
    """Read `[NAME=]PATH[@DATASET[:SPLIT]]`. What exists as it stands is a path, whatever marks it has in its name.

    Raises VosbenchError for a name with a slash, which belongs to paths.
    """

    def exists(path: str) -> bool:
        return Path(path).exists() or (results_root / path).exists()

    name, equals, rest = text.partition("=")
    if "/" in name and not exists(text) and rest and exists(rest.rpartition("@")[0] or rest):
        raise VosbenchError(text, f"the name {name} has a slash", "choose another name for the method")
    if exists(text) or not equals or not name or "/" in name:
        name, rest = "", text
    path, at, where = rest.rpartition("@")
    if exists(rest) or not at or not exists(path):
        return GivenMethod(name or None, rest)
    dataset, _, split = where.partition(":")
    return GivenMethod(name or None, path, dataset or None, split or None)


def open_argument(
    given: GivenMethod,
    context: typer.Context,
    where: tuple[str | None, str | None],
    rules: str | None,
    also_runs: bool = False,
) -> Method:
    """The method of an argument. where: the dataset and the split of masks that are not a run and do not say it.

    also_runs: whether these count for runs too, which know their own.
    """
    from vosbench.io.paths import is_run
    from vosbench.running.methods import open_method
    from vosbench.studies.find import find_masks

    path = find_masks(given.path, context.obj.results)
    if given.dataset:
        where = given.dataset, given.split
    elif is_run(path) and not also_runs:
        where = None, None
    return open_method(path, *where, rules, context.obj.datasets, given.name)


def find_given_masks(command: str, run: str | None, results: str | None, results_root: Path) -> Path:
    """The path of the masks that a command is given, as an argument or by --results.

    Raises VosbenchError if neither or both are given, and if there is nothing at that path.
    """
    from vosbench.studies.find import find_masks

    return find_masks(choose_given_masks(command, run, results), results_root)


def choose_given_masks(command: str, run: str | None, results: str | None) -> str:
    """The masks that a command is given, as an argument or by --results.

    Raises VosbenchError if neither or both are given.
    """
    if run and results:
        raise VosbenchError(f"{run} and --results {results}", "both name the masks", "give only one of them")
    if not (given := run or results):
        remedy = "give the folder of a run or of other masks, or the name of a run from: vosbench list runs"
        raise VosbenchError(f"vosbench {command}", "no masks are given", remedy)
    return given
