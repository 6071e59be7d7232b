"""Folders and archives: what is in them, and what is refused."""

from __future__ import annotations

import gzip
import io
import os
import random
import struct
import tarfile
import time
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import pytest

from vosbench.errors import VosbenchError
from vosbench.io.archives.members import Member, save_all
from vosbench.io.archives.open import open_members
from vosbench.io.archives.safety import SMALL_ARCHIVE_BYTES

FILES = {
    "DAVIS/JPEGImages/dog/00000.jpg": random.Random(0).randbytes(3000),
    "DAVIS/Annotations/dog/00000.png": random.Random(1).randbytes(700),
    "DAVIS/ImageSets/val.txt": b"dog\n",
}
LITTER = dict.fromkeys(["DAVIS/.DS_Store", "__MACOSX/DAVIS/._00000.jpg", "DAVIS/._x", "DAVIS/Thumbs.db"], b"litter")
KINDS = ["folder", "zip", "tar", "tar.gz", "tar.bz2", "tar.xz"]


def pack_zip(path: Path, *entries: tuple[zipfile.ZipInfo | str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(path, "w", method) as archive:
        for entry, content in entries:
            archive.writestr(entry, content)
    return path


def pack_tar(path: Path, *entries: tuple[tarfile.TarInfo | str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for entry, content in entries:
            info = tarfile.TarInfo(entry) if isinstance(entry, str) else entry
            if info.isreg():
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def pack(folder: Path, kind: str, files: Mapping[str, bytes]) -> Path:
    """The files as a source of one kind, whose name does not tell which."""
    path = folder / f"source-{kind.replace('.', '-')}"
    if kind == "zip":
        return pack_zip(path, *files.items())
    if kind != "folder":
        return pack_tar(path, *files.items(), mode=kind.replace("tar", "w").replace(".", ":"))
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def contents(*sources: Path) -> dict[str, bytes]:
    with TemporaryDirectory() as scratch, open_members(sources, Path(scratch)) as members:
        return {str(member.name): member.read() for member in members}


def refusal(source: Path, inner: str = "") -> str:
    """The one line with which a source is refused, or an archive in it, before any member is handed out."""
    with TemporaryDirectory() as scratch:
        with pytest.raises(VosbenchError) as caught, open_members([source], Path(scratch)):
            pytest.fail("members were handed out")
        assert list(Path(scratch).iterdir()) == []
    message = str(caught.value)
    assert message.startswith(f"{source}{inner}: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_source_holds_the_files_and_no_litter(tmp_path: Path, kind: str) -> None:
    source = pack(tmp_path, kind, {**LITTER, **FILES})
    with open_members([source], tmp_path / "scratch") as members:
        assert {str(member.name): member.read() for member in members} == FILES
        assert {str(member.name): member.size for member in members} == {k: len(v) for k, v in FILES.items()}
        assert all(isinstance(member.name, PurePosixPath) for member in members)
        if kind != "folder":
            assert [str(member.name) for member in members] == list(FILES)


@pytest.mark.parametrize("kind", KINDS)
def test_members_are_saved_where_they_are_wanted(tmp_path: Path, kind: str) -> None:
    with open_members([pack(tmp_path, kind, FILES)], tmp_path / "scratch") as members:
        for member in members:
            member.save(tmp_path / "new" / member.name)
    assert contents(tmp_path / "new") == FILES
    assert sum(path.is_file() for path in (tmp_path / "new").rglob("*")) == len(FILES)


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


@pytest.mark.parametrize("size", [0, SMALL_ARCHIVE_BYTES + 1])
def test_empty_and_large_members_are_read(tmp_path: Path, size: int) -> None:
    content = random.Random(2).randbytes(size)
    for source in (pack_zip(tmp_path / "a", ("x", content)), pack_tar(tmp_path / "b", ("x", content))):
        assert contents(source) == {"x": content}


def test_leading_dots_in_names_are_no_litter(tmp_path: Path) -> None:
    top = tarfile.TarInfo("./")
    top.type = tarfile.DIRTYPE
    assert contents(pack_tar(tmp_path / "a.tar", (top, b""), ("./DAVIS/a.txt", b"a"))) == {"DAVIS/a.txt": b"a"}


# Names


@pytest.mark.parametrize(
    ("name", "flaw"),
    [
        ("/etc/passwd", "has an absolute path"),
        ("C:/evil", "has an absolute path"),
        ("c:evil", "has an absolute path"),
        ("..\\evil", "has a backslash"),
        ("a/../../evil", "leads out"),
        ("..", "leads out"),
        ("a/../b", "leads out"),
        (".hidden/../../evil", "leads out"),
        ("a\nb", "has a backslash or a control character"),
        ("a/../", "leads out"),
    ],
)
def test_names_that_could_write_elsewhere_are_refused(tmp_path: Path, name: str, flaw: str) -> None:
    for source in (
        pack_zip(tmp_path / "a.zip", *FILES.items(), (name, b"evil")),
        pack_tar(tmp_path / "a.tar", *FILES.items(), (name, b"evil")),
    ):
        message = refusal(source)
        assert flaw in message
        assert repr(name.removesuffix("/")).strip("'") in message


def test_a_name_that_ends_at_a_zero_byte_is_refused(tmp_path: Path) -> None:
    path = pack_zip(tmp_path / "a.zip", ("good.txt-evil", b""))
    path.write_bytes(path.read_bytes().replace(b"good.txt-evil", b"good.txt\0evil"))
    assert "control character" in refusal(path)


@pytest.mark.parametrize("twin", ["DAVIS/a.txt", "davis/A.TXT", "DAVIS//a.txt", "./DAVIS/./a.txt"])
def test_two_entries_of_one_name_are_refused(tmp_path: Path, twin: str) -> None:
    entries = [("DAVIS/a.txt", b"1"), (twin, b"2")]
    for source in (pack_zip(tmp_path / "a.zip", *entries), pack_tar(tmp_path / "a.tar", *entries)):
        assert f"{twin!r} in it has the name of another entry, 'DAVIS/a.txt'" in refusal(source)


def test_a_file_that_is_a_folder_elsewhere_is_refused(tmp_path: Path) -> None:
    source = pack_zip(tmp_path / "a.zip", ("DAVIS/a", b"1"), ("DAVIS/A/b", b"2"))
    assert "'DAVIS/A' in it is both a file and a folder" in refusal(source)


# Links and devices


@pytest.mark.parametrize(
    ("kind", "flaw"),
    [
        (tarfile.SYMTYPE, "is a link"),
        (tarfile.LNKTYPE, "is a link"),
        (tarfile.CHRTYPE, "is a device"),
        (tarfile.BLKTYPE, "is a device"),
        (tarfile.FIFOTYPE, "is a device"),
    ],
)
@pytest.mark.parametrize("target", ["/etc/passwd", "../x", "DAVIS/ImageSets/val.txt"])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes, target: str, flaw: str) -> None:
    info = tarfile.TarInfo("DAVIS/link")
    info.type, info.linkname = kind, target
    assert f"'DAVIS/link' in it {flaw}" in refusal(pack_tar(tmp_path / "a.tar", *FILES.items(), (info, b"")))


@pytest.mark.parametrize(("mode", "flaw"), [(0o120777, "is a link"), (0o020666, "is a device")])
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, mode: int, flaw: str) -> None:
    info = zipfile.ZipInfo("DAVIS/link")
    info.external_attr = mode << 16
    assert f"'DAVIS/link' in it {flaw}" in refusal(pack_zip(tmp_path / "a.zip", (info, b"/etc/passwd")))


# Bombs


def test_a_member_that_explodes_is_refused(tmp_path: Path) -> None:
    noise = random.Random(3).randbytes(2**20)
    source = pack_zip(tmp_path / "a.zip", ("noise", noise), ("bomb", bytes(SMALL_ARCHIVE_BYTES + 1)))
    assert f"'bomb' in it unpacks to {SMALL_ARCHIVE_BYTES + 1} bytes from" in refusal(source)


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_many_small_members_that_explode_together_are_refused(tmp_path: Path, kind: str) -> None:
    bomb = {f"{part}.bin": bytes(2**20) for part in range(SMALL_ARCHIVE_BYTES // 2**20 + 1)}
    assert "a bomb" in refusal(pack(tmp_path, kind, bomb))


def test_many_headers_without_members_are_refused(tmp_path: Path) -> None:
    folder = tarfile.TarInfo("folder")
    folder.type = tarfile.DIRTYPE
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(folder.tobuf() * (SMALL_ARCHIVE_BYTES // 512 + 1)))
    assert f"unpacks to more than {SMALL_ARCHIVE_BYTES} bytes: a bomb" in refusal(tmp_path / "a.tar.gz")


def test_a_header_that_claims_a_terabyte_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.size, info.type = 2**40, tarfile.XHDTYPE
    (tmp_path / "a.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    assert "a bomb" in refusal(tmp_path / "a.tar")


def test_a_header_with_a_negative_size_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.size = -1024
    (tmp_path / "a.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    assert "unpacks to -1024 bytes" in refusal(tmp_path / "a.tar")


def test_zip_entries_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    path = pack_zip(tmp_path / "a.zip", ("one", b"x" * 100), ("two", b"x" * 100))
    raw = path.read_bytes()
    second = raw.index(b"PK\3\4", 4)
    field = raw.rindex(struct.pack("<L", second), raw.index(b"PK\1\2"))
    path.write_bytes(raw[:field] + struct.pack("<L", 0) + raw[field + 4 :])
    assert "overlaps another entry" in refusal(path)


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
    assert message.endswith("; delete it and fetch it again")


def test_a_tar_that_is_cut_off_between_two_members_is_damaged(tmp_path: Path) -> None:
    source = pack_tar(tmp_path / "a.tar", ("a", bytes(512)), ("b", bytes(512)))
    source.write_bytes(source.read_bytes()[:1024])
    assert "its end is missing" in refusal(source)


def test_a_zip_member_with_a_wrong_checksum_is_damaged_and_leaves_no_file(tmp_path: Path) -> None:
    path = pack_zip(tmp_path / "a.zip", ("a.txt", b"right"), method=zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"right", b"wrong"))
    with open_members([path], tmp_path / "scratch") as (member,):
        with pytest.raises(VosbenchError, match=r"'a\.txt' in it is damaged .* fetch it again"):
            member.read()
        with pytest.raises(VosbenchError, match=r"'a\.txt' in it is damaged .* fetch it again"):
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
    assert f"'a.txt' in it is {flaw}" in refusal(tmp_path / "a.zip")


def test_a_source_that_is_missing_is_named(tmp_path: Path) -> None:
    assert "no such file or folder" in refusal(tmp_path / "gone.zip")


# Folders


def test_a_folder_s_files_are_linked_and_not_copied(tmp_path: Path) -> None:
    source = pack(tmp_path, "folder", FILES)
    with open_members([source], tmp_path / "scratch") as members:
        members[0].save(tmp_path / "new.jpg")
    assert (tmp_path / "new.jpg").samefile(source / members[0].name)


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
    with pytest.raises(VosbenchError, match="cannot be read in place"), open_members([pack(tmp_path, "tar.gz", FILES)]):
        pytest.fail("members were handed out")


def test_what_is_wrong_in_an_inner_archive_is_refused(tmp_path: Path) -> None:
    inner = pack_zip(tmp_path / "inner.zip", ("../evil", b"evil"))
    source = pack_zip(tmp_path / "a.zip", ("train/inner.zip", inner.read_bytes()))
    message = refusal(source, "/train/inner.zip")
    assert "a.zip/train/inner.zip: '../evil' in it leads out of its folder" in message
    source = pack_zip(tmp_path / "a.zip", ("train/inner.zip", b"<html>"))
    assert "neither a folder nor a zip" in refusal(source, "/train/inner.zip")


def test_archives_nested_too_deeply_are_refused(tmp_path: Path) -> None:
    files = FILES
    for depth in range(4):
        source = pack(tmp_path, "zip", files)
        if depth < 3:
            assert contents(source) == FILES
        files = {"inner.zip": source.read_bytes()}
    assert "'inner.zip' in it lies 3 archives deep" in refusal(source, "/inner.zip/inner.zip")


def test_bombs_are_not_multiplied_by_nesting(tmp_path: Path) -> None:
    inner = pack(tmp_path, "zip", {"zeros": bytes(SMALL_ARCHIVE_BYTES // 2)}).read_bytes()
    assert contents(pack(tmp_path, "tar", {"1/a.zip": inner})) == {"1/zeros": bytes(SMALL_ARCHIVE_BYTES // 2)}
    assert "a bomb" in refusal(pack(tmp_path, "tar", {f"{n}/a.zip": inner for n in range(3)}), "/1/a.zip")


# Saving


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


def test_reading_a_compressed_tar_in_order_is_not_quadratic(tmp_path: Path) -> None:
    def seconds(count: int) -> float:
        entries = ((f"{number}.jpg", random.Random(number).randbytes(4096)) for number in range(count))
        source = pack_tar(tmp_path / "a.tar.gz", *entries, mode="w:gz")
        began = time.process_time()
        assert len(contents(source)) == count
        return time.process_time() - began

    assert seconds(2000) < 20 * seconds(250)  # 8 if linear, 64 if quadratic


# Saving all


@pytest.mark.parametrize("kind", KINDS)
def test_all_members_are_saved_at_once(tmp_path: Path, kind: str) -> None:
    files = {f"video{number % 7}/{number:05}.jpg": random.Random(number).randbytes(number) for number in range(300)}
    with open_members([pack(tmp_path, kind, files)], tmp_path / "scratch") as members:
        assert all(member.read_in_parallel for member in members)
        done = list(save_all([(member, tmp_path / "new" / member.name) for member in members]))
    assert done == sorted(done)
    assert done[-1] == 300
    assert contents(tmp_path / "new") == files


def test_members_that_are_not_apart_are_saved_in_order(tmp_path: Path) -> None:
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
        pytest.raises(VosbenchError, match=r"'b\.txt' in it is damaged .* fetch it again"),
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
