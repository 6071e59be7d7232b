"""Runs whose objects are given by boxes and clicks that are drawn from their masks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vosbench
from tests.support.golden import make_tree, squares, write_frames
from tests.support.runs import masks
from tests.support.sessions import Spy, Watched
from vosbench.datasets.split import DatasetSplit, open_split
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.running.job import Job, prepare_job
from vosbench.running.prerequisites import find_missing_downloads
from vosbench.running.prompting_choice import find_needed_prompter
from vosbench.running.recorded_prompts import read_prompts
from vosbench.running.run import Run
from vosbench.studies.sweep import build_sweep
from vosbench.studies.sweep_plan import plan_runs
from vosbench.types import BoxPrompt, Masks, PointPrompt, Session, Video

SAME_COLOUR = "drawing_prompters:SameColour"
CLICKED = {"prompt": "3-click", "prompter": SAME_COLOUR}


@pytest.fixture
def birds(tmp_path: Path) -> DatasetSplit:
    """A video with two squares, of which the second appears in frame 2, and a video with one."""
    pair = [squares((1, 2, 2 + index), *[(3, 12, 20)] * (index >= 2)) for index in range(5)]
    tree = make_tree(tmp_path / "birds", {"pair": pair, "solo": pair[:2]})
    return open_split(str(tree), None, tmp_path)


def infer(birds: DatasetSplit, tracker: Any, out: Path, **options: Any) -> Run:
    return vosbench.infer(birds, tracker, devices="cpu", out=out, **options)


def prepared(birds: DatasetSplit, tracker: Any, **settings: Any) -> Job:
    return prepare_job(paths.Roots(), birds, tracker, None, settings)


class Sessions(Spy):
    """A tracker with sessions, which are kept, with the frames that each of them has."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[tuple[int, Session]] = []

    def open_session(self, video: Video) -> Session:
        from drawing_prompters import SameColour

        session = Watched(video, SameColour("cpu"))  # type: ignore[arg-type]
        self.opened.append((len(video.frames), session))
        return session

    def track(self, video: Video) -> Iterator[Masks]:
        raise AssertionError("a tracker with sessions is prompted in one")


@pytest.mark.slow
def test_the_tracker_gets_only_what_the_prompter_makes_of_the_clicks(tmp_path: Path, birds: DatasetSplit) -> None:
    from drawing_prompters import SameColour

    spy = Spy()
    run = infer(birds, spy, tmp_path / "run", **CLICKED, videos=["pair"])
    given = read_prompts(run.path / "prompts/pair.json", "pair", [f"{index:05}" for index in range(5)])
    assert {object_id: index for object_id, (index, _) in given.items()} == {1: 0, 3: 2}
    assert all(isinstance(prompt, PointPrompt) and 1 <= len(prompt.points) <= 3 for _, prompt in given.values())
    frames = birds.frames_of("pair")
    assert [(index, each) for index, each, _ in spy.seen] == [(0, 1), (2, 3)]
    for index, object_id, prompt in spy.seen:
        clicked: Any = given[object_id][1]
        np.testing.assert_array_equal(prompt, SameColour("cpu").find_mask(frames[index], clicked))  # type: ignore[arg-type]


def test_a_tracker_that_takes_clicks_gets_the_clicks(tmp_path: Path, birds: DatasetSplit) -> None:
    spy = Spy(("mask", "points"))
    run = infer(birds, spy, tmp_path / "run", prompt="5-click")
    assert spy.seen
    assert all(isinstance(prompt, PointPrompt) for _, _, prompt in spy.seen)
    assert run.read_published()["prompter"] is None


def test_a_box_is_the_box_of_the_mask(tmp_path: Path, birds: DatasetSplit) -> None:
    spy = Spy(("mask", "box"))
    infer(birds, spy, tmp_path / "run", prompt="box", videos=["solo"])
    assert spy.seen[-1] == (0, 1, BoxPrompt(2, 2, 7, 7))


def test_a_tracker_with_sessions_is_clicked_in_them_one_after_another(tmp_path: Path, birds: DatasetSplit) -> None:
    """Each object alone first; then together, in a session that begins with the frame in which they are given."""
    tracker = Sessions()
    run = infer(birds, tracker, tmp_path / "run", prompt="3-click", videos=["pair"])
    assert [length for length, _ in tracker.opened] == [5, 3, 5, 3]
    alone, together = tracker.opened[:2], tracker.opened[2:]
    for (_, first), (_, second) in zip(alone, together, strict=True):
        assert isinstance(first, Watched)
        assert isinstance(second, Watched)
        clicks = [(click.x, click.y, click.positive) for click in first.clicks]
        assert clicks == [(click.x, click.y, click.positive) for click in second.clicks]
    found = masks(run.path)
    assert len(found) == 5


@pytest.mark.slow
def test_the_kind_of_prompt_is_in_the_name_the_record_and_the_signature(birds: DatasetSplit, tmp_path: Path) -> None:
    run = vosbench.infer(birds, "static", devices="cpu", results=tmp_path / "results", **CLICKED)
    assert run.path.name == "static+prompt=3-click+prompter=drawing_prompters.SameColour"
    facts = run.read_published()
    assert facts["settings"] == CLICKED
    assert (facts["prompter"], facts["prompter_object"]) == (SAME_COLOUR, SAME_COLOUR)
    signature = vosbench.evaluate(run, datasets=tmp_path, jobs=1).signature
    assert f"|prompt:3-click|prompter:{SAME_COLOUR}|click_centre:farthest_from_border|" in signature


def test_a_run_that_is_prompted_by_masks_says_nothing_new(birds: DatasetSplit, tmp_path: Path) -> None:
    run = vosbench.infer(birds, "static", prompt="mask", devices="cpu", results=tmp_path / "results")
    assert run.path.name == "static"
    facts = run.read_published()
    assert facts["all_settings"] == {"prompts": "first"}
    assert not (run.path / "prompts").exists()
    assert "prompt" not in vosbench.evaluate(run, datasets=tmp_path, jobs=1).signature


@pytest.mark.slow
def test_the_same_clicks_come_again_and_can_be_given_to_another_tracker(tmp_path: Path, birds: DatasetSplit) -> None:
    first, again = (infer(birds, "static", tmp_path / name, **CLICKED) for name in ("first", "again"))
    spy = Spy()
    other = infer(birds, spy, tmp_path / "other", **CLICKED, prompts_from=first)
    recorded = [{p.name: p.read_bytes() for p in (run.path / "prompts").iterdir()} for run in (first, again, other)]
    assert recorded[0] == recorded[1] == recorded[2]
    assert {*recorded[0]} == {"pair.json", "solo.json"}
    assert masks(first.path) == masks(again.path)


@pytest.mark.slow
def test_a_run_is_not_continued_with_other_recorded_prompts(tmp_path: Path, birds: DatasetSplit) -> None:
    first = infer(birds, "static", tmp_path / "first", **CLICKED)
    infer(birds, "static", tmp_path / "other", **CLICKED, prompts_from=first, videos=["solo"])
    record = first.path / "prompts/pair.json"
    changed = json.loads(record.read_text())
    changed["objects"]["1"]["points"] = [[3, 3, True]]
    record.write_text(json.dumps(changed, indent=1))
    with pytest.raises(VosbenchError, match=r"the recorded prompts changed .* since 1 of 2 videos were tracked"):
        infer(birds, "static", tmp_path / "other", **CLICKED, prompts_from=first)


def test_the_prompters_code_makes_the_masks_too(birds: DatasetSplit) -> None:
    assert "drawing_prompters.py" in prepared(birds, "static", **CLICKED).recipe.parts
    assert "drawing_prompters.py" not in prepared(birds, "static").recipe.parts


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"prompt": "two"}, "--prompt two: expected one of mask, box, 1-click, 3-click, 5-click; choose one of these"),
        (
            {"prompt": "box"},
            "prompter sam2: turns clicks and boxes into masks, and its weights cannot be used: ",
        ),
        ({"prompt": "box", "prompter": "sam3"}, "unknown prompter 'sam3': did you mean sam2?"),
        ({"prompter": "sam2"}, "--prompter sam2: objects are given by their masks; add --prompt box"),
        ({"prompts_from": "x"}, "--prompts-from x: objects are given by their masks"),
        ({**CLICKED, "prompts": "all"}, "--prompt 3-click: prompts=all gives masks; leave out one of the two"),
        ({**CLICKED, "prompts_from": "x"}, "--prompts-from x: no recorded prompts; name a run that was made with"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(birds: DatasetSplit, settings: dict[str, str], told: str) -> None:
    with pytest.raises(VosbenchError) as error:
        prepared(birds, "static", **settings)
    assert str(error.value).startswith(told)


def test_a_prompter_for_a_tracker_that_takes_clicks_itself_is_refused(birds: DatasetSplit) -> None:
    with pytest.raises(VosbenchError, match="tracker Spy takes points itself; leave it out"):
        prepared(birds, Spy(("mask", "points")), **CLICKED)
    assert find_needed_prompter(CLICKED, Sessions()) == ""


@pytest.mark.slow
def test_prompts_of_another_kind_are_not_given_again(tmp_path: Path, birds: DatasetSplit) -> None:
    first = infer(birds, "static", tmp_path / "first", **CLICKED)
    with pytest.raises(VosbenchError, match="its prompts are not of the kind box; give the same --prompt"):
        prepared(birds, "static", prompt="box", prompter=SAME_COLOUR, prompts_from=str(first.path))


def test_shared_pixels_belong_to_one_object_where_objects_may_not_share_them(
    tmp_path: Path, birds: DatasetSplit
) -> None:
    spy = Spy()
    infer(birds, spy, tmp_path / "run", prompt="1-click", prompter=f"{__name__}:Everything", videos=["pair"])
    overlap = [np.asarray(prompt).sum() for _, _, prompt in spy.seen]
    assert overlap == [24 * 32, 24 * 32]  # in different frames, so nothing is shared


class Everything:
    """A prompter to which every pixel is the object."""

    def __init__(self, device: str) -> None:
        """There is nothing to prepare."""

    def find_mask(self, frame: Any, prompt: Any) -> Any:
        return np.ones(frame.shape[:2], np.bool_)


def test_the_weights_of_the_prompter_are_fetched_before_a_run_that_needs_them(birds: DatasetSplit) -> None:
    def missing(tracker: str, **settings: str) -> list[str]:
        roots = paths.Roots(checkpoints=birds.root / "none")
        return [name for name, _ in find_missing_downloads(roots, str(birds.root), None, tracker, None, settings)]

    assert missing("static") == []
    assert missing("static", prompt="box") == ["sam2.1_hiera_base_plus"]
    assert missing("static", prompt="box", prompter_checkpoint="sam2.1_hiera_tiny") == ["sam2.1_hiera_tiny"]
    assert missing("static", **CLICKED) == []
    assert missing("sam2", prompt="box") == ["sam2.1_hiera_base_plus"]


def test_objects_that_may_share_pixels_are_prompted_in_their_own_folders(tmp_path: Path) -> None:
    tree = make_tree(
        tmp_path / "bees", {f"hive/{each}": [squares((1, 3, 3 * each))] * 2 for each in (1, 2)}, frames=False
    )
    write_frames(tree / "JPEGImages", {"hive": [squares((1, 3, 3), (1, 3, 6))] * 2})
    (tree / "ImageSets/val.txt").write_text("hive\n")
    run = infer(open_split(str(tree), None, tmp_path), "static", tmp_path / "run", **CLICKED)
    assert {path.parent.name for path in run.path.glob("masks/hive/*/*.png")} == {"1", "2"}


def test_the_kind_of_prompt_can_be_an_axis_of_a_sweep(birds: DatasetSplit, tmp_path: Path) -> None:
    axes = {"dataset": (str(birds.root),), "tracker": ("static",), "prompter": (SAME_COLOUR,)}
    sweep = build_sweep({**axes, "prompt": ("1-click", "box")})
    plan = plan_runs(sweep, paths.Roots(results=tmp_path))
    assert [run.job.facts["settings"]["prompt"] for run in plan.runs] == ["1-click", "box"]
