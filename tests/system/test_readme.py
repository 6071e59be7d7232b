"""The commands, examples, links and file names in the README and the docs work."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.cli import Cli
from tests.support.clips import draw_square_frame, write_clip
from tests.support.golden import fetched, make_tree, squares
from tests.support.predictions import zipped

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def section(title: str) -> str:
    """The text below a heading of the README, up to the next heading of its level."""
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def blocks(text: str) -> list[str]:
    """The contents of the fenced blocks of a text."""
    return [fenced.partition("\n")[2] for fenced in text.split("```")[1::2]]


TOP = README.split("\n## ", 1)[0]
_, DEMO, TABLE = blocks(TOP)


def commands(text: str) -> list[list[str]]:
    """The vosbench commands in a text, as lists of their arguments."""
    lines = map(str.strip, text.splitlines())
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("vosbench ")]


def run_section(cli: Cli, title: str, *more: object) -> list[str]:
    """Run the commands of a section as they are written, with more options behind each, and return what they print."""
    return [cli(*command, *more).stdout for block in blocks(section(title)) for command in commands(block)]


@pytest.mark.slow
def test_the_demo_prints_the_table_and_its_runs_are_compared_reported_and_drawn(cli: Cli) -> None:
    fetched, scored, drawn = [cli(*command).stdout for command in commands(DEMO)]
    assert "(8 videos, 266 frames, 15 objects)" in fetched
    assert TABLE in scored
    assert (cli.folder / drawn.split()[-1]).read_bytes().startswith(b"\x89PNG")
    compared = run_section(cli, "Compare and publish")
    assert "static" in compared[1]
    assert "sam2.1" in compared[-1]
    files = {"table.tex": b"% in percent", "report.html": b"<!doctype html>", "worst.png": b"\x89PNG"}
    assert {name: (cli.folder / name).read_bytes().lstrip()[: len(start)] for name, start in files.items()} == files


@pytest.mark.slow
def test_a_tracker_in_eight_lines_runs(cli: Cli) -> None:
    tracker, command = blocks(section("Your tracker in eight lines"))
    lines = [line for line in tracker.splitlines() if line and not line.startswith("#")]
    assert len(lines) <= 8
    (cli.folder / "mine.py").write_text(tracker)
    cli("fetch", "synthetic")
    assert "all objects" in cli(*commands(command)[0], "--gpus", "cpu", "--videos", "solo,lookalike").stdout


@pytest.mark.slow
def test_the_example_in_python_runs(cli: Cli) -> None:
    (cli.folder / "example.py").write_text(blocks(section("Use from Python"))[0])
    example = subprocess.run([sys.executable, "example.py"], cwd=cli.folder, capture_output=True, text=True)
    assert example.stdout.split()[1].startswith("vosbench:"), example.stderr


def test_masks_that_somebody_has_are_scored(cli: Cli, bears: Path) -> None:
    (cli.folder / "path/to").mkdir(parents=True)
    bears.rename(cli.folder / "path/to/DAVIS")
    masks = shutil.copytree(cli.folder / "path/to/DAVIS/Annotations", cli.folder / "their-masks")
    zipped(cli.folder / "their-masks.zip", masks)
    plain, latex = run_section(cli, "Score masks you have")
    assert "J&F 100.0" in plain
    assert r"\begin{tabular}" in latex
    assert json.loads((cli.folder / "scores.json").read_text())["global"]["J&F-Mean"] == 1.0


@pytest.mark.slow
def test_a_run_is_packed_and_the_archive_checked(cli: Cli) -> None:
    """With as many videos as MOSEv2 val has, of one frame each, and masks of the tracker static."""
    videos = {f"video{index}": [squares((1, 2, 3))] for index in range(433)}
    fetched(make_tree(cli.folder / "datasets/mosev2", videos), "mosev2")
    run = "results/mosev2-val/sam2-sam2.1_hiera_base_plus"
    cli("infer", "--dataset", "mosev2", "--tracker", "static", "--gpus", "cpu", "--out", run)
    packed, checked = run_section(cli, "Submit")
    assert "433 videos" in packed
    assert "433 videos" in checked


@pytest.mark.exhaustive
@pytest.mark.slow
def test_sam2_runs_on_a_benchmark_and_on_a_video(cli: Cli, seeded: SimpleNamespace) -> None:
    """With random weights and small datasets, and on a CPU where the README says all GPUs."""
    fetch, *others = commands(section("Run SAM 2.1 on eight GPUs"))
    assert "sam2.1_hiera_base_plus.pt" in cli(*fetch, "--dry-run").stdout
    save_random_base_plus(seeded, cli.folder / "checkpoints/sam2.1_hiera_base_plus.pt")
    video = {"bear": [squares((1, 6, 4 + index)) for index in range(3)]}
    fetched(make_tree(cli.folder / "datasets/davis2017", video), "davis2017")
    infer, score = others[:2]
    assert infer == ["infer", "--gpus", "all"]
    cli("infer", "--gpus", "cpu")
    assert "J&F" in cli(*score).stdout
    write_clip(cli.folder / "in.mp4", [draw_square_frame(index, 120, 160) for index in range(60)])
    (follow,) = [command for command in commands(section("Your videos")) if command[0] == "track"]
    cli(*follow, "--gpu", "cpu", "--set", "image_size=256")
    assert (cli.folder / "out.mp4").stat().st_size > 1000


def save_random_base_plus(seeded: SimpleNamespace, path: Path) -> None:
    """Write a checkpoint of SAM 2.1 base+ with seeded weights."""
    import torch
    from sam2.build_sam import build_sam2_video_predictor

    predictor = build_sam2_video_predictor("configs/sam2.1/sam2.1_hiera_b+.yaml", device="cpu")
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"model": seeded.seeded_state_dict(predictor)}, path)


def test_make_demo_runs_the_commands_that_the_readme_shows() -> None:
    recipe = re.search(r"^demo:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    assert commands(recipe[1].replace("$(BIN)/", "")) == commands(DEMO)


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert "make test" in (ROOT / ".ci/run").read_text()
    assert "make test" in blocks(TOP)[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_every_file_that_is_named_exists(page: Path) -> None:
    """Files by their paths in the repository or in the package, such as `io/files.py`."""
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^):#]+)\)", text)
    named = re.findall(r"`((\w+)/(?:\w+/)*(?:\w+\.(?:py|toml|md))?)`", text)
    missing = [link for link in links if not (page.parent / link).exists()]
    for path, folder in named:
        homes = [home for home in (ROOT, ROOT / "vosbench") if (home / folder).is_dir()]
        missing += [path] if homes and not any((home / path).exists() for home in homes) else []
    assert missing == []


@pytest.mark.parametrize("command", sorted({command[0] for command in commands(README)}))
def test_every_command_exists(cli: Cli, command: str) -> None:
    assert "Usage: vosbench" in cli(command, "--help").stdout
