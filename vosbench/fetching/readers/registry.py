"""Readers of publishers' trees by the name that a card gives.

A name is one of the short ones below, or `module:object` for a reader of a third party. Cards that were written before
the short names existed, as in the `dataset.json` of data fetched then, name modules that have moved; they still work.
"""

from __future__ import annotations

from vosbench.fetching.readers.folders import Reader
from vosbench.io.plugins import load, unknown

READERS = {
    "folders": "vosbench.fetching.readers.folders:folders",
    "synthetic": "vosbench.fetching.readers.synthetic:read",
    "video_files": "vosbench.fetching.readers.video_files:clips",
}
FORMER = {
    "vosbench.normalise:folders": "folders",
    "vosbench.scenes:read": "synthetic",
    "vosbench.clips:clips": "video_files",
}


def reader_name(name: str) -> str:
    """Today's name of a reader, from that or a former one."""
    return FORMER.get(name, name)


def load_reader(name: str) -> Reader:
    """The reader of a name. Raises VosbenchError if there is none."""
    name = reader_name(name)
    if name not in READERS and ":" not in name:
        raise unknown("reader", name, READERS)
    found: Reader = load(READERS.get(name, name))
    return found
