"""A run says what made it, and it can be made again: `show`, `reproduce`, and a `run` that fetches what it needs."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from golden import fetched, opened
from server import serve

from vosbench.datasets import registry
from vosbench.datasets.card import dump_card
from vosbench.io import plugins
from vosbench.running import provenance
from vosbench.running.provenance import find_differences
from vosbench.trackers.registry import BUILT_IN_TRACKERS

REPOSITORY = Path(__file__).parents[1]

SHIFTED = """
import numpy as np
from vosbench.trackers.static import Static

class Shifted(Static):
    def __init__(self, device, checkpoint, shift=0, strict=False):
        self.shift = shift

    def track(self, video):
        for index, masks in enumerate(super().track(video)):
            yield {label: np.roll(mask, self.shift, axis=1) for label, mask in masks.items()}
"""

REQUIRED = ("PyTest (>=7)", "hypothesis; extra == 'tracker'", 'mypy; extra == "types"', "nobodys>=3")


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file of a folder, and when it was written."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def facts(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "run.json").read_text())
    return found


@pytest.fixture
def shifted(cli: Cli, bears: Path) -> Path:
    """A run of a tracker of one's own with a checkpoint and a setting, of all videos."""
    (cli.folder / "mine.py").write_text(SHIFTED)
    (cli.folder / "weights").write_text("learned")
    given = ("--tracker", "mine:Shifted", "--checkpoint", "./weights", "--set", "strict=true")
    cli("infer", "--dataset", bears, *given, "--gpus", "cpu", "--out", "out")
    return cli.folder / "out"


def test_run_json_tells_settings_card_tracker_machine_and_commit(cli: Cli, shifted: Path) -> None:
    found = facts(shifted)
    assert found["settings"] == {"strict": True}
    assert found["all_settings"] == {"strict": True, "shift": 0, "prompts": "first"}
    card = json.dumps(dump_card(registry.find_dataset("default")), sort_keys=True)
    assert found["card_sha256"] == hashlib.sha256(card.encode()).hexdigest()
    assert found["tracker_sha256"] == hashlib.sha256(SHIFTED.encode()).hexdigest()
    assert (found["host"], found["shards"][0]["host"]) == (platform.node(), platform.node())
    assert {"system", "processor", "gpus"} <= found.keys()
    if (REPOSITORY / ".git").exists():
        words = ["git", "-C", REPOSITORY, "rev-parse", "HEAD"]
        assert found["git"]["commit"] == subprocess.check_output(words, text=True).strip()


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
    found = provenance.describe_code(spec)
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
    provenance._hash_package.cache_clear()
    after = provenance.describe_code(spec)["code_sha256"]
    assert [name for name in before if before[name] != after[name]] == [package]


def test_built_in_trackers_are_told_by_what_their_extra_requires() -> None:
    versions = {
        name: dict(provenance.read_versions(provenance._find_packages(spec)))
        for name, spec in BUILT_IN_TRACKERS.items()
    }
    assert [name for name in versions if "rf-cutie" in versions[name]] == ["cutie"]
    assert all({"numpy", "torch", "sam2"} <= set(found) for found in versions.values())
    assert not any({"matplotlib", "pandas"} & set(found) for found in versions.values())


def test_show_tells_all_of_a_run_wherever_it_lies(cli: Cli, bears: Path) -> None:
    given = ("--tracker", "failing_trackers:Short", "--set", f"memo={cli.folder}", "--videos", "good,bad")
    cli("infer", "--dataset", bears, *given, "--gpus", "cpu", "--out", "results/one/two", expect=1)
    shown = cli("show", "one/two").stdout
    assert shown == cli("show", "results/one/two").stdout
    for told in ("--videos good,bad", f"memo={cli.folder}", f"bears val at {bears}", "1 done, 1 failed, 0 pending"):
        assert told in shown
    assert "bad after 2 attempts: the tracker yielded 2 of 6 frames" in shown
    assert "none; `vosbench eval --results results/one/two`" in shown
    cli("eval", "--results", "results/one/two", "--videos", "good")
    found = json.loads(cli("show", "one/two", "--json").stdout)
    assert found["scores"]["J-Mean"] == pytest.approx((5 / 7 + 4 / 8 + 3 / 9) / 3)
    assert found["all_settings"]["memo"] == str(cli.folder)
    assert "see `vosbench list runs`" in cli("show", "one/three", expect=2).stderr


def test_what_is_damaged_in_a_run_is_named_or_does_not_matter(cli: Cli, bears: Path) -> None:
    cli("infer", "--dataset", bears, "--tracker", "static", "--videos", "good", "--gpus", "cpu", "--out", "out")
    note = cli.folder / "out/.shards/1-of-1.json"
    note.write_text(json.dumps({"shard": "1/1", "videos": ["good"]}))
    assert "shard 1/1  ? to ? on ?" in cli("show", "out").stdout
    assert "stopped" in cli("status", "out").stdout
    (cli.folder / "out/eval").mkdir()
    (cli.folder / "out/eval/scores.json").write_text('{"global": {}}')
    assert (
        "scores.json: damaged ('signature' is missing); `vosbench eval --results out`"
        in cli("show", "out", expect=2).stderr
    )
    (cli.folder / "out/run.json").write_text("")
    assert "run.json: not valid JSON" in cli("show", "out", expect=2).stderr


def test_a_run_that_is_reproduced_is_the_same_and_not_touched(cli: Cli, shifted: Path) -> None:
    before = snapshot(shifted)
    assert cli("reproduce", "out", "--gpus", "cpu").stdout.split("\n")[:-1] == ["good: same", "once: same", "bad: same"]
    assert cli("reproduce", "out", "--videos", "long", "--gpus", "cpu").stdout == "long: same\n"
    assert snapshot(shifted) == before


def test_what_differs_the_second_time_is_listed_with_the_reason(cli: Cli, shifted: Path) -> None:
    (cli.folder / "mine.py").write_text(SHIFTED.replace("self.shift,", "self.shift + (index > 2),"))
    told = cli("reproduce", "out", "--sample", "1", "--gpus", "cpu", expect=1)
    assert told.stdout == "good: 2 of 5 frames differ\n"
    changed = "the tracker's file has changed; the code of mine has changed"
    assert told.stderr.splitlines()[-1] == f"vosbench: out: 1 of 1 videos differ; what has changed: {changed}"


def test_frames_that_were_written_later_are_the_only_reason(cli: Cli, shifted: Path, bears: Path) -> None:
    prompt = bears / "Annotations/good/00000.png"
    shutil.copy(bears / "Annotations/long/00003.png", prompt)
    os.utime(prompt, (time.time() + 60,) * 2)
    told = cli("reproduce", "out", "--sample", "1", "--gpus", "cpu", expect=1)
    assert told.stdout == "good: 5 of 5 frames differ\n"
    assert told.stderr.splitlines()[-1].endswith(
        "what has changed: frames or true masks of good were written after the run was begun"
    )


def test_a_setting_keeps_the_value_that_was_the_default_then(cli: Cli, shifted: Path) -> None:
    (cli.folder / "mine.py").write_text(SHIFTED.replace("shift=0", "shift=2, fresh=None"))
    assert cli("reproduce", "out", "--sample", "1", "--gpus", "cpu").stdout == "good: same\n"


def test_masks_that_were_changed_afterwards_are_found_out_and_nothing_else_is_blamed(cli: Cli, shifted: Path) -> None:
    shutil.copy(shifted / "masks/good/00000.png", shifted / "masks/good/00005.png")
    given = ("reproduce", "out", "--videos", "good,long", "--gpus", "cpu")
    told = cli(*given, expect=1)
    altered = "good: the run's masks are not those that it wrote"
    assert told.stdout.splitlines() == [f"{altered}, and it writes the same again", "long: same"]
    assert told.stderr.splitlines()[-1].endswith(
        "1 of 2 videos differ; what has changed: masks of the run, after they were written"
    )
    (cli.folder / "mine.py").write_text(SHIFTED.replace("self.shift,", "self.shift + 1,"))
    told = cli(*given, expect=1)
    assert told.stdout.splitlines() == [f"{altered}, and now it writes others", "long: 8 of 8 frames differ"]
    assert "what has changed: the tracker's file has changed;" in told.stderr


def test_what_a_run_was_made_of_has_to_be_there_and_the_same(cli: Cli, shifted: Path, bears: Path) -> None:
    given = ("reproduce", "out", "--gpus", "cpu", "--videos")
    assert "did you mean good?" in cli(*given, "goood", expect=2).stderr
    (bears / "JPEGImages/long/00007.jpg").unlink()
    assert "video long had 8 frames, and in" in cli(*given, "long", expect=2).stderr
    (cli.folder / "weights").write_text("learned again")
    assert "out: its checkpoint's sha256 was" in cli(*given, "good", expect=2).stderr
    (cli.folder / "weights").unlink()
    assert "weights: no such file" in cli(*given, "good", expect=2).stderr
    bears.rename(cli.folder / "cubs")
    assert "unknown dataset 'bears'" in cli(*given, "good", expect=2).stderr


def test_run_fetches_a_dataset_that_is_not_there(cli: Cli, bears: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(bears.rglob("*.*")):
            packed.write(path, path.relative_to(bears))
    command = ("run", "--dataset", "./cubs.toml", "--videos", "good", "--gpus", "cpu", "--tracker")
    with serve({"cubs.zip": archive.getvalue()}) as server:
        download = f'[[downloads]]\nfile = "cubs.zip"\nurls = ["{server.url("cubs.zip")}"]'
        part = '[splits.val]\ndownloads = ["cubs.zip"]'
        (cli.folder / "cubs.toml").write_text(f'name = "cubs"\ntitle = "Cubs"\n{download}\n{part}\n')
        assert "did you mean static?" in cli(*command, "statik", expect=2).stderr
        assert not server.requests
        assert "J&F-Mean" in cli(*command, "static").stdout
    assert "fetch" not in cli(*command, "static").stderr


def test_run_fetches_a_checkpoint_and_its_failure_is_the_commands(cli: Cli, bears: Path) -> None:
    cli.environment["https_proxy"] = "http://127.0.0.1:9"
    with serve({"sam2.1_hiera_tiny.pt": b"\x80\x02 not the weights"}) as server:
        cli.environment["VOSBENCH_MIRROR"] = server.url("")
        command = ("run", "--dataset", bears, "--checkpoint", "sam2.1_hiera_tiny", "--gpus", "cpu")
        assert "sam2.1_hiera_tiny.pt" in cli(*command, expect=2).stderr
        assert [request.path for request in server.requests] == ["/sam2.1_hiera_tiny.pt"]
    assert not (cli.folder / "results").exists()
