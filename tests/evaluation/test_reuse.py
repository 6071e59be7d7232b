"""An evaluation that reuses scores equals one that does not, whatever was changed in between."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support.golden import make_tree, opened, squares, write_frames, write_masks
from vosbench.datasets.card import Rules
from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.evaluation import reuse, score_spool, score_video
from vosbench.evaluation.evaluate import score_split
from vosbench.evaluation.report import evaluation_files
from vosbench.evaluation.summary import Evaluation
from vosbench.io import sharing
from vosbench.types import Labels

VIDEOS = {
    "bear": [squares((1, 2, 2 + step), (2, 14, 20 - step)) for step in range(5)],
    "fox": [squares((1, 8, 3 * step)) for step in range(4)],
    "owl": [squares((1, 6 + step, 4), (2, 2, 20)) for step in range(6)],
}
MOVED = {video: [np.roll(label_map, 2, axis=1) for label_map in maps] for video, maps in VIDEOS.items()}


class Place:
    """A dataset and predicted masks in a folder, and the file of kept scores."""

    def __init__(self, folder: Path) -> None:
        self.kept = folder / "kept"
        self.masks = write_masks(folder / "masks", MOVED)
        self.tree = make_tree(folder / "animals", VIDEOS, frames=False)
        for top, videos in ((self.masks, MOVED), (self.tree / "Annotations", VIDEOS)):
            for video, maps in videos.items():
                for path, label_map in zip(files(top / video), maps, strict=True):
                    save_flat(path, label_map)
        self.split = opened(self.tree)

    def truth(self, video: str) -> Path:
        return self.tree / "Annotations" / video

    def score(self, *videos: str, strict: bool = False, jobs: int = 1, again: bool = True) -> Evaluation:
        kept = self.kept if again else None
        return score_split(self.masks, self.split, videos, jobs, strict, kept_scores=kept)

    def reused(self, *videos: str, strict: bool = False, jobs: int = 1) -> int:
        """How many videos were not scored anew, in an evaluation that is compared with a fresh one, file by file."""
        found = self.score(*videos, strict=strict, jobs=jobs)
        assert found.reused
        assert found.reused.total == len(found.videos)
        line = f' "reused_videos": {found.reused.videos},\n'.encode()
        files = {name: b"".join(pieces) for name, pieces in evaluation_files(found)}
        assert line in files["scores.json"]
        files["scores.json"] = files["scores.json"].replace(line, b"")
        fresh = self.score(*videos, strict=strict, again=False)
        assert files == {name: b"".join(pieces) for name, pieces in evaluation_files(fresh)}
        assert repr(found) == repr(fresh)
        assert replace(found, reused=None) == fresh or any(score.value != score.value for score in fresh.scores)
        return found.reused.videos


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def save_flat(path: Path, label_map: Labels) -> None:
    """Write a label map without compression, so that all of one size have the same number of bytes."""
    Image.fromarray(label_map).save(path, compress_level=0)


def flip_pixel(path: Path, value: int = 1) -> None:
    """Change a pixel of a mask by hand, so that neither the size nor the times of the file tell of it."""
    about = path.stat()
    label_map = np.array(Image.open(path))
    label_map[3, 3] = 0 if label_map[3, 3] == value else value
    save_flat(path, label_map)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (about.st_size, about.st_mtime_ns)


def add_frame(folder: Path) -> None:
    shutil.copy(folder / "00000.png", folder / "00099.png")


CHANGES: Mapping[str, Callable[[Place], object]] = {
    "a pixel of a predicted mask": lambda place: flip_pixel(place.masks / "bear/00002.png"),
    "a pixel of a predicted mask that is not scored": lambda place: flip_pixel(place.masks / "bear/00004.png"),
    "an id that the ground truth lacks": lambda place: flip_pixel(place.masks / "bear/00002.png", 9),
    "a predicted mask is deleted": lambda place: (place.masks / "bear/00002.png").unlink(),
    "a predicted mask is cut off": lambda place: os.truncate(place.masks / "bear/00002.png", 300),
    "a predicted mask is added": lambda place: add_frame(place.masks / "bear"),
    "a predicted mask is renamed": lambda place: (place.masks / "bear/00002.png").rename(place.masks / "bear/2.png"),
    "two predicted masks are exchanged": lambda place: exchange(place.masks / "bear", "00001", "00002"),
    "all predicted masks of a video are deleted": lambda place: shutil.rmtree(place.masks / "bear"),
    "the predicted masks of an object get a folder": lambda place: split_objects(place.masks / "bear"),
    "a pixel of the ground truth": lambda place: flip_pixel(place.truth("bear") / "00002.png"),
    "a pixel of the first mask": lambda place: flip_pixel(place.truth("bear") / "00000.png"),
    "a frame is added": lambda place: (add_frame(place.truth("bear")), add_frame(place.masks / "bear")),
}


def exchange(folder: Path, one: str, other: str) -> None:
    (folder / f"{one}.png").rename(folder / "between")
    (folder / f"{other}.png").rename(folder / f"{one}.png")
    (folder / "between").rename(folder / f"{other}.png")


def split_objects(folder: Path) -> None:
    """Write the label maps of a video as masks in a folder for each of two objects, and an empty one for a third."""
    for path in sorted(folder.glob("*.png")):
        label_map = np.asarray(Image.open(path))
        for object_id in (1, 2, 3):
            (folder / str(object_id)).mkdir(exist_ok=True)
            if object_id < 3:
                save_flat(folder / str(object_id) / path.name, (label_map == object_id).astype(np.uint8))
        path.unlink()


def test_the_first_evaluation_keeps_all_scores_and_the_second_one_reuses_them(place: Place) -> None:
    assert place.reused(strict=True) == 0
    assert place.reused(strict=True) == 3
    assert place.reused(strict=True, jobs=2) == 3


def test_nothing_is_reused_or_kept_unless_it_is_asked_for(place: Place) -> None:
    place.reused()
    written = place.kept.read_bytes()
    flip_pixel(place.masks / "bear/00002.png")
    fresh = place.score(again=False)
    assert fresh.reused is None
    assert place.kept.read_bytes() == written


@pytest.mark.parametrize("change", CHANGES)
def test_only_the_video_that_was_changed_is_scored_anew(place: Place, change: str) -> None:
    place.reused()
    CHANGES[change](place)
    assert place.reused() == 2
    assert place.reused() == 3


def test_an_empty_folder_of_an_object_is_noticed(place: Place) -> None:
    split_objects(place.masks / "bear")
    place.reused()
    (place.masks / "bear/3").rmdir()
    assert place.reused() == 2


def test_the_scores_of_some_videos_are_part_of_those_of_all(place: Place) -> None:
    assert place.reused("bear", "owl", strict=True) == 0
    assert place.reused(strict=True) == 2
    assert place.reused("fox", strict=True) == 1


def test_strictness_changes_no_score_and_hides_no_problem(place: Place) -> None:
    (place.masks / "bear/00002.png").unlink()
    for _ in range(2):
        with pytest.raises(VosbenchError, match=r"bear/00002\.png is missing"):
            place.score(strict=True)
    assert place.reused(strict=False) == 3  # the strict ones have kept them


def test_problems_that_name_another_folder_are_found_anew(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.masks / "bear/00002.png").unlink()
    place.reused()
    monkeypatch.chdir(place.masks.parent)
    place.masks = Path("masks")
    assert place.reused() == 2


RULES: Sequence[Callable[[Rules], Rules]] = [
    partial(replace, skip_last=False),
    partial(replace, tolerance=0.009),
    partial(replace, boundary_side=20),
    partial(replace, from_seen=True),
    partial(replace, measure="adaptive"),
    partial(replace, merge=True),
    partial(replace, void=(2, 255)),
    partial(replace, span="appearance"),
    partial(replace, variation=True),
]


@pytest.mark.parametrize("change", RULES, ids=lambda change: next(iter(change.keywords)))
def test_other_rules_of_the_same_name_score_all_anew(place: Place, change: Callable[[Rules], Rules]) -> None:
    place.reused()
    place.split = replace(place.split, rules=change(place.split.rules))
    assert place.reused() == 0
    assert place.reused() == 3


def test_the_scores_by_the_rules_of_two_cards_are_kept_side_by_side(place: Place) -> None:
    own, other = place.split, opened(place.tree, "davis2016")
    for split, count in ((own, 0), (other, 0), (own, 3), (other, 3)):
        place.split = split
        assert place.reused() == count
    flip_pixel(place.masks / "bear/00002.png")
    for split, count in ((own, 2), (other, 2), (own, 3), (other, 3)):
        place.split = split
        assert place.reused() == count


def list_objects(split: DatasetSplit, **changed: object) -> DatasetSplit:
    """The split with a meta file that lists the objects of each video."""
    videos = {"bear": ["1", "2"], "fox": ["1"], "owl": ["1", "2"]}
    objects = {video: {each: {"category": "pet"} for each in ids} for video, ids in videos.items()} | changed
    meta = {"videos": {video: {"objects": listed} for video, listed in objects.items()}}
    (split.root / "val_meta.json").write_text(json.dumps(meta))
    return replace(split, rules=replace(split.rules, objects="listed", span="own", seen=("pet",)))


def test_a_video_whose_listed_objects_or_frames_changed_is_scored_anew(place: Place) -> None:
    place.split = list_objects(place.split)
    assert (place.reused(), place.reused()) == (0, 3)
    list_objects(place.split, bear={"1": {"category": "pet"}})
    assert (place.reused(), place.reused()) == (2, 3)
    list_objects(place.split, bear={"1": {"category": "pet", "frames": ["00001", "00002", "00003"]}})
    assert (place.reused(), place.reused()) == (2, 3)
    list_objects(place.split, bear={"1": {"category": "game", "frames": ["00001", "00002", "00003"]}})
    assert place.reused() == 2


def test_another_evaluator_scores_all_anew_and_says_why(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.reused()
    monkeypatch.setattr(reuse, "digest_evaluator", lambda: "0" * 64)
    found = place.score().reused
    assert found
    assert found.lines == (
        "reused the scores of 0 of 3 videos, and scored all of them",
        f"the kept scores were not used: {place.kept}: of another version of vosbench, Python, NumPy or Pillow",
    )
    assert place.reused() == 3


def test_code_that_was_changed_after_it_was_loaded_keeps_and_reuses_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.reused()
    written = place.kept.read_bytes()
    monkeypatch.setattr(reuse, "digest_evaluator", lambda: "")
    found = place.score().reused
    assert found
    assert (found.videos, "has been changed since this process began" in found.troubles[0]) == (0, True)
    assert place.kept.read_bytes() == written


def test_a_mask_that_changes_while_it_is_scored_is_not_kept(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def change_and_score(task: score_video.ScoringTask) -> score_video.VideoScores:
        if task.video == "bear":
            flip_pixel(place.masks / "bear/00002.png")
        return score_video.score_video(task)

    with monkeypatch.context() as patch:
        patch.setattr(reuse, "score_video", change_and_score)
        place.score()
    flip_pixel(place.masks / "bear/00002.png")  # as it was when it was hashed, and not when it was scored
    assert place.reused() == 2


@pytest.mark.parametrize("size", [0, 1, 100, 500, -40, -1])
def test_a_file_that_was_cut_off_is_noted_and_all_is_scored_anew(place: Place, size: int) -> None:
    place.reused()
    os.truncate(place.kept, size if size >= 0 else place.kept.stat().st_size + size)
    found = place.score().reused
    assert found
    assert (found.videos, len(found.troubles)) == (0, 1)
    assert f"the kept scores were not used: {place.kept}: damaged" in found.troubles[0]
    assert place.reused() == 3


@pytest.mark.parametrize("content", [b"", b"{}", b"\x89PNG\r\n\x1a\n" * 99, b"\n" * 9, b'["bear"]\t{}\n'])
def test_a_foreign_file_is_noted_and_all_is_scored_anew(place: Place, content: bytes) -> None:
    place.kept.write_bytes(content)
    found = place.score().reused
    assert found
    assert (found.videos, len(found.troubles)) == (0, 1)
    assert place.reused() == 3


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: os.mkfifo(path)], ids=["folder", "pipe"])
def test_a_folder_or_a_pipe_in_place_of_the_file_is_noted(place: Place, make: Callable[[Path], None]) -> None:
    make(place.kept)
    for _ in range(2):
        found = place.score().reused
        assert found
        assert found.videos == 0
        unused, not_kept = found.troubles
        assert unused.startswith(f"the kept scores were not used: {place.kept}: ")
        assert not_kept.startswith(f"the scores are not kept for the next time: {place.kept}: ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_that_is_full_while_scores_come_changes_no_score(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert place.reused("bear") == 0
    before = place.kept.read_bytes()
    monkeypatch.setattr(score_spool, "TemporaryFile", lambda dir: os.fdopen(os.open("/dev/full", os.O_RDWR), "r+b", 0))
    found = place.score().reused
    assert found
    told = f"the scores are not kept for the next time: {place.kept}: cannot be written (No space left on device)"
    assert (found.videos, found.troubles) == (1, (told,))
    assert place.kept.read_bytes() == before
    monkeypatch.undo()
    assert (place.reused(), place.reused()) == (1, 3)


def test_no_file_is_left_beside_the_kept_scores(place: Place) -> None:
    before = set(place.kept.parent.iterdir())
    place.reused()
    assert set(place.kept.parent.iterdir()) - before == {place.kept}


def test_a_file_that_changes_while_it_is_read_gives_no_wrong_score(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.reused()

    def open_and_damage(path: Path, evaluator: str) -> reuse.KeptScores:
        kept = open_kept(path, evaluator)
        content = bytearray(path.read_bytes())
        line = kept.lines["bear", "animals val davis2017"]
        content[line.start + line.length // 2] ^= 1
        with path.open("r+b") as file:
            file.write(content)
        return kept

    open_kept = reuse.open_kept_scores
    monkeypatch.setattr(reuse, "open_kept_scores", open_and_damage)
    assert place.reused() == 2


def test_a_video_in_another_form_than_png_files_is_always_scored(place: Place) -> None:
    shutil.rmtree(place.masks / "bear")
    np.savez(place.masks / "bear.npz", masks=np.stack(MOVED["bear"]))
    place.reused()
    assert place.reused() == 2


def test_misnamed_frames_are_refused_although_their_masks_are_known(place: Place) -> None:
    """The names of the frames change no score, but they can show that all masks are counted from another number."""
    place.split = replace(place.split, rules=replace(place.split.rules, dense=False))
    for path in sorted((place.masks / "bear").iterdir(), reverse=True):
        path.rename(path.with_name(f"{int(path.stem) + 1:05}.png"))
    frames = write_frames(place.tree / "JPEGImages", VIDEOS) / "bear"
    shutil.copy(frames / "00000.jpg", frames / "00005.jpg")
    assert (place.reused(), place.reused()) == (0, 3)
    (frames / "00005.jpg").unlink()
    for again in (False, True):
        with pytest.raises(VosbenchError, match="masks of the frames 00001 to 00005, but the video has 00000 to 00004"):
            place.score(again=again)


@pytest.mark.slow
def test_helpers_reuse_and_keep_the_same(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for cost in ("FORK_COST", "SPAWN_COST"):
        monkeypatch.setattr(sharing, cost, 1)
    assert (place.reused(jobs=3), place.reused(jobs=3)) == (0, 3)
    flip_pixel(place.masks / "bear/00002.png")
    assert (place.reused(jobs=3), place.reused(jobs=1)) == (2, 3)


ACTIONS = st.lists(st.tuples(st.sampled_from(list(VIDEOS)), st.integers(0, 4), st.booleans()), min_size=1, max_size=4)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(ACTIONS)
def test_after_any_changes_each_video_that_is_as_it_was_is_reused(actions: list[tuple[str, int, bool]]) -> None:
    with TemporaryDirectory() as folder:
        place = Place(Path(folder))
        known: dict[str, list[bytes]] = {}
        for video, step, in_truth in [("bear", 0, False), *actions]:
            flip_pixel(files(place.truth(video) if in_truth else place.masks / video)[step % 4])
            now = {
                name: [path.read_bytes() for top in (place.truth(name), place.masks / name) for path in files(top)]
                for name in VIDEOS
            }
            assert place.reused() == sum(known.get(name) == now[name] for name in VIDEOS)
            known = now


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())
