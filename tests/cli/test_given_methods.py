"""How the methods that a command line names are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from vosbench.cli.given_methods import GivenMethod, parse_method
from vosbench.errors import VosbenchError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run", GivenMethod(None, "run")),
        ("ours=run", GivenMethod("ours", "run")),
        ("sam2+size=3", GivenMethod(None, "sam2+size=3")),
        ("ours=sam2+size=3", GivenMethod("ours", "sam2+size=3")),
        ("x=a@b.zip", GivenMethod("x", "a@b.zip")),
        ("x=run@mosev1", GivenMethod("x", "run", "mosev1")),
        ("run@mosev1:train", GivenMethod(None, "run", "mosev1", "train")),
        ("in/none+size=3", GivenMethod(None, "in/none+size=3")),
        ("none@mosev1", GivenMethod(None, "none@mosev1")),
        ("below/x", GivenMethod(None, "below/x")),
        ("=run", GivenMethod(None, "=run")),
    ],
)
def test_an_argument_has_a_name_a_path_and_what_it_is_scored_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: GivenMethod
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("run", "sam2+size=3", "a@b.zip", "root/below/x"):
        (tmp_path / name).mkdir(parents=True)
    assert parse_method(text, Path("root")) == expected


@pytest.mark.parametrize("text", ["our/best=run", "our/best=run@mosev1"])
def test_a_name_with_a_slash_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    with pytest.raises(VosbenchError, match="the name our/best has a slash; choose another name"):
        parse_method(text, Path("root"))
