"""Objects named by `module:object`, and names that are not known."""

from __future__ import annotations

import sys
from collections.abc import Iterable
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


def told(name: str, known: Iterable[str]) -> str:
    return str(make_unknown_name_error("dataset", name, known, "to see all: list")).removeprefix("unknown dataset ")


def test_an_unknown_name_comes_with_the_nearest_names() -> None:
    known = ["davis2016", "davis2017", "mosev1", "mosev2", "sam2_hiera_base_plus"]
    assert told("davis217", known) == "'davis217': did you mean davis2017?"
    assert told("DAVIS2017", known) == "'DAVIS2017': did you mean davis2017?"
    assert told("mosev3", known) == "'mosev3': did you mean mosev2 or mosev1?"
    assert told("base_plus", known) == "'base_plus': did you mean sam2_hiera_base_plus?"


def test_an_unknown_name_without_a_near_one_comes_with_all_names_only_if_they_are_few() -> None:
    assert told("burst", ["davis", "mose"]) == "'burst': known are davis, mose"
    assert told("burst", []) == "'burst': known are none"
    many = [f"{letter * 4}" for letter in "acdefghijklmn"]
    assert told("burst", many) == (
        "'burst': known are aaaa, cccc, dddd, eeee, ffff, gggg, hhhh, iiii and 5 more; to see all: list"
    )
