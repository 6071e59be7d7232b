"""Check whether the masks of a video that is done are all there and whole, without decoding them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from vosbench.io.paths import is_litter
from vosbench.io.wording import count_of
from vosbench.masks.png import PNG_SIGNATURE
from vosbench.running.record import Record

PNG_END = b"IEND\xaeB`\x82"  # the last chunk of a PNG, without its length of 0, with its checksum


def find_mask_damage(masks: Path, record: Record, read: bool) -> str:
    """What is wrong with the masks of a video; empty if nothing is, as far as was looked.

    masks: the folder of the video. read: look at the beginning and the end of every file. Otherwise that is done only
    if the files do not have the size of which the record tells; where it does not tell, only empty files are found.
    """
    folders = list(_list_mask_files(os.fspath(masks)))
    if not any(folders) or any(0 < len(files) < record.frames for files in folders):
        fewest = min((len(files) for files in folders if files), default=0)
        return f"{fewest} of {count_of(record.frames, 'mask')} are there" if record.frames else ""
    sizes = {path: size for files in folders for path, size in sorted(files.items())}
    if read or (record.mask_bytes and sum(sizes.values()) != record.mask_bytes):
        damaged = (path for path in sizes if not _is_whole(path))
    else:
        damaged = (path for path, size in sizes.items() if not size)
    first = next(damaged, None)
    return f"{os.path.relpath(first, masks)} is {'cut off or no PNG' if sizes[first] else 'empty'}" if first else ""


def count_mask_bytes(masks: Path) -> int:
    """The size of all masks in the folder of a video together, in bytes."""
    return sum(size for files in _list_mask_files(os.fspath(masks)) for size in files.values())


def _list_mask_files(masks: str) -> Iterator[dict[str, int]]:
    """The paths of the masks in a video's folder, and in each folder below it, with their sizes in bytes.

    Paths as text, because a run can have 50,000 videos. A folder that does not exist, or that another process moves
    away meanwhile, has none.
    """
    folders, found = [], {}
    try:
        with os.scandir(masks) as entries:
            for entry in entries:
                if is_litter(entry.name):
                    continue
                if entry.is_dir():
                    folders.append(entry.path)
                elif entry.name.lower().endswith(".png"):
                    found[entry.path] = entry.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return
    yield found
    for folder in folders:
        yield from _list_mask_files(folder)


def _is_whole(path: str) -> bool:
    """Whether a file begins and ends as a PNG does."""
    with Path(path).open("rb") as file:
        begins = file.read(len(PNG_SIGNATURE)) == PNG_SIGNATURE
        file.seek(-min(os.fstat(file.fileno()).st_size, len(PNG_END)), os.SEEK_END)
        return begins and file.read() == PNG_END
