"""Add a publisher's meta file or list to a split that is fetched already, without fetching the split again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vosbench.datasets import meta
from vosbench.datasets.card import Dataset, Split
from vosbench.datasets.contents import VideoContent
from vosbench.datasets.split import DatasetSplit, open_split
from vosbench.datasets.verify_video import explain_unscorable
from vosbench.errors import VosbenchError
from vosbench.fetching.compare_with_card import warn_of_objects
from vosbench.fetching.gather import FetchedFile
from vosbench.fetching.sources import PlannedFile
from vosbench.fetching.write import describe_files
from vosbench.io import files, paths, schema


def list_addable_names(split: Split) -> dict[str, str]:
    """The files that can be added to a split: their names as the publisher has them -> their names in a dataset."""
    saved_as = meta.META_FILE.format(split=split.name)
    metas = {name.format(split=split.name): saved_as for name in (meta.META_FILE, *split.meta)}
    return {name: name for name in split.beside} | metas


def find_additions(planned_files: Sequence[PlannedFile], split: Split) -> list[PlannedFile]:
    """The files that the user gives, if all of them can be added to a split; none otherwise."""
    given, addable = [file for file in planned_files if file.is_given], list_addable_names(split)
    return given if all(file.download.file in addable for file in given) else []


def add_files(given: Sequence[FetchedFile], dataset: Dataset, split: Split, root: Path) -> list[str]:
    """Copy files to a fetched split and name them in dataset.json. Returns warnings.

    Raises VosbenchError if a file is not of this split, or if another file of its name is there; then nothing is added.
    """
    home, names, opened = root / dataset.name, list_addable_names(split), open_split(dataset.name, split.name, root)
    for file in given:
        _check_addition(file.path, home / names[file.path.name], opened)
    for file in given:
        with files.replacing(home / names[file.path.name]) as partial:
            shutil.copyfile(file.path, partial)
    manifest = files.read_json(home / paths.MANIFEST)
    entry = manifest["splits"][split.name]
    added = describe_files(given)
    others = [source for source in entry["sources"] if source["file"] not in {each["file"] for each in added}]
    entry["sources"] = [*others, *added]
    files.write_json(home / paths.MANIFEST, manifest)
    return [*_warn_of_split(opened, dataset, entry)]


def _check_addition(path: Path, place: Path, split: DatasetSplit) -> None:
    """Raise VosbenchError if a file is not of this split, or if another file is at its place."""
    if place.exists() and place.read_bytes() != path.read_bytes():
        remedy = f"delete {place.name} first if this one is the right file"
        raise VosbenchError(place, f"is there already, and differs from {path}", remedy)
    if place.suffix != ".json":
        meta.read_video_list(path.read_bytes(), path)
        return
    is_meta_file = place.name == meta.META_FILE.format(split=split.split.name)
    if is_meta_file and not meta.read_listed_categories(path, split.videos):
        found = f"states the objects of none of the {len(split.videos)} videos of {split.title}"
        raise VosbenchError(path, found, "give the publisher's meta file of this split")


def _warn_of_split(split: DatasetSplit, dataset: Dataset, entry: Mapping[str, Any]) -> Iterator[str]:
    """Warn of what the new files say that is not in the split, and of what scoring lacks still."""
    where = f"{split.root / paths.MANIFEST}: {split.split.name}"
    videos = {
        name: schema.build_dataclass(VideoContent, content, where) for name, content in entry.get("videos", {}).items()
    }
    yield from warn_of_objects(dataset, split.split, videos, split.root)
    for finding in explain_unscorable(split, split.videos):
        yield f"{split.title}: cannot be scored yet ({finding.what})"
