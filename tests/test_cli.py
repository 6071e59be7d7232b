"""The command line: what it prints, where it writes, and with which status it ends."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import Cli
from PIL import Image

from vosbench.cli import main
from vosbench.masks.labels import encode_labels


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the finished run lies that all tests have copies of."""
    return tmp_path_factory.mktemp("kept") / "run"


@pytest.fixture
def run(cli: Cli, bears: Path, kept: Path) -> Path:
    """A finished run of the tracker static on bears."""
    if not kept.exists():
        cli("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--out", kept)
    return shutil.copytree(kept, cli.folder / "run")


def test_help_is_instant_and_imports_nothing_heavy() -> None:
    code = "import sys; sys.argv = ['vosbench', '--help']; from vosbench.cli import main\n" + (
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'pandas', 'numpy', 'cv2', 'sam2', 'PIL', 'requests'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for command in ("fetch", "infer", "eval", "run", "list", "verify", "cite", "doctor"):
        assert command in done.stdout


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
    assert (cli.folder / "all.csv").read_text().startswith("video,object,J-Mean,")


def test_eval_takes_any_folder_of_masks(cli: Cli, run: Path, bears: Path) -> None:
    shutil.copytree(run / "masks", cli.folder / "theirs")
    of_run = json_of(cli, "run")
    of_folder = json_of(cli, "theirs", "--dataset", bears, "--split", "val")
    assert of_run["objects"] == of_folder["objects"]
    assert "--dataset" in cli("eval", "--results", "theirs", expect=2).stderr


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


def test_a_part_of_a_split_is_scored_only_when_asked_for(cli: Cli, bears: Path) -> None:
    cli("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--out", "run", "--limit", "2")
    assert "video once is missing; video long is missing" in cli("eval", "--results", "run", expect=2).stderr
    assert "videos:2/4" in cli("eval", "--results", "run", "--videos", "good,bad").stdout


def test_run_tracks_and_scores(cli: Cli, bears: Path) -> None:
    done = cli("run", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--videos", "good,long")
    assert "2 videos done" in done.stdout
    assert "all objects" in done.stdout


def test_run_that_fails_is_not_scored(cli: Cli, bears: Path) -> None:
    done = cli("run", "--dataset", bears, "--tracker", "failing_trackers:Short", "--gpus", "cpu", expect=1)
    assert "all objects" not in done.stdout


def test_global_options_and_environment_variables_agree(cli: Cli, bears: Path) -> None:
    (cli.folder / "data").mkdir()
    bears.rename(cli.folder / "data/bears")
    command = ("infer", "--dataset", "bears", "--tracker", "static", "--gpus", "cpu", "--videos", "good")
    cli("--datasets", "data", "--results-root", "one", *command)
    cli(*command, "--datasets", "data", "--results-root=two")
    cli.environment |= {"VOSBENCH_DATASETS": "data", "VOSBENCH_RESULTS": "three"}
    cli(*command)
    for root in ("one", "two", "three"):
        assert (cli.folder / root / "bears-val/static/run.json").is_file()


def test_quiet_is_quiet(cli: Cli, bears: Path) -> None:
    done = cli("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", "--videos", "good", "--quiet")
    assert done.stderr == ""


def test_list_shows_what_is_here(cli: Cli, run: Path) -> None:
    shutil.copytree(run, cli.folder / "results/bears-val/static")
    (cli.folder / "checkpoints").mkdir()
    (cli.folder / "checkpoints/sam2_hiera_tiny.pt").write_bytes(b"")
    found = json.loads(cli("list", "--json").stdout)
    assert {"davis2016", "davis2017", "synthetic"} <= {row["dataset"] for row in found["datasets"]}
    assert {row["tracker"] for row in found["trackers"]} >= {"flow", "sam2", "static"}
    assert {row["checkpoint"]: row["fetched"] for row in found["checkpoints"]}["sam2_hiera_tiny"] == "yes"
    assert [(row["run"], row["done"]) for row in found["runs"]] == [("bears-val/static", 4)]
    assert "davis2017" in cli("list", "datasets").stdout
    assert "davis2017" not in cli("list", "runs").stdout


def test_doctor_tells_versions_devices_codecs_folders_and_disk(cli: Cli) -> None:
    told = cli("doctor").stdout
    for word in ("vosbench", "numpy", "torch", "sam2", "device", "codec jpg", "datasets", "GB free"):
        assert word in told


def test_overlay_draws_a_contact_sheet(cli: Cli, run: Path) -> None:
    assert "contact sheet: run/eval/contact.png" in cli("overlay", "--results", "run").stdout
    with Image.open(run / "eval/contact.png") as sheet:
        assert sheet.width == 5 * 240 + 4 * 4


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["infer"], "dataset davis2017 is not at datasets/davis2017: run `vosbench fetch davis2017`"),
        (["infer", "--dataset", "davis2016"], "run `vosbench fetch davis2016`"),
        (["infer", "--dataset", "no/such"], "dataset no/such: no such folder"),
        (["infer", "--dataset", "bears"], "checkpoint sam2.1_hiera_base_plus is not at"),
        (["infer", "--dataset", "bears", "--checkpoint", "no.pt"], "checkpoint no.pt: no such file"),
        (["infer", "--dataset", "bears", "--checkpoint", "sam2.1_hiera_tny"], "did you mean sam2.1_hiera_tiny?"),
        (["infer", "--dataset", "bears", "--tracker", "static", "--checkpoint", "x"], "takes no checkpoint"),
        (["infer", "--dataset", "bears", "--tracker", "static", "--set", "speed=2"], "static has no such setting"),
        (["infer", "--dataset", "bears", "--tracker", "static", "--set", "speed"], "expected key=value"),
        (["infer", "--dataset", "bears", "--tracker", "static", "--gpus", "7"], "no GPU '7'"),
        (["infer", "--dataset", "bears", "--tracker", "static", "--gpus", "tpu"], "no GPU 'tpu'"),
        (["infer", "--dataset", "bears", "--tracker", "static", "--videos", "god"], "did you mean good?"),
        (["infer", "--dataset", "bears", "--tracker", "static", "--shard", "3/2"], "expected i/N"),
        (["infer", "--dataset", "bears", "--tracker", "static", "--shard", "²/4"], "expected i/N"),
        (["infer", "--dataset", "bears", "--tracker", "static", "--split", "test"], "has no split test"),
        (["infer", "--dataset", "bears", "--rules", "davis216"], "did you mean davis2016?"),
        (["infer", "--no-such-option"], "No such option"),
        (["eval"], "Missing option"),
        (["eval", "--results", "nowhere"], "--results nowhere: no such file or folder"),
        (["list", "planets"], "planets"),
        (["verify", "davis"], "dataset davis2017 is not at datasets/davis2017: run `vosbench fetch davis2017`"),
        (["verify", "bears", "--split", "test"], "has no split test"),
        (["cite", "davs"], "unknown dataset 'davs': did you mean davis?"),
        (["fly"], "No such command"),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    tmp_path: Path,
    bears: Path,
    arguments: list[str],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["vosbench", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    said = capsys.readouterr().err.splitlines()
    assert told in said[-1]
    assert [line for line in said if line.startswith("vosbench: ")] == said[-1:]
    assert not Path("results").exists()


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="this machine has a GPU")
def test_gpus_all_without_a_gpu_says_so(cli: Cli, bears: Path) -> None:
    done = cli("infer", "--dataset", bears, "--tracker", "static", "--gpus", "all", expect=2)
    assert "no GPU that can be used; take --gpus cpu" in done.stderr


def test_a_results_folder_that_cannot_be_written_to_is_named(cli: Cli, bears: Path) -> None:
    (cli.folder / "results").write_text("a file where a folder should be")
    done = cli("infer", "--dataset", bears, "--tracker", "static", "--gpus", "cpu", expect=2)
    assert "results" in done.stderr
    assert os.path.isfile(cli.folder / "results")  # noqa: PTH113


def test_eval_shows_the_worst_objects_as_a_table_for_a_paper(cli: Cli, run: Path) -> None:
    options = ("--per-object", "--sort", "F-Mean", "--worst", "2", "--latex", "t.tex", "--markdown", "-", "--jobs", "1")
    shown = cli("eval", "--results", "run", *options).stdout.splitlines()
    assert shown[0].startswith("| video | object | J&F-Mean |")
    assert [line.split(" | ")[0] for line in shown[2:5]] == ["| long", "| bad", "| all objects"]
    assert "`vosbench:" in shown[-1]
    assert (cli.folder / "t.tex").read_text().count(r" \\") == len(shown[:5]) - 1
    assert not (cli.folder / "-").exists()


@pytest.mark.parametrize(
    ("form", "start"), [("--json", "{"), ("--csv", "video,object,J-Mean,"), ("--latex", "% in pe")]
)
def test_a_file_named_minus_is_standard_output_without_the_table(cli: Cli, run: Path, form: str, start: str) -> None:
    shown = cli("eval", "--results", "run", form, "-", "--jobs", "1").stdout
    assert shown.startswith(start)
    assert "bears val, percent" not in shown
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


def test_the_scores_of_a_file_of_masks_stand_beside_it(cli: Cli, run: Path, bears: Path) -> None:
    shutil.make_archive(str(cli.folder / "theirs"), "zip", run / "masks")
    cli("eval", "--results", "theirs.zip", "--dataset", bears, "--jobs", "1")
    assert (cli.folder / "theirs.zip.eval/scores.json").is_file()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--sort", "J-Men"], "no metric J-Men to sort by; the known ones are J&F-Mean, J-Mean,"),
        (["--json", "-", "--csv", "-"], "--json and --csv cannot share standard output: give all but one a file"),
    ],
)
def test_a_table_that_cannot_be_made_is_one_line_and_writes_nothing(
    cli: Cli, run: Path, options: list[str], told: str
) -> None:
    assert told in cli("eval", "--results", "run", *options, expect=2).stderr
    assert not (run / "eval").exists()
