"""What every test may ask for."""

from __future__ import annotations

import importlib.util
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is there: waiting threads are slow on a busy machine
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each of thousands of processes compiles all that it imports
sys.dont_write_bytecode = False

import pytest
from golden import make_tree, squares
from starter import Starter

LONG = {f"test_{name}" for name in ["end_to_end", "faults", "readme", "scale", "slurm", "sweep", "track_benchmark"]}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files whose tests take longest, so that at the end no worker waits for another one's long test."""
    items.sort(key=lambda item: item.path.stem not in LONG)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real frames, masks and recorded numbers; its README says what is in it."""
    folder = Path(os.environ.get("VOSBENCH_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.fail(f"no test data at {folder}; set VOSBENCH_TEST_DATA to the folder")
    return folder


def environment() -> dict[str, str]:
    """What a command finds around it: no roots of the user's own, and the modules that lie beside the tests."""
    roots = ("VOSBENCH_DATASETS", "VOSBENCH_RESULTS", "VOSBENCH_CHECKPOINTS", "VOSBENCH_MIRROR")
    kept = {name: value for name, value in os.environ.items() if name not in roots}
    return {**kept, "PYTHONPATH": str(Path(__file__).parent), "COLUMNS": "200", "NO_COLOR": "1"}


@cache
def starter() -> Starter:
    """The one of all tests in this process."""
    return Starter(environment())


class Cli:
    """The command line in a process of its own, as users run it, in a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = environment()
        self.file_size: int | None = None

    def limit_file_size(self, size: int) -> None:
        """Let no command write a file larger than `size` bytes."""
        self.file_size = size

    def __call__(self, *arguments: object, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command and check its exit status."""
        done = self._run(*arguments)
        assert done.returncode == expect, f"{arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        if expect == 2:
            said = [line for line in done.stderr.splitlines() if line.startswith("vosbench: ")]
            assert said == done.stderr.splitlines()[-1:], f"not one line at the end: {done.stderr}"
        return done

    def _run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """By the starter, which saves seconds, where Python itself would start no differently."""
        if starter().starts_as(self.environment):
            return starter()(list(map(str, arguments)), self.folder, self.environment, self.file_size)
        process = self.start(*arguments)
        stdout, stderr = process.communicate(timeout=240)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

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
    lengths = {"good": 5, "bad": 6, "once": 5, "long": 8}
    videos = {video: [squares((1, 6, 4 + index)) for index in range(length)] for video, length in lengths.items()}
    return make_tree(tmp_path / "bears", videos)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """One order of summation: a random network shows every last bit, and recordings were made so."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def seeded(data: Path) -> ModuleType:
    """The shared data's generator of SAM 2 weights."""
    spec = importlib.util.spec_from_file_location("weights", data / "sam2" / "weights.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def checkpoint(seeded: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A checkpoint of SAM 2.1 tiny with seeded weights, in the form in which the real ones are published."""
    import official
    import torch

    path = tmp_path_factory.mktemp("checkpoint") / "seeded.pt"
    torch.save({"model": official.build(seeded, 64).state_dict()}, path)
    yield str(path)
    path.unlink()  # 156 MB that pytest would keep


@pytest.fixture(scope="session")
def cutie_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A checkpoint of Cutie small with seeded weights, in which a random network shows objects and background."""
    pytest.importorskip("cutie.inference", reason='needs pip install "vosbench[cutie]"')
    import torch
    from cutie.model.cutie import CUTIE

    from vosbench.trackers import cutie

    folder = tmp_path_factory.mktemp("cutie")
    cutie.stub_imagenet_weights(folder)
    config = cutie.configure_network("small", {})
    config.model.resnet_model_path = str(folder)
    generator = torch.Generator().manual_seed(0)

    def draw(name: str, tensor: torch.Tensor) -> torch.Tensor:
        noise = torch.randn(tensor.shape, generator=generator)
        if tensor.ndim > 1:
            return noise / tensor[0].numel() ** 0.5  # the signal keeps its size
        centre = 1.0 if name.endswith(("weight", "running_var")) else 0.0
        return (centre + 0.1 * noise).to(tensor.dtype)

    weights = {name: draw(name, tensor) for name, tensor in CUTIE(config).state_dict().items()}
    weights["mask_decoder.pred.bias"].fill_(-2.0)
    path = folder / "seeded.pth"
    torch.save(weights, path)
    yield str(path)
    path.unlink()  # 115 MB that pytest would keep
