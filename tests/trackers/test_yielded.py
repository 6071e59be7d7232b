"""What a tracker yields is taken over in any form that has one meaning, and anything else is told in one line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vosbench.errors import VosbenchError
from vosbench.trackers.yielded import take_masks
from vosbench.types import Labels, Masks

SIZE = (2, 3)
LABELS: Labels = np.array([[0, 1, 1], [7, 0, 0]], np.uint8)
MASKS = {1: LABELS == 1, 7: LABELS == 7}
FORMS = f"yield {{object id: bool{list(SIZE)}}}, or a label map of integers{list(SIZE)}, the object ids"


def take(found: Any) -> Masks:
    return take_masks(found, [1, 7], SIZE, "00002")


def check(found: Masks) -> None:
    assert found.keys() == MASKS.keys()
    for object_id, mask in found.items():
        assert type(object_id) is int
        assert isinstance(mask, np.ndarray)
        assert mask.dtype == np.bool_
        assert np.array_equal(mask, MASKS[object_id])


@pytest.mark.parametrize("number_type", [np.uint8, np.int32, np.int64, np.uint16])
def test_a_label_map_of_any_integers_is_the_masks_of_its_objects(number_type: type[np.integer[Any]]) -> None:
    check(take(LABELS.astype(number_type)))
    assert take(np.zeros(SIZE, number_type)) == {}


def test_masks_may_be_tensors_of_torch() -> None:
    torch = pytest.importorskip("torch")
    check(take({object_id: torch.from_numpy(mask.copy()) for object_id, mask in MASKS.items()}))
    check(take({np.int64(1): MASKS[1], torch.tensor(7): MASKS[7]}))
    check(take(torch.from_numpy(LABELS.copy())))
    if torch.cuda.is_available():
        check(take(torch.from_numpy(LABELS.copy()).cuda()))


def test_masks_may_be_arrays_of_another_package() -> None:
    class Foreign:
        """An array of a package that only says how NumPy reads it."""

        def __init__(self, array: Labels) -> None:
            self.__array_interface__ = array.__array_interface__
            self.array = array

    check(take(Foreign(LABELS)))


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (None, f"None; {FORMS}"),
        ([MASKS[1]], f"a value of type list; {FORMS}"),
        (({}, 0.5), f"a value of type tuple; {FORMS}"),
        (LABELS == 1, f"bool[2, 3]; {FORMS}"),
        (LABELS / 7, f"float64[2, 3]; {FORMS}"),
        (LABELS[None], f"uint8[1, 2, 3]; {FORMS}"),
        (LABELS[:, :2], f"uint8[2, 2]; {FORMS}"),
        (np.where(LABELS, 255, 0), "object 255, which was not prompted; the prompted ids are: 1, 7"),
        (LABELS * np.int64(-1), "object -7, which was not prompted; the prompted ids are: 1, 7"),
        (np.array([[0, 1, 2], [7, 0, 0]]), "object 2, which was not prompted; the prompted ids are: 1, 7"),
        ({9: MASKS[1]}, "object 9, which was not prompted; the prompted ids are: 1, 7"),
        ({"1": MASKS[1]}, "object '1', which was not prompted; the prompted ids are: 1, 7"),
        ({1: MASKS[1] * 0.5}, "float64[2, 3] as the mask of object 1; yield bool[2, 3]: mask > 0"),
        ({1: LABELS}, "uint8[2, 3] as the mask of object 1; yield bool[2, 3]: mask > 0"),
        ({1: MASKS[1].T}, "bool[3, 2] as the mask of object 1; bool[2, 3] is expected"),
        ({1: MASKS[1][None]}, "bool[1, 2, 3] as the mask of object 1; bool[2, 3] is expected"),
        ({1: MASKS[1].tolist()}, "a value of type list as the mask of object 1; bool[2, 3] is expected"),
        ({7: None}, "None as the mask of object 7; bool[2, 3] is expected"),
    ],
)
def test_anything_else_is_told_with_the_frame_and_what_is_expected(found: Any, told: str) -> None:
    with pytest.raises(VosbenchError) as refused:
        take(found)
    assert str(refused.value) == f"frame 00002: the tracker yielded {told}"


def test_a_tensor_that_numpy_cannot_read_is_told() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(VosbenchError, match=r"bfloat16\[2, 3\] as the mask of object 1; .*bool\[2, 3\]"):
        take({1: torch.zeros(SIZE, dtype=torch.bfloat16)})
