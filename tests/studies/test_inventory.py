"""What there is and what of it is here is told as it is, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli
from tests.support.runs import tracked
from vosbench.io.paths import Roots
from vosbench.studies import inventory
from vosbench.trackers import registry as trackers_registry
from vosbench.trackers.about import ABOUT_TRACKERS


def rows(root: Path) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["dataset"], row["split"]): row for row in inventory.list_datasets(Roots(datasets=root))}


def test_a_row_tells_where_the_ground_truth_is(tmp_path: Path) -> None:
    found = rows(tmp_path)
    assert found["davis2017", "val"]["truth"] == "public"
    assert found["davis2017", "val"]["server"] is None
    assert found["mosev2", "val"]["truth"] == "server"
    assert found["mosev2", "val"]["server"].startswith("https://www.codabench.org/")
    assert found["lvosv2", "test"]["truth"] == "none"


def test_what_is_not_fetched_has_the_publishers_counts_and_the_size_of_the_download(tmp_path: Path) -> None:
    row = rows(tmp_path)["davis2017", "val"]
    assert row == {
        "dataset": "davis2017",
        "split": "val",
        "videos": 30,
        "frames": 1999,
        "objects": 61,
        "truth": "public",
        "server": None,
        "fetched": "no",
        "disk_mb": None,
        "download_mb": 832.8,
        "title": row["title"],
        "aliases": ["davis", "davis17", "default"],
    }


def test_a_size_that_is_not_known_is_not_made_up(tmp_path: Path) -> None:
    assert rows(tmp_path)["davis2016", "val"]["download_mb"] is None
    assert rows(tmp_path)["synthetic", "val"]["download_mb"] is None


def test_what_is_fetched_has_the_counts_and_the_size_that_dataset_json_states(cubs: Path) -> None:
    manifest = json.loads((cubs / "dataset.json").read_text())
    manifest["splits"]["val"]["videos"]["bear"]["bytes"] = 12_345_678
    (cubs / "dataset.json").write_text(json.dumps(manifest))
    row = rows(cubs.parent)["cubs", "val"]
    assert (row["videos"], row["frames"], row["objects"]) == (1, 3, 2)
    assert (row["fetched"], row["disk_mb"]) == ("yes", 12.3)


def test_a_split_that_a_killed_fetch_was_replacing_is_not_fetched(cubs: Path) -> None:
    (cubs / "ImageSets/val.txt").unlink()
    assert rows(cubs.parent)["cubs", "val"]["fetched"] == "no"


def test_what_an_older_version_fetched_has_no_size(cubs: Path) -> None:
    manifest = json.loads((cubs / "dataset.json").read_text())
    del manifest["splits"]["val"]["videos"]
    (cubs / "dataset.json").write_text(json.dumps(manifest))
    row = rows(cubs.parent)["cubs", "val"]
    assert (row["fetched"], row["frames"], row["disk_mb"]) == ("yes", 3, None)


def test_what_is_fetched_is_listed_first_then_the_others_then_names_and_servers(cli: Cli, cubs: Path) -> None:
    here, others, names, servers = cli("list", "datasets").stdout.strip().split("\n\n")
    assert [line.split() for line in here.splitlines()] == [
        ["datasets", "in", "datasets"],
        ["dataset", "split", "videos", "frames", "objects", "truth", "disk", "MB"],
        ["cubs", "val", "1", "3", "2", "public", here.split()[-1]],
    ]
    assert "download MB" in others.splitlines()[1]
    assert len(here.splitlines() + others.splitlines()) == len(rows(cubs.parent)) + 4
    assert {"cubs: Cubs", "davis2016 (davis16): DAVIS 2016, one object a video, 480p"} <= set(names.splitlines())
    assert "mosev1 val is scored at https://www.codabench.org/competitions/12220/" in servers.splitlines()


def test_where_nothing_is_there_is_one_line_and_no_heading(cli: Cli) -> None:
    assert cli("list", "runs").stdout == "no run is in results; `vosbench run` and `vosbench infer` make one\n"
    first, second, third, *_ = cli("list", "datasets").stdout.splitlines()
    assert first == "no dataset is in datasets; `vosbench fetch NAME` gets one of these"
    assert second == "datasets that can be fetched"
    assert third.startswith("dataset ")


def test_a_tracker_is_listed_with_what_it_is_and_what_it_lacks_here(tmp_path: Path) -> None:
    roots = Roots(checkpoints=tmp_path)
    found = {row["tracker"]: (row["runs_here"], row["lacks"]) for row in inventory.list_trackers(roots)}
    assert found["static"] == ("yes", None)
    assert found["sam2"] == ("with weights", "weights: vosbench fetch sam2.1_hiera_base_plus")
    (tmp_path / "sam2.1_hiera_base_plus.pt").touch()
    assert {row["tracker"]: row["runs_here"] for row in inventory.list_trackers(roots)}["sam2"] == "yes"
    assert all(row["is"] for row in inventory.list_trackers(roots))


def test_a_tracker_whose_package_is_missing_cannot_run_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plug_in = {"theirs": "no_such_package.module:Tracker"}
    monkeypatch.setattr(trackers_registry, "known_trackers", lambda: plug_in)
    (row,) = inventory.list_trackers(Roots(checkpoints=tmp_path))
    assert (row["runs_here"], row["lacks"]) == ("no", "no_such_package: install its package")


def test_every_built_in_tracker_is_described() -> None:
    assert ABOUT_TRACKERS.keys() == trackers_registry.BUILT_IN_TRACKERS.keys()


@pytest.mark.slow
def test_a_run_is_listed_with_its_own_scores_only(cli: Cli, bears: Path) -> None:
    run = tracked(bears, cli.folder / "results/bears-val/static").run
    cli("eval", "bears-val/static", "--videos", "good", "--jobs", "1")
    assert row_of(cli)["J&F"] is None
    cli("eval", "bears-val/static", "--jobs", "1")
    whole = row_of(cli)["J&F"]
    assert whole == 54.3
    cli("eval", "bears-val/static", "--rules", "davis2016", "--jobs", "1")
    row = row_of(cli)
    assert (row["J&F"], [each["marks"] for each in row["evaluations"]]) == (
        whole,
        [[], ["rules of davis2016"], ["1 of 4 videos"]],
    )
    told = cli("list", "runs").stdout
    assert f"bears-val/static: 1 of 4 videos: J&F {row['evaluations'][2]['J&F']} (eval/videos-good)" in told
    run.remove_records(["good"])
    assert row_of(cli)["J&F"] is None
    assert f"bears-val/static: outdated: the masks have changed since: J&F {whole} (eval)" in cli("list", "runs").stdout


def row_of(cli: Cli) -> dict[str, Any]:
    (row,) = json.loads(cli("list", "runs", "--json").stdout)["runs"]
    return dict(row)


def test_a_program_gets_every_field_of_every_split(cli: Cli, cubs: Path) -> None:
    listed = json.loads(cli("list", "datasets", "--json").stdout)["datasets"]
    assert listed == list(rows(cubs.parent).values())
