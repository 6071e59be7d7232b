"""Fifty thousand videos of a few frames, as in SA-V, are scored, reused or compared in less than 300 MB."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import pytest
from PIL import Image

from vosbench.datasets.split import open_split
from vosbench.evaluation.evaluate import score_split
from vosbench.masks import frame_rle
from vosbench.publishing.convert import convert
from vosbench.running.score_run import write_evaluation

VIDEOS, FRAMES = 50_000, 3
FACTS = {
    "tracker": "any", "tracker_object": "", "settings": {}, "checkpoint": None, "checkpoint_sha256": None,
    "dataset": "dataset", "dataset_path": "dataset", "split": "all", "rules": "sav", "versions": {}, "videos": {},
    "updated": "",
}  # fmt: skip
LINKED_VIDEOS = 10_000
BYTES_A_VIDEO = 4_000  # 200 MB of 50,000 videos
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def write_videos(folder: Path, content: bytes, count: int = VIDEOS) -> None:
    """The same mask in every frame, as links, of which a file system allows only so many to one file."""
    for number in range(count):
        video = folder / f"video_{number:06}"
        if number % LINKED_VIDEOS == 0:
            image = folder.with_name(f"{folder.name}_{number}.png")
            image.parent.mkdir(parents=True, exist_ok=True)
            image.write_bytes(content)
        video.mkdir(parents=True)
        for frame in range(FRAMES):
            os.link(image, video / f"{frame:05}.png")


def encode_two_objects() -> bytes:
    labels = np.zeros((16, 16), np.uint8)
    labels[4:9, 3:12], labels[10:14, 2:7] = 1, 2
    content = io.BytesIO()
    Image.fromarray(labels).save(content, "PNG")
    return content.getvalue()


def measure_peak(folder: Path, count: int) -> int:
    """The most bytes that Python holds while the first videos of a dataset are scored and all files are written."""
    (folder / f"dataset/ImageSets/{count}.txt").write_text("".join(f"video_{i:06}\n" for i in range(count)))
    dataset_split = open_split(str(folder / "dataset"), str(count), folder, "sav")
    tracemalloc.start()
    try:
        evaluation = score_split(folder / "masks", dataset_split, jobs=1)
        assert len(evaluation.scores) == 2 * 6 * count
        write_evaluation(folder / f"scores {count}", evaluation)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_masks_of_one_video_are_open_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dataset/ImageSets").mkdir(parents=True)
    (tmp_path / "dataset/ImageSets/all.txt").write_text("".join(f"video_{i:06}\n" for i in range(6)))
    write_videos(tmp_path / "dataset/Annotations", encode_two_objects(), 6)
    masks = convert(tmp_path / "dataset/Annotations", tmp_path / "masks.json", "rle").path
    open_masks = frame_rle.open_frame_codes
    numbers: list[int] = []
    every: list[ref[Any]] = []

    def count(*given: Any) -> Any:
        opened = open_masks(*given)
        every.append(ref(opened))
        numbers.append(sum(each() is not None for each in every))
        return opened

    monkeypatch.setattr(frame_rle, "open_frame_codes", count)
    evaluation = score_split(masks, open_split(str(tmp_path / "dataset"), "all", tmp_path, "sav"), jobs=1)
    assert numbers == [1] * 6
    assert evaluation["J&F-Mean"] == 1


@pytest.mark.slow
def test_the_peak_grows_by_less_than_four_kilobytes_a_video_of_two_objects(tmp_path: Path) -> None:
    (tmp_path / "dataset/ImageSets").mkdir(parents=True)
    for folder in ("dataset/Annotations", "masks"):
        write_videos(tmp_path / folder, encode_two_objects(), 1200)
    measure_peak(tmp_path, 10)  # what is imported and remembered only once
    few, many = (measure_peak(tmp_path, count) for count in (400, 1200))
    assert 500 < (many - few) / 800 < BYTES_A_VIDEO


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux only")
def test_fifty_thousand_videos_are_scored_in_less_than_300_mb(tmp_path: Path) -> None:
    write_videos(tmp_path / "dataset/Annotations", encode_two_objects())
    write_videos(tmp_path / "masks", encode_two_objects())
    given = ["--dataset", tmp_path / "dataset", "--split", "all", "--rules", "sav", "--jobs", "2"]
    (tmp_path / "dataset/ImageSets").mkdir()
    names = (f"video_{number:06}\n" for number in range(VIDEOS))
    (tmp_path / "dataset/ImageSets/all.txt").write_text("".join(names))
    run_in_little_memory("eval", tmp_path / "masks", *given, "--out", tmp_path / "scores")
    two = f"a={tmp_path / 'masks'}", f"b={tmp_path / 'masks'}"
    run_in_little_memory("compare", *two, *given, "--json", tmp_path / "pair.json")
    assert (tmp_path / "pair.json").read_text().count('"object": ') == 2 * VIDEOS
    (tmp_path / "run").mkdir()
    (tmp_path / "masks").rename(tmp_path / "run/masks")
    (tmp_path / "run/run.json").write_text(json.dumps(FACTS))
    for _ in range(2):
        told = run_in_little_memory("eval", tmp_path / "run", *given, "--reuse", "--out", tmp_path / "run_scores")
        rows, others = (
            gzip.decompress((tmp_path / name / "frames.csv.gz").read_bytes()).decode().splitlines()
            for name in ("scores", "run_scores")
        )
        assert rows[1:] == [
            f"video_{number:06},{object_id},00001,1.0,1.0"  # not the first frame, not the last one
            for number in range(VIDEOS)
            for object_id in (1, 2)
        ]
        assert others == rows
    assert f"reused the scores of {VIDEOS} of {VIDEOS} videos" in told


def run_in_little_memory(*words: object) -> str:
    """Run a command of vosbench, which may take at most 300 MB, and return its notes."""
    command = [sys.executable, "-m", "vosbench", *words]
    done = subprocess.run([sys.executable, "-c", MEASURE, *map(str, command)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) * 1024 < 300e6
    return done.stderr
