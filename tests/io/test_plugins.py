"""Objects named by `module:object`, and names that are not known."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from vosbench.errors import VosbenchError
from vosbench.io.plugins import load_object, make_unknown_name_error


def test_a_module_in_the_current_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "held_here.py").write_text("class Hold: pass")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert load_object("held_here:Hold").__name__ == "Hold"


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ("nowhere:Hold", "cannot be loaded (No module named 'nowhere')"),
        ("json:Hold", "cannot be loaded (module 'json' has no attribute 'Hold')"),
        ("broken_here:Hold", "cannot be loaded (out of order)"),
        ("json", "cannot be loaded (module 'json' has no attribute '')"),
    ],
)
def test_an_object_that_cannot_be_loaded_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str, found: str
) -> None:
    (tmp_path / "broken_here.py").write_text("raise RuntimeError('out of\\norder')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(VosbenchError) as caught:
        load_object(spec)
    assert str(caught.value) == f"{spec}: {found}; expected module:object"


def test_an_unknown_name_comes_with_the_nearest_or_all_known_ones() -> None:
    known = ["davis2016", "davis2017", "synthetic"]
    assert str(make_unknown_name_error("dataset", "davis2071", known)) == (
        "unknown dataset 'davis2071': did you mean davis2017?"
    )
    assert str(make_unknown_name_error("dataset", "burst", known)) == (
        "unknown dataset 'burst': known are davis2016, davis2017, synthetic"
    )
