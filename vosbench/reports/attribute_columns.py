"""The attributes of very many videos, held in columns: some hundred bytes a video of a few frames.

As VideoAttributes, a video of three frames and two objects takes more than a kilobyte.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from sys import intern

from vosbench.reports.attributes import ObjectAttributes, VideoAttributes


class AttributeColumns(Mapping[str, VideoAttributes]):
    """The attributes of videos by their names. They are taken in one by one, and made anew when they are asked for."""

    def __init__(self, videos: Sequence[str]) -> None:
        """Begin with no attributes. videos: the names, in the order in which the mapping has them in the end."""
        self._videos = tuple(videos)
        self._places: dict[str, int] = {}
        self._sizes = array("q")
        self._codes: dict[str, int] = {}
        self._frame_names: list[str] = []
        self._frames, self._frame_ends = array("i"), array("q", [0])
        self._objects, self._object_ends = array("q"), array("q", [0])
        self._shares, self._motions = array("d"), array("d")
        self._shown, self._shown_ends = bytearray(), array("q", [0])

    def add(self, found: VideoAttributes) -> None:
        """Take in the attributes of a video."""
        self._places[found.video] = len(self._places)
        self._sizes.extend(found.size)
        self._frames.extend(map(self._find_code, found.frame_names))
        self._objects.extend(found.objects)
        for attributes in found.objects.values():
            self._shares.append(attributes.share)
            self._motions.append(attributes.motion)
            self._shown.extend(attributes.shown)
        self._frame_ends.append(len(self._frames))
        self._object_ends.append(len(self._objects))
        self._shown_ends.append(len(self._shown))

    def _find_code(self, frame_name: str) -> int:
        if frame_name not in self._codes:
            self._codes[intern(frame_name)] = len(self._frame_names)
            self._frame_names.append(intern(frame_name))
        return self._codes[frame_name]

    def __getitem__(self, video: str) -> VideoAttributes:
        place = self._places[video]
        frames = self._frames[self._frame_ends[place] : self._frame_ends[place + 1]]
        names = tuple(self._frame_names[code] for code in frames)
        size = (self._sizes[2 * place], self._sizes[2 * place + 1])
        first, last = self._object_ends[place], self._object_ends[place + 1]
        start, end = self._shown_ends[place], self._shown_ends[place + 1]
        shown = pairwise(range(start, end + 1, len(names))) if names else iter([(start, start)] * (last - first))
        objects = {
            self._objects[row]: ObjectAttributes(
                tuple(map(bool, self._shown[a:b])), self._shares[row], self._motions[row]
            )
            for row, (a, b) in zip(range(first, last), shown, strict=True)
        }
        return VideoAttributes(video, names, size, objects)

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        return (video for video in self._videos if video in self._places)

    def count_frames(self, video: str) -> int:
        """The number of annotated frames of a video."""
        place = self._places[video]
        return self._frame_ends[place + 1] - self._frame_ends[place]
