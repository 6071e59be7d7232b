"""A run says what made it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.golden import fetched, opened
from vosbench.io import plugins
from vosbench.running import code_versions, provenance
from vosbench.running.provenance import find_differences
from vosbench.trackers.registry import BUILT_IN_TRACKERS

REQUIRED = ("PyTest (>=7)", "hypothesis; extra == 'tracker'", 'mypy; extra == "types"', "nobodys>=3")


def test_a_fetched_dataset_is_told_by_the_hashes_of_what_was_fetched(bears: Path) -> None:
    manifest = json.loads((fetched(bears, "default") / "dataset.json").read_text())
    source = {"file": "bears.zip", "from": "https://bears.example/bears.zip?key=secret", "sha256": "abc", "bytes": 3}
    manifest["splits"] = {"val": {"sources": [source]}}
    (bears / "dataset.json").write_text(json.dumps(manifest))
    assert provenance.describe_data(opened(bears))["dataset_sources"] == {"bears.zip": "abc"}


def test_what_differs_is_told_with_the_likeliest_first() -> None:
    now = {"tracker_sha256": "a", "card_sha256": "b", "git": {"commit": "0123456789abcdef", "dirty": False}}
    now |= {"system": "Linux", "processor": "P", "gpus": ["G1", "G1"]}
    now |= {"code_sha256": {"vosbench": "v", "sam2": "s"}, "versions": {"numpy": "2.0", "torch": "3.0"}}
    assert list(find_differences({}, now)) == []
    assert list(find_differences({**now, "gpus": ["G1"], "git": None}, now)) == []  # by which commit the same code came
    assert list(find_differences({**now, "code_sha256": {"vosbench": "w"}}, now)) == [
        "the code of vosbench has changed"
    ]
    before = {**now, "versions": {"numpy": "2.0", "torch": "2.9", "mine": "1"}, "gpus": ["G2"], "card_sha256": "c"}
    before |= {
        "tracker_sha256": "d",
        "code_sha256": {"vosbench": "w", "sam2": "s"},
        "git": {**now["git"], "dirty": True},
    }
    assert list(find_differences(before, now)) == [
        "the tracker's file has changed",
        "the code of vosbench has changed (0123456789ab with changes, now 0123456789ab)",
        "torch 2.9, now 3.0",
        "mine 1, now without it",
        "the dataset's card has changed",
        "the GPUs G2, now G1",
    ]


@pytest.mark.parametrize("entry", [True, False])
def test_a_plug_in_is_told_by_its_distribution_its_files_and_what_it_requires(
    entry: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the entry point, or by the package of a `module:object`. What is required may be there or not."""
    package = "entered" if entry else "named"
    (tmp_path / package).mkdir()
    for module in ("__init__", "tracker", "helper"):
        (tmp_path / package / f"{module}.py").write_text(f"Tracker = {module!r}")
    information = tmp_path / f"{package}_vos-1.2.dist-info"
    information.mkdir()
    required = "".join(f"Requires-Dist: {line}\n" for line in REQUIRED)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}-vos\nVersion: 1.2\n{required}")
    (information / "top_level.txt").write_text("" if entry else package)
    (information / "entry_points.txt").write_text(f"[vosbench.trackers]\nmine = {package}.tracker:Tracker" * entry)
    monkeypatch.syspath_prepend(tmp_path)
    spec = f"{package}.tracker:Tracker"
    assert plugins.load_object(spec) == "tracker"
    found = code_versions.describe_code(spec)
    assert found["versions"][f"{package}-vos"] == "1.2"
    assert {name: name in found["versions"] for name in ("pytest", "hypothesis", "mypy", "nobodys")} == {
        "pytest": True,
        "hypothesis": True,
        "mypy": False,
        "nobodys": False,
    }
    before = dict(found["code_sha256"])
    assert sorted(before) == sorted(["sam2", "vosbench", package])
    (tmp_path / package / "helper.py").write_text("changed")
    after = code_versions.describe_code(spec)["code_sha256"]
    assert [name for name in before if before[name] != after[name]] == [package]


def test_built_in_trackers_are_told_by_what_their_extra_requires() -> None:
    versions = {
        name: dict(code_versions.read_versions(code_versions._find_packages(spec)))
        for name, spec in BUILT_IN_TRACKERS.items()
    }
    assert [name for name in versions if "rf-cutie" in versions[name]] == ["cutie"]
    assert all({"numpy", "torch", "sam2"} <= set(found) for found in versions.values())
    assert not any("matplotlib" in found for found in versions.values())
