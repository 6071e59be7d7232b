"""What a report says, and what it refuses."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import vosbench
from tests.support.cli import Cli
from tests.support.golden import make_tree, squares, write_masks
from vosbench.errors import VosbenchError
from vosbench.evaluation.report import report_rows
from vosbench.evaluation.rows import JF_MEAN
from vosbench.publishing.comparison_table import build_pair_tables
from vosbench.reports import render
from vosbench.reports.attribute_columns import AttributeColumns
from vosbench.reports.attributes import measure_attributes
from vosbench.reports.build import Choices
from vosbench.reports.collect import bring_together
from vosbench.reports.content import describe_pictures, describe_report
from vosbench.reports.page_videos import choose_page_videos
from vosbench.reports.provenance import read_timings
from vosbench.reports.render import render_page, require_packages, to_script_json
from vosbench.running.methods import Method, open_method, score_method
from vosbench.running.run import Run

VIDEOS = {
    "good": [squares((1, 6, 4 + index)) for index in range(5)],
    "two": [squares((1, 2, 2 + index), (2, 14, 20 - index)) for index in range(6)],
}
HELD = {"good": [squares((1, 6, 4))] * 5, "two": [squares((1, 2, 2), (2, 14, 18))] * 6}
HOSTILE = "<img src=x onerror=alert(1)>&\"'"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "bears", VIDEOS)


@pytest.fixture
def held(tmp_path: Path) -> Path:
    """Masks that do not follow their objects."""
    return write_masks(tmp_path / "held", HELD)


def describe(tree: Path, *masks: Path, shown: int = 100) -> dict[str, Any]:
    """The content of a page about masks, as JSON gives it back."""
    methods = [open_method(each, str(tree)) for each in masks]
    scored = [bring_together(method, score_method(method, jobs=1).with_intervals()) for method in methods]
    dataset_split = methods[0].dataset_split
    attributes = AttributeColumns(dataset_split.videos)
    for video in dataset_split.videos:
        attributes.add(measure_attributes((video, dataset_split.ground_truth(video))))
    chosen = choose_page_videos(scored, dataset_split.videos, JF_MEAN, shown, 0)
    content = describe_report(scored, attributes, dataset_split, chosen)
    return json.loads(to_script_json({**content, "pictures_note": "", "shown_note": ""}))  # type: ignore[no-any-return]


def test_the_figures_of_the_page_are_those_of_the_evaluation(tree: Path, held: Path) -> None:
    content = describe(tree, held, tree / "Annotations")
    for index, masks in enumerate((held, tree / "Annotations")):
        evaluation = vosbench.evaluate(masks, str(tree), jobs=1).with_intervals()
        method = content["methods"][index]
        assert method["means"] == {str(metric): value for metric, value in evaluation.means.items()}
        assert method["signature"] == evaluation.signature
        assert method["headline"] == evaluation.headline
        assert method["intervals"]["J&F-Mean"] == [
            getattr(evaluation.intervals[next(iter(evaluation.means))], end) for end in ("low", "high")
        ]
        shown = {
            (video["name"], thing["id"]): thing["figures"][index]
            for video in content["videos"]
            for thing in video["objects"]
        }
        rows = report_rows(evaluation, "object")
        assert shown == {(row.pop("video"), row.pop("object")): row for row in rows}
        by_video = {video["name"]: video["figures"][index] for video in content["videos"]}
        rows = report_rows(evaluation, "video")
        assert by_video == {
            row["video"]: {k: v for k, v in row.items() if k not in ("video", "objects")} for row in rows
        }
        values = [
            {"video": video["name"], "object": thing["id"], "frame": video["frames"][series["at"] + at], "J": j, "F": f}
            for video in content["videos"]
            for thing in video["objects"]
            for series in [thing["series"][index]]
            for at, (j, f) in enumerate(zip(series["J"], series["F"], strict=True))
        ]
        expected = report_rows(evaluation, "frame")
        assert [{**row, "J": round(1000 * row["J"]), "F": round(1000 * row["F"])} for row in expected] == values


def test_the_difference_of_two_methods_is_that_of_compare(tree: Path, held: Path) -> None:
    content = describe(tree, held, tree / "Annotations")
    evaluations = [vosbench.evaluate(masks, str(tree), jobs=1) for masks in (held, tree / "Annotations")]
    (found,) = content["differences"]
    assert found["value"] == pytest.approx(evaluations[1]["J&F-Mean"] - evaluations[0]["J&F-Mean"], abs=1e-12)
    assert found["range"][0] <= found["value"] <= found["range"][1]
    assert (found["first"], found["second"], found["apart"]) == ("held", "Annotations", [])
    assert 0 < found["p"] <= 1
    (table,) = build_pair_tables(vosbench.compare([held, tree / "Annotations"], str(tree), jobs=1).pairs[0], 0)
    assert tuple(found["shown"]) == table.rows[0][1:]


def test_several_differences_from_the_first_method_are_adjusted_for_their_number_as_compare_does(
    tree: Path, held: Path
) -> None:
    other = write_masks(held.parent / "other", {**HELD, "good": VIDEOS["good"]})
    masks = [held, tree / "Annotations", other]
    pairs = vosbench.compare(masks, str(tree), jobs=1, against="held").pairs
    expected = [build_pair_tables(pair, 0)[0].rows[0][4] for pair in pairs]
    content = describe(tree, *masks)
    assert [each["p_holm"] for each in content["differences"]] == expected
    page = render_page(content, {}).replace("\n", " ")
    assert all(f"p (Holm) = {each}" in page for each in expected)
    assert content["holm_meaning"] in page
    assert "(Holm)" not in render_page(describe(tree, *masks[:2]), {})


def test_what_a_script_element_holds_cannot_end_it_and_reads_back_the_same() -> None:
    value = {"</script><script>alert(1)</script>": ["<!--", "&", "\u2028", "ä", None, 0.1]}
    text = to_script_json(value)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == value


def test_methods_on_different_splits_or_by_different_rules_are_refused(tree: Path, held: Path, tmp_path: Path) -> None:
    other = make_tree(tmp_path / "wolves", VIDEOS)
    methods = [open_method(held, str(tree)), open_method(held, str(other))]
    with pytest.raises(VosbenchError, match=r"wolves val.*make one report for each split"):
        vosbench.reports.build.write_report(methods, tmp_path / "r.html", Choices())
    ruled = replace(methods[0].dataset_split, rules=replace(methods[0].dataset_split.rules, name="others"))
    methods[1] = Method("other", held, ruled, None)
    with pytest.raises(VosbenchError, match=r"has the rules of others.*--rules"):
        vosbench.reports.build.write_report(methods, tmp_path / "r.html", Choices())
    assert not (tmp_path / "r.html").exists()


def test_a_file_that_is_there_is_not_overwritten_unless_that_is_asked_for(cli: Cli, tree: Path, held: Path) -> None:
    (cli.folder / "report.html").write_text("mine")
    said = cli("report", held, "--dataset", tree, expect=2).stderr
    assert "report.html: is there already; choose another file with -o, or give --overwrite" in said
    assert (cli.folder / "report.html").read_text() == "mine"


def test_a_missing_package_is_named_before_anything_is_scored(
    cli: Cli, tree: Path, held: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "PACKAGES", ("jinja2", "no_such_package_at_all"))
    with pytest.raises(VosbenchError, match=re.escape('install it with: pip install "vosbench[report]"')):
        require_packages()
    said = cli("report", held, "--dataset", tree, expect=2).stderr
    assert said.count("\n") == 1
    assert "no_such_package_at_all" in said


def test_masks_that_no_run_made_have_no_timings_and_damaged_timings_are_named(tmp_path: Path) -> None:
    assert read_timings(None) == {}
    (tmp_path / "timings.csv").write_text("video,frames\nbear,three\n")
    with pytest.raises(VosbenchError, match=r"timings\.csv: not a table of timings"):
        read_timings(Run(tmp_path))


def test_the_page_says_which_videos_have_pictures() -> None:
    assert describe_pictures(2, 2, True).startswith("Pictures of every video show the worst frames")
    assert "of the 1 video of 9 with the lowest scores" in describe_pictures(1, 9, True)
    assert "drawn on grey" in describe_pictures(2, 2, False)
    assert describe_pictures(0, 2, False).startswith("No video has pictures")


@pytest.mark.slow
def test_a_page_of_hostile_names_holds_no_markup_of_theirs(tmp_path: Path, held: Path) -> None:
    videos = {HOSTILE: VIDEOS["good"], "two": VIDEOS["two"]}
    tree = make_tree(tmp_path / "hostile", videos)
    masks = write_masks(tmp_path / "masks", {HOSTILE: HELD["good"], "two": HELD["two"]})
    out = tmp_path / "r.html"
    title = "</title><script>alert(1)</script>"
    vosbench.report({f"</script>{HOSTILE}": masks}, out, dataset=str(tree), jobs=1, title=title)
    page = out.read_text()
    assert "onerror=alert(1)>" not in page
    assert "<script>alert" not in page
    assert "&lt;/title&gt;&lt;script&gt;alert(1)" in page
    assert len(re.findall("</script", page)) == len(re.findall("<script", page)) == 3 + len(videos)


@pytest.mark.slow
def test_with_no_strict_what_is_missing_stands_on_the_page_and_the_status_is_one(
    cli: Cli, tree: Path, tmp_path: Path
) -> None:
    masks = write_masks(tmp_path / "part", {"good": HELD["good"]})
    given = ("report", masks, "--dataset", tree, "--jobs", 1, "-o", "r.html")
    assert "video two is missing" in cli(*given, expect=2).stderr
    assert not (cli.folder / "r.html").exists()
    done = cli(*given, "--no-strict", "--strips", 1, expect=1)
    assert "scored as absent: video two is missing" in done.stderr
    page = (cli.folder / "r.html").read_text()
    assert "scored as absent: video two is missing" in page
    assert "not strict" in page
    assert len(re.findall('id="strip-', page)) == 1


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_report_of_two_methods_on_thirty_videos_with_frames_has_less_than_ten_megabytes(
    tmp_path: Path, data: Path
) -> None:
    """The size of DAVIS 2017 val: 30 videos, 61 objects, 1,999 frames at 480p, here with the frames of six videos."""
    golden, tree = data / "golden/DAVIS", tmp_path / "DAVIS"
    frames = sorted((data / "davis2016-real/DAVIS/JPEGImages").rglob("*.jpg"))
    tree.mkdir()
    for name in ("Annotations", "ImageSets"):
        (tree / name).symlink_to(golden / name)
    for number, folder in enumerate(sorted((golden / "Annotations/480p").iterdir())):
        (tree / "JPEGImages/480p" / folder.name).mkdir(parents=True)
        for index, mask in enumerate(sorted(folder.iterdir())):
            image = frames[(50 * number + index) % len(frames)]
            (tree / "JPEGImages/480p" / folder.name / f"{mask.stem}.jpg").symlink_to(image)
    masks = [data / "golden/predictions/rvos_match", data / "golden/predictions/swap"]
    written = vosbench.report(masks, tmp_path / "report.html", dataset=tree)
    assert written.path.stat().st_size < 10e6
    assert len(re.findall('id="strip-', written.path.read_text())) == 30
