"""A run's folder: masks, a record for each video, and run.json and timings.csv, which are derived from the records.

A video is done when its record says so and its masks are there. Its masks appear by one rename, and before its record,
so a run that is stopped at any moment loses at most the videos in work. The shards of a run share its folder: each
writes the records of its own videos, and run.json and timings.csv from all records.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io import files, folders, paths
from vosbench.running.mask_files import find_mask_damage
from vosbench.running.recipe import UNRECORDED, keep_shared_facts, read_recipes
from vosbench.running.record import Record, format_timings, hash_masks, read_record
from vosbench.running.run_json import derive_entries, describe_video, find_used_recipes, read_run_header, read_run_json
from vosbench.running.shard import ShardNote, read_shard_note

HASH_ATTEMPTS = 500  # to hash masks that another process is replacing

NO_RECORDS: Mapping[str, Record] = MappingProxyType({})
OTHER_FOLDER = "choose another folder with --out"


@dataclass(frozen=True, repr=False)
class Run:
    """A run at a path, which need not exist yet.

    path: the folder of the run. shard: the part of it on which this process works, (i, N) with i from 1 to N.
    """

    path: Path
    shard: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))  # a string is accepted as well

    def __repr__(self) -> str:
        shard = f", shard={self.shard}" if self.shard != (1, 1) else ""
        return f"Run({str(self.path)!r}{shard})"

    def read_facts(self, records: Mapping[str, Record] | None = None) -> dict[str, Any]:
        """The content of run.json, with its entries "videos" and "shards" as of now.

        records: if they were read before, since reading those of 50,000 videos takes seconds. The file itself is
        written only every few seconds while a run is at work. Raises VosbenchError if there is no run.json, or if it is
        damaged.
        """
        notes = self.read_notes()
        if not notes:  # as in a copy of a run
            return self.read_published()
        records = self.read_records() if records is None else records
        return {**self.read_header(), **derive_entries(notes, records, read_recipes(self.path))}

    def read_header(self) -> dict[str, Any]:
        """The content of run.json as it was last written, without its videos. Raises VosbenchError as `read_facts`."""
        return read_run_header(self.path)

    def read_published(self) -> dict[str, Any]:
        """The content of run.json as it was last written. Raises VosbenchError as `read_facts` does."""
        return read_run_json(self.path)

    def read_records(self, known: Mapping[str, Record] = NO_RECORDS) -> dict[str, Record]:
        """The record of every video that was tried, by the name of the video.

        A record does not count if masks of its video are missing or cut off. known: records that were read before; of
        these, a video that is done is not read again. Raises VosbenchError for a damaged record.
        """
        found = {}
        for path in paths.list_json_files(self.path / paths.RUN_VIDEOS):
            if path.stem in known and known[path.stem].state == "done":
                found[path.stem] = known[path.stem]
            elif record := self._read_valid_record(path):
                found[record.video] = record
        return found

    def _read_valid_record(self, path: Path) -> Record | None:
        """A record, or None if another shard has just removed it or masks of its video are missing or cut off."""
        try:
            record = read_record(path)
        except FileNotFoundError:
            return None
        return record if record.state == "failed" or not self.find_damage(record) else None

    def find_damage(self, record: Record, read: bool = False) -> str:
        """What is wrong with the masks of a video that is done, see `find_mask_damage`."""
        return find_mask_damage(self.path / paths.RUN_MASKS / record.video, record, read)

    def read_done_videos(self) -> set[str]:
        """The videos whose masks are complete."""
        return {video for video, record in self.read_records().items() if record.state == "done"}

    def read_notes(self) -> list[ShardNote]:
        """The note of every shard that was ever begun. Raises VosbenchError for a damaged note."""
        notes = []
        for path in paths.list_json_files(self.path / paths.RUN_SHARDS):
            with suppress(FileNotFoundError):  # another process may be deleting the run
                notes.append(read_shard_note(path))
        return notes

    def log_path(self, worker: str) -> Path:
        """The file with what the tracker printed in a worker of this shard, and with the tracebacks of its failures."""
        shard = f".{self.shard_tag}" if self.shard[1] > 1 else ""
        return self.path / paths.RUN_LOGS / f"{worker}{shard}.log"

    @property
    def shard_tag(self) -> str:
        """The shard in names of files: "i-of-N"."""
        return f"{self.shard[0]}-of-{self.shard[1]}"

    def partial_masks(self, video: str, process: int) -> Path:
        """The folder to which a process of this machine writes the masks of a video until they are complete."""
        return paths.partial_path(self.path / paths.RUN_MASKS / video, self._tag_process(process))

    def _tag_process(self, process: int) -> str:
        """A process of this machine in names of folders; one of another machine may work on the same shard."""
        return f"{self.shard_tag}.{platform.node()}-{process}"

    def write_video(self, video: str) -> AbstractContextManager[Path]:
        """A folder for the masks of a video; when the block ends without an error it takes its place in the run.

        Each process has a folder of its own, so that those who track the same video do not disturb each other. If
        another one has finished the video meanwhile, its masks stay.
        """
        masks = self.path / paths.RUN_MASKS / video
        return folders.assembling(masks, self._tag_process(os.getpid()), lambda: self._find_done(video) is not None)

    def _find_done(self, video: str) -> Record | None:
        """The record of a video that is done."""
        with suppress(VosbenchError):  # a damaged record is replaced
            record = self._read_valid_record(self._record_path(video))
            return record if record and record.state == "done" else None
        return None

    def _record_path(self, video: str) -> Path:
        return self.path / paths.RUN_VIDEOS / f"{video}.json"

    def write_record(self, record: Record) -> Record:
        """Write what became of a video, unless another process has finished it; return the record that counts.

        A video that is done stays done. If two processes have finished it, the record of the masks that are there
        counts.
        """
        if (known := self._find_done(record.video)) and (
            record.state == "failed" or self._are_others_masks(known, record)
        ):
            return known
        files.write_json(self._record_path(record.video), asdict(record))
        return record

    def _are_others_masks(self, known: Record, record: Record) -> bool:
        """Whether the masks of a video are those of a known record, and not those of another one."""
        if known.digest == record.digest:
            return False
        for _ in range(HASH_ATTEMPTS):
            try:
                return known.digest == hash_masks(self.path / paths.RUN_MASKS / record.video)
            except FileNotFoundError:  # another process is putting its masks there at this moment
                time.sleep(0.01)
        return False

    def remove_records(self, videos: Iterable[str]) -> None:
        """Let videos be tracked again. Their masks stay until new ones replace them."""
        for video in videos:
            folders.remove_path(self._record_path(video))

    def write_note(self, **facts: Any) -> None:
        """Add facts to the note of this shard, or replace them there."""
        path = self.path / paths.RUN_SHARDS / f"{self.shard_tag}.json"
        known = files.read_json(path) if path.is_file() else {}
        files.write_json(path, {"shard": "{}/{}".format(*self.shard), **known, **facts})

    def has_ended(self) -> bool:
        """Whether the last command of this shard came to its end."""
        return any(note.ended for note in self.read_notes() if note.tag == self.shard_tag)

    def is_outdated(self, records: Mapping[str, Record]) -> bool:
        """Whether run.json lacks some of the records, as after a process was killed before it wrote run.json."""
        shown = self.read_published()["videos"]
        return any(shown.get(video) != describe_video(record) for video, record in records.items())

    def publish(self, facts: Mapping[str, Any], known: Mapping[str, Record] = NO_RECORDS) -> dict[str, Record]:
        """Write run.json and timings.csv from the records, and once more if another shard began or ended meanwhile.

        A shard notes its end after its last record and before it publishes, so the last shard to end leaves a complete
        run.json. Returns the records: given as `known` the next time, they need not all be read again.
        """
        written = None
        while (notes := self.read_notes()) != written:
            written, records, recipes = notes, self.read_records(known), read_recipes(self.path)
            used = [recipes.get(name or UNRECORDED) for name in find_used_recipes(records)]
            shared = keep_shared_facts([facts, *(each.facts if each else None for each in used)]) if used else {}
            now = {"updated": datetime.now(UTC).isoformat(timespec="seconds")}
            entries = derive_entries(notes, records, recipes)
            files.write_json(self.path / paths.RUN, {**facts, **shared, **now, **entries})
            files.write_text(self.path / paths.TIMINGS, format_timings(records.values()))
        return records
