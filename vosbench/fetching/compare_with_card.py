"""Compare what was found of a split with its card and with the publisher's meta file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from vosbench.datasets import meta
from vosbench.datasets.card import Counts, Dataset, Rules, Split
from vosbench.datasets.contents import VideoContent
from vosbench.errors import VosbenchError
from vosbench.io.wording import count_of

MAX_NAMES_SHOWN = 20  # videos or objects in one message


def compare_with_card(
    dataset: Dataset, split: Split, found: Counts, missing: Sequence[str], chosen_by_user: bool
) -> list[str]:
    """Compare what a reader found with the numbers of videos and frames on the card.

    found: these numbers. missing: the videos that the publisher lists, but that were not found.

    Returns a warning if they differ and the user chose the source, because a user may want a part of the data.
    Raises VosbenchError if they differ and the source is the card's, and if there is no video at all.
    """
    label = f"{dataset.name} {split.name}"
    if not found.videos:
        raise VosbenchError(label, "none of its videos is in the files", "give files that hold them with --from")
    counts = (("videos", found.videos, split.counts.videos), ("frames", found.frames, split.counts.frames))
    differing = [f"{has} of {published} {unit}" for unit, has, published in counts if published not in (None, has)]
    if missing:
        differing.append(f"missing are {_shorten_names(missing)}")
    if not differing:
        return []
    incomplete = f"not complete ({', '.join(differing)})"
    if not chosen_by_user:
        remedy = "the publisher's files have changed, give the right ones with --from or --mirror"
        raise VosbenchError(label, incomplete, remedy)
    return [f"{label}: {incomplete}"]


def warn_of_objects(dataset: Dataset, split: Split, videos: Mapping[str, VideoContent], folder: Path) -> Iterator[str]:
    """Compare the objects of a split, which are those that are prompted, with its card and the publisher's meta file.

    folder: where the split lies in the normal layout. Yields a warning for each difference.
    """
    label = f"{dataset.name} {split.name}"
    if empty := [video for video, content in videos.items() if not content.objects]:
        yield f"{label}: no mask shows an object in {_shorten_names(empty)}"
    found, published = sum(len(content.objects) for content in videos.values()), split.counts
    if published.objects not in (None, found) and published.videos in (None, len(videos)):
        yield f"{label}: of {count_of(published.objects, 'object')} that the card states, {found} are prompted"
    if split.separate_prompts and _has_only_ground_truth(videos):
        yield (
            f"{label}: the publisher's prompts are not among the files, so the first mask of each object in the ground "
            "truth prompts it"
        )
    path = folder / meta.META_FILE.format(split=split.name)
    if path.is_file():
        yield from (f"{label}: {line}" for line in _compare_with_meta_file(path, dataset.rules, videos))


def _has_only_ground_truth(videos: Mapping[str, VideoContent]) -> bool:
    """Whether no video has prompts of its own, and one has more masks than its prompts would be."""
    found = videos.values()
    return not any(content.prompts for content in found) and any(
        content.masks > max(1, len(content.objects)) for content in found
    )


def _compare_with_meta_file(path: Path, rules: Rules, videos: Mapping[str, VideoContent]) -> Iterator[str]:
    """Yield a line if the meta file lists other objects than are prompted, and one on its categories."""
    listed = meta.read_listed_categories(path, videos)
    objects = {(video, object_id) for video, found in listed.items() for object_id in found}
    prompted = {(video, object_id) for video in listed for object_id in videos[video].objects}
    for verb, without, differing in (
        ("lists", "without a prompt", objects - prompted),
        ("does not list", "with a prompt", prompted - objects),
    ):
        if differing:
            names = _shorten_names([f"{video}/{object_id}" for video, object_id in sorted(differing)])
            total = f"it lists {len(objects)}, and {len(prompted)} are prompted"
            counted = count_of(len(differing), "object")
            yield f"{path.name} {verb} {counted} {without}: {names}; {total}"
    categories = [category for found in listed.values() for category in found.values()]
    if unlisted := meta.describe_unlisted_categories(rules, categories):
        yield unlisted


def _shorten_names(names: Sequence[str]) -> str:
    """Names in one line, at most MAX_NAMES_SHOWN of them, and the number of the others."""
    more = f" and {len(names) - MAX_NAMES_SHOWN} more" if len(names) > MAX_NAMES_SHOWN else ""
    return f"{', '.join(names[:MAX_NAMES_SHOWN])}{more}"
