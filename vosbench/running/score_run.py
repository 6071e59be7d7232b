"""Score a run and file the evaluation under what it evaluated.

An evaluation of the whole split, by the run's own rules, strictly, is written to `eval/` under the names of the
official tool. Any other is written to a folder in `eval/` that is named after what differs, such as
`eval/videos-solo`, so that the scores of a part never stand where those of the run are looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.evaluation.evaluate import score_split
from vosbench.evaluation.report import evaluation_files
from vosbench.evaluation.scope import describe_scope, name_scope
from vosbench.evaluation.summary import Evaluation
from vosbench.io import paths
from vosbench.io.files import write_pieces
from vosbench.io.wording import count_of
from vosbench.running.run import Run
from vosbench.running.run_records import records_digest
from vosbench.running.shard import find_shards_never_begun

SCOPE_KEYS = ("dataset", "split", "rules")
MOST_VIDEOS_NAMED = 20  # by an option that the user can copy


def score_run(
    run: Run,
    dataset_split: DatasetSplit,
    videos: Sequence[str] = (),
    jobs: int | None = None,
    strict: bool = True,
    on_video: Callable[[int, int], None] = lambda done, total: None,
    reuse: bool = False,
) -> Evaluation:
    """Score the masks of a run as `score_split` does, and note what sets the evaluation apart.

    reuse: take over the scores that the run keeps of videos whose masks, ground truth and rules have not changed, and
    keep those of the others; this writes a file of the run.
    Raises VosbenchError as `score_split` does, and for a damaged run.
    """
    chosen = videos or dataset_split.videos
    digest = records_digest(run, chosen)  # before scoring: masks that change meanwhile make the evaluation outdated
    kept = run.path / paths.EVAL / paths.KEPT_SCORES if reuse else None
    evaluation = score_split(run.path, dataset_split, chosen, jobs, strict, on_video, kept)
    marks = describe_scope(evaluation.signature, own_scope(run.read_header()))
    return replace(evaluation, marks=tuple(marks.values()), records_digest=digest)


def own_scope(facts: Mapping[str, Any]) -> dict[str, str]:
    """The dataset, split and rules of a run. facts: the content of its run.json."""
    return {key: facts[key] for key in SCOPE_KEYS}


def scores_folder(run: Run, evaluation: Evaluation) -> Path:
    """The folder for the files of an evaluation of a run. Raises VosbenchError for a damaged run."""
    name = name_scope(evaluation.signature, own_scope(run.read_header()), evaluation.videos)
    return run.path / paths.EVAL / name if name else run.path / paths.EVAL


def write_evaluation(folder: Path, evaluation: Evaluation) -> list[str]:
    """Write the files of an evaluation into a folder and return their names. Raises VosbenchError if that fails."""
    names = []
    for name, pieces in evaluation_files(evaluation):
        write_pieces(folder / name, pieces)
        names.append(name)
    return names


def require_asked_videos(run: Run, dataset_split: DatasetSplit) -> None:
    """Raise VosbenchError, with the option that scores the others, if videos are missing for which nobody asked.

    Nothing is raised where shards were never begun, because the videos of these are not known.
    """
    notes = run.read_notes()
    asked = {video for note in notes for video in note.videos}
    if asked.issuperset(dataset_split.videos):
        return  # without reading the records, which takes seconds for 50,000 videos
    asked |= run.read_done_videos()
    known = [video for video in dataset_split.videos if video in asked]
    if not notes or len(known) in (0, len(dataset_split.videos)) or find_shards_never_begun(n.shard for n in notes):
        return
    total = count_of(len(dataset_split.videos), "video")
    few = f"score only these with --videos {','.join(known)}"
    many = "complete it with its `vosbench infer` command, score some with --videos, or the rest as absent: --no-strict"
    raise VosbenchError(
        run.path,
        f"this run has only {len(known)} of the {total} of {dataset_split.title}",
        few if len(known) <= MOST_VIDEOS_NAMED else many,
    )
