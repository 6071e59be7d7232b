"""The code that makes a tracker's masks is found by what it imports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import forget_modules
from vosbench.running.tracker_code import TrackerCode, trace_code

OWN = "vosbench's code"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder from which modules are imported, with another one for installed packages."""
    monkeypatch.syspath_prepend(tmp_path / "site-packages")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    forget_modules(tmp_path)


def write(place: Path, **files: str) -> None:
    """Write modules; two underscores in a name stand for a folder."""
    for name, text in files.items():
        path = place / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def changed(before: TrackerCode, now: TrackerCode) -> list[str]:
    return [name for name in {**before.sha256, **now.sha256} if before.sha256.get(name) != now.sha256.get(name)]


def test_a_file_has_the_code_of_the_files_beside_it_that_it_imports(place: Path) -> None:
    write(place, mine="def later():\n    from first import a\n", first="import second.deep", unused="")
    write(place, second__deep="import json, numpy, torch, nowhere")  # a folder without __init__.py
    code = trace_code(["mine"])
    assert sorted(code.sha256) == sorted(["mine.py", "first.py", "second/deep.py", OWN])
    assert code.packages == {"numpy", "torch"}
    write(place, second__deep="changed = True", unused="changed = True")
    assert changed(code, trace_code(["mine"])) == ["second/deep.py"]


def test_of_a_package_all_files_count_and_the_files_that_it_imports_from_elsewhere(place: Path) -> None:
    (place / "nets").mkdir()
    (place / "nets/__init__.py").touch()
    write(place, nets__tracker="from . import block\nfrom ..top import no\nimport outside", nets__block="", outside="")
    code = trace_code(["nets.tracker"])
    assert sorted(code.sha256) == sorted(["package nets", "outside.py", OWN])
    write(place, nets__unused="")
    assert changed(code, trace_code(["nets.tracker"])) == ["package nets"]


def test_an_installed_package_counts_by_its_version_unless_the_tracker_is_from_it(place: Path) -> None:
    write(place, mine="import zoo.nets")
    (place / "site-packages/zoo").mkdir(parents=True)
    (place / "site-packages/zoo/__init__.py").write_text("import torch")
    code = trace_code(["mine"])
    assert (sorted(code.sha256), code.packages) == (sorted(["mine.py", OWN]), {"zoo"})
    assert sorted(trace_code(["zoo"]).sha256) == sorted(["package zoo", OWN])


def test_a_tracker_of_ours_has_the_files_that_it_needs_and_no_other_trackers(place: Path) -> None:
    codes = {name: trace_code([f"vosbench.trackers.{name}"]) for name in ("static", "flow", "sam2", "sam2long")}
    assert len({code.sha256[OWN] for code in codes.values()}) == 4
    assert {"torch", "sam2"} <= codes["sam2long"].packages
    assert not {"torch", "sam2"} & codes["flow"].packages
    write(place, mine="from vosbench.trackers.static import Static")
    assert trace_code(["mine"]).sha256[OWN] == codes["static"].sha256[OWN]


def test_a_file_that_is_no_python_and_a_module_without_a_file_do_no_harm(place: Path) -> None:
    write(place, mine="import broken, builtins, _thread, zipimport", broken="if")
    assert sorted(trace_code(["mine", "no_such_module", "itertools"]).sha256) == sorted(["mine.py", "broken.py", OWN])
