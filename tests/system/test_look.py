"""The commands that look at what is on disk: `list`, `doctor`, `show`, `status`, `cite`, `overlay`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.cli import Cli


@pytest.mark.slow
def test_show_tells_all_of_a_run_wherever_it_lies(cli: Cli, bears: Path) -> None:
    given = ("--tracker", "failing_trackers:Short", "--set", f"memo={cli.folder}", "--videos", "good,bad")
    cli("infer", "--dataset", bears, *given, "--gpus", "cpu", "--out", "results/one/two", expect=1)
    shown = cli("show", "one/two").stdout
    assert shown == cli("show", "results/one/two").stdout
    for told in ("--videos good,bad", f"memo={cli.folder}", f"bears val at {bears}", "1 done, 1 failed, 0 pending"):
        assert told in shown
    assert "bad: tracker: yielded 2 of 6 frames" in shown
    assert "none; run: vosbench eval results/one/two" in shown
    cli("eval", "--results", "results/one/two", "--videos", "good", "--jobs", "1")
    found = json.loads(cli("show", "one/two", "--json").stdout)
    (part,) = found["evaluations"]
    assert part["means"]["J-Mean"] == pytest.approx((5 / 7 + 4 / 8 + 3 / 9) / 3)
    assert (found["scores"], part["marks"]) == (None, ["1 of 4 videos"])
    assert found["all_settings"]["memo"] == str(cli.folder)
    assert "run: vosbench list runs" in cli("show", "one/three", expect=2).stderr


def test_what_is_damaged_in_a_run_is_named_or_does_not_matter(cli: Cli, bears: Path) -> None:
    cli("infer", "--dataset", bears, "--tracker", "static", "--videos", "good", "--gpus", "cpu", "--out", "out")
    note = cli.folder / "out/.shards/1-of-1.json"
    note.write_text(json.dumps({"shard": "1/1", "videos": ["good"]}))
    assert "shard 1/1  ? to ? on ?" in cli("show", "out").stdout
    assert "stopped" in cli("status", "out").stdout
    (cli.folder / "out/eval").mkdir()
    (cli.folder / "out/eval/scores.json").write_text('{"global": {}}')
    assert (
        "scores.json: damaged ('signature' is missing); run: vosbench eval out" in cli("show", "out", expect=2).stderr
    )
    (cli.folder / "out/run.json").write_text("")
    assert "run.json: not valid JSON" in cli("show", "out", expect=2).stderr


def test_datasets_with_the_same_citation_give_it_once(cli: Cli) -> None:
    shown = cli("cite", "ytvos2018", "davis", "ytvos2019").stdout
    assert shown.count("@article{xu2018youtubevos") == 1
    assert [line.split(":")[0] for line in shown.splitlines() if line.startswith("%")] == [
        "% ytvos2018",
        "% ytvos2019",
        "% davis2017",
    ]


def test_list_shows_what_is_here(cli: Cli, run: Path) -> None:
    shutil.copytree(run, cli.folder / "results/bears-val/static")
    (cli.folder / "checkpoints").mkdir()
    (cli.folder / "checkpoints/sam2_hiera_tiny.pt").write_bytes(b"")
    found = json.loads(cli("list", "--json").stdout)
    assert {"davis2016", "davis2017", "synthetic"} <= {row["dataset"] for row in found["datasets"]}
    assert {row["tracker"] for row in found["trackers"]} >= {"flow", "sam2", "static"}
    assert {row["checkpoint"]: row["fetched"] for row in found["checkpoints"]}["sam2_hiera_tiny"] == "yes"
    assert [(row["run"], row["done"]) for row in found["runs"]] == [("bears-val/static", 4)]
    assert "davis2017" in cli("list", "datasets").stdout
    assert "davis2017" not in cli("list", "runs").stdout


def test_doctor_tells_versions_devices_codecs_folders_and_disk(cli: Cli) -> None:
    told = cli("doctor").stdout
    for word in ("vosbench", "numpy", "torch", "sam2", "device", "codec jpg", "datasets", "GB free"):
        assert word in told
