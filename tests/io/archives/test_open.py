"""Folders and archives: what is in them, and what is refused."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from tests.support.archives import FILES, KINDS, LITTER, contents, pack, pack_tar, pack_zip, refusal
from vosbench.errors import VosbenchError
from vosbench.io.archives import safety, tar
from vosbench.io.archives.open import open_members


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_source_holds_the_files_and_no_litter(tmp_path: Path, kind: str) -> None:
    source = pack(tmp_path, kind, {**LITTER, **FILES})
    with open_members([source], tmp_path / "scratch") as members:
        assert {str(member.name): member.read() for member in members} == FILES
        assert {str(member.name): member.size for member in members} == {k: len(v) for k, v in FILES.items()}
        assert all(isinstance(member.name, PurePosixPath) for member in members)
        if kind != "folder":
            assert [str(member.name) for member in members] == list(FILES)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_zip_method_of_the_library_is_read(tmp_path: Path, method: int) -> None:
    assert contents(pack_zip(tmp_path / "a.zip", *FILES.items(), method=method)) == FILES


def test_several_sources_are_read_together_and_may_share_names(tmp_path: Path) -> None:
    first = pack_zip(tmp_path / "trainval.zip", ("DAVIS/README.md", b"1"), ("DAVIS/a.txt", b"a"))
    second = pack_tar(tmp_path / "test.tar", ("DAVIS/README.md", b"2"))
    with open_members([first, second], tmp_path / "scratch") as members:
        assert [(member.source, str(member.name), member.read()) for member in members] == [
            (first, "DAVIS/README.md", b"1"),
            (first, "DAVIS/a.txt", b"a"),
            (second, "DAVIS/README.md", b"2"),
        ]


@pytest.mark.parametrize("size", [0, 2**20 + 1])
def test_empty_and_large_members_are_read(tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safety, "SMALL_ARCHIVE_BYTES", 2**20)
    content = random.Random(2).randbytes(size)
    for source in (pack_zip(tmp_path / "a", ("x", content)), pack_tar(tmp_path / "b", ("x", content))):
        assert contents(source) == {"x": content}


def test_leading_dots_in_names_are_no_litter(tmp_path: Path) -> None:
    top = tarfile.TarInfo("./")
    top.type = tarfile.DIRTYPE
    assert contents(pack_tar(tmp_path / "a.tar", (top, b""), ("./DAVIS/a.txt", b"a"))) == {"DAVIS/a.txt": b"a"}


# Damage


@pytest.mark.parametrize("kind", KINDS[1:])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9, 0.99])
def test_an_archive_that_is_cut_off_is_damaged(tmp_path: Path, kind: str, part: float) -> None:
    noise = {f"{number}.jpg": random.Random(number).randbytes(5000) for number in range(20)}
    source = pack(tmp_path, kind, noise)
    end = 20 * (512 + 5120) if kind == "tar" else source.stat().st_size  # a tar is padded with zeros
    source.write_bytes(source.read_bytes()[: int(part * end)])
    message = refusal(source)
    assert "is damaged or cannot be read" in message
    assert message.endswith("; delete it and download it again")


def test_a_tar_that_is_cut_off_between_two_members_is_damaged(tmp_path: Path) -> None:
    source = pack_tar(tmp_path / "a.tar", ("a", bytes(512)), ("b", bytes(512)))
    source.write_bytes(source.read_bytes()[:1024])
    assert "its end is missing" in refusal(source)


def test_a_zip_member_with_a_wrong_checksum_is_damaged_and_leaves_no_file(tmp_path: Path) -> None:
    path = pack_zip(tmp_path / "a.zip", ("a.txt", b"right"), method=zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"right", b"wrong"))
    with open_members([path], tmp_path / "scratch") as (member,):
        with pytest.raises(VosbenchError, match=r"entry 'a\.txt' is damaged .* download it again"):
            member.read()
        with pytest.raises(VosbenchError, match=r"entry 'a\.txt' is damaged .* download it again"):
            member.save(tmp_path / "new" / "a.txt")
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_changed_byte_is_harmless_or_noticed(tmp_path: Path, kind: str) -> None:
    source = pack(tmp_path, kind, FILES)
    raw = source.read_bytes()
    dice = random.Random(4)
    noticed = 0
    for _ in range(150):
        position = dice.randrange(len(raw))
        source.write_bytes(raw[:position] + bytes([raw[position] ^ 1 << dice.randrange(8)]) + raw[position + 1 :])
        try:
            found = contents(source)
        except VosbenchError:
            noticed += 1
        else:
            assert sorted(found.values()) == sorted(FILES.values())
    assert noticed > 75


@pytest.mark.parametrize("content", [b"", b"x", b"<html>quota exceeded</html>", bytes(2048), b"Rar!\x1a\7\0" * 200])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    assert "neither a folder nor a zip, tar or 7z archive" in refusal(tmp_path / "a.zip")


def test_a_compressed_file_that_is_no_tar_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"no tar" * 1000))
    assert "is damaged or cannot be read" in refusal(tmp_path / "a.gz")


@pytest.mark.parametrize(("flag", "method", "flaw"), [(1, 8, "encrypted"), (0, 9, "packed by method 9")])
def test_a_zip_that_cannot_be_unpacked_here_is_refused(tmp_path: Path, flag: int, method: int, flaw: str) -> None:
    raw = bytearray(pack_zip(tmp_path / "a.zip", ("a.txt", b"secret")).read_bytes())
    directory = raw.index(b"PK\1\2")
    raw[directory + 8], raw[directory + 10] = flag, method
    (tmp_path / "a.zip").write_bytes(raw)
    assert f"entry 'a.txt' is {flaw}" in refusal(tmp_path / "a.zip")


def test_a_source_that_is_missing_is_named(tmp_path: Path) -> None:
    assert "no such file or folder" in refusal(tmp_path / "gone.zip")


# Folders


def test_linked_files_and_folders_in_a_folder_are_read(tmp_path: Path) -> None:
    real = pack(tmp_path, "folder", FILES)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "JPEGImages").symlink_to(real / "DAVIS" / "JPEGImages")
    (mine / "val.txt").symlink_to(real / "DAVIS" / "ImageSets" / "val.txt")
    assert list(contents(mine)) == ["JPEGImages/dog/00000.jpg", "val.txt"]
    with open_members([mine], tmp_path / "scratch") as members:
        members[1].save(tmp_path / "new.txt")
    assert not (tmp_path / "new.txt").is_symlink()
    assert (tmp_path / "new.txt").read_bytes() == b"dog\n"


def test_a_folder_that_holds_itself_is_read_once(tmp_path: Path) -> None:
    source = pack(tmp_path, "folder", FILES)
    (source / "DAVIS" / "again").symlink_to(source)
    (source / "DAVIS" / "here").symlink_to(".")
    assert contents(source) == FILES


def test_a_broken_link_in_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "frame.jpg").symlink_to("gone.jpg")
    with pytest.raises(VosbenchError, match=r"a/frame\.jpg: neither a file nor a folder, or a broken link"):
        contents(tmp_path / "a")


# Single files


@pytest.mark.parametrize("name", ["meta.json", "unseen_videos.txt", "sums.chk", "clip.mp4", "none"])
def test_a_single_file_that_is_no_archive_is_one_member(tmp_path: Path, name: str) -> None:
    content = b"" if name == "none" else b"<content of any kind>" * 100
    (tmp_path / name).write_bytes(content)
    assert contents(tmp_path / name) == {name: content}
    with open_members([tmp_path / name]) as (member,):
        member.save(tmp_path / "new" / name)
    assert (tmp_path / "new" / name).samefile(tmp_path / name)


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.7z", "a.7z.001", "a.rar", "a.json.gz"])
def test_a_page_that_is_called_an_archive_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"<html>quota exceeded</html>" * 100)
    assert "neither a folder nor a zip, tar or 7z archive" in refusal(tmp_path / name)


# Archives in archives


@pytest.mark.parametrize("outer", KINDS[1:])
@pytest.mark.parametrize("inner", KINDS[1:])
def test_the_files_of_an_archive_in_an_archive_lie_where_it_lies(tmp_path: Path, outer: str, inner: str) -> None:
    packed = pack(tmp_path, inner, {"JPEGImages/a.jpg": b"a" * 3000, "__MACOSX/x": b"litter"}).read_bytes()
    source = pack(tmp_path, outer, {"train/meta.json": b"{}", f"train/frames.{inner}": packed, "z.txt": b"z"})
    assert contents(source) == {"train/meta.json": b"{}", "train/JPEGImages/a.jpg": b"a" * 3000, "z.txt": b"z"}


def test_volumes_in_an_archive_are_one_archive(tmp_path: Path) -> None:
    packed = pack(tmp_path, "tar.gz", FILES).read_bytes()
    parts = {"train/x.tar.gz.ab": packed[1000:], "valid/x.tar.gz.aa": packed, "train/x.tar.gz.aa": packed[:1000]}
    with open_members([pack_zip(tmp_path / "a.zip", *parts.items())], tmp_path / "scratch") as members:
        found = [(str(member.source.relative_to(tmp_path)), str(member.name)) for member in members]
    assert found == [
        *(("a.zip/train/x.tar.gz.aa", f"train/{name}") for name in FILES),
        *(("a.zip/valid/x.tar.gz.aa", f"valid/{name}") for name in FILES),
    ]


def test_an_archive_in_a_folder_is_a_file(tmp_path: Path) -> None:
    source = pack(tmp_path, "folder", {"DAVIS/inner.zip": pack(tmp_path, "zip", FILES).read_bytes()})
    assert list(contents(source)) == ["DAVIS/inner.zip"]


def test_without_scratch_what_can_be_read_in_place_is_read(tmp_path: Path) -> None:
    inner = pack(tmp_path, "zip", FILES).read_bytes()
    with open_members([pack_zip(tmp_path / "a.zip", ("inner.zip", inner))]) as (member,):
        assert member.read() == inner
    with (
        pytest.raises(VosbenchError, match="has to be unpacked before it can be read"),
        open_members([pack(tmp_path, "tar.gz", FILES)]),
    ):
        pytest.fail("members were handed out")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("tar.")])
def test_a_compressed_tar_is_unpacked_only_once(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"{number}.jpg": random.Random(number).randbytes(4096) for number in range(50)}
    source = pack(tmp_path, kind, files)
    steps_back = []

    class Watched(io.BufferedReader):
        def seek(self, offset: int, whence: int = 0, /) -> int:
            steps_back.append(self.tell() - offset)
            return super().seek(offset, whence)

    def watch(unpack: Any) -> Any:
        return lambda stream: Watched(unpack(stream))

    monkeypatch.setattr(tar, "UNPACKERS", {magic: watch(unpack) for magic, unpack in tar.UNPACKERS.items()})
    assert contents(source) == files
    assert max(steps_back) <= tarfile.BLOCKSIZE  # going back further would unpack everything before it once more


def test_an_archive_of_no_interest_in_an_archive_stays_closed(tmp_path: Path) -> None:
    inner = pack(tmp_path, "tar.gz", FILES).read_bytes()
    source = pack_zip(tmp_path / "a.zip", ("all/train.tar.gz", b"not even an archive"), ("all/valid.tar.gz", inner))
    with open_members([source], tmp_path / "scratch", closed={"train.tar.gz", "a.zip"}) as members:
        assert [str(member.name) for member in members] == [f"all/{name}" for name in FILES]


@pytest.mark.parametrize("outer", ["zip", "tar"])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("tar.")])
def test_a_compressed_tar_in_an_archive_is_unpacked_without_a_copy_of_it(tmp_path: Path, outer: str, kind: str) -> None:
    inner = pack(tmp_path, kind, FILES).read_bytes()
    source = pack(tmp_path, outer, {f"valid.{kind}": inner})
    with open_members([source], tmp_path / "scratch") as members:
        unpacked = [path.read_bytes() for path in (tmp_path / "scratch").rglob("*") if path.is_file()]
        assert sorted(unpacked) == sorted(FILES.values())
        assert {str(member.name): member.read() for member in members} == FILES


def test_a_damaged_archive_in_an_archive_is_named_with_its_place(tmp_path: Path) -> None:
    inner = pack(tmp_path, "tar.gz", FILES).read_bytes()
    source = pack_zip(tmp_path / "a.zip", ("all/valid.tar.gz", inner[:-9]), method=zipfile.ZIP_STORED)
    assert "is damaged" in refusal(source, "/all/valid.tar.gz")
