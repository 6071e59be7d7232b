"""The records of the prompts that a simulated user gave."""

from __future__ import annotations

from pathlib import Path

import pytest

from vosbench.errors import VosbenchError
from vosbench.running.recorded_prompts import ClickedPrompt, read_prompts, write_prompts
from vosbench.types import BoxPrompt, Point, PointPrompt

NAMES = ["00000", "00005"]
GIVEN: dict[int, tuple[int, ClickedPrompt]] = {
    3: (0, PointPrompt((Point(4, 5), Point(6, 7, False)))),
    12: (1, BoxPrompt(1, 2, 8, 9)),
}


def test_recorded_prompts_are_read_as_they_were_given(tmp_path: Path) -> None:
    write_prompts(tmp_path / "bear.json", "bear", "3-click", NAMES, GIVEN)
    assert read_prompts(tmp_path / "bear.json", "bear", NAMES) == GIVEN


def test_recorded_prompts_of_other_frames_are_refused(tmp_path: Path) -> None:
    write_prompts(tmp_path / "bear.json", "bear", "3-click", NAMES, GIVEN)
    for names in (["00000"], ["00000", "00001"]):
        with pytest.raises(VosbenchError, match="frame 1 of video bear is not 00005"):
            read_prompts(tmp_path / "bear.json", "bear", names)


@pytest.mark.parametrize("text", ["{}", '{"objects": 3}', '{"objects": {"1": {"frame": "00000", "index": 0}}}'])
def test_damaged_records_are_told_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "bear.json").write_text(text)
    with pytest.raises(VosbenchError, match="damaged, expected the prompts of a video"):
        read_prompts(tmp_path / "bear.json", "bear", NAMES)
    with pytest.raises(VosbenchError, match="no prompts of video lion were recorded"):
        read_prompts(tmp_path / "lion.json", "lion", NAMES)
