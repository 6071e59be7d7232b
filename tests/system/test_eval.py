"""`vosbench eval`: its output, the files it writes, and its exit status."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.cli import Cli
from vosbench.masks.labels import encode_labels


def test_eval_writes_what_it_prints(cli: Cli, run: Path) -> None:
    done = cli("eval", "--results", "run", "--json", "all.json", "--csv", "all.csv")
    scores = json.loads((cli.folder / "all.json").read_text())
    assert scores["signature"] in done.stdout
    assert set(scores["global"]) == {
        "J&F-Mean", "J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay"
    }  # fmt: skip
    assert [entry["video"] for entry in scores["objects"]] == ["good", "bad", "once", "long"]
    # In frame t the square has moved by t of its 6 columns, so that J is (6 - t) / (6 + t); the ends do not count.
    assert scores["objects"][0]["J-Mean"] == pytest.approx(np.mean([5 / 7, 4 / 8, 3 / 9]), abs=1e-15)
    text = (run / "eval/global_results-val.csv").read_text().splitlines()
    assert text[0] == "J&F-Mean,J-Mean,J-Recall,J-Decay,F-Mean,F-Recall,F-Decay"
    assert text[1].split(",")[1] == f"{scores['global']['J-Mean']:.3f}"
    rows = (run / "eval/per-sequence_results-val.csv").read_text().splitlines()
    assert rows[0] == "Sequence,J-Mean,F-Mean"
    assert rows[1].startswith("good_1,")
    assert (cli.folder / "all.csv").read_text().startswith("video,object,J&F-Mean,J-Mean,")


def test_eval_shows_an_interval_beside_each_figure_of_the_headline(cli: Cli, run: Path) -> None:
    done = cli(
        "eval", "run", "--interval", "--jobs", "1", "--json", "all.json", "--markdown", "t.md", "--latex", "t.tex"
    )
    headline, meaning = done.stdout.splitlines()[:2]
    figure = r"\d+\.\d \[\d+\.\d, \d+\.\d\]"
    assert re.fullmatch(rf"J&F {figure}  \(J {figure}, F {figure}\)  bears val, .*", headline)
    assert meaning == "95% intervals: bootstrap over 4 videos, 10,000 draws, seed 0"
    ranges = json.loads((cli.folder / "all.json").read_text())["intervals"]["ranges"]
    low, high = ranges["J&F-Mean"]
    assert f"[{100 * low:.1f}, {100 * high:.1f}]" in headline
    assert meaning in (cli.folder / "t.md").read_text()
    assert f"% {headline}\n% {meaning}\n" in (cli.folder / "t.tex").read_text()
    assert json.loads((run / "eval/scores.json").read_text())["intervals"]["ranges"] == ranges
    one = cli("eval", "run", "--interval", "--jobs", "1", "--videos", "good")
    assert "[" not in one.stdout.splitlines()[0]
    assert "no confidence interval" in one.stderr


def test_eval_takes_any_folder_of_masks(cli: Cli, run: Path, bears: Path) -> None:
    shutil.copytree(run / "masks", cli.folder / "theirs")
    of_run = json_of(cli, "run")
    of_folder = json_of(cli, "theirs", "--dataset", bears, "--split", "val")
    assert of_run["objects"] == of_folder["objects"]
    assert "--dataset" in cli("eval", "--results", "theirs", expect=2).stderr


@pytest.mark.slow
def test_eval_never_reads_an_older_csv(cli: Cli, run: Path) -> None:
    before = json_of(cli, "run")
    for path in (run / "masks/good").iterdir():
        path.write_bytes(encode_labels(np.zeros((24, 32), np.uint8)))
    assert json_of(cli, "run")["global"]["J-Mean"] < before["global"]["J-Mean"]


def json_of(cli: Cli, *arguments: object) -> dict[str, dict[str, float]]:
    cli("eval", "--results", *arguments, "--json", "scores.json", "--jobs", "1")
    return json.loads((cli.folder / "scores.json").read_text())


def _remove_frame(masks: Path) -> None:
    (masks / "bad/00003.png").unlink()


def _remove_video(masks: Path) -> None:
    shutil.rmtree(masks / "bad")


def _resize(masks: Path) -> None:
    (masks / "bad/00003.png").write_bytes(encode_labels(np.ones((12, 16), np.uint8)))


def _colour(masks: Path) -> None:
    Image.new("RGB", (32, 24)).save(masks / "bad/00003.png")


def _stray(masks: Path) -> None:
    (masks / "bad/00003.png").write_bytes(encode_labels(np.full((24, 32), 9, np.uint8)))


def _damage(masks: Path) -> None:
    path = masks / "bad/00003.png"
    path.write_bytes(path.read_bytes()[:60])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (_remove_frame, "bad/00003.png is missing"),
        (_remove_video, "video bad is missing"),
        (_resize, "bad/00003.png is 16x12, the ground truth is 32x24"),
        (_colour, "bad/00003.png: a mask is a single-channel PNG whose pixels are object ids, this one is RGB"),
        (_stray, "bad/00003: no object 9 in the ground truth"),
        (_damage, "bad/00003.png: cannot be decoded"),
    ],
)
def test_what_cannot_be_scored_is_named_or_counted(cli: Cli, run: Path, harm: object, named: str) -> None:
    assert callable(harm)
    harm(run / "masks")
    refused = cli("eval", "--results", "run", "--json", "scores.json", "--jobs", "1", expect=2)
    assert named in refused.stderr
    assert not (cli.folder / "scores.json").exists()
    assert not (run / "eval").exists()
    counted = cli("eval", "--results", "run", "--no-strict", "--json", "scores.json", "--jobs", "1", expect=1)
    assert named in counted.stderr
    assert json.loads((cli.folder / "scores.json").read_text())["problems"]


def test_eval_refuses_incomplete_ground_truth_and_names_the_video(cli: Cli, run: Path, bears: Path) -> None:
    (bears / "Annotations/bad/00003.png").unlink()
    command = ("eval", "--results", "run", "--dataset", bears, "--json", "scores.json", "--jobs", "1")
    refused = cli(*command, expect=2).stderr
    assert "the ground truth is incomplete: video bad has no mask of 1 of 6 frames, such as 00003; complete" in refused
    assert not (cli.folder / "scores.json").exists()
    assert "Annotations/bad: has no mask of 1 of 6 frames" in cli("verify", bears, expect=1).stdout


@pytest.mark.slow
def test_a_part_of_a_split_is_scored_only_when_asked_for(cli: Cli, bears: Path) -> None:
    cli("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--out", "run", "--limit", "2")
    refused = cli("eval", "run", "--jobs", "1", expect=2).stderr
    assert refused.splitlines() == [
        "vosbench: run: this run has only 2 of the 4 videos of bears val; score only these with --videos good,bad"
    ]
    assert "videos:2/4" in cli("eval", "--results", "run", "--videos", "good,bad", "--jobs", "1").stdout
    counted = cli("eval", "run", "--no-strict", "--jobs", "1", expect=1)
    assert "scored as absent: video once is missing" in counted.stderr


def test_eval_shows_the_worst_objects_as_a_table_for_a_paper(cli: Cli, run: Path) -> None:
    options = ("--per-object", "--sort", "F-Mean", "--worst", "2", "--latex", "t.tex", "--markdown", "-", "--jobs", "1")
    shown = cli("eval", "--results", "run", *options).stdout.splitlines()
    assert shown[0].startswith("| video | object | J&F-Mean |")
    assert [line.split(" | ")[0] for line in shown[2:5]] == ["| long", "| bad", "| all objects"]
    assert "`vosbench:" in shown[-1]
    assert (cli.folder / "t.tex").read_text().count(r" \\") == len(shown[:5]) - 1
    assert not (cli.folder / "-").exists()


@pytest.mark.parametrize(
    ("form", "start"), [("--json", "{"), ("--csv", "video,object,J&F-Mean,"), ("--latex", "% in pe")]
)
def test_a_file_named_minus_is_standard_output_without_the_table(cli: Cli, run: Path, form: str, start: str) -> None:
    shown = cli("eval", "--results", "run", form, "-", "--jobs", "1").stdout
    assert shown.startswith(start)
    assert "bears val" not in shown
    assert "J&F 5" not in shown
    if form == "--json":
        assert shown == (run / "eval/scores.json").read_text()


def test_eval_keeps_the_scores_of_every_frame(cli: Cli, run: Path) -> None:
    cli("eval", "--results", "run")
    before = (run / "eval/frames.csv.gz").read_bytes()
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(before).decode())))
    good = [row for row in rows if row["video"] == "good"]
    assert [row["frame"] for row in good] == ["00001", "00002", "00003"]
    assert [float(row["J"]) for row in good] == pytest.approx([5 / 7, 4 / 8, 3 / 9], abs=1e-15)
    cli("eval", "--results", "run", "--jobs", "1")
    assert (run / "eval/frames.csv.gz").read_bytes() == before


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_nothing_is_written_beside_masks_that_are_not_a_run(cli: Cli, run: Path, bears: Path, form: str) -> None:
    shutil.copytree(run / "masks", cli.folder / "theirs")
    if form == "zip":
        shutil.make_archive(str(cli.folder / "theirs"), "zip", cli.folder / "theirs")
    masks = cli.folder / ("theirs.zip" if form == "zip" else "theirs")
    before = listing(cli.folder)
    done = cli("eval", masks, "--dataset", bears, "--jobs", "1")
    assert done.stdout.startswith("J&F ")
    assert listing(cli.folder) == before
    cli("eval", masks, "--dataset", bears, "--jobs", "1", "--out", "scores", "--json", "one.json")
    assert set(listing(cli.folder)) - set(before) == {
        *("one.json", "scores", "scores/scores.json", "scores/frames.csv.gz"),
        *("scores/global_results-val.csv", "scores/per-sequence_results-val.csv"),
    }


def test_a_contact_sheet_of_masks_that_are_not_a_run_needs_a_place(cli: Cli, run: Path, bears: Path) -> None:
    before = listing(run / "masks")
    refused = cli("overlay", "run/masks", "--dataset", bears, expect=2).stderr
    assert "run/masks: not a run, so nothing is written into it; name the PNG to write with --out" in refused
    cli("overlay", "run/masks", "--dataset", bears, "--out", "sheet.png")
    assert (cli.folder / "sheet.png").is_file()
    assert listing(run / "masks") == before


def test_what_was_asked_for_is_written_before_a_run_that_cannot_be(cli: Cli, run: Path) -> None:
    (run / "eval").write_text("a file stands where the folder should be, as nobody may write here")
    noted = cli("eval", "run", "--jobs", "1", "--json", "scores.json")
    assert "not written to the run: run/eval/global_results-val.csv: cannot be written" in noted.stderr
    assert json.loads((cli.folder / "scores.json").read_text())["global"]["J&F-Mean"] > 0.5
    refused = cli("eval", "run", "--jobs", "1", expect=2)
    assert refused.stdout.startswith("J&F ")
    assert "cannot be written" in refused.stderr
    assert "--out" in refused.stderr


def test_scores_are_filed_also_if_nobody_reads_the_table(cli: Cli, run: Path) -> None:
    process = cli.start("eval", "run", "--jobs", "1", "--json", "scores.json")
    assert process.stdout
    process.stdout.close()  # as `head -1` does
    process.wait(120)
    assert process.stderr
    assert "Traceback" not in process.stderr.read()
    assert (run / "eval/scores.json").exists()
    assert (cli.folder / "scores.json").exists()


def test_the_first_line_says_the_score_and_what_it_is_of(cli: Cli, run: Path) -> None:
    first, *rest = cli("eval", "run", "--jobs", "1").stdout.splitlines()
    means = json.loads((run / "eval/scores.json").read_text())["global"]
    figures = "J&F {J&F-Mean:.1f}  (J {J-Mean:.1f}, F {F-Mean:.1f})"
    shown = figures.format(**{name: 100 * value for name, value in means.items()})
    assert first == f"{shown}  bears val, 4 videos, 4 objects, rules of davis2017"
    assert rest[-1].startswith("vosbench:")


def test_a_run_is_scored_by_its_name_as_it_is_shown_by_it(cli: Cli, run: Path) -> None:
    shutil.copytree(run, cli.folder / "results/bears-val/static")
    by_name = cli("eval", "bears-val/static", "--jobs", "1").stdout
    assert by_name == cli("eval", "--results", "bears-val/static", "--jobs", "1").stdout
    assert by_name == cli("eval", "results/bears-val/static", "--jobs", "1").stdout
    near = "no run is at bears-val/statik or results/bears-val/statik; did you mean bears-val/static?"
    assert near in cli("eval", "bears-val/statik", expect=2).stderr
    assert "both name the masks" in cli("eval", "run", "--results", "run", expect=2).stderr


def test_the_csv_of_objects_has_j_and_f_and_obeys_the_order(cli: Cli, run: Path) -> None:
    cli("eval", "run", "--csv", "all.csv", "--sort", "j&f-mean", "--worst", "2", "--jobs", "1")
    rows = list(csv.DictReader((cli.folder / "all.csv").open()))
    assert [row["video"] for row in rows] == ["long", "bad"]
    for row in rows:
        assert float(row["J&F-Mean"]) == pytest.approx((float(row["J-Mean"]) + float(row["F-Mean"])) / 2, abs=1e-15)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--sort", "J-Men"], "unknown metric 'J-Men': did you mean J-Mean"),
        (["--json", "-", "--csv", "-"], "--json and --csv: only one can be standard output; give the others a file"),
    ],
)
def test_a_table_that_cannot_be_made_is_one_line_and_writes_nothing(
    cli: Cli, run: Path, options: list[str], told: str
) -> None:
    refused = cli("eval", "--results", "run", *options, expect=2)
    assert told in refused.stderr
    assert "scoring" not in refused.stderr
    assert not (run / "eval").exists()


def reuse(cli: Cli, *arguments: object, expect: int = 0) -> str:
    """The line that says what `eval --reuse` reused; with standard output as without the option."""
    found = cli("eval", "run", "--reuse", "--jobs", "1", *arguments, expect=expect)
    fresh = cli("eval", "run", "--jobs", "1", *arguments, "--out", "fresh", expect=expect)
    assert found.stdout == fresh.stdout
    assert "reused" not in fresh.stderr
    (line,) = (line for line in found.stderr.splitlines() if line.startswith("reused"))
    return line


def test_eval_reuses_scores_only_when_asked_and_says_so(cli: Cli, run: Path) -> None:
    unchanged = "whose masks, ground truth and rules are unchanged"
    assert reuse(cli) == "reused the scores of 0 of 4 videos, and scored all of them"
    assert reuse(cli) == f"reused the scores of 4 of 4 videos, {unchanged}"
    assert reuse(cli, "--videos", "good") == f"reused the scores of 1 of 1 video, {unchanged}"
    (run / "masks/good/00001.png").write_bytes(encode_labels(np.ones((24, 32), np.uint8)))
    assert reuse(cli) == f"reused the scores of 3 of 4 videos, {unchanged}"
    assert reuse(cli, "--rules", "davis2016") == "reused the scores of 0 of 4 videos, and scored all of them"
    assert reuse(cli) == f"reused the scores of 4 of 4 videos, {unchanged}"
    (run / "masks/bad/00002.png").unlink()
    assert reuse(cli, "--no-strict", expect=1) == f"reused the scores of 3 of 4 videos, {unchanged}"
    assert "bad/00002.png is missing" in cli("eval", "run", "--reuse", "--jobs", "1", expect=2).stderr


def test_the_files_of_eval_with_reuse_differ_in_one_line(cli: Cli, run: Path) -> None:
    cli("eval", "run", "--jobs", "1")
    fresh = {path.name: path.read_bytes() for path in (run / "eval").iterdir()}
    for count in (0, 4):
        cli("eval", "run", "--jobs", "1", "--reuse", "--json", "all.json")
        found = {path.name: path.read_bytes() for path in (run / "eval").iterdir() if path.name[0] != "."}
        assert found["scores.json"] == (cli.folder / "all.json").read_bytes()
        assert json.loads(found["scores.json"])["reused_videos"] == count
        found["scores.json"] = found["scores.json"].replace(f' "reused_videos": {count},\n'.encode(), b"")
        assert found == fresh


@pytest.mark.slow
def test_after_a_run_went_on_only_the_new_videos_are_scored(cli: Cli, bears: Path) -> None:
    infer = ("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--out", "run")
    cli(*infer, "--videos", "good,bad")
    assert reuse(cli, "--videos", "good,bad").startswith("reused the scores of 0 of 2 videos")
    cli(*infer)
    assert reuse(cli).startswith("reused the scores of 2 of 4 videos")
    cli(*infer, "--overwrite")  # makes the same masks
    assert reuse(cli).startswith("reused the scores of 4 of 4 videos")


def test_scores_that_cannot_be_kept_are_noted(cli: Cli, run: Path) -> None:
    (run / "eval/.kept_scores").mkdir(parents=True)
    done = cli("eval", "run", "--reuse", "--jobs", "1", "--out", "scores")
    assert "reused the scores of 0 of 4 videos, and scored all of them" in done.stderr
    assert "the scores are not kept for the next time: run/eval/.kept_scores" in done.stderr
    assert (cli.folder / "scores/scores.json").is_file()


def test_scores_of_masks_that_are_not_a_run_are_not_reused(cli: Cli, run: Path, bears: Path) -> None:
    shutil.copytree(run / "masks", cli.folder / "theirs")
    done = cli("eval", "theirs", "--dataset", "./bears", "--split", "val", "--reuse", expect=2)
    assert done.stderr == (
        "vosbench: theirs: these masks are not a run, and only a run keeps scores that can be reused; "
        "leave out --reuse (in Python reuse=True)\n"
    )
    assert {path.name for path in (cli.folder / "theirs").iterdir()} == {"good", "bad", "once", "long"}
