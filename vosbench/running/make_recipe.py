"""Make the recipe of a run that is to begin: the code of its tracker, versions, weights and settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from typing import Any

from vosbench.datasets.split import DatasetSplit
from vosbench.running.chosen_tracker import ChosenTracker
from vosbench.running.code_versions import HASHED_PACKAGES, hash_package
from vosbench.running.recipe import (
    CODE_KEYS,
    HASH_PREFIX,
    PROMPTS_PART,
    SETTING_PREFIX,
    SHOWN_DIGITS,
    Part,
    Recipe,
    collect_maker_parts,
)
from vosbench.running.tracker_code import PROMPTING_MODULES, TrackerCode, trace_code
from vosbench.running.work import is_built

ALWAYS_COUNTED = ("torch", "sam2")
NEVER_COUNTED = frozenset(
    ("PIL", "cv2", "hydra", "matplotlib", "numpy", "omegaconf", "pandas", "scipy", "skimage", "tqdm", "yaml")
)
"""Packages of which another version is only noted, by the names of their imports."""
UNKNOWN_MODULES = ("__main__", "__mp_main__", "builtins")


def trace_chosen_tracker(chosen: ChosenTracker, prompter: str | None = None) -> TrackerCode:
    """Find the code of a run's tracker: of its class, and of the classes that this inherits from.

    prompter: where the prompter is, as `module:object`, if it is not masks that prompt; empty for a tracker that needs
    none.
    """
    kind = type(chosen.tracker) if is_built(chosen.tracker) else chosen.tracker
    classes = kind.__mro__ if isinstance(kind, type) else ()
    modules = dict.fromkeys([chosen.spec.partition(":")[0], *(each.__module__ for each in classes)])
    if prompter is not None:
        modules |= dict.fromkeys([*PROMPTING_MODULES, *filter(None, [prompter.partition(":")[0]])])
    return trace_code(module for module in modules if module not in UNKNOWN_MODULES)


def make_recipe(code: TrackerCode, split: DatasetSplit, facts: Mapping[str, Any]) -> Recipe:
    """Put together what makes the masks of a run. facts: what run.json is to say of the run."""
    prompted = f"{split.split.prompts}, void {list(split.rules.void)}{', merged' if split.rules.merge else ''}"
    parts: dict[str, Part] = {
        **{name: f"{HASH_PREFIX}{sha256}" for name, sha256 in code.sha256.items()},
        **collect_maker_parts(facts),
        **dict(_describe_packages(code)),
        **{f"{SETTING_PREFIX}{key}": value for key, value in facts["all_settings"].items()},
        "the seed": facts["seed"],
        PROMPTS_PART: prompted,
    }
    return Recipe(parts, {key: facts[key] for key in CODE_KEYS if key in facts})


def _describe_packages(code: TrackerCode) -> Iterator[tuple[str, Part]]:
    """The packages that count, with their versions; with the hash of their code where the version tells too little."""
    for package in dict.fromkeys([*ALWAYS_COUNTED, *sorted(code.packages - NEVER_COUNTED)]):
        number = _find_version(package)
        sha256 = hash_package(package) if not number or package in HASHED_PACKAGES else None
        if number and sha256:
            yield package, f"{number} ({sha256[:SHOWN_DIGITS]})"
        elif number or sha256:
            yield package, number or f"{HASH_PREFIX}{sha256}"


def _find_version(package: str) -> str | None:
    """The version of the distribution that has a package, such as rf-cutie for cutie; None if there is none."""
    with suppress(PackageNotFoundError):
        return version(package)
    distributions = packages_distributions().get(package)
    return version(distributions[0]) if distributions else None
