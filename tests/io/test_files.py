"""Files are read, and written whole or not at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from vosbench.errors import VosbenchError
from vosbench.io import files


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b"[]", "expected a JSON object, found list"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_holds_no_json_object_is_one_line(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "run.json"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(VosbenchError, match=f"run.json: {message}"):
        files.read_json(path)


def test_a_file_that_is_written_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), files.replacing(path) as partial:
        1 / partial.write_text("")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("file", "old")]


def test_a_path_that_is_not_utf8_is_written_to_json_and_read_back(tmp_path: Path) -> None:
    files.write_json(tmp_path / "a.json", {"from": os.fsdecode(b"b\xe4r.tar")})
    assert os.fsencode(files.read_json(tmp_path / "a.json")["from"]) == b"b\xe4r.tar"


def test_a_folder_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(VosbenchError, match=r"taken: is a folder; give the name of a file"):
        files.write_bytes(tmp_path / "taken", b"x")
    assert [each.name for each in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize("name", ["taken", "file/below", "file/below/it"])
def test_a_place_that_cannot_be_written_to_is_found_before_the_work(tmp_path: Path, name: str) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "file").write_text("kept")
    with pytest.raises(VosbenchError) as early:
        files.require_writable(tmp_path / name)
    with pytest.raises(VosbenchError) as late:
        files.write_bytes(tmp_path / name, b"x")
    assert (early.value.subject, early.value.remedy) == (late.value.subject, late.value.remedy)
    assert (tmp_path / "file").read_text() == "kept"


def test_asking_whether_a_file_can_be_written_makes_nothing(tmp_path: Path) -> None:
    files.require_writable(tmp_path / "new/folder/a.json")
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_written_to_and_no_file_takes_its_place(tmp_path: Path) -> None:
    pipe, came = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: came.append(pipe.read_bytes()))
    reader.start()
    files.require_writable(pipe)
    files.write_pieces(pipe, [b"one ", b"two"])
    reader.join()
    assert (came, pipe.is_fifo()) == ([b"one two"], True)
