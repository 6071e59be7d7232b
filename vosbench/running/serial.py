"""Track videos one by one in this process: the serial twin of the pool, for trackers that workers cannot import."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vosbench.running.attempts import Attempts, Event
from vosbench.running.devices import WorkerSlot
from vosbench.running.failure import describe_failure
from vosbench.running.logs import log_traceback
from vosbench.running.schedule import RunVideo
from vosbench.running.work import VideoTracker


class _ListenerError(BaseException):
    """An error that `on_event` raised while a video was tracked; it is no failure of the tracker."""


@dataclass
class SerialPool:
    """Tracks videos in this process. Nothing stops a tracker that hangs, or saves the process from one that crashes.

    attempts: the videos that wait. torch_device: the device as trackers take it, such as "cpu" or "cuda:0".
    """

    attempts: Attempts
    torch_device: str

    def track_all(self, device: str, on_event: Callable[[Event], None]) -> None:
        """Track all videos that wait.

        device: its name in records and logs. on_event: called with what happens to each video. A video that is tried
        once more gets a tracker that is built anew, unless the tracker was given as an object. Raises VosbenchError if
        the only tracker cannot be built or the disk is full, and whatever `on_event` raises.
        """
        tracker = VideoTracker(self.attempts.run_works, WorkerSlot(device), self.torch_device)
        try:
            self._track_waiting(tracker, on_event)
            self.attempts.requeue_lean_videos()
            self._track_waiting(tracker, on_event)
        except _ListenerError as error:
            raise error.__cause__ or error from None

    def _track_waiting(self, tracker: VideoTracker, on_event: Callable[[Event], None]) -> None:
        while self.attempts.queue:
            started = self.attempts.begin(tracker.slot)
            on_event(started)
            on_event(self._track(tracker, started.item, on_event))

    def _track(self, tracker: VideoTracker, item: RunVideo, on_event: Callable[[Event], None]) -> Event:
        """Track one video and return the event of its end."""

        def tell(done: int) -> None:
            try:
                on_event(Event("frame", item, tracker.slot.device, done))
            except Exception as error:
                raise _ListenerError from error

        try:
            measured = tracker.track(item, item in self.attempts.lean_videos, tell)
        except Exception as error:
            tracker.tracker = None  # one that has failed is not trusted with another video
            run = self.attempts.run_works[item.run].run
            log_traceback(run.log_path(tracker.slot.name))
            failure = describe_failure(error, run)
            if failure.kind == "fatal":
                return self.attempts.give_up(item, tracker.slot.device, failure.error)
            return self.attempts.fail(item, tracker.slot, failure)
        return self.attempts.finish(item, tracker.slot, measured)
