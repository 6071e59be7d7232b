"""Show the progress of runs as a live table or as plain lines, and write their events to a log of JSON lines."""

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
from vosbench.io.wording import count_of

if TYPE_CHECKING:
    from vosbench.running.attempts import Event

BAR_WIDTH = 24  # columns
STDERR = Path("-")  # the value of --json-log that means standard error


@dataclass
class _WorkerRow:
    """A worker in the live table. key: the video that it tracks, as (index of the run, name), or None if it is idle."""

    device: str
    key: tuple[int, str] | None = None
    frame: int = 0
    start: float = 0.0


class TrackingProgress(AbstractContextManager["TrackingProgress"]):
    """Progress of runs: a live table with one row per worker on a terminal, one line per video elsewhere."""

    def __init__(self, title: str, lengths: Mapping[tuple[int, str], int]) -> None:
        """title: printed before the first event. lengths: (index of the run, video) -> number of frames."""
        self.title = title
        self.frame_counts = dict(lengths)
        self.start = time.monotonic()
        self.rows: list[_WorkerRow] = []
        self.finished_frames, self.ended_videos = 0, 0
        self.live = Live(console=console.notes.console, get_renderable=self.table)

    def __enter__(self) -> TrackingProgress:
        if console.notes.is_terminal:
            self.live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.rows = []  # only the totals stay on the screen
        self.live.stop()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if self.title:
            console.print_note(self.title)
            self.title = ""
        key = (event.item.run, event.video)
        self.frame_counts.setdefault(key, event.item.frames)  # its masks were there, but were not whole
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
        line = f"[{self.ended_videos}/{len(self.frame_counts)}] {event.video}"
        if event.kind == "failed":
            console.print_note(f"{line} failed: {event.error}")
        elif not console.notes.is_terminal and event.record:
            left = self._estimate_time_left(self.finished_frames)
            eta = f", {left} left" if left else ""
            frames = count_of(event.record.frames, "frame")
            console.print_note(f"{line} done: {frames}, {event.record.fps:.1f} fps, {event.device}{eta}")

    def table(self) -> Table:
        """Return the live table as of now."""
        grid = Table(box=None, pad_edge=False, show_edge=False, header_style="dim")
        for column in ("device", "video", "", "frames", "fps", "left"):
            grid.add_column(column, justify="right" if column in ("frames", "fps", "left") else "left", no_wrap=True)
        for row in list(self.rows):  # a copy, because another thread adds rows meanwhile
            self._add_worker(grid, row.device, row.key, row.frame, time.monotonic() - row.start)
        done = self.finished_frames + sum(row.frame for row in self.rows)
        total, seconds = sum(self.frame_counts.values()), time.monotonic() - self.start
        bar = ProgressBar(total, done, width=BAR_WIDTH)
        videos = f"{self.ended_videos}/{count_of(len(self.frame_counts), 'video')}"
        grid.add_row("total", videos, bar, f"{done}/{total}", f"{done / seconds:.1f}", self._estimate_time_left(done))
        return grid

    def _add_worker(self, grid: Table, device: str, key: tuple[int, str] | None, frame: int, seconds: float) -> None:
        if key is None:
            grid.add_row(device, "-")
            return
        frames, video = self.frame_counts[key], Text(key[1])
        grid.add_row(
            device, video, ProgressBar(frames, frame, width=BAR_WIDTH), f"{frame}/{frames}", f"{frame / seconds:.1f}"
        )

    def _estimate_time_left(self, done: int) -> str:
        """The time for the remaining frames at the speed so far; empty if no frame or every frame is done."""
        left = sum(self.frame_counts.values()) - done
        return format_duration(left * (time.monotonic() - self.start) / done) if left and done else ""


def format_duration(seconds: float) -> str:
    """Format a time as minutes and seconds, such as 75:09."""
    return f"{int(seconds // 60)}:{int(seconds % 60):02}"


class EventLog(AbstractContextManager["EventLog"]):
    """Events as one JSON object per line, appended to a file or written to standard error."""

    def __init__(self, path: Path, runs: Sequence[Path]) -> None:
        """path: STDERR or a file. runs: the paths of the runs by index. Raises VosbenchError if it is not writable."""
        self.path, self.runs = path, runs
        try:
            self.file = sys.stderr if path == STDERR else path.open("a", buffering=1, encoding="utf-8")
        except OSError as error:
            raise self._make_write_error(error) from None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.file is not sys.stderr:
            with suppress(OSError):  # an error in writing was raised before
                self.file.close()

    def __call__(self, event: Event) -> None:
        """Write an event with the current time. Raises VosbenchError if that fails."""
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
            raise self._make_write_error(error) from None

    def _make_write_error(self, error: OSError) -> VosbenchError:
        return VosbenchError(f"--json-log {self.path}", f"cannot be written ({error.strerror})", "choose another file")


@contextmanager
def follow_runs(
    title: str, lengths: Mapping[tuple[int, str], int], runs: Sequence[Path], log: Path | None = None
) -> Iterator[Callable[[Event], None]]:
    """Give a function that shows each event and writes it to `log`. If `log` is STDERR, nothing else is shown.

    title: printed before the first event. lengths: (index of the run, video) -> number of frames. runs: their paths.
    """
    if log == STDERR:
        console.silence_notes()
    with ExitStack() as stack:
        followers: list[Callable[[Event], None]] = [stack.enter_context(EventLog(log, runs))] if log else []
        followers.append(stack.enter_context(TrackingProgress(title, lengths)))

        def follow(event: Event) -> None:
            for follower in followers:
                follower(event)

        yield follow
