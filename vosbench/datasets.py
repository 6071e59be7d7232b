"""A split of a dataset on disk: its videos, what of them a tracker may see, and their ground truth.

A dataset is a name under the datasets root, or the path of any tree in the normal layout or in its publisher's (DAVIS:
`JPEGImages/480p`, `ImageSets/2017/val.txt`). Such a tree needs no dataset.json and is read by the rules of a card.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import overload

import numpy as np
from PIL import Image

from vosbench import cards, plugins, store
from vosbench.masks import MaskFolder
from vosbench.types import Counts, Dataset, Frame, Mask, Rules, Split, Video, VosbenchError


class Frames(Sequence[Frame]):
    """The frames of a video, decoded when they are asked for."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> Frames: ...
    def __getitem__(self, index: int | slice) -> Frame | Frames:
        if isinstance(index, slice):
            return Frames(self.paths[index])
        path = self.paths[index]
        try:
            with Image.open(path) as image:
                return np.asarray(image.convert("RGB"))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise VosbenchError(f"{path}: cannot be decoded ({error}); fetch the dataset again with --force") from None


@dataclass(frozen=True)
class Tree:
    """A split on disk. `split` says how it is prompted, `rules` how it is scored."""

    name: str
    root: Path
    split: Split
    rules: Rules
    videos: tuple[str, ...]
    frames: Path
    masks: Path

    def frame_paths(self, video: str) -> list[Path]:
        """The files of a video's frames, in order. Raises VosbenchError if there are none."""
        paths = store.images(self.frames / video, store.FRAME_SUFFIXES)
        if not paths:
            raise VosbenchError(f"{self.name} {self.split.name}: video {video} has no frames in {self.frames / video}")
        return paths

    def frames_of(self, video: str) -> Frames:
        """The frames of a video. Raises VosbenchError if there are none."""
        return Frames(self.frame_paths(video))

    def truth(self, video: str) -> MaskFolder:
        """All masks that are known of a video. For scoring alone: trackers see `video(...)`."""
        return MaskFolder(self.masks / video, self.rules)

    def counts(self) -> Counts:
        """How many videos, frames and objects there are. Decodes every mask."""
        truths = [self.truth(video) for video in self.videos]
        objects = [{label for stem in truth.stems for label in truth.read(stem)[1]} for truth in truths]
        frames = sum(len(self.frame_paths(video)) for video in self.videos)
        return Counts(len(self.videos), frames, sum(map(len, objects)))

    def video(self, name: str) -> Video:
        """What a tracker may see of a video. Raises VosbenchError if its prompts name no object."""
        frames = self.frame_paths(name)
        truth = self.truth(name)
        index = {path.stem: position for position, path in enumerate(frames)}
        stems = [stem for stem in truth.stems if stem in index]
        if self.split.prompts == "first_frame":
            stems = [stem for stem in stems if index[stem] == 0]
        prompts = {index[stem]: masks for stem, masks in first_appearances(truth, stems)}
        if not prompts:
            raise VosbenchError(
                f"{self.name} {self.split.name}: no mask of video {name} in {truth.path} holds an object under the "
                f"rules of {self.rules.name}, which take {list(self.rules.void)} as void; choose others with --rules"
            )
        return Video(name, Frames(frames), prompts, overlap=bool(truth.objects))


def first_appearances(truth: MaskFolder, stems: Sequence[str]) -> Iterator[tuple[str, dict[int, Mask]]]:
    """The frames in which objects appear for the first time, with the masks of just these objects."""
    seen: set[int] = set()
    for stem in stems:
        new = {label: mask for label, mask in truth.read(stem)[1].items() if label not in seen}
        seen |= new.keys()
        if new:
            yield stem, new


def open_tree(dataset: str, split: str | None, root: Path, rules: str | None = None) -> Tree:
    """A split of a dataset given by name (a folder under `root`), alias, card or path.

    `rules` names a card whose prompts and rules count in place of the dataset's own.
    Raises VosbenchError if the dataset is not there, has no such split, or lists no video.
    """
    path, card = _locate(dataset, root)
    governing = plugins.dataset(rules) if rules else card or plugins.dataset("default")
    name = split or governing.default_split
    part = governing.splits.get(name) or replace(governing.splits[governing.default_split], name=name)
    listed = _list_file(path, part)
    videos = store.read_list(listed.read_text(encoding="utf-8"))
    if not videos:
        raise VosbenchError(f"{listed} lists no video")
    frames, masks = (_either(path / own, path / usual) for own, usual in _folders(part))
    return Tree(card.name if card else path.resolve().name, path, part, governing.rules, tuple(videos), frames, masks)


def _locate(dataset: str, root: Path) -> tuple[Path, Dataset | None]:
    """Where a dataset is, and the card that it was fetched by if it has one."""
    path = root / dataset
    if not path.is_dir():
        path = Path(dataset)
    if not path.is_dir():
        if path.suffix != ".toml" and "/" in dataset:
            raise VosbenchError(f"dataset {dataset}: no such folder")
        name = plugins.dataset(dataset).name
        path = root / name
        if not (path / store.MANIFEST).is_file():
            known = name if name in plugins.datasets() else dataset
            raise VosbenchError(f"dataset {name} is not at {path}: run `vosbench fetch {known}`")
    manifest = path / store.MANIFEST
    return path, cards.parse(store.read_json(manifest)["card"], str(manifest)) if manifest.is_file() else None


def _list_file(path: Path, part: Split) -> Path:
    """The file that lists the videos of a split: the normal layout's, the publisher's, or the only one of that name."""
    usual = path / store.LISTS / f"{part.name}.txt"
    candidates = [usual, *(path / entry.format(split=part.name) for entry in part.lists)]
    candidates += only if len(only := list((path / store.LISTS).glob(f"*/{part.name}.txt"))) == 1 else []
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    found = sorted(str(p.relative_to(path)) for p in (path / store.LISTS).rglob("*.txt"))
    raise VosbenchError(
        f"{path} has no split {part.name}: no {usual.relative_to(path)}; it has {', '.join(found) or 'no list'}"
    )


def _folders(part: Split) -> tuple[tuple[str, str], ...]:
    return (part.frames, store.FRAMES), (part.masks, store.MASKS)


def _either(first: Path, second: Path) -> Path:
    return first if first.is_dir() else second
