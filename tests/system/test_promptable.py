"""Clicks, boxes and simulated users over whole datasets: the embedded one, and real sequences with real models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cli import Cli
from vosbench.datasets.split import DatasetSplit, open_split
from vosbench.running.recorded_prompts import read_prompts
from vosbench.types import PointPrompt

SAME_COLOUR = "drawing_prompters:SameColour"
TINY = ("--set", "image_size=64", "--set", "dtype=float32")


def read_real(data: Path) -> DatasetSplit:
    return open_split(str(data / "davis2016-real/DAVIS"), "val", Path(), "davis2016")


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["box", "3-click"])
def test_the_synthetic_videos_are_tracked_from_prompts_of_every_kind(cli: Cli, kind: str) -> None:
    cli("fetch", "synthetic")
    words = ("--dataset", "synthetic", "--tracker", "static", "--gpus", "cpu")
    cli("run", *words, "--prompt", kind, "--prompter", SAME_COLOUR)
    (run,) = cli.folder.glob("results/synthetic-val/*")
    assert f"+prompt={kind}" in run.name
    scores = json.loads((run / "eval/scores.json").read_text())
    assert f"|prompt:{kind}|" in scores["signature"]
    assert len(scores["objects"]) == 15
    recorded = {path.stem: json.loads(path.read_text())["objects"] for path in (run / "prompts").iterdir()}
    assert len(recorded) == 8
    assert sum(map(len, recorded.values())) == 15
    assert recorded["late"]["2"]["frame"] == "00012"


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["offline", "online"])
def test_a_user_corrects_the_synthetic_videos(cli: Cli, protocol: str) -> None:
    cli("fetch", "synthetic")
    words = ("--dataset", "synthetic", "--tracker", "static", "--prompter", SAME_COLOUR, "--gpu", "cpu")
    cli("interactive", *words, "--protocol", protocol, "--frames", 2, "--json", "found.json")
    found = json.loads((cli.folder / "found.json").read_text())
    assert (found["objects_done"], found["objects"]) == (15, 15)
    assert [row["frames"] for row in found["curve"]] == [1, 2]
    assert found["curve"][0]["minutes"] < found["curve"][1]["minutes"]


@pytest.mark.exhaustive
@pytest.mark.slow
def test_flow_is_corrected_on_a_real_sequence(cli: Cli, data: Path) -> None:
    """With clicks that `static` got before, and by a user who corrects it."""
    tree = ("--dataset", data / "davis2016-real/DAVIS", "--rules", "davis2016", "--videos", "libby")
    prompter = ("--prompter", SAME_COLOUR)
    cli("infer", *tree, "--tracker", "static", *prompter, "--prompt", "5-click", "--gpus", "cpu", "--out", "static")
    again = ("--prompt", "5-click", "--prompts-from", "static", "--gpus", "cpu", "--out", "flow")
    cli("infer", *tree, "--tracker", "flow", "--set", "short_side=60", *prompter, *again)
    assert (cli.folder / "flow/prompts/libby.json").read_bytes() == (
        cli.folder / "static/prompts/libby.json"
    ).read_bytes()
    study = ("--frames", 2, "--gpu", "cpu", "--no-plots", "--json", "found.json")
    cli("interactive", *tree, "--tracker", "flow", "--set", "short_side=60", *prompter, *study)
    assert json.loads((cli.folder / "found.json").read_text())["objects_done"] == 1


@pytest.mark.exhaustive
@pytest.mark.slow
def test_sam2_is_clicked_in_its_own_sessions_on_a_real_sequence(cli: Cli, data: Path, checkpoint: str) -> None:
    tree = ("--dataset", data / "davis2016-real/DAVIS", "--rules", "davis2016", "--videos", "libby")
    tracker = ("--tracker", "sam2", "--checkpoint", checkpoint, *TINY)
    cli("infer", *tree, *tracker, "--prompt", "3-click", "--gpus", "cpu", "--out", "run")
    facts = json.loads((cli.folder / "run/run.json").read_text())
    assert facts["prompter"] is None
    split = read_real(data)
    names = [path.stem for path in split.frame_paths("libby")]
    (index, prompt), *others = read_prompts(cli.folder / "run/prompts/libby.json", "libby", names).values()
    assert (index, others) == (0, [])
    assert isinstance(prompt, PointPrompt)
    truth = split.video("libby").prompts[0][1]
    assert truth[int(prompt.points[0].y), int(prompt.points[0].x)]
    assert len(list((cli.folder / "run/masks/libby").glob("*.png"))) == len(names)
    for protocol in ("offline", "online"):
        study = ("--protocol", protocol, "--frames", 2, "--gpu", "cpu", "--no-plots", "--out", protocol)
        cli("interactive", *tree, *tracker, *study)
        (found,) = (cli.folder / protocol).glob("objects/libby/*.json")
        rounds = json.loads(found.read_text())["rounds"]
        assert [len(each["prompts"]) for each in rounds] == list(range(1, len(rounds) + 1))
        assert rounds[0]["prompts"][0]["points"][0] == [*prompt.points[0]]
        assert "rebuilt_by" not in rounds[-1]["prompts"][-1]


@pytest.mark.exhaustive
@pytest.mark.slow
def test_sam2long_is_clicked_and_corrected_in_its_own_sessions(cli: Cli, checkpoint: str) -> None:
    cli("fetch", "synthetic")
    only = ("--dataset", "synthetic", "--videos", "solo")
    tracker = ("--tracker", "sam2long", "--checkpoint", checkpoint, *TINY)
    cli("infer", *only, *tracker, "--prompt", "3-click", "--gpus", "cpu", "--out", "run")
    assert json.loads((cli.folder / "run/run.json").read_text())["prompter"] is None
    for protocol in ("offline", "online"):
        study = ("--protocol", protocol, "--frames", 2, "--gpu", "cpu", "--no-plots", "--json", "found.json")
        cli("interactive", *only, *tracker, *study)
        found = json.loads((cli.folder / "found.json").read_text())
        assert (found["objects_done"], [row["frames"] for row in found["curve"]]) == (1, [1, 2])


@pytest.mark.exhaustive
@pytest.mark.slow
def test_sam2_makes_the_masks_for_a_tracker_without_clicks(cli: Cli, data: Path, checkpoint: str) -> None:
    """SAM + X of the paper, where X is `static` and the weights are seeded."""
    tree = ("--dataset", data / "davis2016-real/DAVIS", "--rules", "davis2016", "--videos", "libby")
    tracker = ("--tracker", "static", "--prompter-checkpoint", checkpoint)
    cli("infer", *tree, *tracker, "--prompt", "1-click", "--gpus", "cpu", "--out", "run")
    facts = json.loads((cli.folder / "run/run.json").read_text())
    assert facts["prompter"] == "sam2"
    assert len(facts["prompter_checkpoint_sha256"]) == 64
    cli("eval", "--results", "run", "--videos", "libby")
