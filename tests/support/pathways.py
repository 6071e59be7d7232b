"""For tests of SAM2Long: weights with which pathways differ, and a network in which they never agree."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Sequence
from dataclasses import replace
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import torch

from tests.support.tensors import CPU
from vosbench.trackers.sam2.images import ModelImages
from vosbench.trackers.sam2long.network import FrameCandidates, FrameQuery, Network
from vosbench.trackers.sam2long.packed_logits import PackedLogits, WaitingLogits
from vosbench.trackers.sam2long.tracker import Sam2Long
from vosbench.trackers.sam2long.tree import PathwayPolicy
from vosbench.trackers.sam2long.video_pass import Sam2LongPass
from vosbench.types import Frame, Mask

SIDE = 32  # a small model input
RECORDED = {"object_score_bias": -24.9, "object_score_gain": 40.0, "iou_gain": 4.0}
WAVERING = RECORDED | {"object_score_bias": -20.4}  # object scores about 0 at this size: sure and unsure frames


def torn(kind: type[Network]) -> type[Network]:
    """A network in which each of three pathways is best continued by itself, so that they never agree again."""

    class Torn(kind):  # type: ignore[valid-type, misc]
        def query(self, index: int, looks: Sequence[FrameQuery]) -> list[FrameCandidates]:
            found = super().query(index, looks)
            others = [0.2, 0.2] if len(found) > 1 else [0.8, 0.7]
            return [replace(one, ious=[0.9 - rank / 50, *others], object_score=3.0) for rank, one in enumerate(found)]

    return Torn


def held(root: Any) -> int:
    """The bytes of all tensors and `bytes` objects that can be reached from an object, without models."""
    seen: set[int] = set()
    waiting, total = [root], 0
    while waiting:
        one = waiting.pop()
        storage = one.untyped_storage() if isinstance(one, torch.Tensor) else None
        key = storage.data_ptr() if storage else id(one)
        if key in seen or isinstance(one, type | ModuleType | FunctionType | torch.nn.Module):
            continue
        seen.add(key)
        total += storage.nbytes() if storage else len(one) if isinstance(one, bytes) else 0
        waiting += gc.get_referents(one)
    return total


def check_bounded(kind: type[Network], tracker: Sam2Long, frames: list[Frame], mask: Mask) -> None:
    """Check that waiting frames are kept only as compressed logits, though the pathways never agree on any frame."""
    network = torn(kind)(tracker.predictor, ModelImages(frames * 2, SIDE, CPU), torch.float32)
    video_pass = Sam2LongPass(network, PathwayPolicy(3, 0.1, np.inf), threshold=0.0)
    features: dict[int, weakref.ref[Any]] = {}
    waiting: list[WaitingLogits] = []
    other_bytes, packed_bytes = {}, {}
    with torch.inference_mode():
        for index in range(30):
            video_pass.step(index, {1: mask} if index == 0 else {})
            waiting += video_pass.newest
            while video_pass.decided():
                video_pass.take()
            for pathway in video_pass.objects[1].pathways if index else ():
                latest = pathway.history[-1].output["maskmem_features"]
                features[id(latest)] = weakref.ref(latest)
            packed = [one.content for one in waiting if isinstance(one.content, PackedLogits)]
            packed_bytes[index] = sum(len(one.content) for one in packed)
            other_bytes[index] = held(video_pass) - packed_bytes[index]
    pathways = video_pass.objects[1].pathways
    remembered = {id(memory.output["maskmem_features"]) for pathway in pathways for memory in pathway.history}
    assert {number for number, ref in features.items() if ref() is not None} == remembered
    assert [len(pathway.history) for pathway in pathways] == [network.pointers - 1] * 3
    assert len(video_pass.waiting) == 28  # the first two frames are decided at once
    assert len(packed) == 27 * 3
    assert other_bytes[29] == other_bytes[20] > 0
    assert 0 < packed_bytes[29] - packed_bytes[20] < 9 * 3 * (video_pass.newest[0].unpack().nbytes + 64)
