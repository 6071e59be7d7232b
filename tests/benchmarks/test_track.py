"""The benchmark of SAM 2 runs its engines on drawn videos, and fails if their masks differ."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from vosbench.datasets.split import open_split
from vosbench.masks.labels import encode_labels

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def track(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark as a module."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    import track

    return track


@pytest.mark.exhaustive
@pytest.mark.slow
def test_the_benchmark_finds_the_masks_of_the_official_script(data: Path) -> None:
    small = "--late 2 --objects --frames 4 --repeat 1 --image-size 64 --engines exact --markdown --data"
    command = [sys.executable, BENCHMARKS / "track.py", *small.split(), data]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines() if "4 frames" in line]
    assert [(row[0], row[1], row[-1]) for row in rows] == [
        ("2 late, 4 frames", "stock", "0"),
        ("2 late, 4 frames", "exact", "0"),
    ]
    assert "equal: the masks of stock and exact" in done.stdout


@pytest.mark.slow
def test_late_objects_are_given_one_after_the_other(track: ModuleType, tmp_path: Path) -> None:
    track.draw(tmp_path / "late", track.Clip(3, 16, late=True))
    track.draw(tmp_path / "first", track.Clip(3, 16))
    late, first = (open_split(str(tmp_path / name), "val", tmp_path).video("clip") for name in ("late", "first"))
    assert {index: [*masks] for index, masks in late.prompts.items()} == {1: [1], 2: [2], 4: [3]}
    assert {index: [*masks] for index, masks in first.prompts.items()} == {0: [1, 2, 3]}
    assert len(late.frames) == 16
    assert np.array_equal(late.frames[0], late.frames[12])
    assert not np.array_equal(late.frames[0], late.frames[4])


def test_every_pixel_that_differs_is_counted(track: ModuleType, tmp_path: Path) -> None:
    for name, labels in (("a", [[0, 1], [2, 2]]), ("b", [[0, 2], [2, 0]])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "00000.png").write_bytes(encode_labels(np.array(labels, np.uint8)))
    assert track.count_differing_pixels(tmp_path / "a", tmp_path / "a") == 0
    assert track.count_differing_pixels(tmp_path / "a", tmp_path / "b") == 2
    (tmp_path / "b" / "00001.png").write_bytes(encode_labels(np.zeros((2, 2), np.uint8)))
    with pytest.raises(SystemExit, match="different frames"):
        track.count_differing_pixels(tmp_path / "a", tmp_path / "b")


def test_a_line_of_the_table_has_medians_and_ratios_to_the_same_round(track: ModuleType) -> None:
    stock, own = [track.Usage(8.0, 6.0, 600.0, 0.0, 4.0, 2.0)] * 3, []
    for seconds in (4.0, 2.0, 16.0):
        own.append(track.Usage(seconds, 3.0, 100 * seconds, 0.0, 1.0, 0.5))
    cells = dict(zip(enumerate(track.COLUMNS), track.row(track.Clip(2, 16), "exact", own, stock, 1234), strict=True))
    assert cells[0, "objects"] == "2, 16 frames"
    assert (cells[2, "frames/s"], cells[3, "times stock"], cells[5, "by CPU, times stock"]) == ("4.00", "2.00", "2.00")
    assert (cells[6, "tracking only, frames/s"], cells[7, "GPU only, frames/s"]) == ("16.00", "32.00")
    assert (cells[8, "peak MB"], cells[10, "GPU busy %"]) == ("1600", "12")
    assert cells[11, "pixels that differ"] == "1,234"


def test_time_in_which_kernels_overlap_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    from sam2_engines import covered

    assert covered([(10, 20), (15, 18), (40, 45), (19, 30)]) == 25
    assert covered([]) == 0


@pytest.mark.exhaustive
@pytest.mark.slow
def test_whole_runs_go_through_the_command_line(data: Path) -> None:
    small = "--davis --frames 2 --image-size 32 --engines stock fast --data"
    command = [sys.executable, BENCHMARKS / "track.py", *small.split(), data]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fast: 30 videos, 60 frames, 61 objects in " in done.stdout
    assert "stock: " not in done.stdout
