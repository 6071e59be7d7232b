"""What every test may ask for."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is there: waiting threads are slow on a busy machine
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each of thousands of processes compiles all that it imports
sys.dont_write_bytecode = False
os.environ |= {"COLUMNS": "200", "NO_COLOR": "1"}  # before Rich is there: lines are not cut, nor coloured

import pytest

pytest.register_assert_rewrite("tests.support")
from tests.support.cli import PLUGINS, Cli
from tests.support.golden import make_tree, squares

sys.path.append(str(PLUGINS))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take longest, so that at the end no worker waits for another one's long test."""
    items.sort(key=lambda item: (item.get_closest_marker("slow") is None, "system" not in item.path.parts))


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real frames, masks and recorded numbers; its README says what is in it."""
    folder = Path(os.environ.get("VOSBENCH_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"needs the test data: no folder {folder}; set VOSBENCH_TEST_DATA to where it is")
    return folder


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
    import torch

    from tests.support import official

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
