"""Compare a dataset on disk with its card and its dataset.json, and list all differences and damaged files.

By default no file is decoded. With `deep`, every frame and every mask is decoded as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from vosbench.datasets import meta
from vosbench.datasets.contents import VideoContent
from vosbench.datasets.locate import (
    locate_dataset,
    read_described_splits,
)
from vosbench.datasets.split import (
    DatasetSplit,
    open_split,
)
from vosbench.datasets.verify_video import Finding, VideoCheck, VideoFindings, check_video, explain_unscorable
from vosbench.errors import VosbenchError
from vosbench.io import paths, plugins, processes, schema


def find_splits_to_verify(dataset: str, split: str | None, root: Path) -> list[tuple[DatasetSplit, Mapping[str, Any]]]:
    """Find the fetched splits of a dataset, or only the named one, each with its entry in dataset.json.

    dataset: its name (a folder in `root`), an alias, the path of a card, or the path of the dataset. A dataset without
    dataset.json has one split to verify, the named or the default one, with an empty entry.
    Raises VosbenchError if the dataset is unknown or not there, or has no such split.
    """
    home, card = locate_dataset(dataset, root)
    if card is None:
        return [(open_split(dataset, split, root), {})]
    described = read_described_splits(home)
    names = [split] if split else list(described) or [card.default_split]
    for name in names:
        if name not in card.splits:
            raise plugins.make_unknown_name_error(f"split of {card.name}", name, card.splits)
        if name not in described:
            remedy = f"run: vosbench fetch {card.name} --split {name}"
            raise VosbenchError(f"{card.name} {name}", f"not found in {home}", remedy)
    frames, masks = home / paths.FRAMES, home / paths.MASKS
    return [
        (DatasetSplit(card.name, home, card.splits[name], card.rules, (), frames, masks, fetched=True), described[name])
        for name in names
    ]


def verify_split(
    dataset_split: DatasetSplit,
    manifest: Mapping[str, Any],
    deep: bool = False,
    jobs: int | None = None,
    on_video: Callable[[int, int], None] = lambda done, total: None,
) -> list[Finding]:
    """List what is wrong with a split, video by video in the split's order; empty if nothing is.

    manifest: the split's entry in dataset.json. deep: whether to decode all frames and masks.
    jobs: processes that decode, one for each core if None; without `deep` one process is used.
    on_video: called after each video with the number of videos done and the number of all.
    Raises VosbenchError for a damaged dataset.json.
    """
    where = f"{dataset_split.root / paths.MANIFEST}: {dataset_split.split.name}"
    recorded = {
        video: schema.build_dataclass(VideoContent, known, where) for video, known in manifest.get("videos", {}).items()
    }
    videos, findings = _compare_video_list(dataset_split, recorded)
    tasks = [VideoCheck(video, recorded.get(video)) for video in dict.fromkeys([*videos, *recorded])]
    check = partial(check_video, replace(dataset_split, videos=()), deep)  # no task needs the names of all videos
    outcomes = _check_all(check, tasks, (jobs or processes.count_cores()) if deep else 1, on_video)
    findings += [finding for outcome in outcomes for finding in outcome.findings]
    if dataset_split.fetched:
        findings += _compare_totals(dataset_split, manifest, recorded, [outcome.frames for outcome in outcomes])
    return [*findings, *explain_unscorable(dataset_split, videos)]


def _check_all(
    check: Callable[[VideoCheck], VideoFindings],
    tasks: Sequence[VideoCheck],
    jobs: int,
    on_video: Callable[[int, int], None],
) -> list[VideoFindings]:
    """Check all videos on `jobs` processes, the largest first; the result is in the order of `tasks`."""
    largest_first = sorted(tasks, key=lambda task: task.recorded.bytes if task.recorded else 0, reverse=True)
    outcomes = {}
    with closing(processes.run_tasks(check, largest_first, jobs)) as results:
        for task, outcome in results:
            outcomes[task.video] = outcome
            on_video(len(outcomes), len(tasks))
    return [outcomes[task.video] for task in tasks]


def _compare_video_list(
    dataset_split: DatasetSplit, recorded: Mapping[str, VideoContent]
) -> tuple[Sequence[str], list[Finding]]:
    """The videos that the split's list names, and how they differ from those in dataset.json."""
    if not dataset_split.fetched:
        return dataset_split.videos, []
    name = f"{paths.LISTS}/{dataset_split.split.name}.txt"
    if not (dataset_split.root / name).is_file():
        return [], [Finding(name, "is missing")]
    try:
        videos = meta.read_video_list((dataset_split.root / name).read_bytes(), name)
    except VosbenchError as error:
        return [], [Finding(name, error.found)]
    if not recorded:
        return videos, []
    findings = [
        Finding(name, f"lists {video}, which dataset.json does not") for video in videos if video not in recorded
    ]
    lacking = recorded.keys() - set(videos)
    findings += [Finding(name, f"lacks {video}, which dataset.json lists") for video in recorded if video in lacking]
    if not findings and videos != list(recorded):
        findings = [Finding(name, "lists the videos in another order than dataset.json")]
    return videos, findings


def _compare_totals(
    dataset_split: DatasetSplit,
    manifest: Mapping[str, Any],
    recorded: Mapping[str, VideoContent],
    frames: Sequence[int],
) -> Iterator[Finding]:
    """Compare the numbers of videos, frames and objects with dataset.json; a finding also states the card's number.

    frames: the number of frames of each video.
    """
    objects = sum(len(known.objects) for known in recorded.values()) if recorded else None
    found = {"videos": sum(map(bool, frames)), "frames": sum(frames), "objects": objects}
    stated = {"dataset.json": manifest["counts"], "the card": asdict(dataset_split.split.counts)}
    for kind, number in found.items():
        if number is not None and manifest["counts"][kind] not in (None, number):
            others = [
                f"{by} states {counts[kind]}" for by, counts in stated.items() if counts[kind] not in (None, number)
            ]
            yield Finding("in total", f"{number} {kind}; {', '.join(others)}")


def describe_partial_fetch(dataset_split: DatasetSplit, manifest: Mapping[str, Any]) -> str:
    """What part of the publisher's split was fetched, as in "6 of 20 videos"; an empty string if all of it was.

    A part is not an error: `vosbench fetch --from` accepts one.
    """
    published = asdict(dataset_split.split.counts)
    fetched = {kind: number for kind, number in manifest.get("counts", {}).items() if number is not None}
    partial_counts = [f"{fetched[k]} of {published[k]} {k}" for k in fetched if published[k] not in (None, fetched[k])]
    return ", ".join(partial_counts)
