"""What is said of the videos of a run stays short however many there are."""

from __future__ import annotations

import pytest

from vosbench.cli.run_notes import note_leaner_videos
from vosbench.running.record import Record


def test_videos_that_were_tracked_with_leaner_settings_are_named_together(capsys: pytest.CaptureFixture[str]) -> None:
    records = [Record(f"v{number}", "done", leaner={"memory": 1}) for number in range(5)]
    note_leaner_videos([*records, Record("bear", "done"), Record("fox", "done", leaner={"memory": 2, "half": True})])
    assert capsys.readouterr().err.splitlines() == [
        "v0, v1, v2 and 2 more were tracked with memory=1 because memory ran out; `vosbench show --json` names all",
        "fox was tracked with memory=2, half=True because memory ran out",
    ]
