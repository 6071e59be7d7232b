"""The Python calls score as the command line does, and give DataFrames."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import vosbench
from tests.support.cli import make_environment
from tests.support.golden import make_tree, squares, write_masks
from vosbench.errors import VosbenchError
from vosbench.evaluation.summary import Evaluation

BEAR = [squares((1, 2, 2 + step), (2, 14, 20 - step)) for step in range(6)]
FOX = [squares((1, 8, 3 * step)) for step in range(5)]


@pytest.fixture
def scored(tmp_path: Path) -> Evaluation:
    """A result that is perfect on bear and stands still on fox."""
    make_tree(tmp_path / "animals", {"bear": BEAR, "fox": FOX})
    results = write_masks(tmp_path / "results", {"bear": BEAR, "fox": FOX[:1] * 5})
    return vosbench.evaluate(results, tmp_path / "animals", jobs=1)


def test_evaluate_returns_the_scores_and_writes_nothing(scored: Evaluation, tmp_path: Path) -> None:
    values = {(score.video, score.object): score.value for score in scored.scores if str(score.metric) == "J-Mean"}
    # In frame t the square of fox is 3t of its 6 columns away, so that J is (6 - 3t) / (6 + 3t), and never below 0.
    assert values == {("bear", 1): 1, ("bear", 2): 1, ("fox", 1): pytest.approx(np.mean([3 / 9, 0, 0]), abs=1e-15)}
    assert (scored.dataset, scored.split) == ("animals", "val")
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == ["bear", "fox"]


def test_what_is_open_already_is_taken_as_it_is(scored: Evaluation, tmp_path: Path) -> None:
    animals = vosbench.open_dataset(tmp_path / "animals")
    assert vosbench.evaluate(tmp_path / "results", animals, jobs=1).scores == scored.scores
    run = vosbench.infer(animals, "static", devices="cpu", out=tmp_path / "run")
    assert vosbench.evaluate(run, jobs=1).scores == vosbench.evaluate(tmp_path / "run", animals, jobs=1).scores


def test_a_dataset_can_be_a_name_and_videos_can_be_chosen(scored: Evaluation, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    part = vosbench.evaluate(
        str(tmp_path / "results"),
        "animals",
        "val",
        videos=["fox"],
        jobs=1,
        datasets=tmp_path,
        on_video=lambda done, total: told.append((done, total)),
    )
    assert part.scores == tuple(score for score in scored.scores if score.video == "fox")
    assert told == [(1, 1)]


def test_what_cannot_be_meant_is_an_error_of_one_line(scored: Evaluation, tmp_path: Path) -> None:
    with pytest.raises(VosbenchError, match="did you mean fox"):
        vosbench.evaluate(tmp_path / "results", tmp_path / "animals", videos=["fix"])
    with pytest.raises(VosbenchError, match="say what it is scored against"):
        vosbench.evaluate(tmp_path / "results")
    with pytest.raises(VosbenchError, match="no such file or folder"):
        vosbench.evaluate(tmp_path / "nowhere", tmp_path / "animals")


def test_missing_masks_are_refused_or_counted(scored: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "results/fox/00002.png").unlink()
    with pytest.raises(VosbenchError, match=r"fox/00002\.png is missing"):
        vosbench.evaluate(tmp_path / "results", tmp_path / "animals", jobs=1)
    (problem,) = vosbench.evaluate(tmp_path / "results", tmp_path / "animals", jobs=1, strict=False).problems
    assert "fox/00002.png is missing" in problem


def test_a_dataframe_has_a_row_an_object_a_video_or_a_frame(scored: Evaluation) -> None:
    objects = vosbench.dataframe(scored)
    assert list(objects.columns[:4]) == ["video", "object", "J&F-Mean", "J-Mean"]
    assert list(zip(objects["video"], objects["object"], strict=True)) == [("bear", 1), ("bear", 2), ("fox", 1)]
    videos = vosbench.dataframe(scored, per="video").set_index("video")
    assert videos.loc["bear", "objects"] == 2
    assert videos.loc["fox", "J-Mean"] == objects["J-Mean"][2]
    frames = vosbench.dataframe(scored, per="frame")
    assert list(frames.columns) == ["video", "object", "frame", "J", "F"]
    assert list(frames["frame"][:4]) == ["00001", "00002", "00003", "00004"]
    fox = frames[frames["video"] == "fox"]
    assert fox["J"].mean() == pytest.approx(videos.loc["fox", "J-Mean"], abs=1e-15)


def test_a_dataframe_of_other_rows_names_the_possible_ones(scored: Evaluation) -> None:
    with pytest.raises(VosbenchError, match="per='sequence': there are rows per video, object or frame"):
        vosbench.dataframe(scored, per="sequence")  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["file", "-"])
def test_a_script_without_a_guard_may_score_with_several_processes(
    scored: Evaluation, tmp_path: Path, way: str
) -> None:
    """None of them imports the script: it would run again in each, or not be found."""
    script = "import vosbench\nprint(vosbench.evaluate('results', 'animals', datasets='.', jobs=2)['J&F-Mean'])\n"
    (tmp_path / "script.py").write_text(script)
    command = [sys.executable, "script.py" if way == "file" else "-"]
    done = subprocess.run(
        command, input=script, cwd=tmp_path, env=make_environment(), capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.stderr) == (f"{scored['J&F-Mean']}\n", "")


def test_dir_shows_what_there_is_to_call() -> None:
    calls = {"fetch", "open_dataset", "infer", "evaluate", "dataframe"}
    assert {*calls, "Video", "Tracker", "Run", "Evaluation", "VosbenchError"} <= set(dir(vosbench))
    assert all(callable(getattr(vosbench, name)) for name in calls)


def test_a_dataset_is_fetched_opened_and_left_alone_the_next_time(tmp_path: Path) -> None:
    make_tree(tmp_path / "own", {"bear": BEAR})
    seen: list[str] = []
    fetched = vosbench.fetch(
        "folder",
        from_=[tmp_path / "own"],
        as_name="zoo",
        datasets=tmp_path / "datasets",
        on_progress=lambda label, done, total: seen.append(label),
    )
    assert (fetched.path, fetched.was_fetched) == (tmp_path / "datasets" / "zoo", True)
    assert seen
    assert vosbench.open_dataset("zoo", datasets=tmp_path / "datasets").videos == ("bear",)
    again = vosbench.fetch("folder", from_=[tmp_path / "own"], as_name="zoo", datasets=tmp_path / "datasets")
    assert not again.was_fetched


def test_a_checkpoint_takes_no_other_name(tmp_path: Path) -> None:
    with pytest.raises(VosbenchError, match="is a checkpoint, and only a dataset can have another name"):
        vosbench.fetch("sam2.1_hiera_tiny", as_name="mine", checkpoints=tmp_path)


def test_importing_vosbench_imports_no_numpy_until_a_call_is_asked_for() -> None:
    code = (
        "import sys, vosbench\n"
        "assert not {'numpy', 'PIL', 'vosbench.api'} & set(sys.modules), 'heavy'\n"
        "assert callable(vosbench.evaluate) and 'vosbench.api' in sys.modules\n"
        "assert not hasattr(vosbench, 'evalaute')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
