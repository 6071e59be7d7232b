"""A run records what made it, and `vosbench reproduce` makes it again."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli
from vosbench.datasets import registry
from vosbench.datasets.read_card import dump_card

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]

SHIFTED = """
import numpy as np
from vosbench.trackers.static import Static

class Shifted(Static):
    def __init__(self, device, checkpoint, shift=0, strict=False):
        self.shift = shift

    def track(self, video):
        for index, masks in enumerate(super().track(video)):
            yield {label: np.roll(mask, self.shift, axis=1) for label, mask in masks.items()}
"""


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """The content of every file of a folder, and the time when it was written."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def facts(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "run.json").read_text())
    return found


@pytest.fixture
def shifted(cli: Cli, bears: Path) -> Path:
    """A run over all videos, of a tracker in the current folder, with a checkpoint and a setting."""
    (cli.folder / "mine.py").write_text(SHIFTED)
    (cli.folder / "weights").write_text("learned")
    given = ("--tracker", "mine:Shifted", "--checkpoint", "./weights", "--set", "strict=true")
    cli("infer", "--dataset", bears, *given, "--gpus", "cpu", "--out", "out")
    return cli.folder / "out"


def test_run_json_tells_settings_card_tracker_machine_and_commit(cli: Cli, shifted: Path) -> None:
    found = facts(shifted)
    assert found["settings"] == {"strict": True}
    assert found["all_settings"] == {"strict": True, "shift": 0, "prompts": "first"}
    card = json.dumps(dump_card(registry.find_dataset("default")), sort_keys=True)
    assert found["card_sha256"] == hashlib.sha256(card.encode()).hexdigest()
    assert found["tracker_sha256"] == hashlib.sha256(SHIFTED.encode()).hexdigest()
    assert (found["host"], found["shards"][0]["host"]) == (platform.node(), platform.node())
    assert {"system", "processor", "gpus"} <= found.keys()
    if (REPOSITORY / ".git").exists():
        words = ["git", "-C", REPOSITORY, "rev-parse", "HEAD"]
        assert found["git"]["commit"] == subprocess.check_output(words, text=True).strip()


def test_a_run_that_is_reproduced_is_the_same_and_not_touched(cli: Cli, shifted: Path) -> None:
    before = snapshot(shifted)
    assert cli("reproduce", "out", "--gpus", "cpu").stdout.split("\n")[:-1] == ["good: same", "once: same", "bad: same"]
    assert cli("reproduce", "out", "--videos", "long", "--gpus", "cpu").stdout == "long: same\n"
    assert snapshot(shifted) == before


def test_what_differs_the_second_time_is_listed_with_the_reason(cli: Cli, shifted: Path) -> None:
    (cli.folder / "mine.py").write_text(SHIFTED.replace("self.shift,", "self.shift + (index > 2),"))
    told = cli("reproduce", "out", "--sample", "1", "--gpus", "cpu", expect=1)
    assert told.stdout == "good: 2 of 5 frames differ\n"
    changed = r"mine\.py changed \(\w{8}, now \w{8}\)"
    assert re.fullmatch(
        rf"vosbench: out: 1 of 1 video differs; what has changed: {changed}", told.stderr.splitlines()[-1]
    )


def test_frames_that_were_written_later_are_the_only_reason(cli: Cli, shifted: Path, bears: Path) -> None:
    prompt = bears / "Annotations/good/00000.png"
    shutil.copy(bears / "Annotations/long/00003.png", prompt)
    os.utime(prompt, (time.time() + 60,) * 2)
    told = cli("reproduce", "out", "--sample", "1", "--gpus", "cpu", expect=1)
    assert told.stdout == "good: 5 of 5 frames differ\n"
    assert told.stderr.splitlines()[-1].endswith(
        "what has changed: the prompts of good; frames or ground truth of good were written after the run began"
    )


def test_a_setting_keeps_the_value_that_was_the_default_then(cli: Cli, shifted: Path) -> None:
    (cli.folder / "mine.py").write_text(SHIFTED.replace("shift=0", "shift=2, fresh=None"))
    assert cli("reproduce", "out", "--sample", "1", "--gpus", "cpu").stdout == "good: same\n"


@pytest.mark.slow
def test_masks_that_were_changed_afterwards_are_found_out_and_nothing_else_is_blamed(cli: Cli, shifted: Path) -> None:
    shutil.copy(shifted / "masks/good/00000.png", shifted / "masks/good/00005.png")
    given = ("reproduce", "out", "--videos", "good,long", "--gpus", "cpu")
    told = cli(*given, expect=1)
    altered = "good: the run's masks were changed after it wrote them"
    assert told.stdout.splitlines() == [f"{altered}, and it writes the same ones again", "long: same"]
    assert told.stderr.splitlines()[-1].endswith(
        "1 of 2 videos differs; what has changed: masks of the run, after they were written"
    )
    (cli.folder / "mine.py").write_text(SHIFTED.replace("self.shift,", "self.shift + 1,"))
    told = cli(*given, expect=1)
    assert told.stdout.splitlines() == [f"{altered}, and now it writes other ones", "long: 8 of 8 frames differ"]
    assert "what has changed: mine.py changed (" in told.stderr


def test_what_a_run_was_made_of_has_to_be_there_and_the_same(cli: Cli, shifted: Path, bears: Path) -> None:
    given = ("reproduce", "out", "--gpus", "cpu", "--videos")
    assert "did you mean good?" in cli(*given, "goood", expect=2).stderr
    (bears / "JPEGImages/long/00007.jpg").unlink()
    assert "video long had 8 frames, and has 7 in" in cli(*given, "long", expect=2).stderr
    (cli.folder / "weights").write_text("learned again")
    assert "out: its checkpoint's sha256 was" in cli(*given, "good", expect=2).stderr
    (cli.folder / "weights").unlink()
    assert "weights: no such file" in cli(*given, "good", expect=2).stderr
    bears.rename(cli.folder / "cubs")
    assert "unknown dataset 'bears'" in cli(*given, "good", expect=2).stderr
