"""docs/trackers.md lists every setting with its default, and its examples work."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

from vosbench.errors import VosbenchError
from vosbench.io import plugins
from vosbench.running import settings
from vosbench.trackers import registry
from vosbench.types import Video

PAGES = Path(__file__).parents[2] / "docs"
PAGE = (PAGES / "trackers.md").read_text()
SHARED_SETTINGS = {"sam2long": "sam2"}  # whose tables are continued
NOT_SHARED = {"temporal_stride", "fill_hole_area"}


def table_of(tracker: str) -> dict[str, str]:
    """The settings and defaults in a tracker's section."""
    section = PAGE.partition(f"## `{tracker}`")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", section, re.MULTILINE))
    shared = table_of(SHARED_SETTINGS[tracker]) if tracker in SHARED_SETTINGS else {}
    return {name: default for name, default in shared.items() if name not in NOT_SHARED} | rows


@pytest.mark.parametrize("tracker", sorted(registry.BUILT_IN_TRACKERS))
def test_the_page_lists_every_setting_with_its_default(tracker: str) -> None:
    offered = settings.find_offered_settings(registry.read_tracker_parameters(registry.BUILT_IN_TRACKERS[tracker]))
    defaults = {name: str(parameter.default) for name, parameter in offered.items() if name != "prompts"}
    listed = {
        name: default.capitalize() if default in ("true", "false") else default
        for name, default in table_of(tracker).items()
    }
    assert listed == defaults


def test_the_examples_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, stated = (dedent(code) for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    track = dedent(whole[whole.index("    def track") :]).replace("self.distance", "self.settings.distance")
    (tmp_path / "whole.py").write_text(whole)
    (tmp_path / "stated.py").write_text("import numpy as np\n\n" + stated + "\n" + re.sub("(?m)^", "    ", track))
    monkeypatch.syspath_prepend(tmp_path)
    mask = np.zeros((4, 6), np.bool_)
    mask[:, :3] = True
    frames = [np.where(mask[..., None], 200, 20).astype(np.uint8).repeat(3, axis=2) for _ in range(2)]
    for spec in ("whole:Nearest", "stated:Nearest"):
        parameters = registry.read_tracker_parameters(spec)
        explained = settings.explain_settings(parameters, registry.read_setting_meanings(spec))
        assert list(explained) == ["distance=40.0", "prompts=first"]
        assert bool(explained["distance=40.0"]) == (spec == "stated:Nearest")
        tracker = plugins.load_object(spec)("cpu", **settings.parse_tracker_settings(["distance=60"], spec))
        assert all(np.array_equal(masks[1], mask) for masks in tracker.track(Video("v", frames, {0: {1: mask}})))
    with pytest.raises(VosbenchError, match=r"--set distance=-1: expected a finite number of at least 0"):
        settings.parse_tracker_settings(["distance=-1"], "stated:Nearest")


@pytest.mark.slow
def test_the_examples_of_the_page_on_sessions_work_as_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "sam2.1_hiera_tiny.pt").symlink_to(checkpoint)
    (tmp_path / "frames").mkdir()
    for source in sorted((data / "sam2" / "frames").iterdir())[:4]:
        (tmp_path / "frames" / source.name).symlink_to(source.resolve())
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    first, second, third = re.findall(r"```python\n(.*?)```", (PAGES / "sessions.md").read_text(), re.DOTALL)
    exec(first, names)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["0", "1", "2", "3"]
    assert list(names["found"]) == [2, 3, 1, 0]
    exec(second, names)
    assert list(names["found"]) == [1, 2, 3, 0]
    assert [*names["found"][0]] == [1]
    exec(third, names)
    assert list(names["rest"]) == [2, 3]
