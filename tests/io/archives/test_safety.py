"""Archives that could do harm are refused: names, links, bombs."""

from __future__ import annotations

import gzip
import random
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.archives import FILES, contents, pack, pack_tar, pack_zip, refusal
from vosbench.io.archives import safety

LIMIT = 4 * 2**20


@pytest.fixture(autouse=True)
def _a_smaller_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a bomb is packed in milliseconds."""
    monkeypatch.setattr(safety, "SMALL_ARCHIVE_BYTES", LIMIT)


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
        assert f"entry {twin!r} has the name of another entry, 'DAVIS/a.txt'" in refusal(source)


def test_a_file_that_is_a_folder_elsewhere_is_refused(tmp_path: Path) -> None:
    source = pack_zip(tmp_path / "a.zip", ("DAVIS/a", b"1"), ("DAVIS/A/b", b"2"))
    assert "entry 'DAVIS/A' is both a file and a folder" in refusal(source)


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
    assert f"entry 'DAVIS/link' {flaw}" in refusal(pack_tar(tmp_path / "a.tar", *FILES.items(), (info, b"")))


@pytest.mark.parametrize(("mode", "flaw"), [(0o120777, "is a link"), (0o020666, "is a device")])
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, mode: int, flaw: str) -> None:
    info = zipfile.ZipInfo("DAVIS/link")
    info.external_attr = mode << 16
    assert f"entry 'DAVIS/link' {flaw}" in refusal(pack_zip(tmp_path / "a.zip", (info, b"/etc/passwd")))


def test_a_member_that_explodes_is_refused(tmp_path: Path) -> None:
    noise = random.Random(3).randbytes(LIMIT // 16)
    source = pack_zip(tmp_path / "a.zip", ("noise", noise), ("bomb", bytes(LIMIT + 1)))
    assert f"entry 'bomb' unpacks to {LIMIT + 1} bytes from" in refusal(source)


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_many_small_members_that_explode_together_are_refused(tmp_path: Path, kind: str) -> None:
    bomb = {f"{part}.bin": bytes(LIMIT // 16) for part in range(17)}
    assert "a bomb" in refusal(pack(tmp_path, kind, bomb))


def test_many_headers_without_members_are_refused(tmp_path: Path) -> None:
    folder = tarfile.TarInfo("folder")
    folder.type = tarfile.DIRTYPE
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(folder.tobuf() * (LIMIT // 512 + 1)))
    assert f"unpacks to more than {LIMIT} bytes: a bomb" in refusal(tmp_path / "a.tar.gz")


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


def test_what_is_wrong_in_an_inner_archive_is_refused(tmp_path: Path) -> None:
    inner = pack_zip(tmp_path / "inner.zip", ("../evil", b"evil"))
    source = pack_zip(tmp_path / "a.zip", ("train/inner.zip", inner.read_bytes()))
    message = refusal(source, "/train/inner.zip")
    assert "a.zip/train/inner.zip: entry '../evil' leads out of its folder" in message
    source = pack_zip(tmp_path / "a.zip", ("train/inner.zip", b"<html>"))
    assert "neither a folder nor a zip" in refusal(source, "/train/inner.zip")


def test_an_archive_two_archives_deep_is_refused(tmp_path: Path) -> None:
    innermost = pack(tmp_path, "zip", FILES).read_bytes()
    inner = pack(tmp_path, "tar.gz", {"b/innermost.zip": innermost}).read_bytes()
    source = pack_zip(tmp_path / "a.zip", ("a.txt", b"a"), ("a/inner.tar.gz", inner))
    message = refusal(source, "/a/inner.tar.gz")
    assert "entry 'b/innermost.zip' lies two archives deep" in message
    assert message.endswith("; if you trust it, unpack it by hand and give the folder instead")


def test_bombs_are_not_multiplied_by_nesting(tmp_path: Path) -> None:
    inner = pack(tmp_path, "zip", {"zeros": bytes(LIMIT // 2)}).read_bytes()
    assert contents(pack(tmp_path, "tar", {"1/a.zip": inner})) == {"1/zeros": bytes(LIMIT // 2)}
    assert "a bomb" in refusal(pack(tmp_path, "tar", {f"{n}/a.zip": inner for n in range(3)}), "/1/a.zip")
