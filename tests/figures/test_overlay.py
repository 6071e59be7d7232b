"""Contact sheets and videos of masks: runs, masks of any tool, several methods, and what is missing or wrong."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import vosbench
from tests.support.golden import make_tree, squares, write_masks
from vosbench.errors import VosbenchError
from vosbench.figures.contact_sheet import draw_contact_sheet, write_contact_sheet
from vosbench.figures.layout import BETWEEN, EDGE
from vosbench.figures.overlay import Overlay, prepare_overlay
from vosbench.figures.overlay_video import FrameTimes, write_film
from vosbench.figures.panels import open_shown_videos
from vosbench.media.colours import FALSE_COLOUR, MISSED_COLOUR, choose_colour
from vosbench.running.methods import open_method

BEAR = [squares((1, 2, 2 + step), (2, 14, 20 - step)) for step in range(6)]
FOX = [squares((1, 8, 3 * step)) for step in range(5)]


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "animals", {"bear": BEAR, "fox": FOX})


@pytest.fixture
def still(tmp_path: Path) -> Path:
    """Masks that are right on bear, and that stand still on fox."""
    return write_masks(tmp_path / "still", {"bear": BEAR, "fox": FOX[:1] * 5})


def _prepare(dataset: Path, *masks: Path, videos: tuple[str, ...] = (), with_scores: bool = True) -> Overlay:
    return prepare_overlay([open_method(path, dataset) for path in masks], videos, with_scores, jobs=1)


def _count(picture: object, colour: tuple[int, int, int]) -> int:
    return int((np.abs(np.asarray(picture).astype(int) - colour).sum(axis=2) < 30).sum())


def test_a_sheet_names_the_masks_and_has_the_scores_of_the_evaluation(animals: Path, still: Path) -> None:
    overlay = _prepare(animals, still)
    expected = vosbench.evaluate(still, animals, jobs=1)
    assert overlay.title == "still on animals val"
    assert overlay.methods[0].headline == f"still: {expected.headline}"
    assert overlay.notes == ()
    (bear, fox) = open_shown_videos(overlay)
    frames = overlay.dataset_split.frames_of("fox")
    captions = [fox.draw(index, frames[index], False, 64)[0].score for index in range(5)]
    values = {(score.frame, score.measure): score.value for score in expected.frames if score.video == "fox"}
    means = [(values[f"{index:05}", "J"] + values[f"{index:05}", "F"]) / 2 for index in (1, 2, 3)]
    assert captions == ["", *(f"J&F {100 * mean:.1f}" for mean in means), ""]
    assert bear.objects == {1, 2}


def test_a_sheet_has_a_column_for_each_frame_and_an_outline_for_each_object(animals: Path, still: Path) -> None:
    sheet = draw_contact_sheet(_prepare(animals, still), columns=3, longest=160)
    assert sheet.width == 2 * EDGE + 3 * 160 + 2 * BETWEEN
    assert min(_count(sheet, choose_colour(object_id)) for object_id in (1, 2)) > 100


def test_errors_are_drawn_where_masks_are_wrong_and_only_there(animals: Path, still: Path) -> None:
    wrong = draw_contact_sheet(_prepare(animals, still, videos=("fox",)), columns=5, errors=True)
    right = draw_contact_sheet(_prepare(animals, still, videos=("bear",)), columns=5, errors=True)
    assert _count(wrong, MISSED_COLOUR) > _count(right, MISSED_COLOUR) + 1000
    assert _count(wrong, FALSE_COLOUR) > _count(right, FALSE_COLOUR) + 1000


def test_only_the_videos_of_the_worst_frames_are_opened(animals: Path, still: Path) -> None:
    overlay = _prepare(animals, still)
    (animals / "JPEGImages/bear").rename(animals / "bear")
    assert draw_contact_sheet(overlay, worst=1, longest=100).height > 100
    assert [video.name for video in open_shown_videos(overlay, {"fox"})] == ["fox"]
    with pytest.raises(VosbenchError, match="bear"):
        draw_contact_sheet(overlay, longest=100)


def test_the_worst_frames_are_those_with_the_lowest_scores(animals: Path, still: Path) -> None:
    one, two = (draw_contact_sheet(_prepare(animals, still), worst=count, longest=200) for count in (1, 2))
    assert two.height == one.height
    with pytest.raises(VosbenchError, match="worst frames: still has no scores; choose frames without --worst"):
        draw_contact_sheet(_prepare(animals, still, with_scores=False), worst=2)


def test_several_methods_stand_beside_the_ground_truth(animals: Path, still: Path, tmp_path: Path) -> None:
    right = write_masks(tmp_path / "a/right", {"bear": BEAR, "fox": FOX})
    overlay = _prepare(animals, still, right)
    assert overlay.title == "still | right on animals val"
    (_, fox) = open_shown_videos(overlay)
    panels = fox.draw(2, overlay.dataset_split.frames_of("fox")[2], False, 64)
    assert [(panel.name, panel.score) for panel in panels] == [
        ("ground truth", ""), ("still", "J&F 22.0"), ("right", "J&F 100.0")
    ]  # fmt: skip
    assert np.array_equal(panels[0].picture, panels[2].picture)
    sheet = draw_contact_sheet(overlay, columns=2, longest=150)
    assert sheet.width == 2 * EDGE + 3 * 150 + 2 * BETWEEN
    worst = draw_contact_sheet(overlay, worst=2, longest=150, errors=True)
    assert _count(worst, FALSE_COLOUR) > 100


def test_methods_on_other_data_and_the_same_masks_twice_are_refused(animals: Path, still: Path, tmp_path: Path) -> None:
    other = make_tree(tmp_path / "plants", {"bear": BEAR})
    methods = [open_method(still, animals), open_method(write_masks(tmp_path / "m", {"bear": BEAR}), other)]
    with pytest.raises(VosbenchError, match=r"m: its masks are of plants val at .*; choose methods on the same split"):
        prepare_overlay(methods)
    with pytest.raises(VosbenchError, match="two methods have this name"):
        _prepare(animals, still, still)


def test_what_is_missing_is_said(animals: Path, tmp_path: Path) -> None:
    part = write_masks(tmp_path / "part", {"bear": BEAR[:3]})
    overlay = _prepare(animals, part)
    assert overlay.videos == ("bear",)
    assert "part: scored as absent: " in overlay.notes[0]
    assert "1 of 2 videos" in overlay.methods[0].headline
    (bear,) = open_shown_videos(overlay)
    assert bear.draw(4, overlay.dataset_split.frames_of("bear")[4], False, None)[0].score == "no mask, J&F 0.0"
    with pytest.raises(VosbenchError, match="there are no masks of fox; choose other --videos"):
        _prepare(animals, part, videos=("bear", "fox"))
    (tmp_path / "none").mkdir()
    with pytest.raises(VosbenchError, match="there are no masks of the videos of animals val; choose another"):
        _prepare(animals, tmp_path / "none")


def test_masks_of_only_0_and_255_are_drawn_as_the_object_for_which_they_are_scored(tmp_path: Path) -> None:
    animals = make_tree(tmp_path / "animals", {"fox": FOX})
    white = write_masks(tmp_path / "white", {"fox": [labels * np.uint8(255) for labels in FOX]})
    overlay = _prepare(animals, white)
    (fox,) = open_shown_videos(overlay)
    picture = fox.draw(2, overlay.dataset_split.frames_of("fox")[2], True, 200)[0].picture
    assert not _count(picture, MISSED_COLOUR) + _count(picture, FALSE_COLOUR)


def test_masks_of_another_size_are_named(animals: Path, tmp_path: Path) -> None:
    small = write_masks(tmp_path / "small", {"bear": [np.ones((4, 5), np.uint8)] * 6})
    with pytest.raises(
        VosbenchError, match=r"00000\.png: is 5x4 pixels, the frame is \d+x\d+; write the masks of small"
    ):
        draw_contact_sheet(_prepare(animals, small))


def test_prompts_without_other_ground_truth_are_drawn_without_scores(tmp_path: Path, still: Path) -> None:
    animals = make_tree(tmp_path / "prompts", {"bear": BEAR, "fox": FOX})
    for mask in animals.glob("Annotations/*/0000[1-9].png"):
        mask.unlink()
    overlay = _prepare(animals, still)
    assert overlay.methods[0].headline == "still: prompts val, not scored"
    assert "still has no scores: prompts val: " in overlay.notes[0]
    (bear, _) = open_shown_videos(overlay)
    frames = overlay.dataset_split.frames_of("bear")
    assert bear.draw(3, frames[3], True, None)[0].score == "no ground truth"
    assert draw_contact_sheet(overlay).width > 0


def test_a_sheet_is_written_as_its_suffix_says(tmp_path: Path) -> None:
    sheet = Image.new("RGB", (30, 20), "white")
    for name, form in (("a.png", "PNG"), ("b.JPG", "JPEG"), ("c/d.webp", "WEBP")):
        write_contact_sheet(sheet, tmp_path / name)
        with Image.open(tmp_path / name) as written:
            assert (written.format, written.size) == (form, (30, 20))
    with pytest.raises(VosbenchError, match=r"e\.gif: expected a name with \.png, \.jpg, \.jpeg, \.webp"):
        write_contact_sheet(sheet, tmp_path / "e.gif")
    with pytest.raises(VosbenchError, match=r"the sheet has 1x65501 pixels, and JPEG holds at most 65500 a side"):
        write_contact_sheet(Image.new("RGB", (1, 65501)), tmp_path / "f.jpg")
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["a.png", "b.JPG", "d.webp"]


def test_a_video_has_every_frame_an_even_size_and_its_index_in_front(
    animals: Path, still: Path, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    film = tmp_path / "film.mp4"
    write_film(
        _prepare(animals, still), film, longest=201, fps=Fraction(10), on_frame=lambda *counts: told.append(counts)
    )
    with av.open(str(film)) as opened:
        stream = opened.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width % 2, stream.height % 2, stream.average_rate) == (0, 0, 10)
        frames = [frame.to_ndarray(format="rgb24") for frame in opened.decode(stream)]
    assert len(frames) == 11
    assert told[-1] == (11, 11)
    assert frames[0].shape == (stream.height, stream.width, 3)
    blue, orange = ((np.abs(frames[3].astype(int) - choose_colour(i)).sum(axis=2) < 90).sum() for i in (1, 2))
    assert min(blue, orange) > 50
    content = film.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_a_video_that_fails_leaves_no_file(animals: Path, still: Path, tmp_path: Path) -> None:
    (still / "fox/00003.png").write_bytes(b"no PNG")
    with pytest.raises(VosbenchError, match=r"00003\.png"):
        write_film(_prepare(animals, still, with_scores=False), tmp_path / "out/film.mp4")
    with pytest.raises(VosbenchError, match=r"film\.avi: expected a name with \.mp4"):
        write_film(_prepare(animals, still, with_scores=False), tmp_path / "out/film.avi")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_times_of_a_long_video_take_no_memory() -> None:
    times = FrameTimes(10**9, Fraction(24))
    assert (len(times), times[48], times[-1] > 10**7) == (10**9, 2, True)


def test_the_library_draws_runs_and_masks(animals: Path, still: Path, tmp_path: Path) -> None:
    opened = vosbench.open_dataset(animals)
    one = vosbench.draw_overlay(still, opened, columns=2, size=100, jobs=1)
    assert np.array_equal(one, vosbench.draw_overlay(str(still), animals, columns=2, size=100, jobs=1))
    with pytest.warns(UserWarning, match="scored as absent"):
        vosbench.write_overlay_video(
            [still, write_masks(tmp_path / "part", {"fox": FOX[:2]})], tmp_path / "a.mp4", opened,
            videos=["fox"], jobs=1,
        )  # fmt: skip
    assert (tmp_path / "a.mp4").stat().st_size > 1000
