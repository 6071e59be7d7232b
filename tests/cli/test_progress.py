"""The live table of a run."""

from __future__ import annotations

from rich.console import Console

from vosbench.cli.progress import TrackingProgress
from vosbench.running.attempts import Event
from vosbench.running.record import Record
from vosbench.running.schedule import RunVideo


def test_the_live_table_has_a_row_a_worker_and_the_totals() -> None:
    tracking = TrackingProgress("", {(0, "bear"): 8, (1, "bear"): 4, (0, "dog"): 4})
    first, second, third = RunVideo(0, "bear", 8, 1), RunVideo(1, "bear", 4, 1), RunVideo(0, "dog", 4, 1)
    for event in (
        Event("started", first, "0"),
        Event("started", second, "0"),
        Event("frame", first, "0", 5),
        Event("done", second, "0", 4, Record("bear", "done", 4)),
    ):
        tracking(event)
    assert lines(tracking)[1:3] == ["0 bear 5/8", "0 -"]
    tracking(Event("started", third, "0"))
    assert lines(tracking)[1:] == ["0 bear 5/8", "0 dog 0/4", "total 1/3 videos 9/16"]


def lines(tracking: TrackingProgress) -> list[str]:
    """The live table as words, without bars, speeds and times."""
    console = Console(width=100)
    with console.capture() as captured:
        console.print(tracking.table())
    words = [line.split() for line in captured.get().splitlines()]
    return [" ".join(word for word in line if not set(word) & set("━╸╺.:")) for line in words]
