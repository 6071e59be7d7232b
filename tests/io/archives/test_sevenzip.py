"""7z: what is in it, what is refused, and that it is unpacked once."""

from __future__ import annotations

import io
import random
import shutil
import sys
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import py7zr
import pytest

from vosbench.errors import VosbenchError
from vosbench.io.archives import safety
from vosbench.io.archives.members import save_all
from vosbench.io.archives.open import open_members

FILES = {
    "train/JPEGImages/dog/00000.jpg": random.Random(0).randbytes(3000),
    "train/Annotations/dog/00000.png": random.Random(1).randbytes(700),
    "train/meta.json": b"{}",
    "train/empty.txt": b"",
}
LITTER = {"__MACOSX/train/._meta.json": b"litter", "train/.DS_Store": b"litter"}

LIMIT = 2**20


def pack(path: Path, files: Mapping[str, bytes], **options: object) -> Path:
    with py7zr.SevenZipFile(path, "w", **options) as archive:  # type: ignore[arg-type]
        for name, content in files.items():
            archive.writef(io.BytesIO(content), name)
    return path


def contents(source: Path, scratch: Path) -> dict[str, bytes]:
    with open_members([source], scratch) as members:
        return {str(member.name): member.read() for member in members}


def refusal(source: Path) -> str:
    scratch = source.parent / "scratch"
    with pytest.raises(VosbenchError) as caught:
        contents(source, scratch)
    assert not list(scratch.glob("*"))
    message = str(caught.value)
    assert message.startswith(f"{source}: ")
    assert "\n" not in message
    return message


def renamed(path: Path, old: str, new: str) -> Path:
    """The archive with another name in its directory, which py7zr would not write."""
    content = path.read_bytes()
    changed = content[32:].replace(old.encode("utf-16-le"), new.encode("utf-16-le"))
    assert changed != content[32:]
    size = int.from_bytes(content[20:28], "little")
    where = content[12:28] + zlib.crc32(changed[-size:]).to_bytes(4, "little")
    path.write_bytes(content[:8] + zlib.crc32(where).to_bytes(4, "little") + where + changed)
    return path


def pack_plainly(path: Path, files: Mapping[str, bytes]) -> Path:
    """An archive whose directory is not compressed."""
    with py7zr.SevenZipFile(path, "w") as archive:
        archive.set_encoded_header_mode(False)
        for name, content in files.items():
            archive.writef(io.BytesIO(content), name)
    return path


def test_the_files_are_there_and_no_litter(tmp_path: Path) -> None:
    source = pack(tmp_path / "train.7z", {**LITTER, **FILES})
    with open_members([source], tmp_path / "scratch") as members:
        assert {str(member.name): member.read() for member in members} == FILES
        assert [member.size for member in members] == [len(content) for content in FILES.values()]
        unpacked = [path for path in (tmp_path / "scratch").rglob("*") if path.is_file()]
        assert sorted(path.read_bytes() for path in unpacked) == sorted(FILES.values())
    assert not any((tmp_path / "scratch").iterdir())


def test_members_are_links_to_what_was_unpacked(tmp_path: Path) -> None:
    with open_members([pack(tmp_path / "train.7z", FILES)], tmp_path / "scratch") as members:
        list(save_all([(member, tmp_path / "new" / member.name) for member in members]))
        assert all((tmp_path / "new" / member.name).stat().st_nlink == 2 for member in members)
    assert contents(tmp_path / "new", tmp_path) == FILES


def test_an_archive_of_several_blocks_and_methods_is_read(tmp_path: Path) -> None:
    source = pack(tmp_path / "train.7z", dict(list(FILES.items())[:2]), filters=[{"id": py7zr.FILTER_COPY}])
    with py7zr.SevenZipFile(source, "a", filters=[{"id": py7zr.FILTER_BZIP2}]) as archive:
        for name, content in list(FILES.items())[2:]:
            archive.writef(io.BytesIO(content), name)
    assert contents(source, tmp_path / "scratch") == FILES


def test_what_a_killed_process_left_in_scratch_is_not_looked_at(tmp_path: Path) -> None:
    source = pack(tmp_path / "train.7z", FILES)
    with open_members([source], tmp_path / "scratch"):
        shutil.copytree(tmp_path / "scratch", tmp_path / "left")
    for file in (tmp_path / "left").rglob("?"):
        file.write_bytes(b"half")
    assert contents(source, tmp_path / "left") == FILES


def test_scratch_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with open_members([pack(Path("train.7z"), FILES)], Path("scratch")) as members:
        assert {str(member.name): member.read() for member in members} == FILES
        assert all(member.file_on_disk and member.file_on_disk.is_relative_to("scratch") for member in members)


def test_without_scratch_it_is_refused(tmp_path: Path) -> None:
    source = pack(tmp_path / "train.7z", FILES)
    with (
        pytest.raises(VosbenchError, match=r"train\.7z: has to be unpacked before it can be read"),
        open_members([source]),
    ):
        pytest.fail("members were handed out")


@pytest.mark.parametrize("name", ["train.7z", "train.bin", "train.7z.001"])
def test_without_py7zr_the_error_names_the_extra_to_install(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = pack(tmp_path / name, FILES)
    monkeypatch.setitem(sys.modules, "py7zr", None)
    message = refusal(source)
    assert message.startswith(f"{source}: the package py7zr, which reads 7z archives, is not installed (")
    assert message.endswith('; run: pip install "vosbench[7z]"')


def test_py7zr_is_not_imported_for_other_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    monkeypatch.setitem(sys.modules, "py7zr", None)
    assert contents(tmp_path / "a.zip", tmp_path / "scratch") == {"a.txt": b"a"}


@pytest.mark.parametrize(
    ("name", "flaw"),
    [
        ("../../evil", "leads out of its folder"),
        ("/etc/passwd", "has an absolute path"),
        ("C:/evil/xx", "has an absolute path"),
        ("a\\..\\..\\ev", "leads out of its folder"),  # py7zr reads a backslash as a slash
    ],
)
def test_names_that_could_write_elsewhere_are_refused(tmp_path: Path, name: str, flaw: str) -> None:
    stand_in = "x" * len(name)
    source = renamed(pack_plainly(tmp_path / "a.7z", {**FILES, stand_in: b"evil"}), stand_in, name)
    assert f"entry {name.replace(chr(92), '/')!r} {flaw}" in refusal(source)


def test_two_entries_of_one_name_are_refused(tmp_path: Path) -> None:
    source = pack(tmp_path / "a.7z", {"train/a.txt": b"1", "Train/A.txt": b"2"})
    assert "entry 'Train/A.txt' has the name of another entry, 'train/a.txt'" in refusal(source)


def test_links_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    with py7zr.SevenZipFile(tmp_path / "a.7z", "w") as archive:
        archive.write(tmp_path / "link", "link")
    assert "entry 'link' is a link" in refusal(tmp_path / "a.7z")


def test_bombs_are_refused_before_anything_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safety, "SMALL_ARCHIVE_BYTES", LIMIT)
    assert f"entry 'bomb' unpacks to {LIMIT + 1} bytes" in refusal(pack(tmp_path / "a.7z", {"bomb": bytes(LIMIT + 1)}))
    parts = {f"{part}.bin": bytes(LIMIT // 16) for part in range(17)}
    assert "makes the archive unpack to too much: a bomb" in refusal(pack(tmp_path / "b.7z", parts))


@pytest.mark.parametrize("options", [{}, {"header_encryption": True}])
def test_what_is_encrypted_is_refused(tmp_path: Path, options: dict[str, bool]) -> None:
    assert "is encrypted; " in refusal(pack(tmp_path / "a.7z", FILES, password="secret", **options))


@pytest.mark.parametrize("part", [0.01, 0.3, 0.6, 0.99])
def test_an_archive_that_is_cut_off_is_damaged(tmp_path: Path, part: float) -> None:
    source = pack(tmp_path / "a.7z", FILES)
    size = source.stat().st_size
    source.write_bytes(source.read_bytes()[: int(part * size)])
    message = refusal(source)
    assert "is damaged or cannot be read" in message
    assert message.endswith("; delete it and download it again")
    assert f"{int(part * size)} of {size} bytes are there" in message or part < 0.1


def test_a_changed_byte_is_harmless_or_noticed(tmp_path: Path) -> None:
    source = pack(tmp_path / "a.7z", FILES)
    assert contents(source, tmp_path / "scratch") == FILES
    raw = source.read_bytes()
    dice = random.Random(4)
    noticed = 0
    for _ in range(150):
        position = dice.randrange(len(raw))
        source.write_bytes(raw[:position] + bytes([raw[position] ^ 1 << dice.randrange(8)]) + raw[position + 1 :])
        try:
            found = contents(source, tmp_path / "scratch")
        except VosbenchError:
            noticed += 1
        else:
            assert found == FILES
    assert noticed > 75
