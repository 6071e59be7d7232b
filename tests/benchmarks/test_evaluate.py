"""The benchmark of eval runs, and fails if the evaluators' numbers differ."""

from __future__ import annotations

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "evaluate.py"
VIDEOS = ["judo", "scooter-black"]


@pytest.fixture
def two_videos(data: Path, tmp_path: Path) -> Path:
    """The shortest part of the golden data that the benchmark can work on."""
    golden = tmp_path / "golden"
    for folder in ("DAVIS/Annotations/480p", "predictions/rvos_match"):
        for video in VIDEOS:
            shutil.copytree(data / "golden" / folder / video, golden / folder / video)
    lists = golden / "DAVIS" / "ImageSets" / "2017"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("\n".join(VIDEOS))
    recorded = json.loads((data / "golden" / "official_rvos_match.json").read_text())["per_object"]
    objects = {name: row for name, row in recorded.items() if name.rpartition("_")[0] in VIDEOS}
    means = {metric: sum(row[metric] for row in objects.values()) / len(objects) for metric in objects["judo_1"]}
    means["J&F-Mean"] = (means["J-Mean"] + means["F-Mean"]) / 2
    (golden / "official_rvos_match.json").write_text(json.dumps({"global": means, "per_object": objects}))
    apart = json.loads((data / "golden" / "sav_rvos_match.json").read_text())["per_object"]
    objects = {name: row for name, row in apart.items() if name.rpartition("_")[0] in VIDEOS}
    (golden / "sav_rvos_match.json").write_text(json.dumps({"per_object": objects}))
    return tmp_path


def benchmark(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the benchmark as a user does."""
    command = [sys.executable, BENCHMARK, "--repeat", "1", *arguments]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
def test_the_benchmark_prints_its_rows_and_finds_the_recorded_numbers(two_videos: Path) -> None:
    done = benchmark("--alone", "--markdown", "--data", two_videos)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("| vosbench ") >= 1
    assert done.stdout.count("| decoding only") == 2
    assert "equal: vosbench-1 and the recorded davis2017-evaluation, 31 numbers" in done.stdout


@pytest.mark.slow
def test_masks_of_each_object_apart_have_the_numbers_of_their_own_evaluator(two_videos: Path) -> None:
    done = benchmark("--apart", "--data", two_videos)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "files of an object, one core:" in done.stdout
    assert "equal: vosbench and SA-V's evaluator, percent, 8 numbers" in done.stdout


def test_numbers_that_differ_or_are_missing_do_not_agree() -> None:
    agree = runpy.run_path(str(BENCHMARK))["agree"]
    numbers = {("judo_1", "J-Mean"): 0.5, ("judo_2", "J-Mean"): 0.25}
    assert agree("the same", numbers, dict(numbers), 0.0)
    assert not agree("another value", numbers, numbers | {("judo_1", "J-Mean"): 0.5 + 1e-11}, 1e-12)
    assert not agree("an object less", numbers, {("judo_1", "J-Mean"): 0.5}, 1e-12)


@pytest.mark.slow
def test_the_large_video_stays_under_the_memory_goal() -> None:
    done = benchmark("--memory", "--frames", 6)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 frames of 1920x1080, 20 objects" in done.stdout


@pytest.mark.slow
def test_the_benchmark_of_reuse_finds_all_files_equal(two_videos: Path) -> None:
    command = [sys.executable, BENCHMARK.with_name("evaluate_reuse.py"), "--repeat", "1", "--data", two_videos]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "reused at the end: 2 videos\nall files are equal" in done.stdout
