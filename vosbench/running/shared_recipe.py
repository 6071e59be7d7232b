"""Let the shards of a run that are at work at the same time agree on one recipe."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from vosbench.errors import VosbenchError
from vosbench.io import files, paths
from vosbench.io.locks import is_locked
from vosbench.running.recipe import Recipe, find_changes, read_recipes, write_recipe
from vosbench.running.run import Run

CURRENT_RECIPE = "current"  # the file with the id of the recipe by which shards are made


def announce_recipe(run: Run, recipe: Recipe) -> None:
    """Write for other shards which recipe this process uses, which holds the lock of its shard."""
    write_recipe(run.path, recipe)
    _write_if_other(_announcement(run, run.shard_tag), recipe.id)


def _announcement(run: Run, tag: str) -> Path:
    return run.path / paths.RUN_RECIPES / f"{tag}.at-work"


def agree_on_recipe(run: Run, recipe: Recipe, force: bool) -> None:
    """Let the shards of a run be made by this recipe, or find out that others are at work with another one.

    This shard holds its lock and has announced its recipe. Of shards with different recipes that begin at the same
    time, the first one decides the recipe. force: whatever other shards do. Raises VosbenchError if a shard at work has
    a recipe that differs in what counts.
    """
    path = run.path / paths.RUN_RECIPES / CURRENT_RECIPE
    if not force and _write_first(path, recipe.id) != recipe.id and (changes := _find_rival_changes(run, recipe)):
        found = f"another shard of this run is at work with another version: {', '.join(changes)}"
        raise VosbenchError(run.path, found, "use the version of that shard, or accept masks of both with --keep")
    _write_if_other(path, recipe.id)


def _write_if_other(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text() != text:
        files.write_text(path, text)


def _write_first(path: Path, name: str) -> str:
    """Write a name into a file if there is none; return what it holds. Of several processes the first one writes."""
    if path.is_file():
        return path.read_text()
    beside = path.with_name(f".{path.name}.{platform.node()}-{os.getpid()}{paths.PARTIAL_SUFFIX}")
    try:
        beside.write_text(name)
        os.link(beside, path)
    except OSError:  # there is such a file, or the file system has no links
        return path.read_text() if path.is_file() else name
    finally:
        beside.unlink(missing_ok=True)
    return name


def _find_rival_changes(run: Run, recipe: Recipe) -> list[str]:
    """What differs in the recipes of other shards at work."""
    recipes, changes = read_recipes(run.path), []
    for lock in sorted((run.path / paths.RUN_SHARDS).glob("*.lock")):
        told = _announcement(run, lock.stem)
        if lock.stem != run.shard_tag and told.is_file() and is_locked(lock) and (name := told.read_text()) in recipes:
            changes += find_changes(recipes[name].parts, recipe.parts)
    return list(dict.fromkeys(changes))
