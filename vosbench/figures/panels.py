"""The pictures of one frame: of each method, and of the ground truth beside several methods, each with its caption."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image

from vosbench.errors import VosbenchError
from vosbench.evaluation.matching import PredictedIds
from vosbench.evaluation.tables import format_percent
from vosbench.figures.frame import draw_frame
from vosbench.figures.frame_scores import ShownFrame, name_frame_measure
from vosbench.figures.overlay import DrawnMethod, Overlay
from vosbench.masks.folder import MaskFolder
from vosbench.masks.source import MaskSource
from vosbench.types import Frame, Masks

GROUND_TRUTH_CAPTION = "ground truth"


class Panel(NamedTuple):
    """A picture, and what is written over it: who made the masks (empty for a single method), and their score."""

    picture: Image.Image
    name: str
    score: str


@dataclass(frozen=True)
class ShownVideo:
    """A video of an overlay.

    frame_names: of its frames. objects: the ids in the ground truth. sources: the masks of each method, None where it
    has none.
    """

    overlay: Overlay
    name: str
    frame_names: tuple[str, ...]
    ground_truth: MaskFolder
    objects: frozenset[int]
    sources: tuple[MaskSource | None, ...]

    def find_index(self, frame_name: str) -> int:
        """The index of a frame by its name. Raises VosbenchError if the video lacks it."""
        if frame_name not in self.frame_names:
            dataset_split = self.overlay.dataset_split
            found = f"frame {frame_name} of video {self.name} has ground truth but no picture"
            raise VosbenchError(dataset_split.title, found, dataset_split.remedy)
        return self.frame_names.index(frame_name)

    def draw(self, index: int, frame: Frame, errors: bool, longest: int | None) -> list[Panel]:
        """Draw a frame: a picture of each method; of the ground truth first, if there are several methods.

        errors: whether missed and false pixels are shown, where the frame has ground truth. longest: the longer side
        of each picture in pixels; None for that of the frame. Raises VosbenchError if masks cannot be read or have
        another size than the frame.
        """
        frame_name, width = self.frame_names[index], scale_width(frame, longest)
        truth = self.ground_truth.read(frame_name)[1] if self.ground_truth.has(frame_name) else None
        several = len(self.overlay.methods) > 1
        panels = []
        if several:
            known = "" if truth is not None else "none"
            panels.append(Panel(draw_frame(frame, truth or {}, width=width), GROUND_TRUTH_CAPTION, known))
        for scored, source in zip(self.overlay.methods, self.sources, strict=True):
            masks = self._read(scored, source, frame_name, frame)
            compared = truth if errors or not several else None
            picture = draw_frame(frame, masks or {}, compared, errors and truth is not None, width)
            name = scored.method.name if several else ""
            lacking = ["no mask"] if masks is None else []
            lacking += ["no ground truth"] if errors and truth is None else []
            panels.append(Panel(picture, name, ", ".join([*lacking, *self._describe_score(scored, frame_name)])))
        return panels

    def _read(self, scored: DrawnMethod, source: MaskSource | None, name: str, frame: Frame) -> Masks | None:
        """The masks of a frame, by the ids by which they are scored; None if there are none."""
        if source is None or not source.has(name):
            return None
        size, masks = source.read(name)
        if size != frame.shape[:2]:
            found = f"is {size[1]}x{size[0]} pixels, the frame is {frame.shape[1]}x{frame.shape[0]}"
            raise VosbenchError(source.describe(name), found, f"write the masks of {scored.method.name} in that size")
        return PredictedIds(self.objects).match(name, masks)

    def _describe_score(self, scored: DrawnMethod, frame_name: str) -> list[str]:
        value = scored.frames.get(ShownFrame(self.name, frame_name))
        measure = name_frame_measure(scored.method.dataset_split.rules)
        return [] if value is None else [f"{measure} {format_percent(value)}"]


def open_shown_videos(overlay: Overlay, names: Collection[str] | None = None) -> Iterator[ShownVideo]:
    """Open the masks and the ground truth of each video, or of those with some names.

    Raises VosbenchError for a video without frames.
    """
    shown = [video for video in overlay.videos if names is None or video in names]
    scored = _list_scored_objects(overlay, shown)
    predictions = [each.method.open_masks(overlay.videos) for each in overlay.methods]
    for video in shown:
        frame_names = tuple(path.stem for path in overlay.dataset_split.frame_paths(video))
        ground_truth = overlay.dataset_split.ground_truth(video)
        matched = ground_truth.frame_names or list(frame_names)
        sources = tuple(each.video(video, matched) for each in predictions)
        objects = frozenset(scored[video] or _list_first_objects(ground_truth))
        yield ShownVideo(overlay, video, frame_names, ground_truth, objects, sources)


def _list_scored_objects(overlay: Overlay, videos: Iterable[str]) -> dict[str, set[int]]:
    """The objects of each video that were scored, found in one pass over the scores of all videos."""
    found: dict[str, set[int]] = {video: set() for video in videos}
    for each in overlay.methods:
        for score in each.evaluation.scores if each.evaluation else ():
            if score.video in found:
                found[score.video].add(score.object)
    return found


def _list_first_objects(ground_truth: MaskFolder) -> set[int]:
    """The objects in the first mask of the ground truth."""
    return {object_id for name in ground_truth.frame_names[:1] for object_id in ground_truth.read(name)[1]}


def scale_width(frame: Frame, longest: int | None) -> int | None:
    """The width of a picture of a frame whose longer side has some pixels."""
    height, width = frame.shape[:2]
    return longest if longest is None or width >= height else max(1, round(longest * width / height))


def require_ground_truth(overlay: Overlay, what: str) -> None:
    """Raise VosbenchError if no video has ground truth. what: the option that needs it."""
    ground_truths = map(overlay.dataset_split.ground_truth, overlay.videos)
    if not any(ground_truth.frame_names for ground_truth in ground_truths):
        title = overlay.dataset_split.title
        raise VosbenchError(what, f"the videos of {title} have no ground truth", "draw them without")
