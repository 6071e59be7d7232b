"""Decide whether a run may be continued: only with what made its masks so far, unless the user wants it otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.wording import count_of
from vosbench.running.prompt_digest import hash_prompts, stamp_prompt_files
from vosbench.running.provenance import find_differences
from vosbench.running.recipe import (
    CODE_KEYS,
    MAKER_PARTS,
    UNRECORDED,
    Recipe,
    collect_maker_parts,
    find_changes,
    read_recipes,
    write_recipe,
)
from vosbench.running.record import Record, read_record
from vosbench.running.run import Run

SHOWN_NAMES = 3  # of videos in a message
REMEDY = "track them again with --overwrite, or keep their masks and continue with --keep"


def find_damaged_videos(run: Run, videos: Sequence[str], records: Mapping[str, Record]) -> dict[str, str]:
    """Find the videos that are done but whose masks are missing or damaged: video -> what is wrong.

    records: of the run, as `Run.read_records` gives them.
    """
    found = {}
    for video in videos:
        path = run.path / paths.RUN_VIDEOS / f"{video}.json"
        record = records.get(video) or (read_record(path) if path.is_file() else None)
        if record and record.state == "done" and (damage := run.find_damage(record, read=True)):
            found[video] = damage
    return found


def require_same_recipe(
    run: Run,
    recipe: Recipe,
    records: Mapping[str, Record],
    dataset_split: DatasetSplit,
    videos: Sequence[str],
    known: Mapping[str, Any],
) -> None:
    """Check that a run's videos that are done were made as those that are missing will be.

    records: of the videos that are done. videos: those that are asked for. known: what the run said of itself, which
    counts for videos of older versions. Raises VosbenchError that says what has changed.
    """
    changes: dict[str, None] = {}
    other = 0
    for before, count in _group_by_parts(run, records, known, recipe):
        if found := find_changes(before, recipe.parts):
            changes |= dict.fromkeys(found)
            other += count
    asked = [records[video] for video in videos if video in records]
    if prompted := [each.video for each in asked if has_other_prompts(each, dataset_split)]:
        changes[f"the prompts of {_list_names(prompted)} changed"] = None
    if changes:
        total = len({*records, *videos})
        since = f"since {max(other, len(prompted))} of {total} video{'s'[: total != 1]} were tracked"
        raise VosbenchError(run.path, f"{', '.join(changes)} {since}", REMEDY)


def _group_by_parts(
    run: Run, records: Mapping[str, Record], known: Mapping[str, Any], recipe: Recipe
) -> Iterator[tuple[Mapping[str, Any], int]]:
    """The parts of each recipe in use, and the number of videos that have it.

    Of videos of an older version little is known; the other parts are taken to be those of today.
    """
    recipes = read_recipes(run.path)
    used = [record.recipe for record in records.values()]
    for name in dict.fromkeys(used):
        if name in recipes:
            parts = recipes[name].parts
        else:
            today = {part: value for part, value in recipe.parts.items() if part not in MAKER_PARTS.values()}
            parts = {**today, **collect_maker_parts(known)}
        yield parts, used.count(name)


def has_other_prompts(record: Record, dataset_split: DatasetSplit) -> bool:
    """Whether the prompts of a video differ from those with which it was tracked, as far as its record tells.

    The masks are decoded only if their files have changed.
    """
    if not record.prompts or record.prompt_files == stamp_prompt_files(dataset_split, record.video):
        return False
    return hash_prompts(dataset_split.video(record.video).prompts) != record.prompts


def describe_smaller_changes(run: Run, recipe: Recipe, records: Mapping[str, Record]) -> Iterator[str]:
    """Lines about what has changed and does not keep a run from being continued, and about what cannot be known."""
    recipes, used = read_recipes(run.path), [record.recipe for record in records.values()]
    unknown = sum(name not in recipes for name in used)
    if unknown:
        known = recipes[UNRECORDED].facts if UNRECORDED in recipes else run.read_published()
        before = {key: known[key] for key in CODE_KEYS if key in known}
        changes = ", ".join(find_differences(before, recipe.facts))
        yield (
            f"{run.path}: what made the masks of {unknown} of {count_of(len(used), 'video')} was not recorded for each "
            "video (an older version of vosbench tracked them), so whether the tracker has changed since "
            "cannot be known" + (f"; since the last command of that version: {changes}" if changes else "")
        )
    for name in dict.fromkeys(name for name in used if name in recipes):
        versions = (recipes[name].facts.get("versions", {}), recipe.facts.get("versions", {}))
        before, now = ({k: v for k, v in each.items() if k not in recipe.parts} for each in versions)
        if changed := find_changes(before, now):
            count = used.count(name)
            told = f"{count} of {count_of(len(used), 'video')} {'was' if count == 1 else 'were'} tracked"
            yield f"{run.path}: {told} with other versions: {', '.join(changed)}"


def keep_unrecorded_facts(run: Run, records: Mapping[str, Record]) -> None:
    """Store what run.json says of the masks of an older version, before it is written again."""
    if any(not record.recipe for record in records.values()):
        published = run.read_published()
        write_recipe(run.path, Recipe({}, {key: published[key] for key in CODE_KEYS if key in published}), UNRECORDED)


def _list_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return f"{', '.join(names[:SHOWN_NAMES])}{more}"
