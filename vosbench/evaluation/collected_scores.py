"""Take in the scores of videos as they come, and hold them in columns: some hundred bytes a video of a few frames."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from sys import intern
from typing import TYPE_CHECKING

import numpy as np

from vosbench.evaluation.frame_columns import FrameColumns
from vosbench.evaluation.remarks import Remark
from vosbench.evaluation.score_columns import ScoreColumns
from vosbench.evaluation.score_object import share_metric
from vosbench.types import Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vosbench.evaluation.score_video import VideoScores


class CollectedScores:
    """The scores of videos in the order in which they came, and what was remarked of them."""

    def __init__(self) -> None:
        self.binary: set[str] = set()
        self._metrics: tuple[Metric, ...] = ()
        self._places: dict[str, int] = {}
        self._problems: dict[str, list[str]] = {}
        self._remarks: dict[str, list[Remark]] = {}
        self._scores = _Blocks()
        self._frames = _Blocks()
        self._lengths = array("q")  # the number of frames of each block of frames
        self._codes: dict[str, int] = {}
        self._coded = array("i")  # the frame's name of each row of the frames
        self._frame_values = array("d")

    def __len__(self) -> int:
        """The number of videos."""
        return len(self._places)

    def add(self, video: str, found: VideoScores) -> None:
        """Take in the scores of a video. Raises ValueError if its objects do not have the same metrics."""
        self._places[video] = len(self._places)
        for name, lines in (("_problems", found.problems), ("_remarks", found.remarks)):
            if lines:
                getattr(self, name)[video] = lines
        if found.binary:
            self.binary.add(video)
        objects = list(dict.fromkeys(score.object for score in found.scores))
        if not self._metrics and objects:
            metrics = (score.metric for score in found.scores if score.object == objects[0])
            self._metrics = tuple(map(share_metric, metrics))
        expected = [(object_id, metric) for object_id in objects for metric in self._metrics]
        if [(score.object, score.metric) for score in found.scores] != expected:
            raise ValueError(f"the objects of video {video} do not have the metrics of those before")
        self._scores.add(objects, (score.value for score in found.scores))
        blocks = [block for block in found.frames if block.frame_names]
        self._frames.add([block.object for block in blocks], ())
        for block in blocks:
            self._lengths.append(len(block.frame_names))
            self._coded.extend(self._codes.setdefault(intern(name), len(self._codes)) for name in block.frame_names)
            self._frame_values.frombytes(np.ascontiguousarray(block.values, np.float64).tobytes())

    def list_problems(self, videos: Iterable[str]) -> list[str]:
        """What could not be scored in videos, in their order."""
        return [problem for video in videos for problem in self._problems.get(video, ())]

    def list_remarks(self, videos: Iterable[str]) -> Iterator[Remark]:
        """What else to say of videos, in their order."""
        return (remark for video in videos for remark in self._remarks.get(video, ()))

    def order_scores(self, videos: Sequence[str]) -> ScoreColumns:
        """The scores of videos, in their order."""
        rows, counts = self._scores.find_rows(self._find_places(videos))
        values = np.frombuffer(self._scores.values, np.float64).reshape(-1, max(1, len(self._metrics)))[rows]
        return ScoreColumns(self._metrics, _repeat_names(videos, counts), self._scores.read_objects()[rows], values)

    def order_frames(self, videos: Sequence[str], measures: Sequence[str]) -> FrameColumns:
        """The values of the objects' frames in videos, in their order. measures: the names of their columns."""
        blocks, counts = self._frames.find_rows(self._find_places(videos))
        lengths = np.frombuffer(self._lengths, np.int64)
        rows = _join_ranges((np.cumsum(lengths) - lengths)[blocks], lengths[blocks])
        return FrameColumns(
            tuple(measures),
            _repeat_names(videos, counts),
            self._frames.read_objects()[blocks],
            np.cumsum(lengths[blocks]),
            tuple(self._codes),
            np.frombuffer(self._coded, np.int32)[rows],
            np.frombuffer(self._frame_values, np.float64).reshape(-1, len(measures))[rows],
        )

    def _find_places(self, videos: Sequence[str]) -> NDArray[np.int64]:
        return np.fromiter((self._places[video] for video in videos), np.int64, len(videos))


class _Blocks:
    """Rows of objects, video after video: the first row of each video, the object id of each row, and values."""

    def __init__(self) -> None:
        self.firsts, self.objects, self.values = array("q", [0]), array("q"), array("d")

    def add(self, objects: Sequence[int], values: Iterable[float]) -> None:
        self.objects.extend(objects)
        self.values.extend(values)
        self.firsts.append(len(self.objects))

    def read_objects(self) -> NDArray[np.int64]:
        return np.frombuffer(self.objects, np.int64)

    def find_rows(self, places: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows of the videos at some places, and how many rows each of these videos has."""
        firsts = np.frombuffer(self.firsts, np.int64)
        counts = firsts[places + 1] - firsts[places]
        return _join_ranges(firsts[places], counts), counts


def _join_ranges(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers from each start on, as many as the counts say, one range after the other."""
    ends = np.cumsum(counts)
    return np.repeat(starts - ends + counts, counts) + np.arange(ends[-1] if ends.size else 0)


def _repeat_names(videos: Sequence[str], counts: NDArray[np.int64]) -> tuple[str, ...]:
    return tuple(video for video, count in zip(videos, counts.tolist(), strict=True) for _ in range(count))
