"""Files are read, and written whole or not at all."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from vosbench.errors import VosbenchError
from vosbench.io import files
from vosbench.io.files import hash_file_sha256


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b"[]", "expected a JSON object, found list"),
        (None, "cannot be read"),
    ],
)
def test_what_is_no_json_object_is_said_in_a_line(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "run.json"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(VosbenchError, match=f"run.json: {message}"):
        files.read_json(path)


def test_a_file_that_is_written_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), files.replacing(path) as beside:
        1 / beside.write_text("")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("file", "old")]


def test_what_a_dead_process_left_is_told_from_what_others_are_writing(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host = platform.node()
    left = tmp_path / f".run.json.{host}-{dead.pid}.partial"
    others = [
        tmp_path / f".run.json.{host}-{os.getpid()}.partial",
        tmp_path / f".run.json.elsewhere-{dead.pid}.partial",
    ]
    for path in (left, *others, tmp_path / "run.json"):
        path.touch()
        os.utime(path, (0, 0))
    (tmp_path / f".status.json.{host}-{dead.pid}.partial").touch()  # in another container numbers may be others
    assert files.find_orphans(tmp_path) == [left]


def test_the_known_answer_of_sha256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert hash_file_sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
