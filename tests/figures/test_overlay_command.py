"""The command `vosbench overlay`: what it writes, and what it refuses in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.support.cli import Cli
from tests.support.golden import make_tree, squares, write_masks
from tests.support.runs import tracked

BEAR = [squares((1, 2, 2 + step), (2, 14, 20 - step)) for step in range(6)]


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    write_masks(tmp_path / "mine", {"bear": BEAR[:1] * 6})
    write_masks(tmp_path / "yours", {"bear": BEAR})
    return make_tree(tmp_path / "animals", {"bear": BEAR})


@pytest.mark.slow
def test_a_run_gets_its_sheet_in_its_folder_and_a_video_where_it_is_asked_for(cli: Cli, bears: Path) -> None:
    tracked(bears, cli.folder / "run")
    assert "contact sheet: run/eval/contact.png" in cli("overlay", "--results", "run", "--jobs", 1).stdout
    with Image.open(cli.folder / "run/eval/contact.png") as sheet:
        assert sheet.width > 5 * 320
    done = cli("overlay", "run", "--video", "good.mp4", "--videos", "good", "--errors", "--jobs", 1)
    assert done.stdout == "video: good.mp4\n"
    assert not (cli.folder / "run/eval/good.mp4").exists()
    again = cli(
        "overlay", "run", "--no-scores", "--video", "a.mp4", "--videos", "good", "--out", "a.png", "--fps", 12.5
    )
    assert again.stdout == "contact sheet: a.png\nvideo: a.mp4\n"


def test_masks_of_any_tool_are_drawn_side_by_side(cli: Cli, animals: Path) -> None:
    given = ("mine", "yours", "--dataset", animals, "--jobs", 1, "--size", 64)
    assert cli("overlay", "--side-by-side", *given, "--out", "two.png").stdout == "contact sheet: two.png\n"
    cli("overlay", "--side-by-side", "first=mine", "second=mine", *given[2:], "--out", "named.png")
    cli("overlay", "mine", "--side-by-side", *given[1:], "--worst", 2, "--out", "worst.jpg")
    assert (cli.folder / "worst.jpg").is_file()


REFUSED = [
    (["mine", "yours", "--out", "a.png"], "mine yours: several RUNs are given; add --side-by-side, or give only one"),
    (["mine", "--side-by-side"], "--side-by-side: needs two methods or more"),
    (["--side-by-side", "mine", "yours"], "--side-by-side: shows several methods, so it has no folder; name the PNG"),
    (["mine"], "mine: not a run, so nothing is written into it; name the PNG to write with --out"),
    (["mine", "--out", "a.pdf"], "a.pdf: expected a name with .png, .jpg, .jpeg, .webp; choose another name"),
    (["mine", "--video", "a.gif"], "a.gif: expected a name with .mp4, .mov, .mkv, .m4v; choose another name"),
    (["mine", "--worst", "2", "--video", "a.mp4"], "--worst: chooses frames by their scores, and --video shows every"),
    (["mine", "--worst", "2", "--no-scores", "--out", "a.png"], "--no-scores gives no scores; leave one of the two"),
    (["mine", "--videos", "cow", "--out", "a.png"], "video of animals val 'cow'"),
    (["nothing", "--out", "a.png"], "nothing"),
    ([], "vosbench overlay: no masks are given"),
]


@pytest.mark.parametrize(("words", "said"), REFUSED)
def test_what_cannot_be_drawn_is_one_line_and_nothing_is_written(
    cli: Cli, animals: Path, words: list[str], said: str
) -> None:
    before = sorted(cli.folder.rglob("*"))
    assert said in cli("overlay", *words, "--dataset", animals, "--jobs", 1, expect=2).stderr
    assert sorted(cli.folder.rglob("*")) == before
