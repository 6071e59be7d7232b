"""A split of a dataset on disk: its videos, what of them a tracker may see, and their ground truth.

A dataset is a name under the datasets root, or the path of any tree in the normal layout or in its publisher's (DAVIS:
`JPEGImages/480p`, `ImageSets/2017/val.txt`). Such a tree needs no dataset.json and is read by the rules of a card.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

import numpy as np

from vosbench.datasets import meta, registry
from vosbench.datasets.card import Dataset, Rules, Split, parse
from vosbench.errors import VosbenchError
from vosbench.io import files, plugins
from vosbench.io.paths import FRAME_SUFFIXES, FRAMES, LISTS, MANIFEST, MASKS, images
from vosbench.masks.folder import MaskFolder
from vosbench.types import Frame, Mask, Video


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
        from PIL import Image

        path = self.paths[index]
        try:
            with Image.open(path) as image:
                return np.array(image.convert("RGB"))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise VosbenchError(f"{path}: cannot be decoded ({error}); fetch the dataset again with --force") from None


@dataclass(frozen=True)
class Tree:
    """A split on disk. `split` says how it is prompted, `rules` how it is scored.

    fetched: whether `vosbench fetch` put it there; else its name is that of its folder, which others may have, too.
    all_masks: whether an object is given by every mask of it, not by its first one alone.
    """

    name: str
    root: Path
    split: Split
    rules: Rules
    videos: tuple[str, ...]
    frames: Path
    masks: Path
    fetched: bool = False
    all_masks: bool = False

    def prompted(self, prompts: str) -> Tree:
        """The split with "first" or "all" masks as prompts. Raises VosbenchError for another word."""
        if prompts not in ("first", "all"):
            raise VosbenchError(f"prompts {prompts!r}: choose first or all")
        return replace(self, all_masks=prompts == "all")

    def frame_paths(self, video: str) -> list[Path]:
        """The files of a video's frames, in order. Raises VosbenchError if there are none."""
        paths = images(self.frames / video, FRAME_SUFFIXES)
        if not paths:
            raise VosbenchError(f"{self.name} {self.split.name}: video {video} has no frames in {self.frames / video}")
        return paths

    def frames_of(self, video: str) -> Frames:
        """The frames of a video. Raises VosbenchError if there are none."""
        return Frames(self.frame_paths(video))

    def truth(self, video: str) -> MaskFolder:
        """All masks that are known of a video. For scoring alone: trackers see `video(...)`."""
        return MaskFolder(self.masks / video, self.rules.void, self.rules.merge)

    def video(self, name: str) -> Video:
        """What a tracker may see of a video. Raises VosbenchError if its prompts name no object."""
        frames = self.frame_paths(name)
        truth = self.truth(name)
        index = {path.stem: position for position, path in enumerate(frames)}
        stems = [stem for stem in truth.stems if stem in index]
        beginning = [stem for stem in stems if index[stem] == 0 or self.split.prompts != "first_frame"]
        prompts = {index[stem]: masks for stem, masks in first_appearances(truth, beginning)}
        if self.all_masks:
            prompts = {index[stem]: masks for stem, masks in appearances(truth, stems, set().union(*prompts.values()))}
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


def appearances(
    truth: MaskFolder, stems: Sequence[str], objects: Collection[int]
) -> Iterator[tuple[str, dict[int, Mask]]]:
    """The frames in which any of the objects appears, with the masks of these objects."""
    for stem in stems:
        if shown := {label: mask for label, mask in truth.read(stem)[1].items() if label in objects}:
            yield stem, shown


def open_tree(dataset: str, split: str | None, root: Path, rules: str | None = None) -> Tree:
    """A split of a dataset given by name (a folder under `root`), alias, card or path.

    `rules` names a card whose prompts and rules count in place of the dataset's own.
    Raises VosbenchError if the dataset is not there, has no such split, or lists no video.
    """
    path, card = locate(dataset, root)
    own = card or registry.dataset("default")
    governing = registry.dataset(rules) if rules else own
    name = split or own.default_split
    part, ruling = (_part(each, name) for each in (own, governing))
    listed = _list_file(path, name, (*part.lists, *ruling.lists))
    videos = meta.read_list(listed.read_bytes(), listed)
    if not videos:
        raise VosbenchError(f"{listed} lists no video")
    return Tree(
        card.name if card else path.resolve().name,
        path,
        replace(part, prompts=ruling.prompts, meta=ruling.meta, truth=ruling.truth, server=ruling.server),
        governing.rules,
        tuple(videos),
        _holding(videos[0], [path / frames for frames in (FRAMES, part.frames, ruling.frames)]),
        _holding(videos[0], [path / masks for masks in (MASKS, part.masks, ruling.masks)]),
        fetched=(path / MANIFEST).is_file(),
    )


def described(home: Path) -> dict[str, Any]:
    """What dataset.json says of the splits in a dataset's folder; nothing if it is not there."""
    splits: dict[str, Any] = _manifest(home).get("splits", {}) if (home / MANIFEST).is_file() else {}
    return splits


def fetched(home: Path) -> dict[str, Any]:
    """The splits in dataset.json that are there: a fetch that replaces one takes its list away first."""
    lists = home / LISTS
    return {name: split for name, split in described(home).items() if (lists / f"{name}.txt").is_file()}


def _manifest(home: Path) -> dict[str, Any]:
    manifest = files.read_json(home / MANIFEST)
    if "card" not in manifest:
        raise VosbenchError(f"{home / MANIFEST}: 'card' is missing; fetch the dataset anew into {home}")
    return manifest


def _part(card: Dataset, name: str) -> Split:
    return card.splits.get(name) or replace(card.splits[card.default_split], name=name)


def locate(dataset: str, root: Path) -> tuple[Path, Dataset | None]:
    """Where a dataset is that is given by name, alias, card or path, and the card that it was fetched by if it was.

    Raises VosbenchError if it is unknown or not there.
    """
    path = root / dataset
    if not path.is_dir():
        path = Path(dataset)
    if not path.is_dir():
        if path.suffix != ".toml" and "/" in dataset:
            raise VosbenchError(f"dataset {dataset}: no such folder")
        name = registry.dataset(dataset).name
        path = root / name
        if not (path / MANIFEST).is_file():
            known = name if name in registry.datasets() else dataset
            raise VosbenchError(f"dataset {name} is not at {path}: run `vosbench fetch {known}`")
    manifest = path / MANIFEST
    return path, parse(_manifest(path)["card"], str(manifest)) if manifest.is_file() else None


def _list_file(path: Path, split: str, lists: Sequence[str]) -> Path:
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


def _holding(video: str, folders: Sequence[Path]) -> Path:
    """The first folder that holds a video, the normal layout's if none does."""
    return next((folder for folder in folders if (folder / video).is_dir()), folders[0])


def choose_videos(tree: Tree, names: Sequence[str] = (), limit: int | None = None) -> list[str]:
    """The videos of a split by name, the first `limit` of them. Raises VosbenchError for one that is not listed."""
    for name in names:
        if name not in tree.videos:
            raise plugins.unknown(f"video of {tree.name} {tree.split.name}", name, tree.videos)
    return [video for video in tree.videos if not names or video in names][:limit]
