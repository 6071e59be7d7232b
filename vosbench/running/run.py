"""A run's folder: masks, one record a video, and run.json and timings.csv, which are views of the records.

A video is done when its record says so and its masks are there. Masks appear in one rename and before the record, so a
run that is stopped anywhere has lost at most the videos in work. Shards of one run share its folder: each writes the
records of its own videos, and the views from all records. Each also notes what makes the run what it is, so that a
run.json that is damaged or gone is written anew by the run's own command, and by no other.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType, NoneType
from typing import Any

from filelock import FileLock, Timeout

from vosbench.datasets.split import DatasetSplit, open_split
from vosbench.errors import VosbenchError
from vosbench.io import files, paths
from vosbench.running.record import EMPTY_RECORD, Record, _format_timings, _has_all_masks, _is_sound

IDENTITY_KEYS = ("tracker", "settings", "checkpoint_sha256", "dataset", "given_at", "split", "rules")
"""The entries of run.json that make a run what it is; with another value it would be another run."""
IDENTITY_ENTRY = "makes"
"""The entry of a shard's note that repeats these."""
REQUIRED_TYPES: dict[str, Any] = {
    **dict.fromkeys(("settings", "versions", "videos"), dict),
    **dict.fromkeys(("tracker", "tracker_object", "dataset", "dataset_path", "split", "rules", "updated"), str),
    **dict.fromkeys(("checkpoint", "checkpoint_sha256"), (str, NoneType)),
}
"""What every run.json has, and of which type."""
OPTIONAL_TYPES: dict[str, Any] = {
    **dict.fromkeys(("all_settings", "code_sha256", "dataset_sources"), dict),
    **{"git": (dict, NoneType), "checkpoint_path": (str, NoneType), "shards": list},
}
"""What it may have, and of which type."""
OWN_FILES = (paths.RUN_MASKS, paths.EVAL, paths.RUN_LOGS, paths.RUN_VIDEOS, paths.TIMINGS, paths.RUN, paths.RUN_SHARDS)
"""All that is a run's own in its folder; what tells which run it is comes last, so that a deletion can be repeated."""
NO_RECORDS: Mapping[str, Any] = MappingProxyType({})
LOCK_TIMEOUT = 0.2  # seconds; who looks whether a shard is at work holds its lock for less


@dataclass(frozen=True)
class Run:
    """A run at a path, which need not exist yet. `shard`: which part of it this process works at, (i, N)."""

    path: Path
    shard: tuple[int, int] = (1, 1)

    @contextmanager
    def lock_shard(self) -> Iterator[None]:
        """Keep a second process from the same shard. Raises VosbenchError if there is one.

        The operating system holds the lock, so that it goes with its process, however that ends.
        """
        path = self.path / paths.RUN_SHARDS / f"{self.shard_tag}.lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path).acquire(timeout=LOCK_TIMEOUT)
        except Timeout:
            raise VosbenchError(
                f"{self.path}: another process is at work on shard {self.shard[0]}/{self.shard[1]} of this run; "
                "wait until it has ended, or choose another folder with --out"
            ) from None
        except OSError as error:
            raise VosbenchError(
                f"{self.path}: cannot be written ({error.strerror}); choose another folder with --out"
            ) from None
        with lock:
            yield

    @property
    def shard_tag(self) -> str:
        """What the names of a shard's files begin with."""
        return f"{self.shard[0]}-of-{self.shard[1]}"

    def begin(self, facts: Mapping[str, Any], overwrite: bool) -> None:
        """Make the folder, or go on in it if it holds the same run.

        Raises VosbenchError if it holds something else; with `overwrite` another run is deleted first.
        """
        if self.path.exists() and not self.path.is_dir():
            raise VosbenchError(f"{self.path} is a file: choose another folder with --out")
        if different := self._differences(facts):
            if not overwrite:
                raise VosbenchError(
                    f"{self.path} holds another run ({'; '.join(different)}): "
                    "choose another folder with --out, or replace that run with --overwrite"
                )
            self._clear()
        try:
            self.read_published()
        except VosbenchError:  # there is none, or it is damaged
            self.publish(facts)

    def delete_if_empty(self) -> None:
        """Delete a run of which no video was ever tried, unless somebody is, or may be, at work on another shard."""
        tried = self.read_records() or paths.list_folders(self.path / paths.RUN_MASKS)
        if not tried and all(note.get("host") == platform.node() for note in self.read_notes()):
            with suppress(VosbenchError):
                self._clear(mine=f"{self.shard_tag}.lock")

    def _clear(self, mine: str = "") -> None:
        """Delete all of a run. Raises VosbenchError if a process is at work on a shard of it.

        mine: the lock that this process holds, if it does.
        """
        for path in sorted((self.path / paths.RUN_SHARDS).glob("*.lock")):
            if path.name == mine:
                continue
            try:
                with FileLock(path, timeout=LOCK_TIMEOUT):
                    pass
            except Timeout:
                raise VosbenchError(
                    f"{self.path}: a process is at work on this run (shard {path.stem}); stop it before --overwrite"
                ) from None
        for name in OWN_FILES:
            files.remove_path(self.path / name)
        with suppress(OSError):  # what else is in the folder is somebody's
            self.path.rmdir()

    def read_facts(self) -> dict[str, Any]:
        """What run.json says, its videos and shards as of now: it is written anew only now and then.

        Raises VosbenchError if there is none, or if it is damaged.
        """
        shards = self.read_notes()  # a copy of a run may lack them
        return {**self.read_published(), **(_make_views(shards, self.read_records()) if shards else {})}

    def read_published(self) -> dict[str, Any]:
        """What run.json says, as it was last written."""
        path = self.path / paths.RUN
        if not path.is_file():
            raise VosbenchError(f"{self.path} is not a run: it has no {paths.RUN}")
        facts = files.read_json(path)
        wrong = [key for key in REQUIRED_TYPES if key not in facts]
        wrong += [
            key
            for key, kind in (REQUIRED_TYPES | OPTIONAL_TYPES).items()
            if key in facts and not isinstance(facts[key], kind)
        ]
        if wrong or any(not isinstance(video, dict) or "state" not in video for video in facts["videos"].values()):
            raise VosbenchError(
                f"{path}: damaged ({(wrong or ['videos'])[0]!r} is missing or wrong); "
                "repeat the command of this run, which writes it anew and loses nothing that is done"
            )
        return facts

    def _differences(self, facts: Mapping[str, Any]) -> list[str]:
        """How what is on disk differs from `facts` in what makes a run; nothing if nothing is on disk.

        Raises VosbenchError if it is no run, or if nothing tells any more which one it is.
        """
        known = next((shard[IDENTITY_ENTRY] for shard in self.read_notes() if IDENTITY_ENTRY in shard), None)
        if known is None and (self.path / paths.RUN).exists():
            try:
                known = self.read_published()
            except VosbenchError:
                raise VosbenchError(
                    f"{self.path / paths.RUN} is damaged and nothing else tells which run this was: choose another "
                    f"folder with --out, and score these masks with --results {self.path / paths.RUN_MASKS} --dataset"
                ) from None
        if known is None and any(self.path.glob("[!.]*")):
            raise VosbenchError(f"{self.path} is not empty and not a run: choose another folder with --out")
        known = known or facts
        return [
            f"{key} {known.get(key)!r}, now {facts[key]!r}" for key in IDENTITY_KEYS if known.get(key) != facts[key]
        ]

    def read_records(self, known: Mapping[str, Record] = NO_RECORDS) -> dict[str, Record]:
        """The record of every video that was tried and is not begun anew.

        known: what was read before; of these a video that is done is not looked at again.
        """
        found = {}
        for path in paths.list_json_files(self.path / paths.RUN_VIDEOS):
            if path.stem in known and known[path.stem].state == "done":
                found[path.stem] = known[path.stem]
            elif record := self._record(path):
                found[record.video] = record
        return found

    def _record(self, path: Path) -> Record | None:
        """What a record says, if it counts: another shard may forget a video, and its masks may have been deleted."""
        try:
            record = Record(**files.read_json(path))
        except FileNotFoundError:
            return None
        except TypeError:
            record = EMPTY_RECORD
        if record.video != path.stem or not _is_sound(record):
            raise VosbenchError(f"{path} is no record of a video; delete it: at most that video is tracked again")
        whole = record.state == "failed" or _has_all_masks(self.path / paths.RUN_MASKS / record.video, record.frames)
        return record if whole else None

    def read_done_videos(self) -> set[str]:
        """The videos whose masks are complete."""
        return {video for video, record in self.read_records().items() if record.state == "done"}

    def is_outdated(self, records: Mapping[str, Record]) -> bool:
        """Whether run.json tells less than the records, as after a process was killed before it had published them."""
        shown = self.read_published()["videos"]
        return any(shown.get(video) != _make_video_state(record) for video, record in records.items())

    def write_video(self, video: str) -> AbstractContextManager[Path]:
        """A folder to write a video's masks to; it takes its place in the run when all went well.

        It is the shard's own, so that two shardings of one run at the same time do not meet in it.
        """
        return files.assembling(self.path / paths.RUN_MASKS / video, self.shard_tag)

    def write_record(self, record: Record) -> None:
        """Note what became of a video."""
        files.write_json(self.path / paths.RUN_VIDEOS / f"{record.video}.json", asdict(record))

    def remove_records(self, videos: Iterable[str]) -> None:
        """Let videos be tracked anew. Their masks stay until new ones take their place."""
        for video in videos:
            files.remove_path(self.path / paths.RUN_VIDEOS / f"{video}.json")

    def remove_leftovers(self) -> None:
        """Delete what killed processes left here of work at this shard, or at others that nobody is at now.

        Of the others only those that were last begun on this machine: not every file system tells of another's locks.
        """
        masks = self.path / paths.RUN_MASKS
        here = {note["shard"].replace("/", "-of-") for note in self.read_notes() if note.get("host") == platform.node()}
        for tag in here - {self.shard_tag}:
            with suppress(Timeout), FileLock(self.path / paths.RUN_SHARDS / f"{tag}.lock", timeout=0):
                for path in masks.glob(f".*.{tag}{paths.PARTIAL_SUFFIX}"):
                    path.rename(
                        paths.partial_path(path, self.shard_tag)
                    )  # for to delete it would take longer than a glance
        for path in masks.glob(f".*.{self.shard_tag}{paths.PARTIAL_SUFFIX}"):
            files.remove_path(path)
        for folder in (self.path, self.path / paths.RUN_VIDEOS, self.path / paths.RUN_SHARDS):
            for path in files.find_orphans(folder):
                files.remove_path(path)

    def write_note(self, **facts: Any) -> None:
        """Put facts down about the work at this shard: what it was asked for, by which command, where and when."""
        path = self.path / paths.RUN_SHARDS / f"{self.shard_tag}.json"
        known = files.read_json(path) if path.is_file() else {}
        files.write_json(path, {"shard": "{}/{}".format(*self.shard), **known, **facts})

    def has_ended(self) -> bool:
        """Whether the work at this shard has come to its end, the last time that it was begun."""
        path = self.path / paths.RUN_SHARDS / f"{self.shard_tag}.json"
        return path.is_file() and bool(files.read_json(path).get("ended"))

    def read_notes(self) -> list[dict[str, Any]]:
        """What was put down about every shard that was ever begun."""
        notes = []
        for path in paths.list_json_files(self.path / paths.RUN_SHARDS):
            with suppress(FileNotFoundError):  # if somebody deletes the run just now
                note = files.read_json(path)
                kinds = {"videos": list, "host": str, "started": str, IDENTITY_ENTRY: dict}
                sound = all(isinstance(note[key], kind) for key, kind in kinds.items() if key in note)
                if not sound or "videos" not in note or note.get("shard") != path.stem.replace("-of-", "/"):
                    raise VosbenchError(f"{path} is no note of a shard; delete it and repeat the command")
                notes.append(note)
        return notes

    def log_path(self, device: str) -> Path:
        """The file that takes what a worker's tracker prints, and the tracebacks of its failures."""
        return self.path / paths.RUN_LOGS / f"{device}.log"

    def publish(self, facts: Mapping[str, Any], known: Mapping[str, Record] = NO_RECORDS) -> dict[str, Record]:
        """Write run.json and timings.csv from the records; again, if another shard has begun or ended meanwhile.

        A shard notes that it ended after its last record and before it publishes, so the last one leaves all in order.
        Returns the records, to be `known` the next time: a long run need not be read anew every few seconds.
        """
        written = None
        while (shards := self.read_notes()) != written:
            written, records = shards, self.read_records(known)
            now = {"updated": datetime.now(UTC).isoformat(timespec="seconds")}
            files.write_json(self.path / paths.RUN, {**facts, **now, **_make_views(shards, records)})
            files.write_text(self.path / paths.TIMINGS, _format_timings(records.values()))
        return records


def find_shards_never_begun(shards: Sequence[Mapping[str, Any]]) -> list[str]:
    """The shards that were never begun, as "i/N"; none if all of any N were, which have all videos among them."""
    begun = {shard["shard"] for shard in shards}
    counts = sorted({int(name.partition("/")[2]) for name in begun})
    absent = [[f"{i}/{count}" for i in range(1, count + 1) if f"{i}/{count}" not in begun] for count in counts]
    return [name for names in absent for name in names] if all(absent) else []


def find_sibling_runs(run: Run) -> list[str]:
    """The names of the other runs beside a run."""
    beside = sorted(run.path.parent.glob(f"*/{paths.RUN}"))
    return [path.parent.name for path in beside if path.parent.name != run.path.name]


def _make_views(shards: Sequence[Mapping[str, Any]], records: Mapping[str, Record]) -> dict[str, Any]:
    """The entries of run.json that tell of the shards and of every video that was asked for or tried."""
    asked = [video for shard in shards for video in shard["videos"]]
    states = {video: _make_video_state(records.get(video)) for video in dict.fromkeys([*asked, *records])}
    return {"shards": [{k: v for k, v in shard.items() if k != IDENTITY_ENTRY} for shard in shards], "videos": states}


def _make_video_state(record: Record | None) -> dict[str, Any]:
    if record is None:
        return {"state": "pending"}
    state = {"state": record.state, "frames": record.frames, "objects": record.objects, "attempts": record.attempts}
    told = {"digest": record.digest, "leaner": dict(record.leaner), "error": record.error}
    return {**state, **{key: value for key, value in told.items() if value}}


def open_scored_split(
    results: Path, dataset: str | Path | None, split: str | None, rules: str | None, datasets: Path
) -> DatasetSplit:
    """What masks are to be scored against: as given, else as the run says. Raises VosbenchError if neither says."""
    if not results.exists():
        raise VosbenchError(f"--results {results}: no such file or folder")
    run = Run(results).read_published() if (results / paths.RUN).is_file() else None
    if run is None and not dataset:
        raise VosbenchError(f"{results} is not a run, so say what it is scored against with --dataset and --split")
    if run is None:
        return open_split(str(dataset), split, datasets, rules)
    named = str(dataset) if dataset else run["dataset_path"]
    if not Path(named).is_dir():
        named = named if dataset else run["dataset"]
    dataset_split = open_split(named, split or run["split"], datasets, rules)
    return (
        dataset_split
        if rules or dataset_split.rules.name == run["rules"]
        else open_split(named, dataset_split.split.name, datasets, run["rules"])
    )
