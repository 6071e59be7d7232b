"""Compare the time of `vosbench fetch --from` with that of `tar x` or `unzip` for the same archive on the same disk.

    python benchmarks/fetch.py                              print the tables; --markdown: as in docs/datasets.md
    python benchmarks/fetch.py --form zip --frames 100000   only some forms of archives, more frames

The archives are made here: videos of 100 different JPEGs of about 50 kB, in the layouts of two publishers: MOSE's with
masks of first frames only, and DAVIS's with all masks, which must be decoded to find the objects.

Whole processes are measured from start to exit; CPU is the user and system time of a process and of its children.
Normalising is what follows the hash of the archive. Before each run the archive is read into memory and pending writes
are flushed. Each round runs the tool and the fetch, so that other load on the machine affects both; then the files of
both are compared by name and size, and deleted.

Exit status 1 if a file differs or the goal is missed. Linux only. Everything is written to a temporary folder.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import shutil
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from evaluate import Command, Usage

# The measured command imports this file, too, so modules that it does not need are imported where they are used.

GOAL = 1.3  # times the seconds of the plain tool
LENGTH = 100  # frames of a video
SIZE = (480, 854)
DRAWN = 32  # different pictures
ROOM = 3.5  # disk space in sizes of the archive: itself, unpacked twice, and a reserve
MARKS = "VOSBENCH_FETCH_MARKS"  # the variable with the path of the file to which a command writes its marks
PARTS = ("start", "hash", "read", "write", "count", "end")
FOLDERS = ("JPEGImages", "Annotations")


class Case(NamedTuple):
    """An archive. form: its suffix. all_masks: whether every frame has a mask, or only the first one of a video."""

    form: str
    all_masks: bool

    @property
    def name(self) -> str:
        """The name in the tables."""
        return f"{self.form}, {'all' if self.all_masks else 'first'} masks"

    @property
    def tool(self) -> str:
        """The program that unpacks the archive."""
        return "unzip" if self.form == "zip" else "tar x"


CASES = (Case("tar.gz", False), Case("tar", False), Case("zip", False), Case("zip", True))


class Mark(NamedTuple):
    """The end of a part of a command: the time, and the CPU seconds so far."""

    part: str
    at: float
    cpu: float


class Round(NamedTuple):
    """A run of the tool, a run of the fetch, and the marks of the fetch; the first mark is its start."""

    tool: Usage
    fetch: Usage
    marks: Sequence[Mark]

    @property
    def parts(self) -> list[float]:
        """Wall-clock seconds of each of PARTS."""
        return [mark.at - before.at for before, mark in pairwise(self.marks)]

    @property
    def normalising(self) -> tuple[float, float]:
        """Wall-clock and CPU seconds."""
        hashed = self.marks[PARTS.index("hash") + 1]
        return self.marks[-1].at - hashed.at, self.fetch.cpu - hashed.cpu


@cache
def jpegs() -> list[bytes]:
    """Pictures of about 50 kB: blurred noise with some grain."""
    import numpy as np
    from PIL import Image

    dice, found = np.random.default_rng(0), []
    for _ in range(DRAWN):
        coarse = Image.fromarray(dice.integers(0, 256, (15, 27, 3), np.uint8))
        smooth = np.asarray(coarse.resize(SIZE[::-1], Image.Resampling.BICUBIC), np.float32)
        grain = dice.normal(0, 4, (*SIZE, 1)).astype(np.float32)
        buffer = io.BytesIO()
        Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=75)
        found.append(buffer.getvalue())
    return found


def commented(jpeg: bytes, text: str) -> bytes:
    """A JPEG with a comment in it."""
    return jpeg[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2) + text.encode() + jpeg[2:]


@cache
def pngs() -> list[bytes]:
    """Label maps of three discs."""
    import numpy as np

    from vosbench.masks.labels import encode_labels

    dice, (rows, columns) = np.random.default_rng(1), np.ogrid[: SIZE[0], : SIZE[1]]
    found = []
    for _ in range(DRAWN):
        labels = np.zeros(SIZE, np.uint8)
        for label, (row, column, radius) in enumerate(dice.integers((80, 80, 30), (400, 770, 75), (3, 3)), 1):
            labels[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] = label
        found.append(encode_labels(labels))
    return found


def content(case: Case, frames: int) -> Iterator[tuple[str, bytes]]:
    """The files of an archive, in a publisher's layout: path and content."""
    pictures, masks = jpegs(), pngs()
    videos = [f"v{number:05}" for number in range(-(-frames // LENGTH))]
    top, size = ("DAVIS", "480p/") if case.all_masks else ("valid", "")
    if case.all_masks:
        yield f"{top}/ImageSets/2017/train.txt", "".join(f"{video}\n" for video in videos).encode()
    for index in range(frames):
        name = f"{videos[index // LENGTH]}/{index % LENGTH:05}"
        yield f"{top}/JPEGImages/{size}{name}.jpg", commented(pictures[index % DRAWN], name)
        if case.all_masks or not index % LENGTH:
            yield f"{top}/Annotations/{size}{name}.png", masks[index * 7 % DRAWN]


def pack(archive: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write an archive with the fastest compression of its form, because JPEGs hardly shrink."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
            for name, data in files:
                packed.writestr(name, data)
        return
    gzipped = archive.suffix == ".gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) if gzipped else tarfile.open(archive, "w") as tar:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def command() -> None:
    """Run `vosbench` and mark the ends of the parts of a fetch."""
    import runpy

    from vosbench.fetching import fetch, normalise, write

    between(fetch, "gather_files", "start", "hash")
    between(normalise, "check_space", None, "read")
    between(write, "inspect_videos", "write", "count")
    runpy.run_module("vosbench", run_name="__main__", alter_sys=True)


def between(module: Any, name: str, before: str | None, after: str) -> None:
    """Wrap a function of a module: its call marks the end of the part `before`, its return that of the part `after`."""
    function: Callable[..., Any] = getattr(module, name)

    def marked(*given: Any) -> Any:
        if before:
            mark(before)
        result = function(*given)
        mark(after)
        return result

    setattr(module, name, marked)


def mark(part: str) -> None:
    """Write a mark: a part has ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    now = Mark(part, time.time(), sum(each.ru_utime + each.ru_stime for each in used))
    with Path(os.environ[MARKS]).open("a") as file:
        file.write(json.dumps(now) + "\n")


def go(case: Case, archive: Path, folder: Path) -> Round:
    """Run the tool and the fetch once. Ends the benchmark if one fails, or if their files differ."""
    from evaluate import measure

    cores, plain, root, marks = len(os.sched_getaffinity(0)), folder / "plain", folder / "root", folder / "marks"
    unpack: Command = ["unzip", "-q", archive, "-d", plain]
    if case.form != "zip":
        unpack = ["tar", "-xf", archive, "-C", plain]
    meta = folder / "meta_valid.json"  # without it MOSE's would be downloaded
    meta.write_text('{"videos": {}}')
    given = ["davis2017", "--split", "train"] if case.all_masks else ["mosev1", "--from", meta]
    own = [sys.executable, "-c", "import fetch; fetch.command()", "fetch", *given, "--from", archive, "--root", root]
    plain.mkdir()
    settle(archive)
    tool = measure(unpack, cores)
    settle(archive)
    os.environ[MARKS] = str(marks)
    marks.unlink(missing_ok=True)
    mark("command")
    fetched = measure([*own, "--quiet"], cores)
    mark("end")
    if differing := images(plain) ^ images(root):
        sys.exit(f"{case.name}: {len(differing)} files of {case.tool} and of the fetch differ, as {min(differing)}")
    for made in (plain, root):
        shutil.rmtree(made)
    return Round(tool, fetched, [Mark(*json.loads(line)) for line in marks.read_text().splitlines()])


def settle(archive: Path) -> None:
    """Read an archive into the page cache, and flush pending writes."""
    with archive.open("rb") as file:
        while file.read(2**20):
            pass
    os.sync()


def images(folder: Path) -> set[tuple[str, str, str, int]]:
    """The frames and masks below a folder: their kind, video, name and size in bytes."""
    return {
        (kind, path.parent.name, path.name, path.stat().st_size)
        for kind in FOLDERS
        for top in folder.rglob(kind)
        for path in top.rglob("*.*")
    }


def rows(case: Case, frames: int, rounds: Sequence[Round]) -> Iterator[list[str]]:
    """The rows of the table about an archive."""
    from scale import spread

    tool = [each.tool for each in rounds]
    for name, runs in (
        (case.tool, [(each.wall, each.cpu) for each in tool]),
        ("vosbench fetch", [(each.fetch.wall, each.fetch.cpu) for each in rounds]),
        ("- its normalising", [each.normalising for each in rounds]),
    ):
        wall, cpu = zip(*runs, strict=True)
        times = [spread(ratios(wall, [each.wall for each in tool])), spread(ratios(cpu, [each.cpu for each in tool]))]
        yield [f"{case.name}: {name}", spread(wall), spread(cpu), f"{frames / median(wall):.0f}", *times]


def ratios(seconds: Sequence[float], others: Sequence[float]) -> list[float]:
    """The ratio of each round."""
    return [mine / theirs for mine, theirs in zip(seconds, others, strict=True)]


def compare(case: Case, frames: int, repeat: int, scratch: Path) -> list[Round]:
    """Make an archive and run all rounds with it."""
    with TemporaryDirectory(dir=scratch) as name:
        folder = Path(name)
        archive = folder / f"{'train' if case.all_masks else 'valid'}.{case.form}"
        pack(archive, content(case, frames))
        if (free := shutil.disk_usage(folder).free) < (needed := (ROOM - 1) * archive.stat().st_size):
            sys.exit(
                f"{scratch}: {needed / 1e9:.1f} GB more are needed and {free / 1e9:.1f} GB free; give another --under"
            )
        return [go(case, archive, folder) for _ in range(repeat)]


def main() -> int:
    from evaluate import conditions
    from scale import met, prepare_environment, show, spread

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    forms = list(dict.fromkeys(case.form for case in CASES))
    parser.add_argument("--form", choices=forms, action="append", help="only archives of this form; may be repeated")
    parser.add_argument("--frames", type=int, default=20_000, help="of each archive (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="rounds (default: %(default)s)")
    parser.add_argument("--under", type=Path, help="where the temporary folder is made, and so the disk")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    options = parser.parse_args()
    print(*conditions({}), sep="\n", flush=True)
    table = [["archive", "wall s", "CPU s", "frames/s", "wall, times the tool's", "CPU, times the tool's"]]
    parts = [["seconds of a fetch", *PARTS]]
    worst = 0.0
    with TemporaryDirectory(prefix="vosbench-", dir=options.under) as scratch:
        prepare_environment(Path(scratch))
        for case in (case for case in CASES if case.form in (options.form or forms)):
            compare(case, 1, 1, Path(scratch))  # compiles our bytecode, as pip does for a user
            before = os.getloadavg()[0]
            rounds = compare(case, options.frames, options.repeat, Path(scratch))
            print(f"{case.name}: load {before:.1f} before, {os.getloadavg()[0]:.1f} after", flush=True)
            table += rows(case, options.frames, rounds)
            parts.append([case.name, *map(spread, zip(*(each.parts for each in rounds), strict=True))])
            mine, others = [each.normalising[0] for each in rounds], [each.tool.wall for each in rounds]
            worst = max(worst, median(ratios(mine, others)))
    print(f"{options.frames} frames an archive; median of {options.repeat} (least to most)")
    show(table, options.markdown)
    show(parts, options.markdown)
    return 0 if met("the seconds of normalising, times the tool's", worst, GOAL) else 1


if __name__ == "__main__":
    sys.exit(main())
