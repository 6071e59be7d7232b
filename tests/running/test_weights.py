"""Weights are compared with their tracker before a dataset is looked for and before a worker starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.cli import Cli
from vosbench import infer
from vosbench.errors import VosbenchError
from vosbench.running.prerequisites import require_fitting_weights

Shapes = Mapping[str, Any]


def list_mask_propagation_shapes() -> Shapes:
    """The tensors of Mask-Propagation's network, without content."""
    import torch

    from vosbench.trackers.mask_propagation.network import MaskPropagationNetwork

    with torch.device("meta"):
        return MaskPropagationNetwork().state_dict()


def list_simvos_shapes() -> Shapes:
    """The tensors of SimVOS-B."""
    import torch

    from vosbench.trackers.simvos.network import SimVosNetwork

    with torch.device("meta"):
        return SimVosNetwork(768, 12, (0, 0)).state_dict()


def list_sam2_shapes() -> Shapes:
    """The tensors of SAM 2.1 tiny."""
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    from vosbench.trackers.sam2.predictor import CONFIGS
    from vosbench.trackers.weights import without_storage

    with without_storage():
        shapes: Shapes = instantiate(OmegaConf.load(CONFIGS / "sam2.1" / "sam2.1_hiera_t.yaml").model).state_dict()
    return shapes


def list_cutie_shapes() -> Shapes:
    """The tensors of Cutie small."""
    pytest.importorskip("cutie.inference", reason='needs pip install "vosbench[cutie]"')
    from tempfile import TemporaryDirectory

    from cutie.model.cutie import CUTIE

    from vosbench.trackers import cutie_network
    from vosbench.trackers.weights import without_storage

    with TemporaryDirectory() as folder, without_storage():
        cutie_network.stub_imagenet_weights(Path(folder))
        config = cutie_network.configure_network("small", {})
        config.model.resnet_model_path = folder
        shapes: Shapes = CUTIE(config).state_dict()
    return shapes


def save_zeros(path: Path, shapes: Shapes, key: str | None = None) -> str:
    """Save tensors of these shapes, whose file is small as all have one zero. key: under which they are saved."""
    import torch

    tensors = {name: torch.zeros((), dtype=tensor.dtype).expand(tensor.shape) for name, tensor in shapes.items()}
    torch.save({key: tensors} if key else tensors, path)
    return str(path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*copying from a non-meta parameter")
@pytest.mark.parametrize(
    ("tracker", "list_shapes", "name", "key"),
    [
        ("mask-propagation", list_mask_propagation_shapes, "a.pth", None),
        ("simvos", list_simvos_shapes, "simvos-b.pth", None),
        ("sam2", list_sam2_shapes, "a.pt", "model"),
        ("sam2long", list_sam2_shapes, "a.pt", "model"),
        ("cutie", list_cutie_shapes, "a.pth", None),
    ],
)
def test_a_tensor_that_is_missing_or_has_another_shape_is_named(
    tmp_path: Path, tracker: str, list_shapes: Callable[[], Shapes], name: str, key: str | None
) -> None:
    import torch

    shapes = dict(list_shapes())
    require_fitting_weights(tracker, save_zeros(tmp_path / name, shapes, key), {}, tmp_path)
    last = [*shapes][-1]
    without = {each: tensor for each, tensor in shapes.items() if each != last}
    with pytest.raises(VosbenchError, match=rf"{name}: expected a whole .* 1 missing \(such as {last}\)"):
        require_fitting_weights(tracker, save_zeros(tmp_path / name, without, key), {}, tmp_path)
    other = {**shapes, last: torch.empty((*shapes[last].shape, 1), device="meta")}
    with pytest.raises(VosbenchError, match=rf"1 misshapen \(such as {last}\)"):
        require_fitting_weights(tracker, save_zeros(tmp_path / name, other, key), {}, tmp_path)


@pytest.mark.slow
def test_the_variant_of_simvos_decides_which_tensors_are_expected(tmp_path: Path) -> None:
    shapes = list_simvos_shapes()
    for name, settings, message in (
        ("simvos-l.pth", {}, "simvos-l.pth: expected one of 1024 channels, found a transformer of 768 channels"),
        ("simvos-bs.pth", {}, r"simvos-bs.pth: expected a whole SimVOS; .* missing \(such as tlearner"),
        ("mine.pth", {}, "mine.pth: its name does not tell the variant"),
        ("mine.pth", {"variant": "L"}, "mine.pth: expected one of 1024 channels"),
    ):
        path = save_zeros(tmp_path / name, shapes)
        with pytest.raises(VosbenchError, match=message):
            require_fitting_weights("simvos", path, settings, tmp_path)
    require_fitting_weights("simvos", save_zeros(tmp_path / "mine.pth", shapes), {"variant": "B"}, tmp_path)


@pytest.fixture
def misfit(tmp_path: Path) -> str:
    """A file of weights that lacks nearly all tensors of Mask-Propagation."""
    import torch

    torch.save({"rgb_encoder.conv1.weight": torch.zeros(64, 3, 7, 7), "own": torch.zeros(1)}, tmp_path / "misfit.pth")
    return "misfit.pth"


MISFIT = "vosbench: misfit.pth: expected a whole Mask-Propagation; of 597 tensors 596 missing (such as decoder."


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("infer", "--dataset", "./nowhere", "--tracker", "mask-propagation", "--checkpoint"),
        ("run", "--dataset", "./nowhere", "--tracker", "mask-propagation", "--checkpoint"),
        ("sweep", "--dataset", "./nowhere", "--grid", "tracker=mask-propagation", "--grid", "top_k=0,5", "--no-plots",
         "--grid"),
        ("track", "noise.png.d", "--points", "1 1", "--masks", "out", "--tracker", "mask-propagation", "--checkpoint"),
        ("correspond", "noise.png", "noise.png", "--point", "1,1", "--checkpoint"),
        ("ui", "--tracker", "mask-propagation", "--checkpoint"),
        ("ui", "--tracker", "static", "--gpu", "cpu", "--correspond-checkpoint"),
    ],
    ids=lambda words: words[0],
)  # fmt: skip
def test_every_command_names_what_is_missing_and_begins_nothing(
    cli: Cli, tmp_path: Path, misfit: str, words: tuple[str, ...]
) -> None:
    Image.fromarray(np.zeros((40, 56, 3), np.uint8)).save(tmp_path / "noise.png")
    (tmp_path / "noise.png.d").mkdir()
    (tmp_path / "noise.png.d" / "0.png").write_bytes((tmp_path / "noise.png").read_bytes())
    before = sorted(tmp_path.iterdir())
    given = f"checkpoint={misfit}" if words[0] == "sweep" else misfit
    told = cli(*words, given, expect=2).stderr.splitlines()[-1]
    assert told.startswith(MISFIT)
    assert "1 unexpected (such as own)" in told
    assert sorted(tmp_path.iterdir()) == before


def test_the_library_compares_weights_before_it_looks_for_the_dataset(tmp_path: Path, misfit: str) -> None:
    with pytest.raises(VosbenchError, match="expected a whole Mask-Propagation"):
        infer(tmp_path / "nowhere", "mask-propagation", checkpoint=tmp_path / misfit)


def test_weights_that_are_not_there_are_left_to_those_who_name_how_to_get_them(tmp_path: Path) -> None:
    require_fitting_weights("mask-propagation", None, {}, tmp_path)
    require_fitting_weights("flow", None, {"prompt": "box"}, tmp_path)
    with pytest.raises(VosbenchError, match="no such setting"):
        require_fitting_weights("mask-propagation", None, {"top": 3}, tmp_path)
