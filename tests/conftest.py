"""What every test may ask for."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vosbench.masks import encode_labels


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real frames, masks and recorded numbers; its README says what is in it."""
    folder = Path(os.environ.get("VOSBENCH_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.fail(f"no test data at {folder}; set VOSBENCH_TEST_DATA to the folder")
    return folder


class Cli:
    """The command line in a process of its own, as users run it, in a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        here = str(Path(__file__).parent)
        self.environment = {**os.environ, "PYTHONPATH": here, "COLUMNS": "200", "NO_COLOR": "1"}
        for name in ("VOSBENCH_DATASETS", "VOSBENCH_RESULTS", "VOSBENCH_CHECKPOINTS", "VOSBENCH_MIRROR"):
            self.environment.pop(name, None)
        self.file_size: int | None = None

    def limit_file_size(self, size: int) -> None:
        """Let no command write a file larger than `size` bytes."""
        self.file_size = size

    def __call__(self, *arguments: object, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command and check its exit status."""
        process = self.start(*arguments)
        stdout, stderr = process.communicate(timeout=240)
        done = subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)
        assert done.returncode == expect, f"{arguments} ended with {done.returncode}\n{stdout}\n{stderr}"
        if expect == 2:
            said = [line for line in stderr.splitlines() if line.startswith("vosbench: ")]
            assert said == stderr.splitlines()[-1:], f"not one line at the end: {stderr}"
        return done

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """Start a command in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "vosbench", *map(str, arguments)],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=self._limit if self.file_size else None,
        )

    def _limit(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.file_size or 0, resource.RLIM_INFINITY))


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """The command line, with `tmp_path` as its current folder."""
    return Cli(tmp_path)


@pytest.fixture
def bears(tmp_path: Path) -> Path:
    """A dataset in the normal layout: the videos good, bad, once and long, one square that moves through each."""
    root = tmp_path / "bears"
    lengths = {"good": 5, "bad": 6, "once": 5, "long": 8}
    for video, length in lengths.items():
        for index in range(length):
            labels = np.zeros((24, 32), np.uint8)
            labels[6:14, 4 + index : 14 + index] = 1
            for folder, name in (("JPEGImages", f"{index:05}.jpg"), ("Annotations", f"{index:05}.png")):
                path = root / folder / video / name
                path.parent.mkdir(parents=True, exist_ok=True)
                if folder == "Annotations":
                    path.write_bytes(encode_labels(labels))
                else:
                    Image.fromarray(np.repeat(labels[..., None] * 200, 3, axis=2)).save(path)
    (root / "ImageSets").mkdir()
    (root / "ImageSets" / "val.txt").write_text("".join(f"{video}\n" for video in lengths))
    return root
