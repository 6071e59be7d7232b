"""Cutie's masks equal those of the steps of its package's eval_vos.py with the same seeded weights."""

from __future__ import annotations

import gc
import importlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
import numpy as np
import pytest
import torch
from hydra.core.global_hydra import GlobalHydra
from hydra.core.singleton import Singleton
from PIL import Image
from torch.nn.functional import interpolate

from tests.support.cli import Cli
from tests.support.golden import make_tree, squares
from vosbench.errors import VosbenchError
from vosbench.masks.labels import read_labels, to_labels
from vosbench.trackers import cutie_network
from vosbench.trackers.cutie import Cutie
from vosbench.types import Frame, Mask, Masks, Video

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*torch.cuda.amp.autocast:FutureWarning"),  # the package's
    pytest.mark.usefixtures("one_thread"),
]

SIZE = (92, 78)  # width and height: no multiples of the model's stride, and the smallest of which it has 30 patches
Prompts = Mapping[int, Mapping[int, Mask]]


@contextmanager
def hydra_not_started() -> Iterator[None]:
    """Hydra as in a process in which nothing has used it; afterwards again as sam2 left it."""
    state = Singleton.get_state()
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        Singleton.set_state(state)


def compose(*overrides: str) -> Any:
    """The package's configuration as its own scripts compose it."""
    from cutie.inference.utils.args_utils import get_dataset_cfg

    with hydra_not_started(), hydra.initialize_config_module("cutie.config", version_base="1.3.2"):
        config = hydra.compose("eval_config", overrides=list(overrides))
    get_dataset_cfg(config)
    return config


@pytest.fixture(scope="module")
def network(cutie_checkpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The package's own network with the checkpoint's weights, loaded as its scripts load them."""
    from cutie.model.cutie import CUTIE

    folder = tmp_path_factory.mktemp("resnet")
    cutie_network.stub_imagenet_weights(folder)
    model = CUTIE(compose("model=small", f"+model.resnet_model_path={folder}")).eval()
    model.load_weights(torch.load(cutie_checkpoint))
    return model


@pytest.fixture(scope="module")
def tracker(cutie_checkpoint: str) -> Cutie:
    return Cutie("cpu", cutie_checkpoint)


@pytest.fixture(scope="module")
def large(data: Path) -> list[Frame]:
    """The rendered clip, 12 frames of 320 x 240 pixels."""
    return [np.array(Image.open(path).convert("RGB")) for path in sorted((data / "sam2" / "frames").iterdir())]


@pytest.fixture(scope="module")
def frames(large: list[Frame]) -> list[Frame]:
    return [np.array(Image.fromarray(frame).resize(SIZE)) for frame in large]


@pytest.fixture(scope="module")
def large_ground_truth(data: Path) -> list[Masks]:
    labels = [read_labels(path) for path in sorted((data / "sam2" / "masks").iterdir())]
    return [{object_id: one == object_id for object_id in (1, 2)} for one in labels]


@pytest.fixture(scope="module")
def ground_truth(large_ground_truth: list[Masks]) -> list[Masks]:
    return [
        {object_id: np.array(Image.fromarray(mask).resize(SIZE, 0)) for object_id, mask in masks.items()}
        for masks in large_ground_truth
    ]


def evaluate(network: Any, config: Any, frames: Sequence[Frame], prompts: Prompts) -> list[Masks]:
    """What eval_vos.py does with a video: its reader, the package's InferenceCore, its writer."""
    from cutie.inference.inference_core import InferenceCore

    core = InferenceCore(network, cfg=config)
    shape = frames[0].shape[:2]
    size = [config.size * length // min(shape) for length in shape] if min(shape) > config.size else None
    found: list[Masks] = []
    for index, frame in enumerate(frames):
        image = torch.from_numpy(frame).permute(2, 0, 1).float() / 255
        labels = Image.fromarray(to_labels(prompts.get(index, {}), shape))
        if size:
            image = interpolate(image[None], size, mode="bilinear", antialias=True)[0]
            labels = labels.resize((size[1], size[0]), Image.Resampling.NEAREST)
        mask = torch.tensor(np.array(labels)).long() if index in prompts else None
        objects = None if mask is None else [object_id for object_id in mask.unique().tolist() if object_id]
        if mask is None and not core.object_manager.num_obj:
            found.append({})
            continue
        with torch.inference_mode():
            probabilities = core.step(image, mask, objects, end=index == len(frames) - 1)
            if size:
                probabilities = interpolate(probabilities.unsqueeze(1), shape, mode="bilinear")[:, 0]
            shown = core.output_prob_to_mask(probabilities).numpy()
        found.append({object_id: shown == object_id for object_id in core.object_manager.all_obj_ids})
    return found


def track(tracker: Cutie, frames: Sequence[Frame], prompts: Prompts, overlap: bool = False) -> list[Masks]:
    return list(tracker.track(Video("clip", frames, prompts, overlap)))


def alike(ours: Sequence[Masks], theirs: Sequence[Masks]) -> bool:
    return len(ours) == len(theirs) and all(
        own.keys() == other.keys() and all(np.array_equal(own[object_id], other[object_id]) for object_id in own)
        for own, other in zip(ours, theirs, strict=True)
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "length"),
    [
        ({}, 8),
        pytest.param({"mem_every": 2, "max_mem_frames": 2}, 7, marks=pytest.mark.slow),
        pytest.param({"mem_every": 1, "use_long_term": True}, 12, marks=pytest.mark.slow),
    ],
    ids=["default", "forgetful", "long_term"],
)
def test_the_masks_are_those_of_eval_vos(
    network: Any,
    cutie_checkpoint: str,
    frames: list[Frame],
    ground_truth: list[Masks],
    settings: dict[str, Any],
    length: int,
) -> None:
    config = compose("model=small", *(f"{key}={value}" for key, value in settings.items()))
    tracked = track(Cutie("cpu", cutie_checkpoint, **settings), frames[:length], {0: ground_truth[0]})
    assert alike(tracked, evaluate(network, config, frames[:length], {0: ground_truth[0]}))
    assert len({mask.tobytes() for masks in tracked for mask in masks.values()}) == 2 * length


@pytest.mark.slow
def test_a_late_object_with_a_smaller_id_joins_those_that_are_tracked(
    network: Any, tracker: Cutie, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    prompts = {1: {7: ground_truth[1][1]}, 4: {3: ground_truth[4][2]}}
    tracked = track(tracker, frames[:8], prompts)
    assert [sorted(masks) for masks in tracked] == [[], [7], [7], [7], [3, 7], [3, 7], [3, 7], [3, 7]]
    assert alike(tracked, evaluate(network, compose("model=small"), frames[:8], prompts))


@pytest.mark.slow
def test_larger_frames_are_reduced_as_eval_vos_does(
    network: Any, cutie_checkpoint: str, large: list[Frame], large_ground_truth: list[Masks]
) -> None:
    prompts = {0: {1: large_ground_truth[0][1]}, 2: {2: large_ground_truth[2][2]}}
    tracked = track(Cutie("cpu", cutie_checkpoint, size=90), large[:4], prompts)
    assert alike(tracked, evaluate(network, compose("model=small", "size=90"), large[:4], prompts))


def test_an_empty_prompt_starts_no_object(
    network: Any, tracker: Cutie, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    nothing = np.zeros_like(ground_truth[0][1])
    tracked = track(tracker, frames[:4], {0: {1: nothing}, 1: {1: nothing, 4: ground_truth[1][2]}})
    assert [sorted(masks) for masks in tracked] == [[], [4], [4], [4]]
    assert alike(tracked[1:], evaluate(network, compose("model=small"), frames[1:4], {0: {4: ground_truth[1][2]}}))


def test_a_video_without_prompts_has_no_masks_and_no_frame_is_read(tracker: Cutie) -> None:
    class Unreadable(list[Frame]):
        def __len__(self) -> int:
            return 3

    assert track(tracker, Unreadable(), {2: {}}) == [{}, {}, {}]


@pytest.mark.slow
def test_objects_that_may_overlap_are_followed_each_by_itself_on_the_same_features(
    network: Any, tracker: Cutie, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    both = ground_truth[0][1] | ground_truth[0][2]
    encoded: list[int] = []
    hook = tracker.network.pixel_encoder.register_forward_hook(lambda *_: encoded.append(1))
    try:
        tracked = track(tracker, frames[:6], {0: {1: both, 2: ground_truth[0][2]}, 3: {5: both}}, overlap=True)
    finally:
        hook.remove()
    assert len(encoded) == 6
    for object_id, start, mask in ((1, 0, both), (2, 0, ground_truth[0][2]), (5, 3, both)):
        expected = evaluate(network, compose("model=small"), frames[start:6], {0: {object_id: mask}})
        assert alike([{object_id: masks[object_id]} for masks in tracked[start:]], expected)
    assert (tracked[0][1] & tracked[0][2]).any()


def test_a_second_prompt_replaces_only_the_mask_of_its_object(
    tracker: Cutie, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    first = track(tracker, frames[:5], {0: ground_truth[0]})
    again = track(tracker, frames[:5], {0: ground_truth[0], 3: {1: ground_truth[3][1]}})
    assert alike(first[:3], again[:3])
    assert np.array_equal(again[3][1], ground_truth[3][1])
    assert np.array_equal(again[3][2], first[3][2] & ~ground_truth[3][1])
    assert not alike(first[4:], again[4:])


@pytest.mark.slow
def test_prompts_of_all_objects_again_count_as_with_use_all_masks(
    network: Any, tracker: Cutie, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    prompts = {0: ground_truth[0], 3: ground_truth[3]}
    assert alike(track(tracker, frames[:6], prompts), evaluate(network, compose("model=small"), frames[:6], prompts))


def test_a_new_object_and_a_second_prompt_may_come_together(
    tracker: Cutie, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    tracked = track(
        tracker, frames[:4], {0: {5: ground_truth[0][1]}, 2: {5: ground_truth[2][1], 3: ground_truth[2][2]}}
    )
    assert [sorted(masks) for masks in tracked] == [[5], [5], [3, 5], [3, 5]]
    assert np.array_equal(tracked[2][5], ground_truth[2][1])
    assert np.array_equal(tracked[2][3], ground_truth[2][2])


def test_of_prompts_that_share_a_pixel_the_smaller_id_has_it(
    tracker: Cutie, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    both = ground_truth[0][1] | ground_truth[0][2]
    (masks,) = track(tracker, frames[:1], {0: {9: both, 4: ground_truth[0][1]}})
    assert alike([masks], [{4: ground_truth[0][1], 9: ground_truth[0][2]}])


@pytest.mark.slow
def test_memory_does_not_grow_with_the_video(
    cutie_checkpoint: str, frames: list[Frame], ground_truth: list[Masks]
) -> None:
    tracker = Cutie("cpu", cutie_checkpoint, mem_every=1, max_mem_frames=2)
    held = []
    for index, _ in enumerate(tracker.track(Video("clip", [frames[0]] * 9, {0: {1: ground_truth[0][1]}}))):
        if index % 4 == 0:
            gc.collect()
            held.append(sum(one.untyped_storage().nbytes() for one in gc.get_objects() if type(one) is torch.Tensor))
    assert held[0] < held[1] == held[2]  # then two frames are remembered in place of one


@pytest.mark.parametrize("model", ["base", "small"])
def test_the_configuration_is_the_one_that_hydra_composes(network: Any, model: str) -> None:
    from omegaconf import OmegaConf

    settings = {"mem_every": 5, "max_mem_frames": 5, "use_long_term": False}
    ours, theirs = (
        OmegaConf.to_container(config)
        for config in (cutie_network.configure_network(model, settings), compose(f"model={model}"))
    )
    assert {key: ours["model"][key] for key in theirs["model"]} == theirs["model"]
    read = ("mem_every", "max_mem_frames", "use_long_term", "long_term", "top_k", "stagger_updates", "chunk_size")
    for key in (*read, "max_internal_size", "flip_aug", "save_aux"):
        assert ours[key] == theirs[key]


def test_nothing_is_downloaded_or_left_behind(
    cutie_checkpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    Cutie("cpu", cutie_checkpoint)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_hydra_is_left_to_sam2(cutie_checkpoint: str) -> None:
    with hydra_not_started():
        Cutie("cpu", cutie_checkpoint)
        assert not GlobalHydra.instance().is_initialized()
    importlib.import_module("sam2")
    Cutie("cpu", cutie_checkpoint)
    assert hydra.compose("configs/sam2.1/sam2.1_hiera_t.yaml").model


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mem_every": 0}, "setting mem_every=0: expected a whole number of at least 1"),
        ({"max_mem_frames": 0}, "setting max_mem_frames=0: expected a whole number of at least 1"),
        ({"use_long_term": 1}, "setting use_long_term=1: expected true or false"),
    ],
)
def test_a_setting_out_of_range_is_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(VosbenchError, match=message):
        Cutie("cpu", "any.pth", **settings)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"PK", "2 bytes that torch cannot read"),
        ({"model": {"weight": torch.zeros(1)}}, "expected a model of Cutie, .*; found 0 tensors, and no such channels"),
        (
            {"pix_feat_proj.weight": torch.zeros(256, 512, 1, 1)},
            "1024 or 256 channels .*; found 1 tensors, and 512 such channels",
        ),
        ({"pix_feat_proj.weight": torch.zeros(256, 256, 1, 1)}, "of 359 tensors 358 missing"),
    ],
)
def test_a_file_that_is_no_checkpoint_of_cutie_is_named(
    network: Any, tmp_path: Path, content: object, message: str
) -> None:
    path = tmp_path / "wrong.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(VosbenchError, match=f"wrong.pth: .*{message}"):
        Cutie("cpu", str(path))


@pytest.mark.slow
def test_if_the_package_is_missing_one_line_says_what_to_install(cli: Cli, bears: Path, tmp_path: Path) -> None:
    """Another package called cutie, such as the one on PyPI, does not count."""
    (tmp_path / "cutie.py").touch()
    (tmp_path / "any.pth").touch()
    cli.environment["PYTHONPATH"] += f"{os.pathsep}{tmp_path}"
    asked = ("infer", "--dataset", bears, "--tracker", "cutie", "--checkpoint", "any.pth", "--gpus", "cpu")
    assert 'pip install "vosbench[cutie]"' in cli(*asked, expect=2).stderr


def test_a_frame_that_is_too_small_is_named(tracker: Cutie, frames: list[Frame], ground_truth: list[Masks]) -> None:
    small = [frame[:-14] for frame in frames[:2]]
    with pytest.raises(VosbenchError, match="a frame of 92 x 64 pixels: Cutie needs at least 30 patches"):
        track(tracker, small, {0: {1: ground_truth[0][1][:-14]}})


@pytest.mark.slow
def test_a_run_is_named_after_its_checkpoint_and_its_settings(cutie_checkpoint: str, cli: Cli) -> None:
    labels = squares((3, 20, 30), size=SIZE[::-1])
    tree = make_tree(cli.folder / "shapes", {"one": [labels] * 3})
    asked = ("--dataset", tree, "--tracker", "cutie", "--checkpoint", cutie_checkpoint, "--set", "mem_every=3")
    cli("infer", *asked, "--gpus", "cpu")
    (run,) = cli.folder.glob("results/*/*")
    assert run.name == "cutie-seeded+mem_every=3"
    assert np.array_equal(read_labels(run / "masks" / "one" / "00000.png"), labels)
