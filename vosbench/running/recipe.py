"""What makes the masks of a video: code, versions, weights and settings; stored once for all videos that have it.

The masks of a run should all have one recipe. Where they do not, `describe_mixture` says so.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io import files, paths
from vosbench.io.wording import count_of

HASH_PREFIX = "sha256:"
SHOWN_DIGITS = 8  # of a hash in a message
MAKER_PARTS = {
    "tracker_instance": "the tracker's class or object",
    "checkpoint_sha256": "the checkpoint",
    "prompter_checkpoint_sha256": "the prompter's checkpoint",
    "prompts_from_sha256": "the recorded prompts",
}
"""Entries of run.json that are parts of a recipe, and tell of the masks of older versions too."""
CODE_KEYS = ("tracker_sha256", "checkpoint_sha256", "code_sha256", "versions", "git")
"""The entries of run.json that a recipe repeats as `facts`."""
CODE_TABLES = ("code_sha256", "versions")
SETTING_PREFIX, PROMPTS_PART = "setting ", "the choice of prompts"
UNRECORDED = "unrecorded"
"""The name of the recipe that keeps what run.json said of videos of an older version, whose records do not say it."""
Part = str | int | float | bool | None


@dataclass(frozen=True)
class Recipe:
    """What made the masks of a video, beside its frames and prompts.

    parts: what a run is not continued without: part -> its version, value, or "sha256:" and the hash. facts: entries of
    run.json that tell more, such as the versions of other packages; a run is continued although they have changed.
    """

    parts: Mapping[str, Part]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def id(self) -> str:
        """The name of the recipe: 16 digits of the sha256 of all that it says."""
        import hashlib

        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


def collect_maker_parts(facts: Mapping[str, Any]) -> dict[str, Part]:
    """The parts of a recipe that entries of run.json tell, as they do in a run of an older version."""
    return {part: f"{HASH_PREFIX}{facts[key]}" for key, part in MAKER_PARTS.items() if facts.get(key)}


def write_recipe(run: Path, recipe: Recipe, name: str = "") -> None:
    """Store a recipe in a run's folder, if it is not there. name: its id if empty."""
    path = run / paths.RUN_RECIPES / f"{name or recipe.id}.json"
    if not path.is_file():
        files.write_json(path, asdict(recipe))


def read_recipes(run: Path) -> dict[str, Recipe]:
    """All recipes in a run's folder, by their ids. Raises VosbenchError for a damaged file."""
    found = {}
    for path in paths.list_json_files(run / paths.RUN_RECIPES):
        known = files.read_json(path)
        if not isinstance(parts := known.get("parts"), Mapping):
            raise VosbenchError(path, "damaged ('parts' is missing)", "delete it and repeat the command of this run")
        found[path.stem] = Recipe(parts, known.get("facts", {}))
    return found


def find_changes(before: Mapping[str, Part], now: Mapping[str, Part]) -> list[str]:
    """What differs between the parts of two recipes, in a few words each, from what to what."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return [_describe_change(name, before.get(name), now.get(name)) for name in names]


def _describe_change(name: str, was: Part, found: Part) -> str:
    if was is None or found is None:
        return f"{name} is {'new' if was is None else 'gone'}"
    if isinstance(was, str) and isinstance(found, str) and was.startswith(HASH_PREFIX):
        return f"{name} changed ({_shorten(was)}, now {_shorten(found)})"
    return f"{name} {was}, now {found}"


def _shorten(part: str) -> str:
    return part.removeprefix(HASH_PREFIX)[:SHOWN_DIGITS]


def describe_mixture(facts: Mapping[str, Any]) -> str | None:
    """Say in one line how the masks of a run differ in what made them; None if they do not, as far as is known.

    facts: the entries of run.json, see `Run.read_facts`. In a run of which no record says what made it, which is one of
    an older version, nothing is known.
    """
    mixed = _list_kinds(facts["videos"].values(), facts.get("recipes", {}))
    threads = sorted({video["threads"] for video in facts["videos"].values() if video.get("threads")})
    if len(threads) > 1:
        mixed.append(f"torch computed with {', '.join(map(str, threads))} threads")
    return f"its masks differ in what made them: {'; '.join(mixed)}" if mixed else None


def describe_mixture_of_runs(runs: Iterable[Mapping[str, Any]]) -> str | None:
    """Say in one line how the masks of several runs of one tracker differ in what made them; None if they do not.

    Settings and checkpoints do not count, because a table of such runs compares them. runs: the entries of run.json of
    each run.
    """
    every = list(runs)
    recipes = {
        name: {"parts": {part: value for part, value in recipe["parts"].items() if not _may_vary(part)}}
        for facts in every
        for name, recipe in facts.get("recipes", {}).items()
    }
    mixed = _list_kinds([video for facts in every for video in facts["videos"].values()], recipes)
    return f"the runs of {every[0]['tracker']} differ in what made their masks: {'; '.join(mixed)}" if mixed else None


def _may_vary(part: str) -> bool:
    """Whether runs that are compared with each other may differ in a part."""
    return part.startswith(SETTING_PREFIX) or part in (PROMPTS_PART, MAKER_PARTS["checkpoint_sha256"])


def _list_kinds(videos: Iterable[Mapping[str, Any]], recipes: Mapping[str, Any]) -> list[str]:
    """Each part in which the recipes of some videos differ, in words. videos: their entries in run.json."""
    done = [video.get("recipe") for video in videos if video["state"] == "done"]
    counts = Counter(recipe if recipe in recipes else None for recipe in done)
    known = {recipe: recipes[recipe]["parts"] for recipe in counts if recipe is not None}
    mixed = [_describe_kinds(name, known, counts) for name in _find_differing_parts(known.values())]
    if known and counts[None]:
        mixed.append(f"of {counts[None]} of {count_of(len(done), 'video')} it was not recorded")
    return mixed


def _find_differing_parts(recipes: Iterable[Mapping[str, Part]]) -> Iterator[str]:
    every = list(recipes)
    for name in dict.fromkeys(name for parts in every for name in parts):
        if len({json.dumps(parts.get(name)) for parts in every}) > 1:
            yield name


def _describe_kinds(name: str, known: Mapping[str, Mapping[str, Part]], counts: Mapping[str | None, int]) -> str:
    """A part's values and the number of videos of each, as in "torch 2.4.1 (5 videos), 2.5.0 (3 videos)"."""
    videos: Counter[str] = Counter()
    for recipe, parts in known.items():
        part = parts.get(name)
        is_hash = isinstance(part, str) and part.startswith(HASH_PREFIX)
        videos["without it" if part is None else _shorten(str(part)) if is_hash else str(part)] += counts[recipe]
    kinds = (f"{kind} ({count} video{'s'[: count != 1]})" for kind, count in videos.items())
    return f"{name} {', '.join(kinds)}"


def keep_shared_facts(recipes: Iterable[Mapping[str, Any] | None]) -> dict[str, Any]:
    """The entries CODE_KEYS as they hold for all masks of a run, for the top of run.json.

    recipes: the facts of each recipe, or None for one that is not known. What differs between them becomes None, and is
    left out of `code_sha256` and `versions`.
    """
    first, *others = [facts or {} for facts in recipes]
    shared = {key: first.get(key) if all(o.get(key) == first.get(key) for o in others) else None for key in CODE_KEYS}
    for name in CODE_TABLES:
        tables = [other.get(name) or {} for other in others]
        entries = (first.get(name) or {}).items()
        shared[name] = {key: value for key, value in entries if all(table.get(key) == value for table in tables)}
    return shared
