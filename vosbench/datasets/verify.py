"""Hold a dataset on disk against its card and its dataset.json, and name everything that is wrong with it.

Without `deep` nothing is decoded and every file is looked at once; with it every frame and every mask is decoded.
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
from vosbench.datasets.split import DatasetSplit, locate_dataset, open_split, read_described_splits
from vosbench.datasets.verify_video import Finding, VideoCheck, check_video, explain_unscorable, shorten_error
from vosbench.errors import VosbenchError
from vosbench.io import paths, plugins, processes, schema


def find_splits_to_verify(dataset: str, split: str | None, root: Path) -> list[tuple[DatasetSplit, Mapping[str, Any]]]:
    """What there is to verify: the fetched splits of a dataset, or one of them, each with what dataset.json says of it.

    dataset: the name, alias or card of what lies under `root`, or a path. A tree without a dataset.json has the split
    that is named, or the default one, and nothing is said of it.
    Raises VosbenchError if the dataset is unknown or not there, or has no such split.
    """
    home, card = locate_dataset(dataset, root)
    if card is None:
        return [(open_split(dataset, split, root), {})]
    known = read_described_splits(home)
    names = [split] if split else list(known) or [card.default_split]
    for name in names:
        if name not in card.splits:
            raise plugins.make_unknown_name_error(f"split of {card.name}", name, card.splits)
        if name not in known:
            raise VosbenchError(f"{card.name} {name} is not at {home}: run `vosbench fetch {card.name} --split {name}`")
    frames, masks = home / paths.FRAMES, home / paths.MASKS
    return [
        (DatasetSplit(card.name, home, card.splits[name], card.rules, (), frames, masks, fetched=True), known[name])
        for name in names
    ]


def verify_split(
    dataset_split: DatasetSplit,
    manifest: Mapping[str, Any],
    deep: bool = False,
    jobs: int | None = None,
    on_video: Callable[[int, int], None] = lambda done, total: None,
) -> list[Finding]:
    """What is wrong with a split, video by video in their order; nothing if all is well.

    manifest: what dataset.json says of the split. jobs: processes that decode, one a core if None; looking at files
    takes one. on_video: told the videos done and all there are. Raises VosbenchError for a damaged manifest.
    """
    where = f"{dataset_split.root / paths.MANIFEST}: {dataset_split.split.name}"
    recorded = {
        v: schema.build_dataclass(VideoContent, known, where) for v, known in manifest.get("videos", {}).items()
    }
    videos, findings = _compare_video_list(dataset_split, recorded)
    tasks = [VideoCheck(video, recorded.get(video)) for video in dict.fromkeys([*videos, *recorded])]
    longest_first = sorted(tasks, key=lambda task: task.recorded.bytes if task.recorded else 0, reverse=True)
    check = partial(check_video, replace(dataset_split, videos=()), deep)  # no process needs the names of all videos
    outcomes = {}
    with closing(
        processes.run_tasks(check, longest_first, (jobs or processes.count_cores()) if deep else 1)
    ) as results:
        for task, outcome in results:
            outcomes[task.video] = outcome
            on_video(len(outcomes), len(tasks))
    findings += [finding for task in tasks for finding in outcomes[task.video].findings]
    if dataset_split.fetched:
        findings += _compare_totals(
            dataset_split, manifest, recorded, [outcome.frames for outcome in outcomes.values()]
        )
    return [*findings, *explain_unscorable(dataset_split, videos)]


def _compare_video_list(
    dataset_split: DatasetSplit, recorded: Mapping[str, VideoContent]
) -> tuple[Sequence[str], list[Finding]]:
    """The videos that the split's list names, and in what it differs from dataset.json."""
    if not dataset_split.fetched:
        return dataset_split.videos, []
    name = f"{paths.LISTS}/{dataset_split.split.name}.txt"
    if not (dataset_split.root / name).is_file():
        return [], [Finding(name, "is missing")]
    try:
        videos = meta.read_video_list((dataset_split.root / name).read_bytes(), name)
    except VosbenchError as error:
        return [], [Finding(name, shorten_error(error, name))]
    if not recorded:
        return videos, []
    findings = [
        Finding(name, f"lists {video}, which dataset.json does not") for video in videos if video not in recorded
    ]
    lacking = recorded.keys() - set(videos)
    findings += [Finding(name, f"lacks {video}, which dataset.json lists") for video in recorded if video in lacking]
    if not findings and videos != list(recorded):
        findings = [Finding(name, "has the videos in another order than dataset.json")]
    return videos, findings


def _compare_totals(
    dataset_split: DatasetSplit,
    manifest: Mapping[str, Any],
    recorded: Mapping[str, VideoContent],
    frames: Sequence[int],
) -> Iterator[Finding]:
    """In what the split's size differs from that which was fetched; the publisher's stands beside it."""
    objects = sum(len(known.objects) for known in recorded.values()) if recorded else None
    found = {"videos": sum(map(bool, frames)), "frames": sum(frames), "objects": objects}
    stated = {"dataset.json": manifest["counts"], "the card": asdict(dataset_split.split.counts)}
    for kind, number in found.items():
        if number is not None and manifest["counts"][kind] not in (None, number):
            others = [f"{counts[kind]} by {by}" for by, counts in stated.items() if counts[kind] not in (None, number)]
            yield Finding("in all", f"{number} {kind}; {' and '.join(others)}")


def describe_partial_fetch(dataset_split: DatasetSplit, manifest: Mapping[str, Any]) -> str:
    """What a split lacks of the publisher's since a part of it was given to fetch, which is nothing wrong; else ""."""
    published = asdict(dataset_split.split.counts)
    kept = {kind: number for kind, number in manifest.get("counts", {}).items() if number is not None}
    lacking = [f"{kept[k]} of {published[k]} {k}" for k in kept if published[k] not in (None, kept[k])]
    return ", ".join(lacking)
