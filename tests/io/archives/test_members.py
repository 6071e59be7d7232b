"""Members of archives are saved whole, where they are wanted, and over nothing else."""

from __future__ import annotations

import io
import os
import random
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from tests.support.archives import FILES, KINDS, LITTER, contents, pack, pack_tar, pack_zip
from vosbench.errors import VosbenchError
from vosbench.io.archives.members import Member, save_all
from vosbench.io.archives.open import open_members


@pytest.mark.parametrize("kind", KINDS)
def test_members_are_saved_where_they_are_wanted(tmp_path: Path, kind: str) -> None:
    with open_members([pack(tmp_path, kind, FILES)], tmp_path / "scratch") as members:
        for member in members:
            member.save(tmp_path / "new" / member.name)
    assert contents(tmp_path / "new") == FILES
    assert sum(path.is_file() for path in (tmp_path / "new").rglob("*")) == len(FILES)


def test_a_folder_s_files_are_linked_and_not_copied(tmp_path: Path) -> None:
    source = pack(tmp_path, "folder", FILES)
    with open_members([source], tmp_path / "scratch") as members:
        members[0].save(tmp_path / "new.jpg")
    assert (tmp_path / "new.jpg").samefile(source / members[0].name)


def test_saving_replaces_a_file_and_never_writes_through_a_link(tmp_path: Path) -> None:
    original = tmp_path / "original"
    original.write_bytes(b"precious")
    os.link(original, tmp_path / "a.txt")
    os.link(original, tmp_path / f".a.txt.{os.getpid()}.partial")  # what a killed process can leave
    with open_members([pack_zip(tmp_path / "a.zip", ("a.txt", b"new"))], tmp_path / "scratch") as (member,):
        member.save(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_bytes() == b"new"
    assert original.read_bytes() == b"precious"


def test_saving_where_nothing_can_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        open_members([pack_zip(tmp_path / "a.zip", ("a.txt", b"new"))], tmp_path / "scratch") as (member,),
        pytest.raises(VosbenchError, match="cannot be written"),
    ):
        member.save(tmp_path / "file" / "a.txt")


@pytest.mark.parametrize("kind", KINDS)
def test_all_members_are_saved_at_once(tmp_path: Path, kind: str) -> None:
    files = {f"video{number % 7}/{number:05}.jpg": random.Random(number).randbytes(number) for number in range(300)}
    with open_members([pack(tmp_path, kind, files)], tmp_path / "scratch") as members:
        assert all(member.read_in_parallel for member in members)
        done = list(save_all([(member, tmp_path / "new" / member.name) for member in members]))
    assert done == sorted(done)
    assert done[-1] == 300
    assert contents(tmp_path / "new") == files


def test_members_that_cannot_be_read_in_parallel_are_saved_in_order(tmp_path: Path) -> None:
    opened = []

    def drawn(number: int) -> Member:
        def draw() -> io.BytesIO:
            opened.append(number)
            return io.BytesIO(bytes([number]))

        return Member(PurePosixPath(str(number)), 1, tmp_path, draw)

    assert list(save_all([(drawn(number), tmp_path / "new" / str(number)) for number in range(100)])) == [
        *range(1, 101)
    ]
    assert opened == list(range(100))
    assert contents(tmp_path / "new") == {str(number): bytes([number]) for number in range(100)}


def test_of_two_members_for_one_path_the_last_one_is_saved(tmp_path: Path) -> None:
    with open_members([pack_zip(tmp_path / "a.zip", ("1", b"first"), ("2", b"last"))]) as members:
        assert list(save_all([(member, tmp_path / "new" / "x") for member in members])) == [2]
    assert (tmp_path / "new" / "x").read_bytes() == b"last"


def test_saving_all_stops_at_a_damaged_member(tmp_path: Path) -> None:
    path = pack_zip(tmp_path / "a.zip", ("a.txt", b"right"), ("b.txt", b"other"), method=zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"other", b"wrong"))
    with (
        open_members([path]) as members,
        pytest.raises(VosbenchError, match=r"entry 'b\.txt' is damaged .* download it again"),
    ):
        list(save_all([(member, tmp_path / "new" / member.name) for member in members]))


def test_saving_all_never_writes_into_a_file_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"precious")
    with (
        open_members([pack_zip(tmp_path / "a.zip", ("a.txt", b"new"))]) as (member,),
        pytest.raises(VosbenchError, match=r"a\.txt: cannot be written \(File exists\)"),
    ):
        list(save_all([(member, tmp_path / "a.txt")]))
    assert (tmp_path / "a.txt").read_bytes() == b"precious"


def test_nothing_is_read_only_because_it_was_in_the_archive(tmp_path: Path) -> None:
    folder, file = tarfile.TarInfo("train"), tarfile.TarInfo("train/a.jpg")
    folder.type, folder.mode, file.mode = tarfile.DIRTYPE, 0o555, 0o444
    for mode in ("w", "w:gz"):
        source = pack_tar(tmp_path / "a.tar", (folder, b""), (file, b"a"), mode=mode)
        with open_members([source], tmp_path / "scratch") as (member,):
            list(save_all([(member, tmp_path / mode / member.name)]))
        assert (tmp_path / mode / "train").stat().st_mode & 0o200
        assert (tmp_path / mode / "train" / "a.jpg").stat().st_mode & 0o200


def test_a_compressed_tar_is_unpacked_once_and_linked(tmp_path: Path) -> None:
    with open_members([pack(tmp_path, "tar.gz", {**LITTER, **FILES})], tmp_path / "scratch") as members:
        assert sum(path.is_file() for path in (tmp_path / "scratch").rglob("*")) == len(FILES)
        list(save_all([(member, tmp_path / "new" / member.name) for member in members]))
        assert all((tmp_path / "new" / member.name).stat().st_nlink == 2 for member in members)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_name_that_is_not_utf8_is_refused_before_anything_is_saved_and_harmless_unless_saved(tmp_path: Path) -> None:
    source = pack_tar(tmp_path / "a.tar", ("a.txt", b"a"), ("b\udce4r.txt", b"b"))
    with open_members([source]) as (good, bad):
        with pytest.raises(VosbenchError) as caught:
            list(save_all([(good, tmp_path / "new" / good.name), (bad, tmp_path / "new" / bad.name)]))
        assert str(caught.value).startswith(f"{source}: entry 'b\\udce4r.txt' has a name that is not UTF-8; rename it")
        assert not (tmp_path / "new").exists()
        assert list(save_all([(good, tmp_path / "new" / good.name)])) == [1]
