"""The digest of a run's records, by which an evaluation tells whether its masks are still those of the run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from vosbench.running.record import Record
from vosbench.running.run import Run

RECORDS_ENTRY = "records_digest"
"""The entry of an evaluation's JSON with the digest of the records of the videos that it scored."""


def records_digest(run: Run, videos: Iterable[str]) -> str:
    """Return the sha256 of what the records of a run say of the masks of some videos, in any order.

    It changes when a video is tracked again with other masks, when one that was missing is tracked, and when masks
    are lost. Masks that are changed by hand do not change it. Raises VosbenchError for a damaged record.
    """
    return digest_records(run.read_records(), videos)


def digest_records(records: Mapping[str, Record], videos: Iterable[str]) -> str:
    """Return the same digest as `records_digest`, of records that were read before."""
    import hashlib

    entries = [[video, _describe_masks(records.get(video))] for video in sorted(set(videos))]
    return hashlib.sha256(json.dumps(entries).encode()).hexdigest()


def _describe_masks(record: Record | None) -> object:
    """What tells the masks of a video from others; records of old versions have no digest of them, but the time."""
    if record is None or record.state == "failed":
        return None
    return record.digest or [record.frames, record.objects, record.seconds, record.attempts]
