"""What a video on disk consists of: its frames, masks, bytes and objects, as dataset.json keeps them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from vosbench.datasets.split import Tree
from vosbench.io import processes

WORTHWHILE = 2000  # masks to decode that take longer than a second process takes to start


@dataclass(frozen=True)
class VideoContent:
    """The files of a video, their size in bytes in all, and the ids of its objects, ascending."""

    frames: int
    masks: int
    bytes: int
    objects: tuple[int, ...]


def content_of(tree: Tree, video: str) -> VideoContent:
    """Look a video up on disk. Its objects are those of its masks under the rules of the tree.

    No more masks are decoded than that takes: none where objects have folders of their own, the first frame's where
    only that one prompts, else all. Raises VosbenchError for a video without frames, and a mask that cannot be decoded.
    """
    frames, truth = tree.frame_paths(video), tree.truth(video)
    masks = [folder / f"{stem}.png" for folder, stems in truth.names.items() for stem in stems]
    if truth.objects:
        objects = {1} if tree.rules.merge else set(truth.objects)
    else:
        telling = truth.stems if tree.split.prompts != "first_frame" else [frames[0].stem]
        objects = {label for stem in telling if truth.has(stem) for label in truth.read(stem)[1]}
    size = sum(path.stat().st_size for path in (*frames, *masks))
    return VideoContent(len(frames), len(masks), size, tuple(sorted(objects)))


def contents_of(
    tree: Tree, on_video: Callable[[int, int], None] = lambda done, total: None, jobs: int | None = None
) -> dict[str, VideoContent]:
    """Every video of a split, in its order, looked up on `jobs` processes: as many as pay if None, at most one a core.

    on_video: told the videos done and all there are. Raises VosbenchError as `content_of` does.
    """
    if jobs is None:
        jobs = min(processes.cores(), 1 + sum(_most(tree, video) for video in tree.videos) // WORTHWHILE)
    found = {}
    for video, content in processes.each(partial(content_of, replace(tree, videos=())), tree.videos, jobs):
        found[video] = content
        on_video(len(found), len(tree.videos))
    return {video: found[video] for video in tree.videos}


def _most(tree: Tree, video: str) -> int:
    """How many masks of a video have to be decoded at most, without a look at its frames."""
    if tree.split.prompts == "first_frame":
        return 1
    truth = tree.truth(video)
    return 0 if truth.objects else len(truth.stems)
