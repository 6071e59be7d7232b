"""Remember on disk which archives of a split are unpacked, so that an interrupted fetch continues after them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from vosbench.datasets.card import Split
from vosbench.datasets.contents import VideoContent
from vosbench.errors import VosbenchError
from vosbench.fetching.checksums import Hash
from vosbench.fetching.sources import PlannedFile
from vosbench.io import paths
from vosbench.io.archives.volumes import get_archive_name
from vosbench.io.files import (
    read_json,
    to_json,
    write_json,
    write_text,
)
from vosbench.io.folders import remove_path


class PartRecord(NamedTuple):
    """What was unpacked of one archive.

    sources: its files, as dataset.json describes them. videos: what is in each. missing: videos that it should have.
    warnings: what was not as published.
    """

    sources: Sequence[Mapping[str, Any]]
    videos: Mapping[str, VideoContent]
    missing: Sequence[str] = ()
    warnings: Sequence[str] = ()


def group_parts(planned_files: Iterable[PlannedFile]) -> dict[str, list[PlannedFile]]:
    """Group the archives of a plan by their names: the volumes of one archive together, lists of hashes left out."""
    parts: dict[str, list[PlannedFile]] = {}
    for file in planned_files:
        if not file.is_checksum_list:
            parts.setdefault(get_archive_name(file.download.file) or file.download.file, []).append(file)
    return parts


def is_in_parts(split: Split, planned_files: Sequence[PlannedFile]) -> bool:
    """Whether a fetch takes archive by archive: the card says that this can be done, and all files are on the card."""
    parts = group_parts(planned_files)
    return split.separable and all(file.download.file in split.downloads for part in parts.values() for file in part)


@dataclass(frozen=True)
class PartRecords:
    """The records of a split's archives, and the split as far as it is unpacked. folder: holds nothing else.

    home: the dataset's folder, to which the videos are moved in the end.
    """

    folder: Path
    home: Path

    @property
    def staged(self) -> Path:
        """The folder in which the split is put together in the normal layout."""
        return self.folder / "staged"

    def begin(self, split: Split) -> None:
        """Make the folder. What was unpacked by the facts of another card, and half-written files, are deleted."""
        card, facts = self.folder / "split.txt", to_json(asdict(split))
        if not card.is_file() or card.read_text(encoding="utf-8") != facts:
            remove_path(self.folder)
            write_text(card, facts)
        self.staged.mkdir(exist_ok=True)
        for left in (*self.staged.glob(".*"), *self.staged.glob(f"{paths.LISTS}/.*")):
            remove_path(left)

    def read(self, name: str, part: Sequence[PlannedFile], hashes: Mapping[str, Hash]) -> PartRecord | None:
        """The record of an archive; None if it is not unpacked, is another file by now, or its videos are gone."""
        try:
            content = read_json(self._path(name))
            videos = {
                video: VideoContent(**{**found, "objects": tuple(found["objects"])})
                for video, found in content["videos"].items()
            }
            record = PartRecord(content["sources"], videos, content["missing"], content["warnings"])
        except (FileNotFoundError, VosbenchError, KeyError, TypeError):
            return None
        sources = {source["file"]: source for source in record.sources}
        unpacked = all(
            (self.staged / paths.FRAMES / video).is_dir() or (self.home / paths.FRAMES / video).is_dir()
            for video in videos
        )
        same = all(_is_same_file(file, sources.get(file.path.name), hashes.get(file.download.file)) for file in part)
        return record if unpacked and same else None

    def write(self, name: str, record: PartRecord) -> None:
        """Record that an archive is unpacked. Raises VosbenchError if that cannot be written."""
        videos = {video: asdict(content) for video, content in record.videos.items()}
        write_json(self._path(name), {**record._asdict(), "videos": videos})

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def make_part_records(archives: Path, split: Split, home: Path) -> PartRecords:
    """The records of a split. archives: the folder of the dataset's downloads. home: the dataset's folder."""
    return PartRecords(archives / f"{split.name}.parts", home)


def mark_unpacked(planned_files: Iterable[PlannedFile], records: PartRecords) -> list[PlannedFile]:
    """Mark the files of a plan of which an interrupted fetch has taken all that is needed."""
    files = list(planned_files)
    unpacked = {file.path for name, part in group_parts(files).items() if records.read(name, part, {}) for file in part}
    return [file._replace(is_unpacked=file.path in unpacked) for file in files]


def _is_same_file(file: PlannedFile, source: Mapping[str, Any] | None, listed: Hash | None) -> bool:
    """Whether a file is the one that was unpacked: by its known hash, or else by its path and its size, if it is there.

    A link to a file without a known hash is not compared, because the links of a publisher change.
    """
    if source is None:
        return False
    known = None if file.is_given else file.download.sha256 or (listed.value if listed else None)
    if known and len(known) == len(source["sha256"]):
        return bool(known.lower() == source["sha256"])
    given = file.is_given and not file.urls
    return not given or (source["from"] == str(file.path.resolve()) and file.present_bytes in (0, source["bytes"]))
