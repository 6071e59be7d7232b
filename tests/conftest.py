"""Fixtures of all tests."""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is imported: waiting threads slow a busy machine down
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each of hundreds of processes compiles all that it imports
sys.dont_write_bytecode = False
os.environ |= {
    "COLUMNS": "200",
    "NO_COLOR": "1",
}  # before Rich is imported: no line is cut, none is coloured

import pytest

pytest.register_assert_rewrite("tests.support")
from tests.support.cli import PLUGINS, Cli
from tests.support.golden import make_tree, squares

sys.path.append(str(PLUGINS))

DATA = Path(os.environ.get("VOSBENCH_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
MISSING = f"tests on real frames need the test data: no folder {DATA}; set VOSBENCH_TEST_DATA to its path"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take longest, so that no worker waits at the end for the long test of another one."""
    items.sort(key=lambda item: (item.get_closest_marker("slow") is None, "system" not in item.path.parts))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why many tests were skipped."""
    if not DATA.is_dir():
        terminalreporter.write_line(MISSING)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real frames, masks and recorded numbers; its README lists them."""
    if not DATA.is_dir():
        pytest.skip(MISSING)
    return DATA


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """The command line, with `tmp_path` as its current folder."""
    return Cli(tmp_path)


@pytest.fixture
def bears(tmp_path: Path) -> Path:
    """A dataset in the normal layout: the videos good, bad, once and long, with a square that moves through each."""
    lengths = {"good": 5, "bad": 6, "once": 5, "long": 8}
    videos = {video: [squares((1, 6, 4 + index)) for index in range(length)] for video, length in lengths.items()}
    return make_tree(tmp_path / "bears", videos)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Torch with one thread, so with one order of summation: recordings were made so, and are compared bit for bit."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def seeded(data: Path) -> SimpleNamespace:
    """The test data's generator of SAM 2 weights."""
    return SimpleNamespace(**runpy.run_path(str(data / "sam2" / "weights.py")))


@pytest.fixture(scope="session")
def checkpoint(seeded: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A checkpoint of SAM 2.1 tiny with seeded weights, in the form of the published ones."""
    import torch

    from tests.support import official

    path = tmp_path_factory.mktemp("checkpoint") / "seeded.pt"
    torch.save({"model": official.build(seeded, 64).state_dict()}, path)
    yield str(path)
    path.unlink()  # 156 MB that pytest would keep


@pytest.fixture(scope="session")
def mask_propagation_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A checkpoint of Mask-Propagation with random weights."""
    from vosbench.trackers.mask_propagation.network import MaskPropagationNetwork

    path = tmp_path_factory.mktemp("mask_propagation") / "random.pth"
    _save_random_weights(MaskPropagationNetwork, path)
    yield str(path)
    path.unlink()  # 215 MB that pytest would keep


@pytest.fixture(scope="session")
def simvos_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A checkpoint of SimVOS-B with random weights."""
    from vosbench.trackers.simvos.network import SimVosNetwork

    path = tmp_path_factory.mktemp("simvos") / "simvos-b.pth"
    _save_random_weights(lambda: SimVosNetwork(768, 12, (0, 0)), path)
    yield str(path)
    path.unlink()  # 430 MB that pytest would keep


def _save_random_weights(make_network: Callable[[], Any], path: Path) -> None:
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save(make_network().state_dict(), path)


@pytest.fixture(scope="session")
def cutie_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A checkpoint of Cutie small with random weights, drawn so that its masks show objects and background."""
    pytest.importorskip("cutie.inference", reason='needs pip install "vosbench[cutie]"')
    import torch
    from cutie.model.cutie import CUTIE

    from vosbench.trackers import cutie_network

    folder = tmp_path_factory.mktemp("cutie")
    cutie_network.stub_imagenet_weights(folder)
    config = cutie_network.configure_network("small", {})
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
