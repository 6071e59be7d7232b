"""`vosbench compare`: runs and other masks side by side, and its files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import vosbench
from tests.support.cli import Cli
from tests.support.golden import squares
from vosbench.masks.labels import encode_labels


@pytest.fixture
def theirs(cli: Cli, run: Path) -> Path:
    """Masks that are not a run: those of the run, with the video good exactly right."""
    masks = shutil.copytree(run / "masks", cli.folder / "theirs")
    for index, path in enumerate(sorted((masks / "good").iterdir())):
        path.write_bytes(encode_labels(squares((1, 6, 4 + index))))
    return masks


def test_a_run_and_other_masks_are_compared_in_one_table(cli: Cli, bears: Path, theirs: Path) -> None:
    done = cli("compare", "run", "best=theirs", "--dataset", bears, "--jobs", "1", "--json", "c.json")
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["method", "run", "best"]
    assert "bears val: best minus run, paired over 4 objects of 4 videos" in lines
    written = json.loads((cli.folder / "c.json").read_text())
    assert [each["name"] for each in written["methods"]] == ["run", "best"]
    test = written["pairs"][0]["differences"]["J&F-Mean"]
    figures = [each["global"]["J&F-Mean"] for each in written["methods"]]
    assert test["value"] == pytest.approx(figures[1] - figures[0])
    assert (test["low"], test["draws"], test["seed"]) == (0, 10_000, 0)
    assert 0 < test["p"] <= 1
    compared = vosbench.compare({"run": cli.folder / "run", "best": theirs}, bears, jobs=1)
    assert compared.pairs[0].differences[vosbench.types.Metric("J&F", "Mean")].p == test["p"]


def test_every_form_can_be_written_and_one_can_be_standard_output(cli: Cli, bears: Path, theirs: Path) -> None:
    files = ("--json", "c.json", "--csv", "c.csv", "--markdown", "-", "--latex", "c.tex")
    done = cli("compare", "run", f"theirs@{bears}", "--jobs", "1", *files, "--interval", "--top", "0")
    assert done.stdout.startswith("| method | J&F-Mean | J-Mean | F-Mean |\n")
    assert "\\toprule" in (cli.folder / "c.tex").read_text()
    assert (cli.folder / "c.csv").read_text().startswith("kind,method,dataset,split,metric,value,low,high,signature")
    assert "gained most" not in done.stdout
    refused = cli("compare", "run", "run", "--csv", "-", "--json", "-", expect=2)
    assert "only one can be standard output" in refused.stderr


@pytest.mark.parametrize("command", ["eval run", "compare run run2", "report run -o", "overlay run --video"])
def test_a_file_that_cannot_be_written_is_named_before_anything_is_scored(cli: Cli, run: Path, command: str) -> None:
    shutil.copytree(run, cli.folder / "run2")
    (cli.folder / "file").touch()
    words = command.split()
    out = ["file/out.mp4"] if words[-1].startswith("-") else ["--json", "file/out.json"]
    refused = cli(*words, *out, expect=2)
    assert f"{out[-1]}: cannot be written ({cli.folder / 'file'} is not a folder)" in refused.stderr
    assert refused.stdout == ""


def test_what_is_missing_is_refused_or_counted_and_ends_with_status_1(cli: Cli, bears: Path, theirs: Path) -> None:
    (theirs / "bad/00003.png").unlink()
    assert "00003.png is missing" in cli("compare", "run", "theirs", "--dataset", bears, expect=2).stderr
    done = cli("compare", "run", "theirs", "--dataset", bears, "--no-strict", "--jobs", "1", expect=1)
    assert "scored as absent: theirs: " in done.stderr
    assert "more; " not in done.stderr
    for path in theirs.glob("*/*.png"):
        path.write_bytes(b"")
    done = cli("compare", "run", "theirs", "--dataset", bears, "--no-strict", "--json", "all.json", expect=1)
    absent = [line for line in done.stderr.splitlines() if "scored as absent: " in line]
    problems = json.loads((cli.folder / "all.json").read_text())["methods"][1]["problems"]
    assert len(problems) > 10
    assert len(absent) == 11
    assert absent[-1].endswith(f'and {len(problems) - 10} more; "problems" in all.json has all')


def test_masks_scored_by_other_rules_are_refused_or_marked(cli: Cli, run: Path) -> None:
    other = shutil.copytree(run, cli.folder / "other")
    facts = json.loads((other / "run.json").read_text())
    (other / "run.json").write_text(json.dumps({**facts, "rules": "davis2016"}))
    refused = cli("compare", "run", "other", "--jobs", "1", expect=2)
    assert "not comparable: bears val: rules differ: davis2017 (run), davis2016 (other)" in refused.stderr
    done = cli("compare", "run", "other", "--anyway", "--jobs", "1")
    assert done.stdout.startswith("NOT COMPARABLE; bears val: rules differ")
    assert "NOT COMPARABLE: bears val: rules differ" in done.stderr


def test_runs_of_one_name_on_two_datasets_are_one_row(cli: Cli, run: Path, bears: Path) -> None:
    shutil.copytree(bears, cli.folder / "cubs")
    for dataset in ("bears", "cubs"):
        shutil.copytree(run / "masks", cli.folder / dataset / "out/hold")
    masks = [f"{dataset}/out/hold@./{dataset}" for dataset in ("bears", "cubs")]
    done = cli("compare", *masks, "--jobs", "1")
    assert [line.split()[0] for line in done.stdout.splitlines()[1:3]] == ["method", "hold"]
    assert "bears val J&F-Mean" in done.stdout
    assert "cubs val J&F-Mean" in done.stdout
    same = np.array([float(cell) for cell in done.stdout.splitlines()[2].split()[1:]])
    assert (same == same[0]).all()


def test_published_figures_are_printed_and_written(cli: Cli) -> None:
    done = cli("published", "--dataset", "davis", "--split", "val", "--model", "XMem", "--csv", "x.csv")
    assert "published, DAVIS 2017 val: weights released; training static+BL30K+DAVIS+YouTube-VOS" in done.stdout
    assert "hkchengrex/XMem docs/RESULTS.md: https://github.com/hkchengrex/XMem" in done.stdout
    text = (cli.folder / "x.csv").read_text()
    assert text.startswith("model,variant,weights,training,dataset,split,prompt,frames,resolution,metric,value,")
    piped = json.loads(cli("published", "--dataset", "sav", "--json", "-").stdout)
    assert {each["dataset"] for each in piped["figures"]} == {"SA-V"}


def test_where_nothing_is_published_of_a_split_a_line_says_so(cli: Cli, run: Path) -> None:
    done = cli("compare", "run", "--published", "--jobs", "1")
    assert "no published figure fits these splits, metrics and prompts" in done.stdout
