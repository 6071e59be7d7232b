"""Runs that older versions left on disk can be read, and continue."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.golden import opened, squares
from tests.support.runs import tracked
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.masks.labels import encode_labels
from vosbench.running.infer import infer_jobs
from vosbench.running.job import prepare_job
from vosbench.running.recipe import describe_mixture
from vosbench.running.run import Run
from vosbench.running.status import read_status

MACHINE = {
    "host": "vm",
    "system": "Linux 6.18.44-fc-v657 x86_64",
    "processor": "AMD EPYC",
    "gpus": [],
    "device": "cpu",
    "command": "vosbench infer --dataset bears --tracker static --gpus cpu --videos good --out out",
    "started": "2026-11-21T19:29:55+00:00",
}
DIGEST = "454ffc4e5a583c38b8e38f5fe45150cdf6e03d1bbeec892c1510c23add35b67a"
RUN_JSON = {
    "tracker": "static",
    "tracker_object": "vosbench.trackers.static:Static",
    "settings": {},
    "all_settings": {"prompts": "first"},
    "checkpoint": None,
    "checkpoint_path": None,
    "checkpoint_sha256": None,
    "dataset": "bears",
    "dataset_path": "BEARS",
    "given_at": "BEARS",
    "split": "val",
    "rules": "davis2017",
    "seed": 0,
    "card_sha256": "46e7d1a77d3f9995e40fe4bc5b4914637c8902279646cb7f37fca43d790c6f57",
    "dataset_sources": {},
    "tracker_sha256": "faef24a285ff74de54014fe7763da248cecc4673cff51e14a2b6bdad8cbb02ea",
    "code_sha256": {"vosbench": "2039371bb6ab2da0b0319c1251a26fd5b3626eda9bd3faccc0fb9f867f89c147"},
    "versions": {"vosbench": "0.1.0", "python": "3.11.7", "numpy": "2.4.6"},
    "git": None,
    **MACHINE,
    "updated": "2026-11-21T19:29:55+00:00",
    "shards": [{"shard": "1/1", "videos": ["good"], **MACHINE, "ended": "2026-11-21T19:29:55+00:00"}],
    "videos": {"good": {"state": "done", "frames": 5, "objects": 1, "attempts": 1, "digest": DIGEST}},
}
MAKES = {
    "tracker": "static",
    "settings": {},
    "checkpoint_sha256": None,
    "dataset": "bears",
    "given_at": "BEARS",
    "split": "val",
    "rules": "davis2017",
}
NOTE = {"shard": "1/1", "makes": MAKES, "videos": ["good"], **MACHINE, "ended": "2026-11-21T19:29:55+00:00"}
KILLED_NOTE = {**NOTE, "videos": ["good", "bad"], "ended": None}
PROGRESS = {"seconds": 1.0, "frames": 3, "left": 5, "at": [{"device": "cpu", "video": "bad", "frame": 3, "frames": 6}]}
RECORD = {
    "video": "good",
    "state": "done",
    "frames": 5,
    "objects": 1,
    "seconds": 0.02,
    "fps": 247.59,
    "peak_memory_mb": 50.6,
    "peak_gpu_memory_mb": 0.0,
    "device": "cpu",
    "attempts": 1,
    "digest": DIGEST,
    "leaner": {},
    "error": "",
}
"""All of these as 25024ba wrote them; BEARS stands for the folder of the dataset."""


def old_run(bears: Path, note: dict[str, object]) -> Run:
    run = Run(bears.parent / "old")
    files = {"run.json": RUN_JSON, ".shards/1-of-1.json": note, ".videos/good.json": RECORD}
    for name, content in {**files, ".shards/1-of-1.now": PROGRESS}.items():
        (run.path / name).parent.mkdir(parents=True, exist_ok=True)
        (run.path / name).write_text(json.dumps(content, indent=1).replace("BEARS", str(bears)))
    (run.path / "masks/good").mkdir(parents=True)
    for index in range(5):
        (run.path / f"masks/good/{index:05}.png").write_bytes(encode_labels(squares((1, 6, 4))))
    return run


def test_an_old_run_is_read_and_continued(bears: Path) -> None:
    run = old_run(bears, NOTE)
    assert run.read_facts()["videos"] == RUN_JSON["videos"]
    assert [(shard.state, shard.done, shard.videos) for shard in read_status(run).shards] == [("ended", 1, 1)]
    outcome = tracked(bears, run.path)
    assert (outcome.skipped, len(outcome.done)) == (("good",), 3)
    facts = run.read_facts()
    assert facts["videos"]["good"] == {"state": "done", "frames": 5, "objects": 1, "attempts": 1, "digest": DIGEST}
    assert {video["state"] for video in facts["videos"].values()} == {"done"}


def test_what_made_the_masks_of_an_old_run_is_said_to_be_unknown(bears: Path) -> None:
    """And what its run.json said of them is kept, not replaced by what made the others."""
    run, notes = old_run(bears, NOTE), []
    job = prepare_job(paths.Roots(), opened(bears), "static", out=run.path)
    infer_jobs([job], ["cpu"], on_note=notes.append)
    (note,) = notes
    assert note.startswith(
        f"{run.path}: what made the masks of 1 of 1 video was not recorded for each video (an older version of "
        "vosbench tracked them), so whether the tracker has changed since cannot be known; since the last command of "
        "that version: the tracker's file has changed, the code of vosbench has changed"
    )
    facts = run.read_published()
    assert facts["tracker_sha256"] is None
    assert facts["recipes"]["unrecorded"]["facts"]["tracker_sha256"] == RUN_JSON["tracker_sha256"]
    assert describe_mixture(facts) == "its masks differ in what made them: of 1 of 4 videos it was not recorded"


def test_an_old_run_with_other_weights_is_not_continued(bears: Path) -> None:
    run = old_run(bears, {**NOTE, "makes": {**MAKES, "checkpoint_sha256": "abc"}})
    with pytest.raises(VosbenchError, match=r"the checkpoint is gone since 1 of 4 videos were tracked"):
        tracked(bears, run.path)


def test_an_old_run_that_was_killed_is_stopped_and_continued(bears: Path) -> None:
    run = old_run(bears, KILLED_NOTE)
    (shard,) = read_status(run).shards
    assert (shard.state, shard.done, shard.videos, shard.fps) == ("stopped", 1, 2, None)
    assert tracked(bears, run.path).skipped == ("good",)
    assert read_status(run).is_over


def test_an_old_run_is_not_continued_by_another_tracker(bears: Path) -> None:
    run = old_run(bears, NOTE)
    with pytest.raises(VosbenchError, match=r"holds another run .tracker 'static', now 'flow'"):
        tracked(bears, run.path, "flow")
    (run.path / ".shards/1-of-1.json").unlink()
    with pytest.raises(VosbenchError, match=r"holds another run .tracker 'static', now 'flow'"):
        tracked(bears, run.path, "flow")
