"""Pack a few files into archives of every kind, and read what an archive holds or why it is refused."""

from __future__ import annotations

import io
import random
import tarfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from vosbench.errors import VosbenchError
from vosbench.io.archives.open import open_members

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
    """Make a source of one kind from files; its name does not tell which kind."""
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
    """Return the message with which a source, or an archive inside it, is refused before any member is given."""
    with TemporaryDirectory() as scratch:
        with pytest.raises(VosbenchError) as caught, open_members([source], Path(scratch)):
            pytest.fail("members were handed out")
        assert list(Path(scratch).iterdir()) == []
    message = str(caught.value)
    assert message.startswith(f"{source}{inner}: ")
    assert "\n" not in message
    return message
