"""The functions of `import vosbench` that draw masks."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from vosbench.datasets.split import DatasetSplit
from vosbench.figures.contact_sheet import DEFAULT_COLUMNS, DEFAULT_LONGEST, draw_contact_sheet
from vosbench.figures.overlay import Overlay, ignore_progress, prepare_overlay
from vosbench.figures.overlay_video import write_film
from vosbench.io.files import require_writable
from vosbench.io.paths import is_run
from vosbench.running.methods import Method, open_method
from vosbench.running.run import Run

if TYPE_CHECKING:
    from PIL.Image import Image

GivenMasks = str | Path | Run | Method


def draw_overlay(
    results: GivenMasks | Sequence[GivenMasks],
    dataset: str | Path | DatasetSplit | None = None,
    split: str | None = None,
    *,
    rules: str | None = None,
    videos: Sequence[str] = (),
    columns: int = DEFAULT_COLUMNS,
    worst: int | None = None,
    errors: bool = False,
    size: int = DEFAULT_LONGEST,
    scores: bool = True,
    jobs: int | None = None,
    datasets: str | Path = "datasets",
) -> Image:
    """Draw masks on frames as a contact sheet, a picture of Pillow, as `vosbench overlay` does. Writes nothing.

    results: a run or its path, or masks in another form that docs/evaluation.md lists; several are drawn side by side,
    beside the ground truth. dataset, split, rules, datasets: as of `vosbench.evaluate`. videos: only these; by default
    all that have masks. columns: how many frames are shown of each video, spread evenly over it. worst: show only so
    many frames of all videos, those with the lowest J&F of the first method. errors: show missed pixels in blue and
    false ones in orange stripes. size: the longer side of each picture in pixels. scores: score the masks where there
    is ground truth, with so many `jobs`, one a core if None.

    Why something has no scores, or what was scored as absent, is a Python warning. Raises VosbenchError for what the
    user can put right, such as `errors` without ground truth.
    """
    methods = open_given_methods(results, dataset, split, rules, Path(datasets))
    overlay = prepare_overlay(methods, videos, scores, jobs)
    _warn_of(overlay)
    return draw_contact_sheet(overlay, columns, worst, errors, size)


def write_overlay_video(
    results: GivenMasks | Sequence[GivenMasks],
    path: str | Path,
    dataset: str | Path | DatasetSplit | None = None,
    split: str | None = None,
    *,
    rules: str | None = None,
    videos: Sequence[str] = (),
    errors: bool = False,
    size: int | None = None,
    fps: float = 24.0,
    scores: bool = True,
    jobs: int | None = None,
    datasets: str | Path = "datasets",
    on_frame: Callable[[int, int], None] = ignore_progress,
) -> None:
    """Write every frame with its masks to an H.264 video that browsers play, as `vosbench overlay --video` does.

    path: of the file, with the suffix .mp4, .mov, .mkv or .m4v; it appears when it is complete. size: the longer side
    of each picture in pixels; by default that of the frames, but all pictures side by side are no wider than 1920.
    fps: frames a second. on_frame: called with the number of frames written so far and of all. The others, what is
    warned of and what is raised: as of `vosbench.draw_overlay`.
    """
    require_writable(Path(path))
    methods = open_given_methods(results, dataset, split, rules, Path(datasets))
    overlay = prepare_overlay(methods, videos, scores, jobs)
    _warn_of(overlay)
    write_film(overlay, Path(path), errors, size, Fraction(fps).limit_denominator(1001), on_frame)


def open_given_methods(
    results: GivenMasks | Sequence[GivenMasks],
    dataset: str | Path | DatasetSplit | None,
    split: str | None,
    rules: str | None,
    datasets: Path,
) -> list[Method]:
    """The methods of one or several paths, runs or methods that are open already."""
    given = [results] if isinstance(results, str | Path | Run | Method) else list(results)
    return [_open_given(each, dataset, split, rules, datasets) for each in given]


def _open_given(
    given: GivenMasks,
    dataset: str | Path | DatasetSplit | None,
    split: str | None,
    rules: str | None,
    datasets: Path,
) -> Method:
    if isinstance(given, Method):
        return given
    path = given.path if isinstance(given, Run) else Path(given)
    if not isinstance(dataset, DatasetSplit):
        return open_method(path, dataset, split, rules, datasets)
    name = path.resolve().name if path.is_dir() else path.resolve().stem
    return Method(name, path, dataset, Run(path) if is_run(path) else None)


def _warn_of(overlay: Overlay) -> None:
    for note in overlay.notes:
        warnings.warn(note, stacklevel=3)
