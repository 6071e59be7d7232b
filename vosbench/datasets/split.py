"""Open a split of a dataset on disk: its videos, what a tracker may see of them, and their ground truth.

A dataset is given by a name under the datasets root, or by the path of a tree: one in the normal layout, or one in the
publisher's layout (DAVIS: `JPEGImages/480p`, `ImageSets/2017/val.txt`). Such a tree needs no dataset.json; the rules of
DAVIS 2017 apply to it, or those of another card; without a list its videos are all that have frames and masks. The card
of a fetched dataset is the one in its dataset.json.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from vosbench.datasets import registry
from vosbench.datasets.card import (
    Dataset,
    Rules,
    Split,
)
from vosbench.datasets.locate import locate_dataset
from vosbench.datasets.video import VideoFrames, choose_all_masks, choose_first_masks, ignore_read
from vosbench.datasets.video_names import find_unlisted_videos, has_lists, read_split_list
from vosbench.errors import VosbenchError
from vosbench.io import plugins
from vosbench.io.paths import FRAME_SUFFIXES, FRAMES, MANIFEST, MASKS, PROMPTS, list_images
from vosbench.masks.folder import MaskFolder
from vosbench.types import Video


@dataclass(frozen=True)
class DatasetSplit:
    """A split of a dataset on disk.

    name: the dataset's name, or the name of its folder if it was not fetched. root: the dataset's folder.
    split: where its files lie, and how it is prompted. rules: how it is scored.
    videos: the names of its videos, in the order of its list.
    frames_folder, masks_folder: the folders that contain a folder for each video.
    fetched: whether `vosbench fetch` has put it there.
    all_masks: whether each object is prompted by all of its masks rather than only by its first one.
    note: what a user should know of how the videos were found; empty if a list names them.
    prompt, prompter: by what a run's objects are given if not by masks, such as "3-click", and what makes masks of it;
    for the signature of scores.
    """

    name: str
    root: Path
    split: Split
    rules: Rules
    videos: tuple[str, ...]
    frames_folder: Path
    masks_folder: Path
    fetched: bool = False
    all_masks: bool = False
    note: str = ""
    prompt: str = ""
    prompter: str = ""

    @property
    def title(self) -> str:
        """The dataset and the split in words, as in "davis2017 val": the subject of messages."""
        return f"{self.name} {self.split.name}"

    @property
    def remedy(self) -> str:
        """What to do about missing or damaged files, for messages: the command that fetches the split again."""
        if not self.fetched:
            return f"complete the files in {self.root}"
        if self.name not in registry.known_datasets():
            return "fetch it again with the same command as before and --force"
        return f"run: vosbench fetch {self.name} --split {self.split.name} --root {self.root.parent} --force"

    def with_prompts(self, prompts: str) -> DatasetSplit:
        """The split with the "first" or with "all" masks of each object as prompts.

        Raises VosbenchError for another word.
        """
        if prompts not in ("first", "all"):
            remedy = "use --set prompts=first or --set prompts=all"
            raise VosbenchError(f"setting prompts={prompts!r}", "expected first or all", remedy)
        return replace(self, all_masks=prompts == "all")

    def prompted_by(self, prompt: str, prompter: str | None) -> DatasetSplit:
        """The split for a run whose objects are given by a kind of prompt, such as "3-click".

        prompter: what makes masks of the prompts; None if the tracker takes them.
        """
        return replace(self, prompt=prompt, prompter=prompter or "")

    def frame_paths(self, video: str) -> list[Path]:
        """The files of a video's frames, in natural order.

        Raises VosbenchError if there are none, or if two of them are the same frame, as `00000.jpg` and `00000.png`.
        """
        paths = list_images(self.frames_folder / video, FRAME_SUFFIXES)
        if not paths:
            found = f"video {video} has no frames in {self.frames_folder / video}"
            raise VosbenchError(self.title, found, self.remedy)
        if len({path.stem for path in paths}) < len(paths):
            first, twin = next((a, b) for a, b in pairwise(paths) if a.stem == b.stem)
            raise VosbenchError(first.parent, f"{first.name} and {twin.name} are the same frame", "remove one of them")
        return paths

    def frames_of(self, video: str) -> VideoFrames:
        """The frames of a video. Raises VosbenchError if there are none."""
        return VideoFrames(self.frame_paths(video))

    def ground_truth(self, video: str) -> MaskFolder:
        """All known masks of a video. For scoring only: a tracker gets `video(...)`."""
        return MaskFolder(self.masks_folder / video, self.rules.void, self.rules.merge, self.rules.binary)

    def prompt_masks(self, video: str) -> MaskFolder:
        """The masks from which the prompts of a video are taken.

        Those are the publisher's prompts where they are kept apart from the ground truth, or else the ground truth.
        """
        folder = self.root / PROMPTS / video
        if not folder.is_dir():
            return self.ground_truth(video)
        return MaskFolder(folder, self.rules.void, self.rules.merge, self.rules.binary)

    def video(self, name: str, on_read: Callable[[], None] = ignore_read) -> Video:
        """What a tracker may see of a video. on_read: called after each frame that the tracker has decoded.

        Raises VosbenchError if the video has no frames, a mask cannot be read, or no mask prompts an object.
        """
        frames = self.frame_paths(name)
        ground_truth, given = self.ground_truth(name), self.prompt_masks(name)
        index = {path.stem: position for position, path in enumerate(frames)}
        first_frame_only = self.split.prompts == "first_frame"
        with_frame = [frame_name for frame_name in given.frame_names if frame_name in index]
        prompting = [frame_name for frame_name in with_frame if index[frame_name] == 0 or not first_frame_only]
        prompts = dict(choose_first_masks(given, prompting))
        if not prompts:
            raise self._make_no_prompt_error(name, given)
        if self.all_masks:
            annotated = [frame_name for frame_name in ground_truth.frame_names if frame_name in index]
            prompts = dict(choose_all_masks(ground_truth, annotated, set().union(*prompts.values())))
        by_index = {index[frame_name]: masks for frame_name, masks in prompts.items()}
        return Video(name, VideoFrames(frames, on_read), by_index, overlap=bool(given.object_folders))

    def _make_no_prompt_error(self, video: str, ground_truth: MaskFolder) -> VosbenchError:
        void = f", in which {', '.join(map(str, self.rules.void))} is void" if self.rules.void else ""
        found = f"no mask of video {video} in {ground_truth.path} shows an object under the rules of {self.rules.name}"
        return VosbenchError(self.title, found + void, "check the masks, or choose other rules with --rules")


def open_split(dataset: str | Path, split: str | None, root: Path, rules: str | None = None) -> DatasetSplit:
    """Open a split of a dataset.

    dataset: its name (a folder in `root`), an alias, the path of a card, or the path of the dataset.
    split: the card's default split if None. rules: a card whose prompts and rules are used instead of the dataset's.
    Even then the card of a fetched dataset says what 255 is in its masks, and whether every frame has one.
    Raises VosbenchError if the dataset is not there, has no such split, or the split's list names no video.
    """
    path, card = locate_dataset(dataset, root)
    own_card = card or registry.find_dataset("default")
    rules_card = registry.find_dataset(rules) if rules else own_card
    split_name = split or own_card.default_split
    own, ruling = (_get_split(each, split_name) for each in (own_card, rules_card))
    frames = [path / folder for folder in (FRAMES, own.frames, ruling.frames)]
    masks = [path / folder for folder in (MASKS, own.masks, ruling.masks)]
    lists = (*own.lists, *ruling.lists)
    unlisted = None if card or has_lists(path, split_name, lists) else find_unlisted_videos(path, frames, masks)
    videos = unlisted.videos if unlisted else read_split_list(path, split_name, lists)
    facts = own_card.rules if card else replace(rules_card.rules, binary=True)
    ruled = replace(own, prompts=ruling.prompts, meta=ruling.meta, truth=ruling.truth, server=ruling.server)
    return DatasetSplit(
        card.name if card else path.resolve().name,
        path,
        replace(ruled, submission=ruling.submission),
        replace(rules_card.rules, binary=facts.binary, dense=facts.dense),
        tuple(videos),
        _find_folder_with_video(videos[0], frames),
        _find_folder_with_video(videos[0], masks),
        fetched=(path / MANIFEST).is_file(),
        note=unlisted.note if unlisted else "",
    )


def _get_split(card: Dataset, name: str) -> Split:
    """A split of a card. One that the card lacks is like its default split: a tree may have other lists."""
    return card.splits.get(name) or replace(card.splits[card.default_split], name=name)


def _find_folder_with_video(video: str, folders: Sequence[Path]) -> Path:
    """The first folder that contains a video; the first of all, the normal layout's, if none does."""
    return next((folder for folder in folders if (folder / video).is_dir()), folders[0])


def choose_videos(dataset_split: DatasetSplit, names: Sequence[str] = (), limit: int | None = None) -> list[str]:
    """The names of the split's videos, in its order: all of them, or those in `names`; at most `limit`.

    Raises VosbenchError for a name that the split does not list.
    """
    known, chosen = set(dataset_split.videos), set(names)
    for name in names:
        if name not in known:
            raise plugins.make_unknown_name_error(f"video of {dataset_split.title}", name, dataset_split.videos)
    return [video for video in dataset_split.videos if not names or video in chosen][:limit]
