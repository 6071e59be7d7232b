"""Logs are small, and each worker has its own."""

from __future__ import annotations

from pathlib import Path

from tests.support.runs import tracked
from vosbench.running.devices import make_worker_slots
from vosbench.running.logs import KEPT_SIZE, MAX_LOG_SIZE, trim_log
from vosbench.running.run import Run


def test_of_a_log_that_is_too_large_the_beginning_and_the_end_stay(tmp_path: Path) -> None:
    log = tmp_path / "cpu.log"
    with log.open("ab", buffering=0) as worker:  # as a worker has it open meanwhile
        worker.write(b"first" + b"." * MAX_LOG_SIZE + b"last")
        trim_log(log)
        worker.write(b", and more")
    content = log.read_bytes()
    assert 2 * KEPT_SIZE < len(content) < 2 * KEPT_SIZE + 100
    assert content.startswith(b"first.")
    assert content.endswith(b".last, and more")
    assert b"\n[6.0 MiB left out]\n" in content


def test_a_log_that_is_not_too_large_or_not_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "cpu.log").write_bytes(b"." * MAX_LOG_SIZE)
    trim_log(tmp_path / "cpu.log")
    assert (tmp_path / "cpu.log").stat().st_size == MAX_LOG_SIZE
    trim_log(tmp_path / "none.log")
    assert not (tmp_path / "none.log").exists()


def test_each_worker_of_each_shard_has_a_log() -> None:
    slots = make_worker_slots(["cpu", "0", "cpu"])
    paths = [Run(Path("run"), shard).log_path(slot.name).name for shard in ((1, 1), (2, 3)) for slot in slots]
    assert paths == ["cpu.log", "0.log", "cpu-2.log", "cpu.2-of-3.log", "0.2-of-3.log", "cpu-2.2-of-3.log"]


def test_trackers_that_print_for_every_frame_leave_small_logs_of_one_process_each(tmp_path: Path, bears: Path) -> None:
    run = tracked(bears, tmp_path / "out", "failing_trackers:Chatty", gpus="cpu,cpu").run  # 50 MB of text
    logs = sorted((run.path / ".logs").iterdir())
    assert [log.name for log in logs] == ["cpu-2.log", "cpu.log"]
    for log in logs:
        assert log.stat().st_size <= MAX_LOG_SIZE
        assert len({line.split()[0] for line in log.read_text().splitlines() if line[:1].isdecimal()}) == 1
