"""Say what else there is to know of a split's videos, and refuse a first mask that misleads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from vosbench.datasets.card import Rules
from vosbench.datasets.meta import Listing, describe_unlisted_categories, list_unlisted_categories
from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.io.wording import NAMED_AT_MOST, name_some
from vosbench.masks.binary import describe_binary_videos
from vosbench.masks.folder import MaskFolder


class Remark(NamedTuple):
    """Something to say of a video that is no problem of the masks that are scored."""

    video: str
    what: str


class Notes(NamedTuple):
    """What else to say of a split and its videos. lines: each names a few things; all_names: line -> all, if more."""

    lines: tuple[str, ...]
    all_names: Mapping[str, tuple[str, ...]]


def collect_notes(
    dataset_split: DatasetSplit, listing: Listing, binary: Sequence[str], remarks: Iterable[Remark]
) -> Notes:
    """What to say of a split, of its categories, of the binary videos in it, and of single videos."""
    categories = [entry.category for objects in listing.values() for entry in objects.values()]
    unlisted = list_unlisted_categories(dataset_split.rules, categories)
    named: dict[str, Sequence[str]] = {
        dataset_split.note: (),
        describe_unlisted_categories(dataset_split.rules, categories): unlisted,
        describe_binary_videos(binary): binary,
        **group_remarks(remarks),
    }
    named.pop("", None)
    return Notes(tuple(named), {line: tuple(names) for line, names in named.items() if len(names) > NAMED_AT_MOST})


def group_remarks(remarks: Iterable[Remark]) -> dict[str, list[str]]:
    """One line for each thing to say, with the names of a few videos, and the names of all of which it is said."""
    videos: dict[str, list[str]] = defaultdict(list)
    for remark in remarks:
        videos[remark.what].append(remark.video)
    return {f"{name_some(named)}: {what}": named for what, named in videos.items()}


def describe_unscored(
    scored_frames: Mapping[int, Sequence[str]], left_out: Collection[int], shown: Collection[int], rules: Rules
) -> Iterator[str]:
    """Yield a line for the objects of a video that have no value, and one for those that count and are never shown.

    scored_frames: object id -> the names of its scored frames. left_out: those of these objects that the rules leave
    out because the ground truth never shows them. shown: the ids in the ground truth of the scored frames.
    """
    none = "no value and no part in any mean"
    if not scored_frames:
        where = "first mask" if rules.objects == "first_mask" else "ground truth"
        yield f"the {where} shows no object, so the video has {none}"
    if short := [object_id for object_id, frame_names in scored_frames.items() if not frame_names]:
        yield f"{_name_objects(short)} {none}, since no frame is scored"
    if left_out:
        yield f"{_name_objects(left_out)} {none}, since no scored frame shows the object"
    if rules.objects != "first_mask":
        return
    if late := [object_id for object_id in shown if object_id not in scored_frames]:
        yield f"{_name_objects(late)} {none}, since ids above those of the first mask are not scored"
    if phantoms := _find_phantoms(scored_frames, shown):
        yield f"{_name_objects(phantoms)} no mask in the scored frames, where J and F are 1 if nothing is predicted"


def _find_phantoms(scored_frames: Mapping[int, Sequence[str]], shown: Collection[int]) -> list[int]:
    """The objects that count although no scored frame shows them."""
    return [object_id for object_id, frame_names in scored_frames.items() if frame_names and object_id not in shown]


def _name_objects(object_ids: Iterable[int]) -> str:
    """The object ids as a subject, as in "object 2 has" or "objects 1, 3 to 9 have"."""
    runs: list[list[int]] = []
    for object_id in sorted(object_ids):
        if runs and object_id == runs[-1][-1] + 1:
            runs[-1].append(object_id)
        else:
            runs.append([object_id])
    named = [f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    several = len(runs) > 1 or len(runs[0]) > 1
    return f"objects {', '.join(named)} have" if several else f"object {named[0]} has"


def check_first_mask(
    ground_truth: MaskFolder, scored_frames: Mapping[int, Sequence[str]], shown: Collection[int], rules: Rules
) -> None:
    """Check the first mask of a video, where the rules take the objects from it.

    The arguments are those of `describe_unscored`. Raises VosbenchError if the mask shows no object although the
    dataset has a mask for every frame, and if its highest id is a stray: it is in no scored frame, and ids below it are
    in no mask. Each of these ids would count as an object.
    """
    if rules.objects != "first_mask":
        return
    where, remedy = (
        ground_truth.describe(ground_truth.frame_names[0]),
        "correct the mask, or choose other --videos or --rules",
    )
    if not scored_frames and rules.dense:
        raise VosbenchError(
            where, f"shows no object, and the rules of {rules.name} score those of the first mask", remedy
        )
    phantoms = _find_phantoms(scored_frames, shown)
    if not phantoms or phantoms[-1] != max(scored_frames):
        return
    first = ground_truth.read(ground_truth.frame_names[0])[1]
    if gap := [object_id for object_id in phantoms if object_id not in first]:
        found = f"shows object {phantoms[-1]}, which no scored frame shows, and {_name_objects(gap)} no mask at all"
        counted = f"by the rules of {rules.name} each id up to the highest counts"
        raise VosbenchError(where, f"{found} ({counted})", remedy)
