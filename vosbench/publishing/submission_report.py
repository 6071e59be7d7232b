"""What is known of a zip for a server: what it was checked against, its faults, and what to tell of the server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vosbench.datasets.card import Submission
from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.io.wording import count_of
from vosbench.publishing.fault import MaskFault, count_faults


@dataclass(frozen=True)
class SubmissionReport:
    """A zip for a server, or the masks for one, compared with a split.

    path: of the zip, or of masks that were not packed. videos, frames: how many the server expects. faults: all that
    were found. sha256: of a zip that was written, else empty. server: its address; empty if none is known. gone: why it
    takes nothing any more; empty if it does. notes: what else is to be said.
    """

    path: Path
    dataset: str
    split: str
    videos: int
    frames: int
    faults: tuple[MaskFault, ...] = ()
    sha256: str = ""
    server: str = ""
    gone: str = ""
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """All fields as values for JSON."""
        faults = [fault._asdict() for fault in self.faults]
        return {**asdict(self), "path": str(self.path), "faults": faults, "notes": list(self.notes)}


class SubmissionError(VosbenchError):
    """Masks cannot be packed for a server, because they have faults. report: what was found."""

    def __init__(self, report: SubmissionReport, remedy: str) -> None:
        found = f"not what the server of {report.dataset} {report.split} expects: {count_faults(report.faults)}"
        super().__init__(report.path, found, remedy)
        self.report = report


def list_submission_notes(dataset_split: DatasetSplit, submission: Submission) -> Iterator[str]:
    """Yield what is to be said of a server and of the split: that it is gone, and what nobody has confirmed."""
    if submission.gone:
        yield f"nothing can be submitted: {submission.gone}"
    if submission.unverified:
        yield f"not confirmed: {submission.unverified}"
    if dataset_split.fetched and dataset_split.split.counts.videos:
        return
    videos = count_of(len(dataset_split.videos), "video")
    yield f"{dataset_split.title} has {videos} on disk; how many the publisher's has is not known here"
