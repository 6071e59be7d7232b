"""Readers of publishers' trees by the name that a card gives.

A name is one of the short ones below, or `module:object` for a reader of a third party. Cards that were written before
the short names existed, as in the `dataset.json` of data fetched then, name modules that have moved; they still work.
"""

from __future__ import annotations

from vosbench.fetching.readers.folders import DatasetReader
from vosbench.io.plugins import load_object, make_unknown_name_error

READERS = {
    "folders": "vosbench.fetching.readers.folders:read_folders",
    "synthetic": "vosbench.fetching.readers.synthetic:read_synthetic",
    "video_files": "vosbench.fetching.readers.video_files:read_video_files",
}
FORMER = {
    "vosbench.normalise:folders": "folders",
    "vosbench.scenes:read": "synthetic",
    "vosbench.clips:clips": "video_files",
}


def reader_name(name: str) -> str:
    """Today's name of a reader, from that or a former one."""
    return FORMER.get(name, name)


def load_reader(name: str) -> DatasetReader:
    """The reader of a name. Raises VosbenchError if there is none."""
    name = reader_name(name)
    if name not in READERS and ":" not in name:
        raise make_unknown_name_error("reader", name, READERS)
    found: DatasetReader = load_object(READERS.get(name, name))
    return found
