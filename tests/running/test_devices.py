"""Which devices are meant, and what is said of one that is not there."""

from __future__ import annotations

import pytest

from vosbench.errors import VosbenchError
from vosbench.running import devices
from vosbench.running.devices import choose_devices, describe_devices, make_worker_slots


@pytest.mark.parametrize(
    ("gpus", "told"),
    [
        ([], "--gpus 2: no GPU '2'; this machine has none; use --gpus cpu"),
        (["7"], "--gpus 2: no GPU '2'; the only one is 0; give such indices, all, or cpu"),
        (["7", "8"], "--gpus 2: no GPU '2'; counted from 0, there are 2; give such indices, all, or cpu"),
    ],
    ids=len,
)
def test_a_gpu_that_is_not_there_is_told_with_what_is(
    monkeypatch: pytest.MonkeyPatch, gpus: list[str], told: str
) -> None:
    monkeypatch.setattr(devices, "find_gpus", lambda: gpus)
    with pytest.raises(VosbenchError) as refused:
        choose_devices("2")
    assert str(refused.value) == told


def test_indices_count_the_gpus_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "find_gpus", lambda: ["7", "8"])
    assert choose_devices("1,cpu") == ["8", "cpu"]
    assert choose_devices(None) == ["7", "8"]


def test_workers_on_a_device_are_numbered() -> None:
    assert [slot.name for slot in make_worker_slots(["cpu", "0", "cpu", "cpu"])] == ["cpu", "0", "cpu-2", "cpu-3"]
    assert describe_devices(["cpu", "0", "cpu"]) == "cpu (2 workers), 0"
