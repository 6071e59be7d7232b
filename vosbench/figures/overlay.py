"""What contact sheets and videos of masks show: methods on the same videos, with their scores if there are any."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from vosbench.datasets.split import DatasetSplit, choose_videos
from vosbench.errors import VosbenchError
from vosbench.evaluation.ground_truth import NothingToScoreError
from vosbench.evaluation.summary import Evaluation
from vosbench.figures.frame_scores import ShownFrame, average_frames
from vosbench.running.methods import Method, name_apart, score_method

Progress = Callable[[int, int], None]


def ignore_progress(done: int, total: int) -> None:
    """Do nothing with how much of a piece of work is done."""


@dataclass(frozen=True)
class DrawnMethod:
    """A method, and what is known of its scores.

    evaluation: of the videos that are shown; None if there is none. frames: the score of each frame, as a fraction.
    """

    method: Method
    evaluation: Evaluation | None = None
    frames: Mapping[ShownFrame, float] = field(default_factory=dict)

    @property
    def headline(self) -> str:
        """The name of the method, and its scores or what it was to be scored on."""
        known = self.evaluation.headline if self.evaluation else f"{self.method.dataset_split.title}, not scored"
        return f"{self.method.name}: {known}"


@dataclass(frozen=True)
class Overlay:
    """What is drawn: methods whose masks lie on the frames of some videos of one split.

    notes: a line for each thing to know, such as why a method has no scores.
    """

    methods: tuple[DrawnMethod, ...]
    videos: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def dataset_split(self) -> DatasetSplit:
        """The split of the videos, with the rules of the first method."""
        return self.methods[0].method.dataset_split

    @property
    def title(self) -> str:
        """The names of the methods, and the split."""
        return f"{' | '.join(each.method.name for each in self.methods)} on {self.dataset_split.title}"


def prepare_overlay(
    methods: Sequence[Method],
    videos: Sequence[str] = (),
    with_scores: bool = True,
    jobs: int | None = None,
    on_video: Progress = ignore_progress,
) -> Overlay:
    """Choose the videos that are shown, and score the methods on them. Writes nothing.

    methods: one or more, on the same split. videos: only these, of which each method must have masks; by default all
    of which some method has masks. with_scores: whether they are scored, where there is ground truth. jobs: processes
    that score. on_video: called after each scored video with the number of videos scored so far and of all.

    What is missing is scored as absent if a strict evaluation refuses it. A method that cannot be scored has no
    evaluation, and a note says why. Raises VosbenchError if the methods are not on one split, and if there are no masks
    of the videos.
    """
    named = name_apart(methods)
    require_one_split(named)
    shown = _choose_shown_videos(named, videos)
    scored, notes = [], []
    for position, method in enumerate(named):

        def report(done: int, total: int, before: int = position) -> None:
            on_video(before * total + done, len(named) * total)

        evaluation, note = _score(method, shown, jobs, report) if with_scores else (None, "")
        frames = average_frames(evaluation.frames, method.dataset_split.rules) if evaluation else {}
        scored.append(DrawnMethod(method, evaluation, frames))
        notes += [note] if note else []
    return Overlay(tuple(scored), tuple(shown), tuple(notes))


def _score(method: Method, videos: Sequence[str], jobs: int | None, report: Progress) -> tuple[Evaluation | None, str]:
    """The evaluation of a method, strict if that is possible; or None, and the reason in a line."""
    part = () if len(videos) == len(method.dataset_split.videos) else videos
    try:
        return score_method(method, part, jobs, on_video=report), ""
    except NothingToScoreError as error:
        return None, f"{method.name} has no scores: {error.subject}: {error.found}"
    except VosbenchError:
        try:
            evaluation = score_method(method, part, jobs, strict=False, on_video=report)
        except VosbenchError as error:
            return None, f"{method.name} has no scores: {error}"
    more = f" (and {len(evaluation.problems) - 1} more)" if len(evaluation.problems) > 1 else ""
    absent = "".join(f"{problem}{more}" for problem in evaluation.problems[:1])
    return evaluation, f"{method.name}: scored as absent: {absent}" if absent else ""


def require_one_split(methods: Sequence[Method]) -> None:
    """Raise VosbenchError if methods are not on one split of one dataset."""
    first = methods[0].dataset_split
    for method in methods[1:]:
        other = method.dataset_split
        if (first.root.resolve(), first.split.name) != (other.root.resolve(), other.split.name):
            found = f"its masks are of {other.title} at {other.root}, those of {methods[0].name} of {first.title}"
            raise VosbenchError(method.name, f"{found} at {first.root}", "choose methods on the same split")


def _choose_shown_videos(methods: Sequence[Method], names: Sequence[str]) -> list[str]:
    dataset_split = methods[0].dataset_split
    chosen = choose_videos(dataset_split, names)
    found = {method.name: set(method.open_masks(chosen).videos()) for method in methods}
    for method in methods:
        missing = [video for video in chosen if video not in found[method.name]]
        if len(missing) == len(chosen) or (names and missing):
            what = f"there are no masks of the videos of {dataset_split.title}"
            if names:
                what = f"there are no masks of {', '.join(missing)}"
            remedy = "choose other --videos" if names else "choose another --dataset or --split"
            raise VosbenchError(method.path, what, remedy)
    return [video for video in chosen if any(video in videos for videos in found.values())]
