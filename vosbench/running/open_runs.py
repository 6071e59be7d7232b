"""Work on several runs at once: one that cannot begin, or whose tracker cannot be built, does not hinder the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field

from vosbench.errors import VosbenchError
from vosbench.running.job import Job
from vosbench.running.shard_work import OpenShard

OpenJob = Callable[[Job, int], AbstractContextManager[OpenShard]]
"""Opens the shard of a job with this index for work."""


@dataclass
class OpenRuns:
    """The runs in work. shards: by the index of the job. broken: why a job has none, or has one no more."""

    shards: dict[int, OpenShard] = field(default_factory=dict)
    broken: dict[int, VosbenchError] = field(default_factory=dict)
    contexts: dict[int, ExitStack] = field(default_factory=dict)

    def end(self, index: int, error: VosbenchError) -> None:
        """End the work on a run because of an error, which may then say where the log of the run was moved."""
        try:
            with self.contexts[index]:
                raise error
        except VosbenchError as raised:
            self.broken[index] = raised


@contextmanager
def open_runs(jobs: Sequence[Job], open_job: OpenJob) -> Iterator[OpenRuns]:
    """Open the runs of some jobs for work. Raises VosbenchError if none of them can begin."""
    runs = OpenRuns()
    with ExitStack() as stack:
        for index, job in enumerate(jobs):
            context = stack.enter_context(ExitStack())
            try:
                runs.shards[index] = context.enter_context(open_job(job, index))
                runs.contexts[index] = context
            except VosbenchError as error:
                runs.broken[index] = error
        if runs.broken and not runs.shards:
            raise next(iter(runs.broken.values()))
        yield runs
