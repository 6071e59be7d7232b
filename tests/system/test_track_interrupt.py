"""A `vosbench track` that is interrupted and repeated gives the files of one that was not."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.clips import draw_square_frame, write_clip
from tests.support.processes import until

COUNT = 90


@pytest.fixture
def video(cli: Cli) -> Path:
    return write_clip(cli.folder / "in.mp4", [draw_square_frame(index) for index in range(COUNT)])


def words(tracker: str, out: str) -> list[str]:
    """Two objects, of which one appears later, in both directions from the middle."""
    prompts = ["--box", "1@30:70,18,90,38", "--box", "2@40:5,5,20,20", "--prompter", "grabcut"]
    return ["track", "in.mp4", "--tracker", tracker, *prompts, "--gpu", "cpu", "-o", f"{out}.mp4", "--masks", out]


def read_masks(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


def interrupt(cli: Cli, command: list[str], done: int, number: int = signal.SIGINT) -> tuple[int, str]:
    """Run a command, and send it a signal when so many frames are done; its status, and what it said."""
    process = cli.start(*command)
    kept = cli.folder / f".{command[command.index('-o') + 1]}.tracking"
    until(lambda: process.poll() is not None or len([*kept.glob("*.png")]) >= done)
    os.kill(process.pid, number)
    _, said = process.communicate(timeout=120)
    return process.returncode, said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tracker", "number", "status"),
    [("flow", signal.SIGINT, 130), ("flow", signal.SIGTERM, 75), ("slow_trackers:Averaging", signal.SIGINT, 130)],
)
def test_it_continues_to_the_same_masks(cli: Cli, video: Path, tracker: str, number: int, status: int) -> None:
    cli(*words(tracker, "whole"))
    command = words(tracker, "parts")
    for done in (15, COUNT - 20):  # on the way to the end, and on the way back
        code, said = interrupt(cli, command, done, number)
        assert code == status, said
        kept = len(read_masks(cli.folder / ".parts.mp4.tracking"))
        assert done <= kept < COUNT
        assert f"{kept} of {COUNT} frames are kept in .parts.mp4.tracking" in said
        assert "repeat the command to continue" in said
        assert not [path for path in cli.folder.rglob("*") if "partial" in path.name]
        assert not (cli.folder / "parts.mp4").exists()
    told = cli(*command).stderr
    on = "goes on behind them" if tracker == "flow" else "goes through those of this direction again"
    assert f"an interrupted command has done {kept} of {COUNT} frames; {tracker} {on}" in told
    assert read_masks(cli.folder / "parts") == read_masks(cli.folder / "whole")
    assert len(read_masks(cli.folder / "parts")) == COUNT
    assert sorted(path.name for path in cli.folder.iterdir()) == ["in.mp4", "parts", "parts.mp4", "whole", "whole.mp4"]


@pytest.mark.slow
def test_after_sigkill_it_begins_again_to_the_same_masks(cli: Cli, video: Path) -> None:
    cli(*words("flow", "whole"))
    assert interrupt(cli, words("flow", "parts"), 20, signal.SIGKILL)[0] == -signal.SIGKILL
    assert "flow begins again, because its state was not kept" in cli(*words("flow", "parts")).stderr
    assert read_masks(cli.folder / "parts") == read_masks(cli.folder / "whole")


@pytest.mark.slow
def test_two_commands_do_not_do_the_same_work(cli: Cli, video: Path) -> None:
    command = words("slow_trackers:Averaging", "out")
    process = cli.start(*command)
    until(lambda: any((cli.folder / ".out.mp4.tracking").glob("*.png")))
    said = cli(*command, expect=2).stderr
    assert ".out.mp4.tracking: another command is at work in it" in said
    process.communicate(timeout=120)
    assert process.returncode == 0
