"""The scores of a part, by other rules, or of masks that have changed never stand for those of the run."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.support.runs import tracked
from vosbench.datasets.split import open_split
from vosbench.io.paths import list_json_files
from vosbench.running.filed_scores import FiledScores, find_run_scores, read_filed_scores
from vosbench.running.run import Run
from vosbench.running.score_run import score_run, scores_folder, write_evaluation


@pytest.fixture
def run(tmp_path: Path, bears: Path) -> Run:
    return tracked(bears, tmp_path / "results/bears-val/static").run


def score(run: Run, bears: Path, *videos: str, rules: str | None = None, strict: bool = True) -> Path:
    evaluation = score_run(run, open_split(str(bears), None, bears.parent, rules), videos, 1, strict)
    folder = scores_folder(run, evaluation)
    write_evaluation(folder, evaluation)
    return folder


def marks(run: Run) -> dict[str, tuple[str, ...]]:
    return {filed.folder.name: filed.marks for filed in read_filed_scores(run)}


def replace_masks(run: Run, video: str) -> None:
    """Let a video have other masks, as `infer --overwrite` with a tracker that draws."""
    record = json.loads((run.path / f".videos/{video}.json").read_text())
    (run.path / f".videos/{video}.json").write_text(json.dumps({**record, "digest": "another"}))


def test_scores_of_a_part_or_by_other_rules_leave_those_of_the_run_as_they_are(run: Run, bears: Path) -> None:
    whole = score(run, bears)
    before = {path.name: path.read_bytes() for path in whole.iterdir()}
    assert score(run, bears, "good").relative_to(whole) == Path("videos-good")
    assert score(run, bears, rules="davis2016").relative_to(whole) == Path("rules-davis2016")
    assert score(run, bears, strict=False).relative_to(whole) == Path("not-strict")
    assert {path.name: path.read_bytes() for path in whole.iterdir() if path.is_file()} == before
    assert json.loads((whole / "videos-good/scores.json").read_text())["marks"] == ["1 of 4 videos"]
    assert marks(run) == {
        "eval": (),
        "not-strict": ("not strict",),
        "rules-davis2016": ("rules of davis2016",),
        "videos-good": ("1 of 4 videos",),
    }
    found = find_run_scores(run)
    assert found is not None
    assert found.folder == whole


def test_scores_of_masks_that_were_made_anew_are_outdated(run: Run, bears: Path) -> None:
    score(run, bears)
    score(run, bears, "good")
    replace_masks(run, "long")
    assert marks(run) == {"eval": ("outdated: the masks have changed since",), "videos-good": ("1 of 4 videos",)}
    assert find_run_scores(run) is None
    score(run, bears)
    assert marks(run)["eval"] == ()


def test_a_video_that_is_gone_or_in_work_makes_the_scores_outdated(run: Run, bears: Path) -> None:
    score(run, bears)
    run.remove_records(["good"])
    assert marks(run) == {"eval": ("outdated: the masks have changed since",)}


def test_a_copy_of_a_run_without_hidden_files_is_judged_by_its_run_json(run: Run, bears: Path, tmp_path: Path) -> None:
    score(run, bears)
    shutil.copytree(run.path, tmp_path / "copy", ignore=shutil.ignore_patterns(".*"))
    assert marks(Run(tmp_path / "copy")) == {"eval": ()}


def older(run: Run, folder: Path, **changes: object) -> FiledScores:
    """Rewrite scores as an older version wrote them, without what tells which masks they are of."""
    content = json.loads((folder / "scores.json").read_text())
    for key in ("records_digest", "videos", "marks"):
        del content[key]
    (run.path / "eval/scores.json").write_text(json.dumps({**content, **changes}))
    return read_filed_scores(run)[0]


def test_of_scores_of_an_older_version_the_times_of_the_files_tell(run: Run, bears: Path) -> None:
    folder = score(run, bears)
    known = older(run, folder)
    assert (known.stands_for_run, known.marks) == (True, ("up to date, by the times of the files",))
    for path in list_json_files(run.path / ".videos"):
        os.utime(path, (2e9, 2e9))
    outdated = read_filed_scores(run)[0]
    assert (outdated.stands_for_run, outdated.marks) == (False, ("outdated, by the times of the files",))


def test_scores_of_a_part_that_an_older_version_put_in_the_place_of_the_runs_are_told(run: Run, bears: Path) -> None:
    part = score(run, bears, "good")
    found = older(run, part)
    assert found.folder == run.path / "eval"
    assert found.marks == ("1 of 4 videos", "up to date, by the times of the files")
    assert not found.stands_for_run


def test_the_whole_split_is_whole_even_if_a_video_of_it_has_no_value(run: Run, bears: Path) -> None:
    folder = score(run, bears)
    content = json.loads((folder / "scores.json").read_text())
    signature = content["signature"].replace("videos:4/4", "videos:3/4")
    (folder / "scores.json").write_text(json.dumps({**content, "signature": signature}))
    (found,) = read_filed_scores(run)
    assert (found.stands_for_run, found.marks) == (True, ("3 of 4 videos",))
