"""Load the reader that a card names.

A card names a reader by one of the short names below, or by `module:object` for a reader of a third party. Datasets
that were fetched before the short names existed name modules that have moved; these names still work.
"""

from __future__ import annotations

from vosbench.fetching.readers.folders import DatasetReader
from vosbench.io.plugins import load_object, make_unknown_name_error

READERS = {
    "folders": "vosbench.fetching.readers.folders:read_folders",
    "synthetic": "vosbench.fetching.readers.synthetic:read_synthetic",
    "video_files": "vosbench.fetching.readers.video_files:read_video_files",
}
FORMER_READER_NAMES = {
    "vosbench.normalise:folders": "folders",
    "vosbench.scenes:read": "synthetic",
    "vosbench.clips:clips": "video_files",
}


def reader_name(name: str) -> str:
    """The name of a reader today, given that name or a former one."""
    return FORMER_READER_NAMES.get(name, name)


def load_reader(name: str) -> DatasetReader:
    """Import a reader by its name. Raises VosbenchError if there is no such reader."""
    name = reader_name(name)
    if name not in READERS and ":" not in name:
        raise make_unknown_name_error("reader", name, READERS)
    found: DatasetReader = load_object(READERS.get(name, name))
    return found
