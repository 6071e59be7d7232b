"""The progress of runs, event by event: for a person as a live table or as plain lines, for programs as JSON lines.

Only the command line uses this.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from vosbench.cli import console
from vosbench.errors import VosbenchError

if TYPE_CHECKING:
    from vosbench.running.attempts import Event

BAR_WIDTH = 24  # columns
STDERR = Path("-")


@dataclass
class _WorkerRow:
    """A worker in the live table, and the video that it is at, by the index of its run and its name, if any."""

    device: str
    key: tuple[int, str] | None = None
    frame: int = 0
    start: float = 0.0


class TrackingProgress(AbstractContextManager["TrackingProgress"]):
    """Progress of runs: a live table with a row a worker on a terminal, a line a video elsewhere."""

    def __init__(self, title: str, lengths: Mapping[tuple[int, str], int]) -> None:
        """lengths: the frames of every video, by the index of its run and its name."""
        self.title = title
        self.frame_counts = lengths
        self.start = time.monotonic()
        self.rows: list[_WorkerRow] = []
        self.finished_frames, self.ended_videos = 0, 0
        self.live = Live(console=console.notes, get_renderable=self.table)

    def __enter__(self) -> TrackingProgress:
        if console.notes.is_terminal:
            self.live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.rows = []  # what stays on the screen are the totals
        self.live.stop()

    def __call__(self, event: Event) -> None:
        """Show what happened."""
        if self.title:
            console.print_note(self.title)
            self.title = ""
        key = (event.item.run, event.video)
        if event.kind == "started":
            row = next((row for row in self.rows if row.device == event.device and not row.key), None)
            if not row:
                self.rows.append(row := _WorkerRow(event.device))
            row.key, row.frame, row.start = key, 0, time.monotonic()
            return
        row = next(row for row in self.rows if row.key == key)
        row.frame = event.frame
        if event.kind != "frame":
            row.key, row.frame = None, 0
            self._end(event, key)

    def _end(self, event: Event, key: tuple[int, str]) -> None:
        if event.kind == "retry":
            console.print_note(f"{event.video}: {event.error}")
            return
        self.ended_videos += 1
        self.finished_frames += self.frame_counts[key]
        told = f"[{self.ended_videos}/{len(self.frame_counts)}] {event.video}"
        if event.kind == "failed":
            console.print_note(f"{told} failed: {event.error}")
        elif not console.notes.is_terminal and event.record:
            left = self._left(self.finished_frames)
            eta = f", {left} left" if left else ""
            console.print_note(
                f"{told} done: {event.record.frames} frames, {event.record.fps:.1f} fps, {event.device}{eta}"
            )

    def table(self) -> Table:
        """What is going on at this moment."""
        grid = Table(box=None, pad_edge=False, show_edge=False, header_style="dim")
        for column in ("device", "video", "", "frames", "fps", "left"):
            grid.add_column(column, justify="right" if column in ("frames", "fps", "left") else "left", no_wrap=True)
        for row in list(self.rows):  # of another thread, which goes on meanwhile
            self._add(grid, row.device, row.key, row.frame, time.monotonic() - row.start)
        done = self.finished_frames + sum(row.frame for row in self.rows)
        total, seconds = sum(self.frame_counts.values()), time.monotonic() - self.start
        bar = ProgressBar(total, done, width=BAR_WIDTH)
        videos = f"{self.ended_videos}/{len(self.frame_counts)} videos"
        grid.add_row("in all", videos, bar, f"{done}/{total}", f"{done / seconds:.1f}", self._left(done))
        return grid

    def _add(self, grid: Table, device: str, key: tuple[int, str] | None, frame: int, seconds: float) -> None:
        if key is None:
            grid.add_row(device, "-")
            return
        frames, video = self.frame_counts[key], Text(key[1])
        grid.add_row(
            device, video, ProgressBar(frames, frame, width=BAR_WIDTH), f"{frame}/{frames}", f"{frame / seconds:.1f}"
        )

    def _left(self, done: int) -> str:
        """The time for the frames that are not done, at the speed so far; nothing if that is not known or all are."""
        left = sum(self.frame_counts.values()) - done
        return format_duration(left * (time.monotonic() - self.start) / done) if left and done else ""


def format_duration(seconds: float) -> str:
    """A time as minutes and seconds."""
    return f"{int(seconds // 60)}:{int(seconds % 60):02}"


class EventLog(AbstractContextManager["EventLog"]):
    """Events for programs: one JSON object a line, in a file that goes on where it ended, or on standard error."""

    def __init__(self, path: Path, runs: Sequence[Path]) -> None:
        """path: `-` is standard error. runs: the runs in work. Raises VosbenchError if it cannot be written."""
        self.path, self.runs = path, runs
        try:
            self.file = sys.stderr if path == STDERR else path.open("a", buffering=1, encoding="utf-8")
        except OSError as error:
            raise self._unwritable(error) from None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.file is not sys.stderr:
            with suppress(OSError):  # what could not be written was said before
                self.file.close()

    def __call__(self, event: Event) -> None:
        """Write down what happened, and when."""
        entry = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "kind": event.kind,
            "run": str(self.runs[event.item.run]),
            "video": event.video,
            "device": event.device,
            "frame": event.frame,
            **({"record": asdict(event.record)} if event.record else {}),
            **({"error": event.error} if event.error else {}),
        }
        try:
            self.file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> VosbenchError:
        return VosbenchError(f"--json-log {self.path}: cannot be written ({error.strerror}); choose another file")


@contextmanager
def follow_runs(
    title: str, lengths: Mapping[tuple[int, str], int], runs: Sequence[Path], log: Path | None = None
) -> Iterator[Callable[[Event], None]]:
    """What takes the events of runs: it shows them, and writes them to `log`; if that is standard error, only there.

    lengths: the frames of every video, by the index of its run and its name.
    """
    if log == STDERR:
        console.silence_notes()
    with ExitStack() as stack:
        takers: list[Callable[[Event], None]] = [stack.enter_context(EventLog(log, runs))] if log else []
        takers.append(stack.enter_context(TrackingProgress(title, lengths)))

        def take(event: Event) -> None:
            for taker in takers:
                taker(event)

        yield take
