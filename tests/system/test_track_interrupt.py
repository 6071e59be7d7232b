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
LONG = 1800  # seconds
BEHIND = "goes on behind them"


@pytest.fixture
def video(cli: Cli) -> Path:
    return write_clip(cli.folder / "in.mp4", [draw_square_frame(index) for index in range(COUNT)])


def words(tracker: str, out: str, *more: str) -> list[str]:
    """Two objects, of which one appears later, in both directions from the middle. more: options of the tracker."""
    prompts = ["--box", "1@30:70,18,90,38", "--box", "2@40:5,5,20,20", "--prompter", "grabcut"]
    return [
        "track",
        "in.mp4",
        "--tracker",
        tracker,
        *prompts,
        "--gpu",
        "cpu",
        "-o",
        f"{out}.mp4",
        "--masks",
        out,
        *more,
    ]


def read_masks(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


def interrupt(cli: Cli, command: list[str], done: int, number: int = signal.SIGINT) -> tuple[int, str]:
    """Run a command, and send it a signal when so many frames are done; its status, and what it said.

    On a busy machine SAM2Long takes more than a minute for the frames between two signals: the limit is the test's own.
    """
    process = cli.start(*command)
    kept = cli.folder / f".{command[command.index('-o') + 1]}.tracking"
    try:
        until(lambda: process.poll() is not None or len([*kept.glob("*.png")]) >= done, seconds=LONG)
        os.kill(process.pid, number)
        _, said = process.communicate(timeout=LONG)
    finally:
        process.kill()  # where it has not ended
    return process.returncode, said


def check_continuing(cli: Cli, tracker: str, number: int, status: int, on: str, *more: str) -> None:
    """Interrupt a command twice and repeat it; its masks are those of one that was not interrupted.

    on: what the repeated command says of how it goes on. more: options of the tracker.
    """
    cli(*words(tracker, "whole", *more))
    command = words(tracker, "parts", *more)
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
    assert f"an interrupted command has done {kept} of {COUNT} frames; {tracker} {on}" in told
    assert read_masks(cli.folder / "parts") == read_masks(cli.folder / "whole")
    assert len(read_masks(cli.folder / "parts")) == COUNT
    assert sorted(path.name for path in cli.folder.iterdir()) == ["in.mp4", "parts", "parts.mp4", "whole", "whole.mp4"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tracker", "number", "status", "on"),
    [
        ("flow", signal.SIGINT, 130, BEHIND),
        ("flow", signal.SIGTERM, 75, BEHIND),
        ("slow_trackers:Averaging", signal.SIGINT, 130, "goes through those of this direction again"),
    ],
)
def test_it_continues_to_the_same_masks(cli: Cli, video: Path, tracker: str, number: int, status: int, on: str) -> None:
    check_continuing(cli, tracker, number, status, on)


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.timeout(LONG)
@pytest.mark.parametrize("tracker", ["sam2", "sam2long"])
def test_sam2_continues_to_the_same_masks(cli: Cli, video: Path, tracker: str, checkpoint: str) -> None:
    tiny = ("--checkpoint", checkpoint, "--set", "image_size=64", "--set", "dtype=float32")
    check_continuing(cli, tracker, signal.SIGINT, 130, BEHIND, *tiny)


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
