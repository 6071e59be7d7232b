"""A shard that is stopped again and again before it finishes a video is not started for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from vosbench.errors import VosbenchError
from vosbench.running.idle_stops import require_progress
from vosbench.running.run import Run


def stop(run: Run, finished: int, restarts: int = 0) -> None:
    """Begin a shard and stop it by a signal after some of its videos."""
    run.write_note(videos=["short", "long"], frames={"short": 5, "long": 8000}, finished=finished, ended="now")
    require_progress(run, restarts)


def test_the_second_start_in_succession_without_a_finished_video_is_the_last(tmp_path: Path) -> None:
    run = Run(tmp_path, (1, 8))
    stop(run, finished=0)
    with pytest.raises(VosbenchError) as caught:
        stop(run, finished=0, restarts=7)
    assert str(caught.value) == (
        f"{tmp_path}: shard 1/8 was stopped 2 times in succession before it finished a video, and its job was "
        "restarted 7 times; give it more time or a faster device; the longest video that is left, long, has 8000 frames"
    )


def test_a_start_that_has_finished_a_video_may_be_followed_by_another(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for finished in (0, 1, 0, 2, 0):
        stop(run, finished)


def test_a_command_that_was_stopped_before_it_began_does_not_count(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for _ in range(3):
        require_progress(run)
    run.write_note(videos=["a"], ended=None)
    for _ in range(3):
        require_progress(run)
