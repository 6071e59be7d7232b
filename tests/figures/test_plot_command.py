"""The command `vosbench plot` and the call `vosbench.plot`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason='needs pip install "vosbench[plots]"')
import vosbench
from tests.support.cli import Cli
from tests.support.golden import make_tree, squares, write_masks
from tests.support.runs import tracked
from vosbench.errors import VosbenchError
from vosbench.figures.plot_api import draw_methods
from vosbench.figures.plot_data import estimate, measure_speed, pair_videos, read_or_score, trace_video
from vosbench.running.methods import open_method, score_method
from vosbench.running.score_run import write_evaluation
from vosbench.types import Metric

BEAR = [squares((1, 2, 2 + step), (2, 14, 20 - step)) for step in range(6)]
FOX = [squares((1, 8, 3 * step)) for step in range(5)]


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    write_masks(tmp_path / "still", {"bear": BEAR[:1] * 6, "fox": FOX[:1] * 5})
    write_masks(tmp_path / "right", {"bear": BEAR, "fox": FOX})
    return make_tree(tmp_path / "animals", {"bear": BEAR, "fox": FOX})


def test_scores_that_are_filed_in_a_run_are_read_and_equal_those_of_an_evaluation(bears: Path, tmp_path: Path) -> None:
    tracked(bears, tmp_path / "run")
    method = open_method(tmp_path / "run", datasets=tmp_path)
    scored = read_or_score(method, jobs=1)
    assert scored.frames
    write_evaluation(tmp_path / "run/eval", scored)
    read = read_or_score(method, jobs=1)
    assert (read.scores, read.means, read.frames) == (scored.scores, scored.means, ())
    found, expected = estimate(read, Metric("J&F", "Mean")), scored.with_intervals().intervals[Metric("J&F", "Mean")]
    assert found == (scored["J&F-Mean"], expected.low, expected.high)
    point = measure_speed(method, found)
    records = method.run.read_records().values() if method.run else ()
    assert point
    assert point.fps == pytest.approx(sum(r.frames for r in records) / sum(r.seconds for r in records))
    assert (point.name, point.device) == ("run", "cpu")


def test_videos_are_paired_and_frames_traced_as_they_were_scored(animals: Path, tmp_path: Path) -> None:
    still, right = (open_method(tmp_path / name, animals) for name in ("still", "right"))
    first, second = (read_or_score(method, jobs=1) for method in (still, right))
    pairs = pair_videos(first, second, Metric("J", "Mean"))
    assert {video: pair[1] for video, pair in pairs.items()} == {"bear": 1, "fox": 1}
    curves, positions = trace_video([still], "fox")
    values = {score.frame: score.value for score in first.frames if (score.video, score.measure) == ("fox", "J")}
    assert curves["J"]["object 1"][1:4] == [values[f"{index:05}"] for index in (1, 2, 3)]
    assert [value != value for value in curves["J"]["object 1"]] == [True, False, False, False, True]
    assert positions == [0, 1, 2, 3, 4]
    both, _ = trace_video([still, right], "bear")
    assert list(both["F"]) == [f"{name}, object {i}" for name in ("still", "right") for i in (1, 2)]


@pytest.mark.slow
def test_each_kind_of_plot_is_written(cli: Cli, animals: Path) -> None:
    given = ("--dataset", animals, "--jobs", 1)
    assert cli("plot", "scatter", "still", "right", *given, "-o", "a.pdf").stdout == "plot: a.pdf\n"
    cli("plot", "time", "still", "right", *given, "--video", "bear", "-o", "b.svg", "--title", "A bear")
    grid = ("--grid", "tracker=static,flow", "--name", "s", "--no-plots", "--jobs", 1)
    cli("sweep", "--dataset", animals, *grid, "--gpus", "cpu")
    cli("plot", "sweep", "sweeps/s", "-o", "c.png", "--metric", "j-mean", "--jobs", 1)
    runs = ("animals-val/static", "animals-val/flow")
    done = cli("plot", "speed", *runs, "still", *given, "-o", "d.pdf")
    assert "still is left out: no run of vosbench, so its speed is not known" in done.stderr
    assert {path.name for path in cli.folder.glob("?.*")} == {"a.pdf", "b.svg", "c.png", "d.pdf"}
    figure = vosbench.plot("scatter", [cli.folder / "still", cli.folder / "right"], dataset=animals, jobs=1)
    assert figure.axes[0].get_xlabel() == "still: J&F-Mean (%)"


REFUSED = [
    (["scatter", "still", "-o", "a.pdf"], "plot scatter: needs two methods, found 1; give two RUNs"),
    (["scatter", "still", "right", "-o", "a.gif"], "a.gif: expected a name with .pdf, .svg, .png"),
    (["scatter", "still", "still", "-o", "a.pdf"], "two methods"),
    (["scatter", "still", "right", "-o", "a.pdf", "--metric", "K"], "metric 'K'"),
    (["time", "still", "-o", "a.pdf"], "vosbench plot time: no video is given; name one with --video"),
    (["time", "still", "-o", "a.pdf", "--video", "cow"], "video of animals val 'cow'"),
    (["speed", "still", "-o", "a.pdf"], "no run has both a score and a speed"),
    (["speed", "still", "-o", "a.pdf", "--axis", "x"], "--axis: only a plot of a sweep has it, not speed"),
    (["speed", "still", "-o", "a.pdf", "--video", "bear"], "--video: only a plot over time has it, not speed"),
    (
        ["time", "still", "-o", "a.pdf", "--video", "bear", "--metric", "J-Mean"],
        "--metric: a plot over time shows J and F",
    ),
    (["sweep", "nothing", "-o", "a.pdf"], "nothing: no sweep is there"),
    (["sweep", "a", "b", "-o", "a.pdf"], "a b: several sweeps are given; give one"),
    (["bars", "still", "-o", "a.pdf"], "'bars'"),
]


@pytest.mark.parametrize(("words", "said"), REFUSED)
def test_what_cannot_be_plotted_is_one_line_and_nothing_is_written(
    cli: Cli, animals: Path, words: list[str], said: str
) -> None:
    assert said in cli("plot", *words, "--dataset", animals, "--jobs", 1, expect=2).stderr
    assert not list(cli.folder.glob("a.*"))


def test_without_matplotlib_the_extra_is_named(cli: Cli, animals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)  # makes an import fail
    told = cli("plot", "time", "still", "--dataset", animals, "--video", "bear", "-o", "a.pdf", expect=2).stderr
    assert 'plots: matplotlib is not installed; run: pip install "vosbench[plots]"\n' in told


def test_an_unknown_kind_names_the_known_ones(animals: Path, tmp_path: Path) -> None:
    with pytest.raises(VosbenchError, match="plot 'bars': the kinds are speed, scatter, time; choose one of them"):
        vosbench.plot("bars", tmp_path / "still", dataset=animals)


def test_a_run_of_some_videos_is_plotted_of_these(cli: Cli, animals: Path, tmp_path: Path) -> None:
    names = ("still", "right", "--dataset", animals, "-o", "part.svg", "--jobs", "1")
    assert cli("plot", "scatter", *names, "--videos", "bear").stdout == "plot: part.svg\n"
    assert "unknown video" in cli("plot", "scatter", *names, "--videos", "bea", expect=2).stderr
    told = cli("plot", "time", *names, "--video", "bear", "--videos", "bear", expect=2).stderr
    assert "only speed and scatter have it, not time" in told
    methods = [open_method(tmp_path / name, animals) for name in ("still", "right")]
    first, second = (read_or_score(method, jobs=1, videos=["bear"]) for method in methods)
    assert pair_videos(first, second, Metric("J", "Mean")).keys() == {"bear"}


def test_methods_that_were_scored_differently_are_marked_as_not_comparable(
    cli: Cli, bears: Path, tmp_path: Path
) -> None:
    tracked(bears, tmp_path / "run")
    other = shutil.copytree(tmp_path / "run", tmp_path / "other")
    facts = json.loads((other / "run.json").read_text())
    (other / "run.json").write_text(json.dumps({**facts, "rules": "davis2016"}))
    for kind in ("scatter", "speed"):
        told = cli("plot", kind, "run", "other", "-o", f"{kind}.svg", "--jobs", 1).stderr
        assert "NOT COMPARABLE: bears val: rules differ: davis2017 (run), davis2016 (other)" in told
    assert "NOT" not in cli("plot", "speed", "run", "-o", "one.svg", "--jobs", 1).stderr


def test_a_run_with_filed_scores_is_comparable_with_the_same_run_that_is_scored_now(
    bears: Path, tmp_path: Path
) -> None:
    tracked(bears, tmp_path / "run")
    shutil.copytree(tmp_path / "run", tmp_path / "filed")
    method = open_method(tmp_path / "filed", datasets=tmp_path)
    write_evaluation(tmp_path / "filed/eval", score_method(method, jobs=1))
    methods = [open_method(tmp_path / name, datasets=tmp_path) for name in ("run", "filed")]
    assert draw_methods("scatter", methods, jobs=1)[1] == []


def test_a_missing_mask_is_not_drawn_over_time_as_if_it_were_empty(animals: Path, tmp_path: Path) -> None:
    (tmp_path / "still/bear/00002.png").unlink()
    with pytest.raises(VosbenchError, match=r"bear/00002\.png is missing"):
        trace_video([open_method(tmp_path / "still", animals)], "bear")
