"""Read the evaluations that are filed in a run, and tell which of them are outdated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.evaluation.scope import describe_scope, name_scope
from vosbench.io import files, paths
from vosbench.running.record import Record
from vosbench.running.run import Run
from vosbench.running.run_records import RECORDS_ENTRY, digest_records
from vosbench.running.score_run import own_scope

OUTDATED = "outdated: the masks have changed since"
OUTDATED_BY_TIMES = "outdated, by the times of the files"
CURRENT_BY_TIMES = "up to date, by the times of the files"


@dataclass(frozen=True)
class FiledScores:
    """An evaluation that is filed in a run.

    folder: where it is. signature: of its numbers. means: the mean of each metric, by its name; None where nothing was
    scored. scope: what sets it apart from an evaluation of the whole split, by the run's own rules, strictly, in words.
    is_whole: whether it evaluated the whole split so; a video without a scored frame may still be missing in the scope.
    outdated: whether masks that it scored have changed. age: how that is known, in words; empty if it is up to date for
    certain. An evaluation of an older version does not say which masks it scored, so the times of the files tell.
    """

    folder: Path
    signature: str
    means: Mapping[str, float | None]
    scope: tuple[str, ...] = ()
    is_whole: bool = True
    outdated: bool = False
    age: str = ""

    @property
    def stands_for_run(self) -> bool:
        """Whether these are the scores of the whole run as it is now."""
        return self.is_whole and not self.outdated

    @property
    def marks(self) -> tuple[str, ...]:
        """All that a reader must know beside the numbers, in words."""
        return (*self.scope, *filter(None, [self.age]))


def read_filed_scores(run: Run, records: Mapping[str, Record] | None = None) -> list[FiledScores]:
    """Return the evaluations of a run, first that of the whole split by its own rules, if there is one.

    records: of the run, if they were read before. Raises VosbenchError for a damaged file.
    """
    folder = run.path / paths.EVAL
    found = [path for path in (folder, *paths.list_folders(folder)) if (path / paths.SCORES).is_file()]
    if not found:
        return []
    known = (run.read_records() if records is None else records) or _read_published_records(run.read_published())
    return [_read_scores(run, path, own_scope(run.read_header()), known) for path in found]


def find_run_scores(run: Run) -> FiledScores | None:
    """Return the scores of the whole run as it is now; None if there are none. Raises VosbenchError for damage."""
    return next((filed for filed in read_filed_scores(run) if filed.stands_for_run), None)


def _read_published_records(facts: Mapping[str, Any]) -> dict[str, Record]:
    """The records of a run as far as run.json repeats them; a copy of a run may lack the hidden folder of records."""
    names = {field.name for field in fields(Record)}
    return {
        video: Record(video, **{key: value for key, value in entry.items() if key in names})
        for video, entry in facts["videos"].items()
        if entry["state"] != "pending"
    }


def _read_scores(run: Run, folder: Path, own: Mapping[str, str], records: Mapping[str, Record]) -> FiledScores:
    path = folder / paths.SCORES
    content = files.read_json(path)
    for key in ("global", "signature"):
        if key not in content:
            raise VosbenchError(path, f"damaged ({key!r} is missing)", f"run: vosbench eval {run.path}")
    outdated, age = _judge_age(run, path, content, records)
    signature = content["signature"]
    scope = tuple(describe_scope(signature, own).values())
    is_whole = not name_scope(signature, own, content.get("videos", ()))
    return FiledScores(folder, signature, content["global"], scope, is_whole, outdated, age)


def _judge_age(run: Run, path: Path, content: Mapping[str, Any], records: Mapping[str, Record]) -> tuple[bool, str]:
    """Whether masks that were scored have changed since, and how that is known."""
    if content.get(RECORDS_ENTRY):
        outdated = content[RECORDS_ENTRY] != digest_records(records, content.get("videos", ()))
        return outdated, OUTDATED if outdated else ""
    scored = {each["video"] for each in content.get("objects", ())}
    listed = paths.list_json_files(run.path / paths.RUN_VIDEOS)
    written = [file.stat().st_mtime for file in listed if file.stem in scored]
    outdated = not scored <= records.keys() or max(written, default=0.0) > path.stat().st_mtime
    return outdated, OUTDATED_BY_TIMES if outdated else CURRENT_BY_TIMES
