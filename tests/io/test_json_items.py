"""JSON that is read piece by piece is what `json.loads` reads, and takes no more memory than its largest item."""

from __future__ import annotations

import json
import pickle
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.golden import unhurried
from vosbench.errors import VosbenchError
from vosbench.io import json_items
from vosbench.io.json_items import JsonItems, locate_document, read_each_item, read_json_items

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def whole(found: Any) -> Any:
    """The value with all of its items read."""
    if isinstance(found, dict):
        return {key: whole(value) for key, value in found.items()}
    return [value for _, value in read_each_item(found)] if isinstance(found, JsonItems) else found


def written(content: bytes) -> Path:
    with tempfile.NamedTemporaryFile(suffix=".json", delete=False) as file:
        file.write(content)
    return Path(file.name)


@unhurried
@given(VALUES, st.booleans(), st.sampled_from([None, 1]), st.sampled_from(ENCODINGS), st.integers(1, 40))
def test_every_value_is_what_json_reads(value: Any, ascii: bool, indent: int | None, encoding: str, chunk: int) -> None:
    path = written(json.dumps(value, ensure_ascii=ascii, indent=indent).encode(encoding, "surrogatepass"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_items, "CHUNK", chunk)
        assert whole(read_json_items(path)) == value
        assert locate_document(path).read() == value
    path.unlink()


@unhurried
@given(VALUES, st.integers(0, 60), st.text('{}[],:"0e- \\nu', max_size=2), st.integers(1, 20))
def test_a_damaged_file_is_refused_where_json_refuses_it(value: Any, place: int, put: str, chunk: int) -> None:
    text = json.dumps(value)
    damaged = text[:place] + put + text[place + 1 :]
    path = written(damaged.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_items, "CHUNK", chunk)
        try:
            expected = json.loads(damaged)
        except ValueError:
            with pytest.raises(ValueError, match=r"at byte \d+$|escape"):
                read_json_items(path)
        else:
            assert whole(read_json_items(path)) == expected
    path.unlink()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "expecting value at byte 0"),
        (b"[1, 2", r"expected ',' or '\]' at byte 5"),
        (b'["a', "unterminated string at byte 1"),
        (b'{"a": [1, x]}', "expecting value at byte 10"),
        (b'{"a": 1, 2: 3}', "expected a key in double quotes at byte 9"),
        (b'{"a": 1} 2', "extra data at byte 9"),
        ('["ä", x]'.encode(), "expecting value at byte 7"),
        (b'["\xff"]', "invalid start byte"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(ValueError, match=told):
        read_json_items(tmp_path / "r.json")


def test_the_items_of_a_large_file_are_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_items, "CHUNK", 10_000)
    path = tmp_path / "r.json"
    path.write_text(json.dumps({"annotations": [{"name": f"{i:0900}"} for i in range(2000)]}))
    tracemalloc.start()
    try:
        found = read_json_items(path)["annotations"]
        assert [len(found), found[1999], found[-1]] == [2000, {"name": f"{1999:0900}"}, {"name": f"{1999:0900}"}]
        assert sum(len(value["name"]) for _, value in read_each_item(found)) == 900 * 2000
        assert tracemalloc.get_traced_memory()[1] < path.stat().st_size / 5
    finally:
        tracemalloc.stop()
    assert len(pickle.dumps(found.locate(7))) < 400


def test_a_file_that_has_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text("[1, 2]")
    found = read_json_items(path)
    path.write_text("[1000, 2]")
    with pytest.raises(VosbenchError, match=r"r\.json: was changed while it was read; repeat the command"):
        found[0]


def test_another_value_than_a_list_has_no_items() -> None:
    with pytest.raises(TypeError, match="expected a list, found a dict"):
        next(read_each_item({}))
