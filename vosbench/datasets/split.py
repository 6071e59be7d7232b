"""A split of a dataset on disk: its videos, what of them a tracker may see, and their ground truth.

A dataset is a name under the datasets root, or the path of any tree in the normal layout or in its publisher's (DAVIS:
`JPEGImages/480p`, `ImageSets/2017/val.txt`). Such a tree needs no dataset.json and is read by the rules of a card.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

import numpy as np

from vosbench.datasets import meta, registry
from vosbench.datasets.card import Dataset, Rules, Split, parse_card
from vosbench.errors import VosbenchError
from vosbench.io import files, plugins
from vosbench.io.paths import FRAME_SUFFIXES, FRAMES, LISTS, MANIFEST, MASKS, list_images
from vosbench.masks.folder import MaskFolder
from vosbench.types import Frame, Mask, Video


def _ignore_read() -> None:
    """The default of `on_read`; a named function, so that frames can be sent to another process."""


class VideoFrames(Sequence[Frame]):
    """The frames of a video; a frame is decoded each time it is indexed.

    paths: the image files in order. on_read: called without arguments after each frame that was decoded.
    """

    def __init__(self, paths: Sequence[Path], on_read: Callable[[], None] = _ignore_read) -> None:
        self.paths, self.on_read = paths, on_read

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> VideoFrames: ...
    def __getitem__(self, index: int | slice) -> Frame | VideoFrames:
        if isinstance(index, slice):
            return VideoFrames(self.paths[index], self.on_read)
        from PIL import Image

        path = self.paths[index]
        try:
            with Image.open(path) as image:
                frame = np.array(image.convert("RGB"))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise VosbenchError(f"{path}: cannot be decoded ({error}); fetch the dataset again with --force") from None
        self.on_read()
        return frame


@dataclass(frozen=True)
class DatasetSplit:
    """A split on disk. `split` says how it is prompted, `rules` how it is scored.

    fetched: whether `vosbench fetch` put it there; else its name is that of its folder, which others may have, too.
    all_masks: whether an object is given by every mask of it, not by its first one alone.
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

    @property
    def title(self) -> str:
        """The dataset and the split in words, as in "davis2017 val": the subject of messages."""
        return f"{self.name} {self.split.name}"

    def with_prompts(self, prompts: str) -> DatasetSplit:
        """The split with "first" or "all" masks as prompts. Raises VosbenchError for another word."""
        if prompts not in ("first", "all"):
            raise VosbenchError(f"prompts {prompts!r}: choose first or all")
        return replace(self, all_masks=prompts == "all")

    def frame_paths(self, video: str) -> list[Path]:
        """The files of a video's frames, in order. Raises VosbenchError if there are none."""
        paths = list_images(self.frames_folder / video, FRAME_SUFFIXES)
        if not paths:
            raise VosbenchError(
                f"{self.name} {self.split.name}: video {video} has no frames in {self.frames_folder / video}"
            )
        return paths

    def frames_of(self, video: str) -> VideoFrames:
        """The frames of a video. Raises VosbenchError if there are none."""
        return VideoFrames(self.frame_paths(video))

    def ground_truth(self, video: str) -> MaskFolder:
        """All masks that are known of a video. For scoring alone: trackers see `video(...)`."""
        return MaskFolder(self.masks_folder / video, self.rules.void, self.rules.merge)

    def video(self, name: str, on_read: Callable[[], None] = _ignore_read) -> Video:
        """What a tracker may see of a video. on_read: called after each frame that the tracker has decoded.

        Raises VosbenchError if the video has no frames, a mask cannot be read, or no mask prompts an object.
        """
        frames = self.frame_paths(name)
        ground_truth = self.ground_truth(name)
        index = {path.stem: position for position, path in enumerate(frames)}
        frame_names = [frame_name for frame_name in ground_truth.frame_names if frame_name in index]
        beginning = [
            frame_name for frame_name in frame_names if index[frame_name] == 0 or self.split.prompts != "first_frame"
        ]
        prompts = {index[frame_name]: masks for frame_name, masks in first_appearances(ground_truth, beginning)}
        if self.all_masks:
            prompts = {
                index[frame_name]: masks
                for frame_name, masks in appearances(ground_truth, frame_names, set().union(*prompts.values()))
            }
        if not prompts:
            raise VosbenchError(
                f"{self.name} {self.split.name}: no mask of video {name} in {ground_truth.path} holds an object "
                f"under the "
                f"rules of {self.rules.name}, which take {list(self.rules.void)} as void; choose others with --rules"
            )
        return Video(name, VideoFrames(frames, on_read), prompts, overlap=bool(ground_truth.object_folders))


def first_appearances(ground_truth: MaskFolder, frame_names: Sequence[str]) -> Iterator[tuple[str, dict[int, Mask]]]:
    """The frames in which objects appear for the first time, with the masks of just these objects."""
    seen: set[int] = set()
    for frame_name in frame_names:
        new = {object_id: mask for object_id, mask in ground_truth.read(frame_name)[1].items() if object_id not in seen}
        seen |= new.keys()
        if new:
            yield frame_name, new


def appearances(
    ground_truth: MaskFolder, frame_names: Sequence[str], objects: Collection[int]
) -> Iterator[tuple[str, dict[int, Mask]]]:
    """The frames in which any of the objects appears, with the masks of these objects."""
    for frame_name in frame_names:
        if shown := {
            object_id: mask for object_id, mask in ground_truth.read(frame_name)[1].items() if object_id in objects
        }:
            yield frame_name, shown


def open_split(dataset: str, split: str | None, root: Path, rules: str | None = None) -> DatasetSplit:
    """A split of a dataset given by name (a folder under `root`), alias, card or path.

    `rules` names a card whose prompts and rules count in place of the dataset's own.
    Raises VosbenchError if the dataset is not there, has no such split, or lists no video.
    """
    path, card = locate_dataset(dataset, root)
    own = card or registry.find_dataset("default")
    governing = registry.find_dataset(rules) if rules else own
    name = split or own.default_split
    part, ruling = (_get_split(each, name) for each in (own, governing))
    listed = _find_list_file(path, name, (*part.lists, *ruling.lists))
    videos = meta.read_video_list(listed.read_bytes(), listed)
    if not videos:
        raise VosbenchError(f"{listed} lists no video")
    return DatasetSplit(
        card.name if card else path.resolve().name,
        path,
        replace(part, prompts=ruling.prompts, meta=ruling.meta, truth=ruling.truth, server=ruling.server),
        governing.rules,
        tuple(videos),
        _find_folder_with_video(videos[0], [path / frames for frames in (FRAMES, part.frames, ruling.frames)]),
        _find_folder_with_video(videos[0], [path / masks for masks in (MASKS, part.masks, ruling.masks)]),
        fetched=(path / MANIFEST).is_file(),
    )


def read_described_splits(home: Path) -> dict[str, Any]:
    """What dataset.json says of the splits in a dataset's folder; nothing if it is not there."""
    splits: dict[str, Any] = _read_manifest(home).get("splits", {}) if (home / MANIFEST).is_file() else {}
    return splits


def read_fetched_splits(home: Path) -> dict[str, Any]:
    """The splits in dataset.json that are there: a fetch that replaces one takes its list away first."""
    lists = home / LISTS
    return {name: split for name, split in read_described_splits(home).items() if (lists / f"{name}.txt").is_file()}


def _read_manifest(home: Path) -> dict[str, Any]:
    manifest = files.read_json(home / MANIFEST)
    if "card" not in manifest:
        raise VosbenchError(f"{home / MANIFEST}: 'card' is missing; fetch the dataset anew into {home}")
    return manifest


def _get_split(card: Dataset, name: str) -> Split:
    return card.splits.get(name) or replace(card.splits[card.default_split], name=name)


def locate_dataset(dataset: str, root: Path) -> tuple[Path, Dataset | None]:
    """Where a dataset is that is given by name, alias, card or path, and the card that it was fetched by if it was.

    Raises VosbenchError if it is unknown or not there.
    """
    path = root / dataset
    if not path.is_dir():
        path = Path(dataset)
    if not path.is_dir():
        if path.suffix != ".toml" and "/" in dataset:
            raise VosbenchError(f"dataset {dataset}: no such folder")
        name = registry.find_dataset(dataset).name
        path = root / name
        if not (path / MANIFEST).is_file():
            known = name if name in registry.known_datasets() else dataset
            raise VosbenchError(f"dataset {name} is not at {path}: run `vosbench fetch {known}`")
    manifest = path / MANIFEST
    return path, parse_card(_read_manifest(path)["card"], str(manifest)) if manifest.is_file() else None


def _find_list_file(path: Path, split: str, lists: Sequence[str]) -> Path:
    """The file that lists the videos of a split: the normal layout's, the publisher's, or the only one of that name."""
    usual = path / LISTS / f"{split}.txt"
    candidates = [usual, *(path / entry.format(split=split) for entry in lists if entry.endswith(".txt"))]
    candidates += only if len(only := list((path / LISTS).glob(f"*/{split}.txt"))) == 1 else []
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    found = sorted(str(p.relative_to(path)) for p in (path / LISTS).rglob("*.txt"))
    raise VosbenchError(
        f"{path} has no split {split}: no {usual.relative_to(path)}; it has {', '.join(found) or 'no list'}"
    )


def _find_folder_with_video(video: str, folders: Sequence[Path]) -> Path:
    """The first folder that holds a video, the normal layout's if none does."""
    return next((folder for folder in folders if (folder / video).is_dir()), folders[0])


def choose_videos(dataset_split: DatasetSplit, names: Sequence[str] = (), limit: int | None = None) -> list[str]:
    """The videos of a split by name, the first `limit` of them. Raises VosbenchError for one that is not listed."""
    for name in names:
        if name not in dataset_split.videos:
            raise plugins.make_unknown_name_error(
                f"video of {dataset_split.name} {dataset_split.split.name}", name, dataset_split.videos
            )
    return [video for video in dataset_split.videos if not names or video in names][:limit]
