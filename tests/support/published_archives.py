"""The folders, archives and volumes in which publishers offer the files of clips."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path

import py7zr

from tests.support.published_clips import Clip

Files = dict[str, bytes]

LITTER = {
    "__MACOSX/DAVIS/JPEGImages/480p/dog/._00000.jpg": b"\0\5\x16\7",
    ".DS_Store": b"\0\0\0\1Bud1",
}


def tree(clips: Iterable[Clip], frames: str, masks: str, suffix: str = "jpg") -> Files:
    """The files of clips in a publisher's folders."""
    files: Files = {}
    for clip in clips:
        files |= {f"{frames}/{clip.name}/{stem}.{suffix}": content or b"" for stem, content in clip.frames.items()}
        files |= {f"{masks}/{clip.name}/{path}.png": content or b"" for path, content in clip.masks.items()}
    return files


def just(folder: str, files: Files) -> Files:
    """The files below the folders of a name."""
    return {name: content for name, content in files.items() if f"/{folder}/" in name}


def listed(videos: Iterable[str]) -> bytes:
    return "".join(f"{video}\n" for video in videos).encode()


def saved(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def unpacked(folder: Path, files: Files) -> Path:
    for name, content in files.items():
        saved(folder / name, content)
    return folder


def zipped(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, files: Files) -> Path:
    """A tar whose members are read-only, gzipped if its name says so."""
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o444
            archive.addfile(info, io.BytesIO(content))
    return path


def sevenzipped(path: Path, files: Files, volumes: int) -> list[Path]:
    """A 7z archive in volumes `.001`, `.002`, ..."""
    with py7zr.SevenZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(content, name)
    return cut(path, volumes, ".{:03}".format)


def cut(path: Path, volumes: int, suffix: Callable[[int], str]) -> list[Path]:
    """A file cut into volumes, which take its place."""
    content = path.read_bytes()
    path.unlink()
    size = -(-len(content) // volumes)
    return [
        saved(path.with_name(path.name + suffix(number)), content[start : start + size])
        for number, start in zip(count(1), range(0, len(content), size), strict=False)
    ]
