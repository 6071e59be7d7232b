"""A run's masks, whoever makes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.runs import GOOD, masks, tracked
from vosbench.datasets.split import open_split
from vosbench.io import paths
from vosbench.running.attempts import Event
from vosbench.running.infer import infer_jobs
from vosbench.running.job import prepare_job


def test_any_number_of_workers_gives_the_same_masks(tmp_path: Path, bears: Path) -> None:
    found = [masks(tracked(bears, tmp_path / gpus, gpus=gpus).run.path) for gpus in ("cpu", "cpu,cpu", "cpu,cpu,cpu")]
    assert len(found[0]) == 24
    assert found[0] == found[1] == found[2]


@pytest.mark.slow
def test_after_memory_ran_out_a_video_is_tried_alone_on_its_device(tmp_path: Path, bears: Path) -> None:
    """And without leaner settings where those of the run are the leanest that there are."""
    tree = open_split(str(bears), None, tmp_path)
    settings = {"modest": True, "room": str(tmp_path / "room")}
    job = prepare_job(paths.Roots(), tree, "failing_trackers:Greedy", None, settings, tmp_path / "out")
    events: list[Event] = []
    infer_jobs([job], ["cpu"] * 3, on_event=events.append)
    found = [(event.kind, event.video) for event in events if event.kind in ("started", "done")]
    assert found[-2:] == [("started", "bad"), ("done", "bad")]
    assert {video for kind, video in found[:-2] if kind == "done"} == GOOD
    (retry,) = [event.error for event in events if event.kind == "retry"]
    assert retry.endswith("; the video is tried again after all others (attempt 2 of 2)")
    assert job.work.run.read_records()["bad"].leaner == {}


@pytest.mark.slow
def test_what_a_killed_worker_has_written_is_gone_before_its_video_waits_again(tmp_path: Path, bears: Path) -> None:
    """Or `status` would show the video as in work."""
    tree = open_split(str(bears), None, tmp_path)
    job = prepare_job(paths.Roots(), tree, "failing_trackers:Killed", None, {"memo": str(tmp_path)}, tmp_path / "out")
    seen: list[list[str]] = []

    def look(event: Event) -> None:
        if event.kind == "retry":
            seen.append([path.name for path in (tmp_path / "out/masks").glob(f".{event.video}.*.partial")])

    infer_jobs([job], ["cpu"], on_event=look)
    assert seen == [[], []]
