"""Build the network of the package rf-cutie from a checkpoint of Cutie: no download, and Hydra is not started."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from vosbench.errors import VosbenchError
from vosbench.trackers.weights import Weights, check_weights, load_weights, without_storage

CUTIE_MODELS = {1024: "base", 256: "small"}  # by the channels of the image encoder's coarsest features
GIVE_CHECKPOINT = "give the path of one of Cutie's .pth files with --checkpoint"


def build_network(checkpoint: Path, settings: Mapping[str, Any]) -> tuple[Any, Any]:
    """The package's network with the weights of a checkpoint, and its configuration with these settings.

    Raises VosbenchError if the file is missing, damaged or no checkpoint of Cutie, and if the package is missing.
    """
    network, config, weights = _fit_network(checkpoint, settings, shapes_only=False)
    network.load_state_dict(weights)
    return network.eval(), config


def check_cutie_checkpoint(checkpoint: Path) -> None:
    """Raise VosbenchError as `build_network` does; only names and shapes of tensors are read."""
    with without_storage(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*copying from a non-meta parameter")
        _fit_network(checkpoint, {}, shapes_only=True)


def _fit_network(checkpoint: Path, settings: Mapping[str, Any], shapes_only: bool) -> tuple[Any, Any, Weights]:
    """The network that a checkpoint is of, its configuration, and the checkpoint's tensors, which are the network's."""
    try:
        from cutie.model.cutie import CUTIE
    except ImportError as error:
        raise VosbenchError(
            "--tracker cutie",
            f"the package rf-cutie cannot be imported ({error})",
            'run: pip install "vosbench[cutie]"',
        ) from error
    weights = read_cutie_checkpoint(checkpoint, shapes_only)
    config = configure_network(recognise_cutie_model(weights, checkpoint), settings)
    with TemporaryDirectory() as folder:
        stub_imagenet_weights(Path(folder))
        config.model.resnet_model_path = folder
        network = CUTIE(config)
    expected = network.state_dict()
    known = {name: tensor for name, tensor in weights.items() if name in expected}  # the package ignores others, too
    check_weights(known, expected, checkpoint, "checkpoint of Cutie")
    return network, config, known


def configure_network(model: str, settings: Mapping[str, Any]) -> Any:
    """The configuration of a model, "base" or "small", as the package's own scripts compose it, with these settings."""
    import cutie.config
    from omegaconf import OmegaConf

    folder = Path(cutie.config.__file__).parent
    models = [OmegaConf.load(folder / "model" / f"{name}.yaml") for name in ("base", model)]
    return OmegaConf.merge(OmegaConf.load(folder / "eval_config.yaml"), {"model": OmegaConf.merge(*models)}, settings)


def read_cutie_checkpoint(checkpoint: Path, shapes_only: bool = False) -> Weights:
    """The tensors in a checkpoint. shapes_only: see `load_weights`.

    Raises VosbenchError if the file is missing or damaged.
    """
    content = load_weights(checkpoint, GIVE_CHECKPOINT, shapes_only)
    tensors = content.items() if isinstance(content, Mapping) else ()
    return {name: tensor for name, tensor in tensors if isinstance(tensor, torch.Tensor)}


def recognise_cutie_model(weights: Mapping[str, torch.Tensor], checkpoint: Path) -> str:
    """Which of the package's models has these tensors: "base" or "small". Raises VosbenchError if none has."""
    shape = weights["pix_feat_proj.weight"].shape if "pix_feat_proj.weight" in weights else ()
    channels = shape[1] if len(shape) == 4 else 0
    if channels not in CUTIE_MODELS:
        raise VosbenchError(
            checkpoint,
            f"expected a model of Cutie, with {' or '.join(map(str, CUTIE_MODELS))} channels of image features; found "
            f"{len(weights)} tensors, and {channels or 'no'} such channels",
            GIVE_CHECKPOINT,
        )
    return CUTIE_MODELS[channels]


def stub_imagenet_weights(folder: Path) -> None:
    """Put files where the package looks for the ImageNet weights with which it builds a network.

    The package would download these weights otherwise, and the checkpoint overwrites them anyway. So the files hold
    zeros without storage, in the right shapes.
    """
    from cutie.model.utils import resnet

    for name, url in resnet.model_urls.items():
        with torch.device("meta"):
            shapes = getattr(resnet, name)(pretrained=False).state_dict()
        zeros = {key: torch.zeros(()).expand(tensor.shape) for key, tensor in shapes.items()}
        torch.save(zeros, folder / Path(url).name)
