"""Files are read, and written whole or not at all."""

from __future__ import annotations

import os
import re
import threading
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


def test_space_that_is_there_is_no_error_also_for_a_folder_that_will_be_made(tmp_path: Path) -> None:
    files.require_space(tmp_path / "new" / "folder", 1, "davis2017 val", "choose another --root")
    assert files.count_free_bytes(tmp_path / "new" / "folder") > 0
    assert list(tmp_path.iterdir()) == []


def test_space_that_is_missing_is_an_error_with_both_figures(tmp_path: Path) -> None:
    with pytest.raises(files.DiskError) as caught:
        files.require_space(tmp_path, 2e18, "davis2017 val", "choose another --root")
    assert re.fullmatch(
        rf"davis2017 val: 2000000000\.0 GB are needed in {re.escape(str(tmp_path))} and \d+\.\d GB are free; "
        "choose another --root",
        str(caught.value),
    )


def written(folder: Path, content: dict[str, str]) -> Path:
    for name, text in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def content_of(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}


VAL = {"Annotations/bear/0.png": "old", "ImageSets/val.txt": "bear", "meta.json": "old", "dataset.json": "old"}


def test_a_folder_that_is_assembled_takes_the_place_of_another(tmp_path: Path) -> None:
    written(tmp_path / "masks" / "bear", {"0.png": "old", "1.png": "old"})
    with files.assembling(tmp_path / "masks" / "bear") as partial:
        written(partial, {"0.png": "new"})
    assert content_of(tmp_path) == {"masks/bear/0.png": "new"}


def test_a_split_is_merged_into_what_is_there_with_its_list_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = written(tmp_path / "bears", VAL)
    (home / "Annotations/bear/1.png").write_text("old")
    moved: list[str] = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda path, to: moved.append(path.name) or replace(path, to))
    with files.merging(home) as partial:
        written(partial, {**dict.fromkeys(VAL, "new"), "Annotations/cub/0.png": "new"})
    assert content_of(home) == {**dict.fromkeys(VAL, "new"), "Annotations/cub/0.png": "new"}
    assert sorted(moved[:3]) == ["bear", "cub", "meta.json"]
    assert moved[3:] == ["val.txt", "dataset.json"]


def test_a_split_that_fails_leaves_what_is_there(tmp_path: Path) -> None:
    home = written(tmp_path / "bears", VAL)
    with pytest.raises(ZeroDivisionError), files.merging(home) as partial:
        1 / len(content_of(written(partial, {})))
    assert content_of(tmp_path) == {f"bears/{name}": text for name, text in VAL.items()}


def test_the_known_answer_of_sha256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert hash_file_sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


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
