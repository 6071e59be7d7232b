"""Volumes: what belongs together, what is missing, and the bytes of all as one stream."""

from __future__ import annotations

import os
import random
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import py7zr
import pytest

from vosbench.errors import VosbenchError
from vosbench.io.archives.open import open_members
from vosbench.io.archives.volumes import Volumes, get_archive_name, group_volumes, is_archive

FILES = {f"train/JPEGImages/dog/{number:05}.jpg": random.Random(number).randbytes(3000) for number in range(5)}


def pack_zip(path: Path, files: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in FILES:
            archive.write(files / name, name)


def pack_tar(path: Path, files: Path) -> None:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        archive.add(files / "train", "train")


def pack_7z(path: Path, files: Path) -> None:
    with py7zr.SevenZipFile(path, "w") as archive:
        archive.writeall(files / "train", "train")


PACKERS: dict[str, Callable[[Path, Path], None]] = {
    "train.zip": pack_zip,
    "train.tar": pack_tar,
    "train.tar.gz": pack_tar,
    "train.7z": pack_7z,
}


def split(folder: Path, name: str, parts: list[str]) -> list[Path]:
    """The volumes of an archive of FILES, which does not exist in one piece."""
    for file, content in FILES.items():
        (folder / "files" / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / "files" / file).write_bytes(content)
    PACKERS[name](folder / name, folder / "files")
    raw = (folder / name).read_bytes()
    (folder / name).unlink()
    size = len(raw) // len(parts) + 1
    volumes = [folder / f"{name}.{part}" for part in parts]
    for position, volume in enumerate(volumes):
        volume.write_bytes(raw[position * size : (position + 1) * size])
    return volumes


def contents(folder: Path, *sources: Path) -> dict[str, bytes]:
    with open_members(sources, folder / "scratch") as members:
        return {str(member.name): member.read() for member in members}


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("parts", [["001", "002", "003"], ["000", "001"], ["aa", "ab", "ac"], ["001"]], ids="-".join)
def test_volumes_are_one_archive_whatever_their_order(tmp_path: Path, name: str, parts: list[str]) -> None:
    volumes = split(tmp_path, name, parts)
    assert contents(tmp_path, *reversed(volumes)) == FILES


@pytest.mark.parametrize("given", [0, 1, 2])
def test_volumes_that_lie_beside_a_single_one_belong_to_it(tmp_path: Path, given: int) -> None:
    volumes = split(tmp_path, "train.zip", ["001", "002", "003"])
    split(tmp_path, "train.tar", ["001"])
    assert contents(tmp_path, volumes[given]) == FILES


def test_volumes_in_several_folders_are_one_archive(tmp_path: Path) -> None:
    first, second = split(tmp_path, "train.zip", ["001", "002"])
    (tmp_path / "other").mkdir()
    assert contents(tmp_path, second.rename(tmp_path / "other" / second.name), first) == FILES


def test_volumes_have_the_place_and_the_name_of_the_first_one(tmp_path: Path) -> None:
    first, second = split(tmp_path, "train.zip", ["aa", "ab"])
    (tmp_path / "a.txt").write_bytes(b"a")
    (tmp_path / "b.txt").write_bytes(b"b")
    with open_members([tmp_path / "a.txt", second, tmp_path / "b.txt", first]) as members:
        assert [member.source for member in members] == [tmp_path / "a.txt", *[first] * 5, tmp_path / "b.txt"]


@pytest.mark.parametrize(
    ("names", "error"),
    [
        (["x.7z.001", "x.7z.003"], "x.7z.002: missing, although x.7z.003 is there"),
        (["x.7z.003", "x.7z.002"], "x.7z.001: missing, although x.7z.002 is there"),
        (["x.tar.gz.ab", "x.tar.gz.ac"], "x.tar.gz.aa: missing, although x.tar.gz.ab is there"),
        (
            ["x.zip.az", "x.zip.bb", *(f"x.zip.a{letter}" for letter in "abcdefghijklmnopqrstuvwxy")],
            "x.zip.ba: missing",
        ),
        (["x.7z.001", "x.7z.002", "x.7z.001"], "x.7z.001: given twice"),
    ],
)
def test_a_volume_that_is_missing_or_there_twice_is_named(names: list[str], error: str) -> None:
    with pytest.raises(VosbenchError, match=error):
        group_volumes([(name, name) for name in names])


@pytest.mark.parametrize("name", PACKERS)
def test_a_last_volume_that_is_missing_is_noticed(tmp_path: Path, name: str) -> None:
    *volumes, last = split(tmp_path, name, ["001", "002", "003"])
    last.unlink()
    with pytest.raises(VosbenchError, match=r"train\..*\.001: .*add its last volumes if they are missing"):
        contents(tmp_path, *volumes)


def test_a_first_volume_that_is_missing_is_named_before_anything_is_read(tmp_path: Path) -> None:
    first, second = split(tmp_path, "train.7z", ["001", "002"])
    first.unlink()
    with pytest.raises(VosbenchError, match=r"train\.7z\.001: missing, although train\.7z\.002 is there"):
        contents(tmp_path, second)


@pytest.mark.parametrize(
    ("name", "archive"),
    [
        ("train.7z.001", "train.7z"),
        ("train.tar.gz.aa", "train.tar.gz"),
        ("TRAIN.ZIP.010", "TRAIN.ZIP"),
        ("train.tar.gz", None),
        ("train.tar.xz", None),
        ("video.001", None),
        ("train.zip.2019", None),
        ("notes.txt.aa", None),
        ("sav_000.tar", None),
    ],
)
def test_a_volume_is_known_by_its_name(name: str, archive: str | None) -> None:
    assert get_archive_name(name) == archive


@pytest.mark.parametrize(
    ("name", "answer"), [("a.tgz", True), ("a.Zip", True), ("a.7z.001", True), ("a.csv.gz", False), ("zip", False)]
)
def test_an_archive_is_known_by_its_name(name: str, answer: bool) -> None:
    assert is_archive(name) == answer


@pytest.mark.parametrize("has_pread", [True, False])
def test_the_stream_is_the_files_one_after_the_other(
    tmp_path: Path, has_pread: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_pread:
        monkeypatch.delattr(os, "pread", raising=False)
    whole = random.Random(0).randbytes(1000)
    paths = [tmp_path / str(number) for number in range(5)]
    for path, (start, end) in zip(paths, [(0, 1), (1, 400), (400, 400), (400, 999), (999, 1000)], strict=True):
        path.write_bytes(whole[start:end])
    dice = random.Random(1)
    with ExitStack() as stack:
        volumes = Volumes(paths, stack)
        assert volumes.size == 1000
        assert volumes.open().read() == whole
        stream = volumes.open(100, 800)
        for _ in range(200):
            start, size = dice.randrange(900), dice.randrange(900)
            stream.seek(start)
            assert stream.read(size) == whole[100:900][start : start + size]
            assert stream.tell() == max(start, min(start + size, 800))
