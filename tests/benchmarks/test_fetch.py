"""The benchmark of fetch runs, and fails if the fetch gives other files than the tool."""

from __future__ import annotations

import io
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "fetch.py"
BENCH = runpy.run_path(str(BENCHMARK))


@pytest.mark.slow
def test_the_benchmark_prints_the_tool_and_the_fetch_of_each_form() -> None:
    command = [sys.executable, BENCHMARK, "--frames", "101", "--repeat", "1", "--form", "tar.gz", "--markdown"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == done.stdout.count("\nMISSED: the seconds of normalising"), done.stdout + done.stderr
    lines = [line.split(" | ")[0] for line in done.stdout.splitlines() if line.startswith("| tar.gz, first masks")]
    assert lines[0] == "| tar.gz, first masks: tar x            "
    assert [line.split(": ")[-1].strip() for line in lines[1:]] == [
        "vosbench fetch",
        "- its normalising",
        "| tar.gz, first masks",
    ]


@pytest.mark.parametrize("case", BENCH["CASES"], ids=lambda case: case.name)
def test_an_archive_holds_different_frames_that_decode_and_the_masks_it_says(case: object) -> None:
    files = dict(BENCH["content"](case, 102))
    frames = [name for name in files if name.endswith(".jpg")]
    masks = [name for name in files if name.endswith(".png")]
    assert len({files[name] for name in frames}) == len(frames) == 102
    assert len(masks) == (102 if case.all_masks else 2)  # type: ignore[attr-defined]
    assert {Image.open(io.BytesIO(files[name])).size for name in (frames[101], masks[-1])} == {(854, 480)}


def test_a_frame_that_is_missing_or_cut_is_a_difference(tmp_path: Path) -> None:
    for folder, content in (("plain/DAVIS/JPEGImages/480p/dog", b"whole"), ("root/davis/JPEGImages/dog", b"whole")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "00000.jpg").write_bytes(content)
    images = BENCH["images"]
    assert images(tmp_path / "plain") == images(tmp_path / "root") == {("JPEGImages", "dog", "00000.jpg", 5)}
    (tmp_path / "root/davis/JPEGImages/dog/00000.jpg").write_bytes(b"cut")
    assert images(tmp_path / "plain") != images(tmp_path / "root")
