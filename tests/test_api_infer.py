"""`vosbench.infer` runs what it is given: a name, a class, an object that is already built."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import failing_trackers
import numpy as np
import pytest

import vosbench
from tests.support.cli import make_environment
from tests.support.runs import GOOD, masks, tracked
from vosbench.datasets.split import open_split
from vosbench.errors import VosbenchError
from vosbench.running import infer
from vosbench.running.attempts import Event
from vosbench.running.capacity import Machine
from vosbench.trackers.static import Static
from vosbench.types import Masks, Video


def local_tracker() -> Any:
    """A class that no other process can import."""

    class Faint(Static):
        """Loses its objects in the last frames; `memo` as of `failing_trackers.Faulty`."""

        lean: ClassVar[dict[str, Any]] = {"modest": True}

        def __init__(self, device: str, lost: int = 1, fails: str = "", modest: bool = False) -> None:
            self.device, self.lost, self.fails, self.modest = device, lost, fails, modest

        def track(self, video: Video) -> Iterator[Masks]:
            if video.name == self.fails:
                raise RuntimeError("out of luck\nin two lines")
            if self.fails == "memory" and video.name == "bad" and not self.modest:
                raise MemoryError("no room")
            kept = len(video.frames) - self.lost
            for index, found in enumerate(super().track(video)):
                yield found if index < kept else {}

    return Faint


def run(bears: Path, tracker: Any, **options: Any) -> vosbench.Run:
    return vosbench.infer(bears, tracker, results=bears.parent / "results", **{"devices": "cpu", **options})


@pytest.mark.slow
def test_infer_returns_the_run_that_the_command_line_would_make(bears: Path) -> None:
    events: list[Event] = []
    made = run(bears, "static", devices=["cpu", "cpu"], on_event=events.append)
    assert made.path == bears.parent / "results/bears-val/static"
    assert repr(made) == f"Run('{made.path}')"
    assert masks(made.path) == masks(tracked(bears, bears.parent / "other").run.path)
    assert made.read_done_videos() == {*GOOD, "bad"}
    assert {event.kind for event in events} >= {"started", "done"}
    events.clear()
    assert run(bears, "static", on_event=events.append) == made
    assert events == []


@pytest.mark.slow
def test_a_class_that_can_be_imported_is_the_tracker_of_its_name(bears: Path) -> None:
    assert run(bears, Static) == run(bears, "static")
    made = run(bears, failing_trackers.Slow, settings={"seconds": 0}, videos=["good"])
    assert made.path.name == "failing_trackers.Slow+seconds=0.0"
    assert made == run(bears, "failing_trackers:Slow", settings={"seconds": 0.0}, videos=["good"])


def test_a_split_that_is_open_already_can_be_chosen_from(bears: Path) -> None:
    split = open_split(str(bears), None, bears.parent)
    made = vosbench.infer(split, Static, devices="cpu", results=bears.parent / "results", limit=2)
    assert made.read_done_videos() == {"good", "bad"}


@pytest.mark.slow
def test_a_class_that_cannot_be_imported_runs_in_this_process_and_continues(bears: Path) -> None:
    events: list[Event] = []
    made = run(bears, local_tracker(), videos=["good", "long"], settings={"lost": 0}, on_event=events.append)
    static = masks(tracked(bears, bears.parent / "other").run.path)
    assert made.path.name == "Faint+lost=0"
    assert masks(made.path) == {name: mask for name, mask in static.items() if "bad" not in name and "once" not in name}
    assert [event.kind for event in events] == ["started", *["frame"] * 8, "done", "started", *["frame"] * 5, "done"]
    assert {event.device for event in events} == {"cpu"}
    assert made.read_facts()["tracker_object"].endswith("local_tracker.<locals>.Faint")
    events.clear()
    run(bears, local_tracker(), settings={"lost": 0}, on_event=events.append)  # another class of the same source
    assert [event.video for event in events if event.kind == "done"] == ["bad", "once"]


def test_another_class_of_the_same_name_does_not_continue_a_run(bears: Path) -> None:
    made = run(bears, local_tracker(), videos=["good"])

    class Faint(Static):
        pass

    with pytest.raises(VosbenchError, match="the tracker's class or object changed"):
        run(bears, Faint, out=made.path)
    assert run(bears, Faint, out=made.path, overwrite=True).read_done_videos() == {*GOOD, "bad"}


@pytest.mark.slow
def test_an_object_that_is_built_runs_in_this_process_and_is_never_continued(bears: Path) -> None:
    tracker = local_tracker()("cpu", lost=0)
    made = run(bears, tracker, devices=None)
    assert masks(made.path) == masks(tracked(bears, bears.parent / "other").run.path)
    assert {record.device for record in made.read_records().values()} == {"unknown"}
    with pytest.raises(VosbenchError, match="the tracker's class or object changed"):
        run(bears, tracker)
    assert run(bears, tracker, overwrite=True) == made
    with pytest.raises(VosbenchError, match="lost=1: Faint has no such setting"):
        run(bears, tracker, settings={"lost": 1})
    with pytest.raises(VosbenchError, match="exists only in this process, which uses one device, not 2"):
        run(bears, tracker, devices="cpu,cpu")


def test_an_edited_class_is_not_continued_unless_the_call_says_so(bears: Path) -> None:
    """And what else has changed is a Python warning."""
    made = run(bears, local_tracker(), videos=["good"])

    class Faint(Static):
        pass

    (recipe,) = (made.path / ".recipes").glob("*.json")
    recipe.write_text(recipe.read_text().replace(f'"numpy": "{np.__version__}"', '"numpy": "1.0"'))
    with pytest.warns(UserWarning, match=r"1 of 1 video was tracked with other versions: numpy 1\.0, now"):
        assert run(bears, Faint, out=made.path, keep=True).read_done_videos() == {*GOOD, "bad"}
    recipes = {video: record.recipe == recipe.stem for video, record in made.read_records().items()}
    assert recipes == {"good": True, "bad": False, "long": False, "once": False}


@pytest.mark.slow
@pytest.mark.parametrize("tracker", ["failing_trackers:Faulty", local_tracker()], ids=["worker", "here"])
def test_a_video_that_fails_is_an_error_that_names_it_and_the_log(bears: Path, tracker: Any) -> None:
    """It is tried only once, since another attempt would meet the same bug."""
    settings = {"memo": str(bears.parent)} if isinstance(tracker, str) else {"fails": "bad"}
    (bears.parent / "attempted").touch()  # so that only `bad` fails
    with pytest.raises(VosbenchError) as failed:
        run(bears, tracker, settings=settings)
    made = vosbench.Run(failed.value.subject)
    assert failed.value.found == "1 of 4 videos failed (bad), the first by: RuntimeError: out of luck in two lines"
    log = Path(failed.value.remedy.removeprefix("see ").partition(";")[0])
    assert log.read_text().count("RuntimeError: out of luck") == 1
    assert made.read_done_videos() == GOOD
    assert made.read_records()["bad"].attempts == 1


def test_a_bug_that_every_video_meets_ends_the_run_after_three(bears: Path) -> None:
    class Buggy(Static):
        def track(self, video: Video) -> Iterator[Masks]:
            raise TypeError(f"no mask in frame {len(video.frames)}")

    with pytest.raises(VosbenchError) as told:
        run(bears, Buggy)
    names = "long, bad, good"
    assert told.value.found == (
        f"3 of 3 videos failed ({names}), so that 1 other was not tried, the first by: TypeError: no mask in frame 8"
    )
    assert set(vosbench.Run(told.value.subject).read_records()) == {"long", "bad", "good"}


def test_the_number_of_threads_is_recorded_and_kept_and_can_be_chosen(bears: Path) -> None:
    made = run(bears, "failing_trackers:Threads", threads=3, videos=["good"])
    assert made.read_facts()["threads"] == 3
    made = run(bears, "failing_trackers:Threads", devices=["cpu", "cpu"])
    assert (made.read_facts()["threads"], sorted(made.read_facts()["videos"])) == (3, ["bad", "good", "long", "once"])
    said = {line for log in (made.path / ".logs").iterdir() for line in log.read_text().splitlines()}
    assert said == {"OMP_NUM_THREADS=3 MKL_NUM_THREADS=3 OPENBLAS_NUM_THREADS=1"}


def test_threads_of_this_process_are_not_changed(bears: Path) -> None:
    with pytest.raises(VosbenchError, match="threads=2: Faint exists only in this process, whose threads are its own"):
        run(bears, local_tracker(), threads=2)


@pytest.mark.slow
@pytest.mark.parametrize(("devices", "workers"), [("cpu", 3), (["cpu"], 1), ("cpu,cpu", 2)], ids=str)
def test_the_word_cpu_is_as_many_workers_as_there_is_room_for(
    bears: Path, monkeypatch: pytest.MonkeyPatch, devices: Any, workers: int
) -> None:
    monkeypatch.setattr(infer, "read_machine", lambda: Machine(cores=3, memory=10**6))
    made = run(bears, "failing_trackers:Slow", settings={"seconds": 0.05}, devices=devices)
    records = made.read_records().values()
    assert len({record.worker for record in records}) == workers
    assert made.read_facts()["device"] == ("cpu" if workers == 1 else f"cpu ({workers} workers)")


def test_after_memory_ran_out_a_class_in_this_process_is_built_with_leaner_settings(bears: Path) -> None:
    events: list[Event] = []
    made = run(bears, local_tracker(), settings={"fails": "memory"}, on_event=events.append)
    assert made.read_records()["bad"].leaner == {"modest": True}
    assert [event.video for event in events if event.kind == "done"][-1] == "bad"


@pytest.mark.slow
def test_an_error_of_the_listener_is_no_failure_of_a_video(bears: Path) -> None:
    def listen(event: Event) -> None:
        if event.frame == 2:
            raise RuntimeError("of the listener")

    for tracker in (local_tracker(), "failing_trackers:Slow"):
        with pytest.raises(RuntimeError, match="of the listener"):
            run(bears, tracker, on_event=listen)
    assert not list((bears.parent / "results").rglob("*.partial"))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"tracker": 3}, "tracker 3: expected a name, module:object, a class, or an object with a method `track`"),
        ({"tracker": "statik"}, "did you mean static?"),
        ({"settings": {"prompts": ["all"]}}, "prompts"),
        ({"shard": (0, 2)}, "shard 0/2: expected i/N with i from 1 to N"),
        ({"devices": ["gpu"]}, "--gpus gpu: no GPU 'gpu'"),
        ({"videos": ["god"]}, "did you mean good?"),
    ],
)
def test_what_cannot_be_meant_is_an_error_before_anything_is_written(
    bears: Path, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(VosbenchError, match=told.replace("?", r"\?")):
        run(bears, **{"tracker": "static", **options})
    assert not (bears.parent / "results").exists()


def test_a_setting_that_run_json_cannot_hold_is_refused(bears: Path) -> None:
    class Configured(Static):
        def __init__(self, device: str, config: Any = None) -> None: ...

    with pytest.raises(VosbenchError, match=r"found a dict, which run\.json cannot hold"):
        run(bears, Configured, settings={"config": {"a": 1}})


SCRIPT = """
import vosbench
from vosbench.trackers.static import Static
class Mine(Static): pass
made = vosbench.infer("bears", "static", devices=["cpu", "cpu"], datasets=".")
assert len(made.read_done_videos()) == 4
made = vosbench.infer("bears", Mine, devices="cpu", datasets=".", videos=["good"])
print(made.path.name, *made.read_done_videos(), made.read_facts()["tracker_object"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["file", "-c", "-"])
def test_a_script_without_a_guard_may_infer_from_a_file_a_text_or_standard_input(bears: Path, way: str) -> None:
    """No worker imports the script: it would run again in each, or not be found."""
    (bears.parent / "script.py").write_text(SCRIPT)
    command = [sys.executable, *{"file": ["script.py"], "-c": ["-c", SCRIPT], "-": ["-"]}[way]]
    done = subprocess.run(
        command, input=SCRIPT, cwd=bears.parent, env=make_environment(), capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.stderr) == ("Mine good __main__:Mine\n", "")
