"""Reports of more videos than a page has in full: what is counted, chosen and written is of all of them."""

from __future__ import annotations

import csv
import json
import math
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import vosbench
from tests.support.cli import Cli
from tests.support.evaluations import ROWS
from tests.support.golden import make_tree, squares, unhurried, write_masks
from vosbench.errors import VosbenchError
from vosbench.evaluation.metrics import Series
from vosbench.evaluation.report import report_rows
from vosbench.evaluation.rows import J_MEAN, JF_MEAN, summarise_scores
from vosbench.evaluation.score_columns import ScoreColumns
from vosbench.evaluation.tables import format_percent
from vosbench.masks.open import Predictions
from vosbench.reports import render
from vosbench.reports.attribute_columns import AttributeColumns
from vosbench.reports.attributes import ObjectAttributes, VideoAttributes, measure_attributes
from vosbench.reports.collect import ReportedMethod, bring_together
from vosbench.reports.content import describe_every_video, describe_report, describe_shown, to_thousandths
from vosbench.reports.distributions import SQUARES, count_pairs, count_tenths
from vosbench.reports.figures_file import write_figures_file
from vosbench.reports.object_figures import ObjectFigures, count_objects, read_object_figures
from vosbench.reports.page_videos import PageVideos, choose_extremes, choose_page_videos
from vosbench.reports.pictures import draw_pictures
from vosbench.reports.render import render_page, to_script_json
from vosbench.running.methods import Method, open_method, score_method
from vosbench.types import Metric, Score

NAN = math.nan
COUNT = 12
VIDEOS = {
    f"video{number:02}": [squares((1, 6, 2), (2, 14, 2)), *(squares((1, 6, 2 + number), (2, 14, 2)) for _ in range(3))]
    for number in range(COUNT)
}
HELD = {video: [maps[0]] * 4 for video, maps in VIDEOS.items()}
JUMPS = {video: [maps[0], *(squares((1, 6, 20), (2, 14, 2)) for _ in maps[1:])] for video, maps in VIDEOS.items()}
figures = arrays.arrays(
    np.float64,
    st.tuples(st.integers(1, 4), st.integers(0, 12)),
    elements=st.one_of(st.floats(0, 1), st.sampled_from([NAN, 0.0, 0.5, 1.0])),
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tree(tmp_path_factory.mktemp("many") / "bears", VIDEOS)


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Masks that never move, and masks that jump to one place."""
    folder = tmp_path_factory.mktemp("masks")
    return write_masks(folder / "held", HELD), write_masks(folder / "jumps", JUMPS)


def score(tree: Path, masks: tuple[Path, ...]) -> list[ReportedMethod]:
    methods = [open_method(each, str(tree)) for each in masks]
    return [bring_together(method, score_method(method, jobs=1).with_intervals()) for method in methods]


def measure(tree: Path) -> AttributeColumns:
    dataset_split = open_method(tree / "Annotations", str(tree)).dataset_split
    columns = AttributeColumns(dataset_split.videos)
    for video in reversed(dataset_split.videos):  # in any order, as processes finish
        columns.add(measure_attributes((video, dataset_split.ground_truth(video))))
    return columns


def describe(tree: Path, scored: list[ReportedMethod], shown: int) -> tuple[PageVideos, dict[str, Any]]:
    attributes, dataset_split = measure(tree), scored[0].method.dataset_split
    chosen = choose_page_videos(scored, list(attributes), JF_MEAN, shown, 2)
    content = describe_report(scored, attributes, dataset_split, chosen)
    content["every_video"] = describe_every_video(scored, attributes, chosen)
    return chosen, json.loads(to_script_json(content))


def test_a_page_of_some_videos_has_the_figures_of_all_of_them(tree: Path, masks: tuple[Path, Path]) -> None:
    scored = score(tree, masks)
    chosen, part = describe(tree, scored, 5)
    _, whole = describe(tree, scored, COUNT)
    assert whole["distributions"].pop("pairs") is None
    assert sum(count for *_, count in part["distributions"].pop("pairs")["0-1"]) == 2 * COUNT
    own = {"videos", "made"}
    assert {k: v for k, v in part.items() if k not in own} == {k: v for k, v in whole.items() if k not in own}
    assert (part["video_count"], part["objects"]) == (COUNT, 2 * COUNT)
    in_full = {video["name"]: video for video in whole["videos"]}
    assert part["videos"] == [in_full[video] for video in chosen.shown]
    assert list(in_full) == list(VIDEOS)
    assert len(chosen.shown) == 5
    assert set(chosen.pictured) <= set(chosen.shown)
    table = whole["every_video"]
    assert table["names"] == list(VIDEOS)
    assert (set(table["objects"]), set(table["frames"])) == ({2}, {4})
    shown = [[video["figures"][index]["J&F-Mean"] for video in whole["videos"]] for index in (0, 1)]
    assert [[f"{value / 10:.1f}" for value in column] for column in table["figures"][:2]] == [
        [format_percent(value) for value in column] for column in shown
    ]
    gains = [second - first for first, second in zip(*shown, strict=True)]
    assert [value / 10 for value in table["figures"][2]] == [float(format_percent(gain)) for gain in gains]


def test_histograms_count_every_object_and_frame(tree: Path, masks: tuple[Path, Path]) -> None:
    scored = score(tree, masks)
    _, content = describe(tree, scored, 3)
    for index, each in enumerate(scored):
        objects = [row["J&F-Mean"] for row in report_rows(each.evaluation, "object")]
        frames = [(row["J"] + row["F"]) / 2 for row in report_rows(each.evaluation, "frame")]  # type: ignore[operator]
        for name, values in (("objects", objects), ("frames", frames)):
            tenths = Counter(min(9, int(10 * value + 1e-9)) for value in values)  # type: ignore[operator]
            assert content["distributions"][name][index] == [tenths[tenth] for tenth in range(10)]


@given(figures, st.integers(0, 20))
@unhurried
def test_the_extremes_of_every_kind_are_chosen_in_turn(found: Series, count: int) -> None:
    chosen = choose_extremes(found, count)
    assert len(chosen) == len(set(chosen)) == min(count, found.shape[1])
    means = np.array([np.mean(column[~np.isnan(column)]) if not np.isnan(column).all() else NAN for column in found.T])
    if chosen and not np.isnan(means).all():
        assert means[chosen[0]] == np.nanmin(means)
    if len(chosen) > 1 and not np.isnan(means).all():
        assert np.nanmax(means) in means[chosen[:2]]


def test_of_two_methods_the_largest_gains_in_either_direction_are_chosen_and_of_more_the_largest_differences() -> None:
    same = np.full(40, 0.5)
    first, second = same.copy(), same.copy()
    first[[3, 4]], second[[3, 4]] = (0.1, 0.9), (0.9, 0.1)
    first[[7, 8]], second[[7, 8]] = (0.0, 1.0), (0.0, 1.0)
    assert choose_extremes(np.array([first, second]), 4) == [7, 8, 4, 3]
    assert choose_extremes(np.array([first, second, same]), 4)[2] in (7, 8, 3, 4)
    assert set(choose_extremes(np.array([first, second, same]), 6, [20])) >= {20, 7, 8, 3}
    assert choose_extremes(np.array([[NAN, 0.4, 0.2]]), 3) == [2, 1, 0]


@given(st.lists(st.one_of(st.floats(-1, 1), st.just(NAN)), max_size=30))
@unhurried
def test_thousandths_are_the_percent_that_are_shown(values: list[float]) -> None:
    shown = ["-" if value is None else f"{value / 10:.1f}" for value in to_thousandths(np.array(values, np.float64))]
    assert shown == [format_percent(value) for value in values]


@given(st.lists(st.one_of(st.floats(0, 1), st.just(NAN), st.sampled_from([0.1, 0.3, 0.7, 1.0])), max_size=50))
@unhurried
def test_tenths_are_counted_without_what_has_no_value(values: list[float]) -> None:
    expected = Counter(min(9, math.floor(10 * value + 1e-9)) for value in values if not math.isnan(value))
    assert count_tenths(np.array(values, np.float64)) == [expected[tenth] for tenth in range(10)]


keys = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([1, 2, 900, 2**31])), unique=True, max_size=10)
PLACES = {"c": 0, "a": 1, "b": 2}


def hold(objects: list[tuple[str, int]], seed: int) -> ObjectFigures:
    """Figures of objects, in the order of PLACES."""
    ordered = sorted(objects, key=lambda key: PLACES[key[0]])
    values = np.random.default_rng(seed).choice([0.0, 0.2, 0.51, 1.0, NAN], (len(ordered), 1))
    videos, ids = tuple(video for video, _ in ordered), np.array([number for _, number in ordered], np.int64)
    return ObjectFigures((JF_MEAN,), videos, ids, values)


@given(keys, keys)
@unhurried
def test_objects_are_paired_and_counted_by_video_and_id(ours: list[tuple[str, int]], theirs: list[Any]) -> None:
    first, second = hold(ours, 1), hold(theirs, 2)
    assert count_objects([first, second], PLACES).tolist() == [
        sum(video == name for video, _ in {*ours, *theirs}) for name in PLACES
    ]
    pairs = count_pairs([first, second], JF_MEAN, PLACES)["0-1"]
    known = [{(video, number): row[0] for video, number, row in each.rows()} for each in (first, second)]
    expected = Counter(
        (min(SQUARES - 1, int(SQUARES * known[0][key] + 1e-9)), min(SQUARES - 1, int(SQUARES * known[1][key] + 1e-9)))
        for key in known[0].keys() & known[1].keys()
        if not math.isnan(known[0][key] + known[1][key])
    )
    assert {(a, b): count for a, b, count in pairs} == expected


def test_the_means_of_a_video_are_those_of_its_rows_and_any_scores_may_be_given() -> None:
    metrics = [Metric("J", "Mean"), Metric("J", "Recall"), Metric("F", "Mean")]
    rows = {key: (row[0], row[1], row[3]) for key, row in ROWS.items()}
    scores = [Score(*key, m, v) for key, row in rows.items() for m, v in zip(metrics, row, strict=True)]
    videos, ids = tuple(video for video, _ in rows), np.array([number for _, number in rows], np.int64)
    columns = ScoreColumns(tuple(metrics), videos, ids, np.array(list(rows.values())))
    places = {video: place for place, video in enumerate(["none", *dict.fromkeys(videos)])}
    for given_scores in (scores, columns):
        found = read_object_figures(given_scores)
        for metric in (JF_MEAN, J_MEAN, Metric("V")):
            means = found.average_by_video(metric, places)
            for video, place in places.items():
                own = summarise_scores(each for each in scores if each.video == video).get(metric, NAN)
                np.testing.assert_array_equal(means[place], own)


frame_names = st.lists(st.sampled_from([f"{n:05}" for n in range(6)]), unique=True, max_size=4).map(tuple)


@st.composite
def videos_with_attributes(draw: st.DrawFn) -> list[VideoAttributes]:
    found = []
    for name in draw(st.permutations("abcd")):
        frames = draw(frame_names)
        shown = st.lists(st.booleans(), min_size=len(frames), max_size=len(frames)).map(tuple)
        objects = st.builds(ObjectAttributes, shown, st.floats(0, 1), st.floats(0, 9))
        held = draw(st.dictionaries(st.integers(1, 300), objects, max_size=3))
        found.append(VideoAttributes(name, frames, (draw(st.integers(1, 9)), 7), held))
    return found


@given(videos_with_attributes())
@settings(unhurried, max_examples=30)
def test_attributes_in_columns_read_back_as_they_were(videos: list[VideoAttributes]) -> None:
    columns = AttributeColumns("abcd")
    for each in videos:
        columns.add(each)
    assert list(columns) == list("abcd")
    assert [columns[each.video] for each in videos] == videos
    assert [columns.count_frames(each.video) for each in videos] == [len(each.frame_names) for each in videos]


def test_the_csv_has_every_object_of_every_method_in_full_precision(
    tree: Path, masks: tuple[Path, Path], tmp_path: Path
) -> None:
    scored = score(tree, masks)
    write_figures_file(tmp_path / "figures.csv", scored)
    with (tmp_path / "figures.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    expected = [
        {"method": each.method.name, **row} for each in scored for row in report_rows(each.evaluation, "object")
    ]
    assert [{k: v if k in ("method", "video") else float(v) for k, v in row.items()} for row in rows] == expected


def test_the_masks_of_a_method_are_listed_once_for_all_pictures(
    tree: Path, masks: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    scored, listed = score(tree, masks), []
    open_masks = Method.open_masks

    def count(self: Method, videos: Any = ()) -> Predictions:
        listed.append(self.name)
        return open_masks(self, videos)

    monkeypatch.setattr(Method, "open_masks", count)
    videos = list(VIDEOS)[:2]
    drawn = draw_pictures(scored, measure(tree), scored[0].method.dataset_split, videos, 1, lambda done, total: None)
    assert list(drawn) == videos
    assert listed == ["held", "jumps"]
    assert draw_pictures(scored, measure(tree), scored[0].method.dataset_split, [], 1, lambda done, total: None) == {}


def test_the_page_says_how_many_videos_it_does_not_show_and_where_their_figures_are() -> None:
    chosen = PageVideos(tuple(map(str, range(50_000))), np.zeros((2, 50_000)), tuple("abc"), ())
    said = describe_shown(chosen, JF_MEAN, "report.objects.csv")
    for part in ("in full: 3 of 50,000", "other 49,997", "report.objects.csv", "J&F-Mean", "gain or lose most"):
        assert part in said
    assert describe_shown(PageVideos(("a",), np.zeros((1, 1)), ("a",), ()), JF_MEAN, "r.csv") == ""


def test_of_very_many_problems_the_page_has_the_first_ones_and_their_number(
    tree: Path, masks: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (scored,) = score(tree, masks[:1])
    problems = tuple(f"video {number} is missing" for number in range(1200))
    scored = replace(scored, evaluation=replace(scored.evaluation, problems=problems))
    _, content = describe(tree, [scored], COUNT)
    del content["every_video"]
    monkeypatch.setattr(render, "bundle_charts", lambda: "")
    page = render_page({**content, "pictures_note": "", "shown_note": ""}, {})
    assert "1,200 scored as absent" in page
    assert "and 1,195 more, of which the first 1,000 are listed" in page
    assert "and 200 more; <code>vosbench eval --json FILE</code> writes all" in page
    assert "video 999 is missing" in page
    assert "video 1000 is missing" not in page


def test_a_csv_that_is_there_is_not_overwritten_unless_that_is_asked_for(
    tree: Path, masks: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "r.objects.csv").write_text("mine")
    with pytest.raises(VosbenchError, match=r"r\.objects\.csv: is there already"):
        vosbench.report(masks[0], tmp_path / "r.html", dataset=tree, jobs=1, shown=3)
    assert [path.name for path in tmp_path.iterdir()] == ["r.objects.csv"]


def test_a_page_with_a_csv_beside_it_is_not_written_to_a_device(tree: Path, masks: tuple[Path, Path]) -> None:
    with pytest.raises(VosbenchError, match=r"/dev/null: is a pipe, a socket or a device"):
        vosbench.report(masks[0], "/dev/null", dataset=tree, jobs=1, shown=3, overwrite=True)


@pytest.mark.slow
def test_a_report_of_more_videos_than_are_shown_has_a_table_of_all_and_a_csv(
    cli: Cli, tree: Path, masks: tuple[Path, Path]
) -> None:
    done = cli("report", masks[0], "--dataset", tree, "--jobs", 2, "--shown", 5, "--strips", 2, "-o", "r.html")
    assert "figures of all objects: r.objects.csv" in done.stdout
    page, rows = (cli.folder / "r.html").read_text(), (cli.folder / "r.objects.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * COUNT
    assert "are here in full: 5 of 12." in page
    data = json.loads(re.search(r'id="data">(.*?)</script>', page)[1])  # type: ignore[index]
    assert len(data["videos"]) == 5
    table = json.loads(re.search(r'id="every-video">(.*?)</script>', page)[1])  # type: ignore[index]
    assert table["names"] == list(VIDEOS)
    assert len(re.findall('id="strip-', page)) == 2
