"""Tell what keeps evaluations of one split from being compared, by their signatures and by what they scored.

Everything in a signature counts but the version of vosbench. Beyond the signature, the videos, the objects that have
a value, their groups and, where the ground truth decides it, the number of scored frames must be the same: signatures
do not name the videos of a part, nor the list of unseen videos, nor the ground truth of a dataset.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import numpy as np

from vosbench.evaluation.frame_columns import FrameColumns
from vosbench.evaluation.scope import read_signature
from vosbench.evaluation.score_columns import hold_scores_in_columns
from vosbench.evaluation.summary import Evaluation
from vosbench.io.wording import name_some

VERSION_FIELD = "vosbench"
Thing = TypeVar("Thing")


def find_scoring_differences(evaluations: Mapping[str, Evaluation]) -> list[str]:
    """What keeps evaluations of one split from being compared, a line for each thing; none if nothing does.

    evaluations: of each method, by its name. One that was read from a run has no frames; then these are not compared.
    """
    if len(evaluations) < 2:
        return []
    where = next(f"{each.dataset} {each.split}" for each in evaluations.values())
    fields = {name: read_signature(each.signature) for name, each in evaluations.items()}
    known = dict.fromkeys(field for each in fields.values() for field in each)
    lines = [
        _describe_values(field, {name: each.get(field, "none") for name, each in fields.items()})
        for field in known
        if field != VERSION_FIELD
    ]
    found = [f"{where}: {line}" for line in lines if line]
    return found or [f"{where}: {line}" for line in _compare_content(evaluations) if line]


def note_versions(evaluations: Iterable[tuple[str, Evaluation]]) -> list[str]:
    """A line that says which method was scored by which version of vosbench; none if there is only one version."""
    versions = {name: read_signature(each.signature).get(VERSION_FIELD, "unknown") for name, each in evaluations}
    return [line] if (line := _describe_values("versions of vosbench", versions)) else []


def _describe_values(what: str, values: Mapping[str, str]) -> str:
    """Which value each method has, in a line; empty if all have the same."""
    names = defaultdict(list)
    for name, value in values.items():
        names[value].append(name)
    if len(names) < 2:
        return ""
    return f"{what} differ: " + ", ".join(f"{value} ({', '.join(having)})" for value, having in names.items())


def _compare_content(evaluations: Mapping[str, Evaluation]) -> Iterable[str]:
    """What differs in what was scored, where the signatures are the same. Others differ from the first."""
    (first, reference), *others = evaluations.items()
    for name, other in others:
        yield _describe_apart(first, name, "videos", _list_asked_videos(reference), _list_asked_videos(other), str)
        yield _describe_apart(first, name, "objects", _list_objects(reference), _list_objects(other), _name_object)
        if moved := [_name_object(key) for key, group in other.groups.items() if reference.groups.get(key) != group]:
            yield f"{first} and {name} have different lists of what is seen and unseen: {name_some(moved)}"
        by_prediction = "+from_seen" in reference.signature  # it decides with which frame an object begins
        if reference.frames and other.frames and not by_prediction:
            yield _describe_frames(first, name, _count_frame_values(reference), _count_frame_values(other))


def _list_asked_videos(evaluation: Evaluation) -> set[str]:
    return set(evaluation.videos)


def _list_objects(evaluation: Evaluation) -> set[tuple[str, int]]:
    """The objects that have a value of any metric."""
    columns = hold_scores_in_columns(evaluation.scores)
    rows = np.flatnonzero(~np.isnan(columns.values).all(axis=1))
    return {(columns.videos[row], int(columns.objects[row])) for row in rows.tolist()}


def _count_frame_values(evaluation: Evaluation) -> Counter[tuple[str, int]]:
    """How many values of measures each object has."""
    frames = evaluation.frames
    if not isinstance(frames, FrameColumns):
        return Counter((frame.video, frame.object) for frame in frames)
    lengths = np.diff(frames.ends, prepend=0) * len(frames.measures)
    counts = Counter[tuple[str, int]]()
    for video, object_id, length in zip(frames.videos, frames.objects.tolist(), lengths.tolist(), strict=True):
        counts[video, object_id] += length
    return counts


def _name_object(key: tuple[str, int]) -> str:
    return f"{key[0]} {key[1]}"


def _describe_apart(
    first: str, other: str, kind: str, firsts: set[Thing], others: set[Thing], name_thing: Callable[[Thing], str]
) -> str:
    """Which things only one of two methods has, in a line; empty if both have the same."""
    only = [
        f"only {method} has {name_some(sorted(map(name_thing, lone)))}"
        for method, lone in ((first, firsts - others), (other, others - firsts))
        if lone
    ]
    return f"{kind} differ: {'; '.join(only)}" if only else ""


def _describe_frames(
    first: str, other: str, firsts: Mapping[tuple[str, int], int], others: Mapping[tuple[str, int], int]
) -> str:
    unlike = sorted(key for key in firsts if firsts[key] != others.get(key))
    if not unlike:
        return ""
    named = name_some([_name_object(key) for key in unlike])
    return f"scored frames differ, so {first} and {other} were not scored on the same ground truth: {named}"
