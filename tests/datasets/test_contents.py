"""The content of a video is counted, and no more masks are decoded than needed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.golden import make_tree, opened, squares, write_masks
from vosbench.datasets.contents import VideoContent, inspect_video, inspect_videos
from vosbench.errors import VosbenchError

ONE, TWO, SEVEN = (1, 2, 2), (2, 14, 2), (7, 14, 20)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One video in which object 7 comes late, one with a single object."""
    return make_tree(tmp_path / "animals", {"bear": [squares(ONE), squares(ONE, TWO, SEVEN)], "cow": [squares(TWO)]})


def size(root: Path, video: str) -> int:
    return sum(path.stat().st_size for path in root.rglob(f"{video}/**/*.*"))


@pytest.mark.parametrize("jobs", [None, 1, 2])
def test_the_videos_of_a_split_are_counted_in_its_order(root: Path, jobs: int | None) -> None:
    seen: list[tuple[int, int]] = []
    found = inspect_videos(opened(root), lambda *done: seen.append(done), jobs)
    assert list(found.items()) == [
        ("bear", VideoContent(2, 2, size(root, "bear"), (1, 2, 7))),
        ("cow", VideoContent(1, 1, size(root, "cow"), (2,))),
    ]
    assert seen == [(1, 2), (2, 2)]


def test_where_only_the_first_frame_prompts_no_other_mask_is_decoded(root: Path) -> None:
    (root / "Annotations/bear/00001.png").write_bytes(b"damaged")
    assert inspect_video(opened(root, "mosev1"), "bear").objects == (1,)
    with pytest.raises(VosbenchError, match="cannot be decoded"):
        inspect_video(opened(root), "bear")


def test_void_is_not_an_object_and_merged_objects_are_one(tmp_path: Path) -> None:
    root = make_tree(tmp_path / "animals", {"bear": [squares(ONE, TWO, (255, 14, 20))]})
    assert inspect_video(opened(root), "bear").objects == (1, 2)
    assert inspect_video(opened(root, "davis2016"), "bear").objects == (1,)


def test_where_objects_have_folders_no_mask_is_decoded(root: Path) -> None:
    shutil.rmtree(root / "Annotations/bear")
    write_masks(root / "Annotations", {"bear/000": [squares(ONE)], "bear/012": [squares(ONE), squares()]})
    for mask in (root / "Annotations/bear").glob("*/*"):
        mask.write_bytes(b"damaged")
    assert inspect_video(opened(root), "bear") == VideoContent(2, 3, size(root, "bear"), (0, 12))


def test_a_video_without_frames_is_refused(root: Path) -> None:
    shutil.rmtree(root / "JPEGImages/cow")
    with pytest.raises(VosbenchError, match="video cow has no frames"):
        inspect_video(opened(root), "cow")
