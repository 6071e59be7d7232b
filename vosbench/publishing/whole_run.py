"""Refuse a run that is not whole, or of one kind, before its masks are given to a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.wording import count_of
from vosbench.running.recipe import describe_mixture
from vosbench.running.record import hash_masks
from vosbench.running.run import Run
from vosbench.running.settings import PROMPT_PARAMETER, PROMPTS_PARAMETER
from vosbench.running.shard import find_shards_never_begun

SHOWN_VIDEOS = 3
NEVER_ASKED = "never asked for"


def require_whole_run(run: Run, dataset_split: DatasetSplit) -> dict[str, str]:
    """Check that a run has tracked all of a split, in one way, from the first masks; return the digests of its masks.

    The digests are those in the records, by video; a record of an older version has none. Raises VosbenchError for a
    run of another split, with videos that are not done or failed, whose masks were made in different ways, or whose
    objects were not given by their first masks; and for a damaged run.
    """
    facts = run.read_facts()
    if (facts["dataset"], facts["split"]) != (dataset_split.name, dataset_split.split.name):
        found = f"is a run on {facts['dataset']} {facts['split']}, not on {dataset_split.title}"
        raise VosbenchError(run.path, found, "leave out --dataset and --split, or choose another run")
    if lacking := list(_describe_unfinished(run, facts, dataset_split)):
        asked = " without --limit and --videos" if any(NEVER_ASKED in line for line in lacking) else ""
        remedy = f"repeat its command{asked}: {facts.get('command') or 'vosbench infer'}"
        raise VosbenchError(run.path, f"not a whole run: {'; '.join(lacking)}", remedy)
    if mixture := describe_mixture(facts):
        remedy = "track all videos again with --overwrite"
        raise VosbenchError(run.path, mixture, remedy)
    _require_first_masks(run, facts)
    digests = {video: state.get("digest", "") for video, state in facts["videos"].items()}
    return {video: digest for video, digest in digests.items() if digest}


def _describe_unfinished(run: Run, facts: Mapping[str, Any], dataset_split: DatasetSplit) -> Iterator[str]:
    never_begun = find_shards_never_begun(note.shard for note in run.read_notes())
    if never_begun:
        yield f"{count_of(len(never_begun), 'shard')} never ran: {', '.join(never_begun)}"
    states = {video: facts["videos"].get(video, {}).get("state", NEVER_ASKED) for video in dataset_split.videos}
    for state in ("failed", "pending", NEVER_ASKED):
        if videos := [video for video, each in states.items() if each == state]:
            shown = ", ".join(videos[:SHOWN_VIDEOS]) + (", ..." if len(videos) > SHOWN_VIDEOS else "")
            yield f"{len(videos)} of {count_of(len(states), 'video')} {state} ({shown})"


def _require_first_masks(run: Run, facts: Mapping[str, Any]) -> None:
    """Raise VosbenchError if the objects were given by clicks or boxes, or by more masks than their first ones."""
    for parameter in (PROMPT_PARAMETER, PROMPTS_PARAMETER):
        given = facts["settings"].get(parameter.name, parameter.default)
        if given != parameter.default:
            found = f"was made with {parameter.name}={given}, and a server's protocol gives each object's first mask"
            raise VosbenchError(run.path, found, "track with the default prompts")


def list_run_notes(run: Run) -> Iterator[str]:
    """Yield what is to be said of a run that is packed: the videos that were tracked with other settings."""
    leaner = [video for video, state in run.read_facts()["videos"].items() if state.get("leaner")]
    if leaner:
        shown = ", ".join(leaner[:SHOWN_VIDEOS]) + (", ..." if len(leaner) > SHOWN_VIDEOS else "")
        yield f"{count_of(len(leaner), 'video')} tracked with leaner settings because memory ran out: {shown}"


def has_changed_masks(run: Run, video: str, digest: str) -> bool:
    """Whether the masks of a video are not those that the run has written. digest: in the record."""
    return hash_masks(run.path / paths.RUN_MASKS / video) != digest
