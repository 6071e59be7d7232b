"""Find out that a shard is stopped again and again before it has finished a video, so that starting it is useless."""

from __future__ import annotations

from vosbench.errors import VosbenchError
from vosbench.io.wording import count_of
from vosbench.running.run import Run
from vosbench.running.shard import IDLE_STOPS_ENTRY, ShardNote

MAX_IDLE_STOPS = 2  # the first one may have come right after the start


def require_progress(run: Run, restarts: int = 0) -> None:
    """Count that a signal has stopped the work on a run's shard, and raise VosbenchError if the next start is useless.

    The next start is useless if no video has ended since this start, nor between the one before and this one, as with a
    video that takes longer than the time limit of its job. restarts: how often the scheduler has restarted this job.
    """
    note = next((note for note in run.read_notes() if note.tag == run.shard_tag), None)
    if note is None or not note.ended:  # it was stopped before it began
        return
    stops = 0 if note.finished else note.idle_stops + 1
    run.write_note(**{IDLE_STOPS_ENTRY: stops})
    if stops < MAX_IDLE_STOPS:
        return
    times = f", and its job was restarted {count_of(restarts, 'time')}" if restarts else ""
    found = f"shard {note.shard} was stopped {count_of(stops, 'time')} in succession before it finished a video{times}"
    raise VosbenchError(run.path, found, f"give it more time or a faster device{_describe_longest_video(run, note)}")


def _describe_longest_video(run: Run, note: ShardNote) -> str:
    done = run.read_done_videos()
    left = {video: frames for video, frames in note.frames.items() if video not in done}
    longest = max(left, key=lambda video: left[video], default=None)
    return f"; the longest video that is left, {longest}, has {count_of(left[longest], 'frame')}" if longest else ""
