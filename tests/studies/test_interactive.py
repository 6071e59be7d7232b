"""Interactive studies: what is evaluated, what the tracker gets, what is on disk, and how a study continues."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from tests.support.cli import Cli
from tests.support.golden import make_tree, squares
from tests.support.sessions import Spy
from vosbench.datasets.split import DatasetSplit, open_split
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.studies.interactive import Protocol, StudyPlan, prepare_study, run_study
from vosbench.studies.interactive_record import ObjectResult, RoundResult
from vosbench.studies.interactive_table import make_curve, summarise_curve
from vosbench.trackers.static import Static
from vosbench.types import Point, PointPrompt, Video

SAME_COLOUR = "drawing_prompters:SameColour"


@pytest.fixture
def birds(tmp_path: Path) -> DatasetSplit:
    """A video with two moving squares, of which the second appears in frame 2, and one with a square that rests."""
    pair = [squares((1, 2, 2 + 3 * index), *[(3, 12, 20)] * (index >= 2)) for index in range(5)]
    tree = make_tree(tmp_path / "birds", {"pair": pair, "rest": [squares((1, 4, 4))] * 4})
    return open_split(str(tree), None, tmp_path)


def planned(
    birds: DatasetSplit, protocol: Protocol = "offline", tracker: str = "static", frames: int = 3, **more: Any
) -> StudyPlan:
    roots = paths.Roots(results=birds.root.parent / "results")
    settings = {"prompter": SAME_COLOUR}
    return prepare_study(roots, birds, tracker, None, settings, protocol, frames, **more)


class Kept(Spy):
    """A tracker without sessions, which keeps its prompts on the class, as a study builds its own."""

    all_seen: ClassVar[list[Any]] = []

    def __init__(self, device: str) -> None:
        super().__init__(seen=self.all_seen)


class Failing(Static):
    """Fails for the object of the video `rest`."""

    def track(self, video: Video) -> Any:
        if video.name == "rest":
            raise RuntimeError("out of luck")
        yield from super().track(video)


def test_each_object_is_evaluated_alone_from_its_first_frame_on(birds: DatasetSplit) -> None:
    plan = planned(birds)
    assert plan.objects == [("pair", 1, 0), ("pair", 3, 2), ("rest", 1, 0)]
    results, failures = run_study(plan, "cpu")
    assert [(each.video, each.object_id) for each in results] == [("pair", 1), ("pair", 3), ("rest", 1)]
    assert failures == []
    late = json.loads((plan.folder / "objects/pair/3.json").read_text())
    assert (late["frame"], late["frames"]) == ("00002", 3)
    assert [prompt["frame"] for prompt in late["rounds"][0]["prompts"]] == ["00002"]


def test_the_tracker_never_gets_a_true_mask(birds: DatasetSplit) -> None:
    """All masks that it gets are those that the prompter makes of the clicks that are recorded."""
    from drawing_prompters import SameColour

    Kept.all_seen.clear()
    plan = planned(birds, tracker=f"{__name__}:Kept", frames=2)
    run_study(plan, "cpu")
    assert Kept.all_seen
    frames, prompter = {video: birds.frames_of(video) for video in birds.videos}, SameColour("cpu")
    possible = []
    for path in sorted(plan.folder.glob("objects/*/*.json")):
        content = json.loads(path.read_text())
        for prompt in content["rounds"][-1]["prompts"]:
            points = [Point(*point) for point in [*prompt.get("rebuilt_by", []), *prompt["points"]]]
            frame = frames[content["video"]][prompt["index"]]
            for count in range(1, len(points) + 1):
                possible.append(prompter.find_mask(frame, PointPrompt(tuple(points[:count]))))
    for _, object_id, mask in Kept.all_seen:
        assert object_id == 1
        assert any(np.array_equal(mask, each) for each in possible)


def test_a_study_that_was_interrupted_continues_by_object(birds: DatasetSplit) -> None:
    plan = planned(birds)
    first, _ = run_study(plan, "cpu")
    files = {path: path.stat().st_mtime_ns for path in plan.folder.glob("objects/*/*.json")}
    lost = plan.folder / "objects/pair/3.json"
    content = lost.read_bytes()
    lost.unlink()
    again, _ = run_study(plan, "cpu")
    assert again == first
    assert lost.read_bytes() == content
    assert {path: path.stat().st_mtime_ns for path in files if path != lost} == {
        path: when for path, when in files.items() if path != lost
    }


def test_shards_make_one_study(birds: DatasetSplit) -> None:
    whole, _ = run_study(planned(birds, out=birds.root.parent / "whole"), "cpu")
    plan = planned(birds)
    parts = [run_study(plan, "cpu", shard=(index, 2))[0] for index in (1, 2)]
    assert len(parts[0]) == 2
    assert parts[1] == whole


def test_an_object_that_fails_is_told_and_tried_again(birds: DatasetSplit) -> None:
    plan = planned(birds, tracker=f"{__name__}:Failing")
    results, failures = run_study(plan, "cpu")
    assert len(results) == 2
    assert failures == ["rest, object 1: RuntimeError: out of luck"]
    assert "Traceback" in (plan.folder / "errors.log").read_text()
    assert run_study(plan, "cpu")[1] == failures


def test_another_study_is_not_continued_in_the_same_folder(birds: DatasetSplit, tmp_path: Path) -> None:
    run_study(planned(birds, out=tmp_path / "out"), "cpu")
    with pytest.raises(VosbenchError, match=r"holds another study \(protocol 'offline', now 'online'\)"):
        run_study(planned(birds, "online", out=tmp_path / "out"), "cpu")
    with pytest.raises(VosbenchError, match="not empty and not an interactive study; choose another folder"):
        run_study(planned(birds, out=birds.root), "cpu")
    results, _ = run_study(planned(birds, "online", out=tmp_path / "out"), "cpu", overwrite=True)
    assert len(results) == 3


def test_a_study_whose_code_has_changed_is_not_continued(birds: DatasetSplit) -> None:
    plan = planned(birds)
    run_study(plan, "cpu")
    record = plan.folder / "interactive.json"
    known = json.loads(record.read_text())
    known["recipe"]["parts"]["torch"] = "0.1"
    record.write_text(json.dumps(known))
    with pytest.raises(VosbenchError, match=r"torch 0\.1, now .* since its results were found; begin anew with --over"):
        run_study(plan, "cpu")


@pytest.mark.parametrize("protocol", ["offline", "online"])
def test_the_same_study_gives_the_same_results(birds: DatasetSplit, tmp_path: Path, protocol: Protocol) -> None:
    plans = [planned(birds, protocol, out=tmp_path / name) for name in ("a", "b")]
    for plan in plans:
        run_study(plan, "cpu")
    contents = [
        {path.relative_to(plan.folder): path.read_bytes() for path in plan.folder.glob("objects/*/*")} for plan in plans
    ]
    assert contents[0] == contents[1]
    assert len(contents[0]) == 3


def test_an_object_that_is_done_keeps_its_result_at_no_further_time(birds: DatasetSplit) -> None:
    early = ObjectResult("rest", 1, (RoundResult(60, 3, (1.0, 0.5)),))
    late = ObjectResult("pair", 1, (RoundResult(60, 3, (0.2, 0.2)), RoundResult(180, 6, (0.4, 0.6))))
    plan = planned(birds, frames=3)
    curve = make_curve(plan, [early, late])
    assert [row["objects"] for row in curve] == [2, 1, 0]
    assert [row["minutes"] for row in curve] == [1, 2, 2]
    assert [row["J&F"] for row in curve] == pytest.approx([0.475, 0.625, 0.625])
    assert summarise_curve(plan, curve)["J&F"] == pytest.approx((0.475 + 0.625 + 0.625) / 3)


def test_the_signature_says_what_is_scored(birds: DatasetSplit) -> None:
    signature = planned(birds, "online").signature
    assert f"|prompt:3-click|prompter:{SAME_COLOUR}|click_centre:farthest_from_border|" in signature
    assert signature.endswith("|protocol:online|frames:3|seed:0|scored:all_from_first_prompt")
    assert "|skip:" not in signature


@pytest.mark.parametrize("key", ["prompt", "prompts", "prompts_from"])
def test_only_the_simulated_user_prompts(birds: DatasetSplit, key: str) -> None:
    with pytest.raises(VosbenchError, match=f"--set {key}=x: the simulated user decides"):
        prepare_study(paths.Roots(), birds, "static", settings={key: "x"})


@pytest.mark.slow
def test_the_command_draws_plots(cli: Cli, birds: DatasetSplit) -> None:
    words = ("interactive", "--dataset", birds.root, "--tracker", "static", "--prompter", SAME_COLOUR, "--gpu", "cpu")
    cli(*words, "--frames", 2, "--out", "study")
    figures = {f"JF-by-{axis}.{form}" for axis in ("frames", "minutes") for form in ("svg", "png")}
    assert figures < {path.name for path in (cli.folder / "study").iterdir()}


def test_the_command_writes_a_table_json_and_csv(cli: Cli, birds: DatasetSplit) -> None:
    words = ("interactive", "--dataset", birds.root, "--tracker", "static", "--prompter", SAME_COLOUR, "--gpu", "cpu")
    done = cli(*words, "--frames", 2, "--json", "found.json", "--csv", "found.csv", "--no-plots")
    assert done.stdout.splitlines()[1].split() == ["frames", "objects", "minutes", "J&F", "J", "F"]
    assert "static, whose clicks become masks by the prompter drawing_prompters:SameColour: offline" in done.stderr
    (folder,) = cli.folder.glob("results/interactive/birds-val/*")
    assert folder.name == "static+prompt=3-click+prompter=drawing_prompters.SameColour+offline+frames=2"
    names = {path.name for path in folder.iterdir() if path.is_file()}
    assert names == {"interactive.json", "curve.csv", "objects.csv"}
    found = json.loads((cli.folder / "found.json").read_text())
    assert found == json.loads((folder / "interactive.json").read_text())["results"]
    assert found["mean"]["J&F"] == pytest.approx(sum(row["J&F"] for row in found["curve"]) / 2)
    with (cli.folder / "found.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["video"], row["object"], row["frames"]) for row in rows][:2] == [
        ("pair", "1", "1"),
        ("pair", "1", "2"),
    ]
    again = cli(*words, "--frames", 2, "--videos", "rest", "--no-plots")
    assert "1 of 1 object" in again.stdout


def test_the_command_tells_slips_in_one_line(cli: Cli, birds: DatasetSplit) -> None:
    words = ("interactive", "--dataset", birds.root, "--gpu", "cpu")
    assert "checkpoint sam2.1_hiera_base_plus: not found" in cli(*words, "--tracker", "static", expect=2).stderr
    assert "2-clicks" in cli(*words, "--tracker", "static", "--set", "prompt=2-clicks", expect=2).stderr
    assert "offline" in cli(*words, "--protocol", "both", expect=2).stderr
