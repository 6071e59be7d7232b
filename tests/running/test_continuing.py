"""A run is continued only with what made its masks so far, and says so where it was made otherwise."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.cli import Cli, forget_modules
from tests.support.golden import make_tree, squares
from tests.support.runs import masks, states
from vosbench.datasets.split import open_split
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.hashing import hash_file_sha256
from vosbench.running.infer import RunOutcome, infer_jobs
from vosbench.running.job import Job, prepare_job
from vosbench.running.recipe import describe_mixture
from vosbench.running.run import Run
from vosbench.running.shard_work import open_shard
from vosbench.running.shared_recipe import _write_first
from vosbench.running.status import read_status
from vosbench.studies.reproduce import reproduce_run

MINE = """
from helper import SHIFT
from nets.block import Block

class Hold:
    def __init__(self, device, checkpoint="./weights"):
        assert Block

    def track(self, video):
        for _ in video.frames:
            yield video.prompts[0]
"""
FILES = {
    "mine.py": MINE,
    "helper.py": "SHIFT = 0\n",
    "nets/__init__.py": "",
    "nets/block.py": "from .size import Block\n",
    "nets/size.py": "Block = 1\n",
    "weights": "learned",
}
LENGTHS = {"good": 5, "bad": 6, "once": 5, "long": 8}


def prepare(place: Path, shard: tuple[int, int] = (1, 1)) -> Job:
    tree = open_split((place / "tree").read_text(), None, place)
    return prepare_job(paths.Roots(results=place), tree, "mine:Hold", out=place / "out", shard=shard)


def go(place: Path, keep: bool = False, overwrite: bool = False, notes: list[str] | None = None) -> RunOutcome:
    """Begin or continue the run of `mine:Hold` as `vosbench infer` does; its notes are added to a list."""
    on_note: Callable[[str], None] = [].append if notes is None else notes.append
    return infer_jobs([prepare(place)], ["cpu"], overwrite, keep=keep, on_note=on_note)[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a tracker of the user's own, of which each test gets a copy; the tree is for all."""
    place = tmp_path_factory.mktemp("made")
    videos = {video: [squares((1, 6, 4 + frame)) for frame in range(length)] for video, length in LENGTHS.items()}
    (place / "tree").write_text(str(make_tree(tmp_path_factory.mktemp("data") / "bears", videos)))
    for name, text in FILES.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.syspath_prepend(place)
        go(place)
        forget_modules(place)
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with a finished run in `out`, its tracker in mine.py, and what that needs."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("mine", "helper", "nets"):
            del sys.modules[name]


def forget(place: Path, *videos: str) -> None:
    """Let a run lack some videos."""
    for video in videos:
        (place / f"out/.videos/{video}.json").unlink()
        shutil.rmtree(place / f"out/masks/{video}")


def edit_recipes(place: Path, old: str, new: str) -> None:
    for path in (place / "out/.recipes").glob("*.json"):
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))


def snapshot(run: Path) -> dict[str, bytes]:
    kept = [*run.rglob("*.png"), *run.glob(".videos/*"), run / "run.json"]
    return {str(path): path.read_bytes() for path in kept}


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("mine.py", r"mine\.py changed \(\w{8}, now \w{8}\)"),
        ("helper.py", r"helper\.py changed \(\w{8}, now \w{8}\)"),
        ("nets/size.py", r"package nets changed \(\w{8}, now \w{8}\)"),
        ("weights", r"the checkpoint changed \(\w{8}, now \w{8}\)"),
    ],
)
def test_an_edited_tracker_is_not_continued(place: Path, file: str, said: str) -> None:
    """Neither where videos are missing, nor where all are done and the old masks would be scored as new ones."""
    (place / file).write_text((place / file).read_text() + "\n")
    for missing in ((), ("good", "long")):
        forget(place, *missing)
        before = snapshot(place / "out")
        remedy = "track them again with --overwrite, or keep their masks and continue with --keep"
        with pytest.raises(VosbenchError, match=rf"^\S+/out: {said} since {4 - len(missing)} of 4 videos.*; {remedy}$"):
            go(place)
        assert snapshot(place / "out") == before


def test_another_torch_is_not_continued_and_another_numpy_is_a_note(place: Path) -> None:
    numpy = f'"numpy": "{np.__version__}"'
    edit_recipes(place, numpy, '"numpy": "1.0"')
    notes: list[str] = []
    assert len(go(place, notes=notes).skipped) == 4
    out = place / "out"
    assert notes == [f"{out}: 4 of 4 videos were tracked with other versions: numpy 1.0, now {np.__version__}"]
    edit_recipes(place, '"torch": "', '"torch": "0.')
    with pytest.raises(VosbenchError, match=r"torch 0\.\S+, now \S+ since 4 of 4 videos were tracked"):
        go(place)


def test_other_prompts_are_not_continued_and_the_same_ones_in_another_file_are(place: Path) -> None:
    prompt = Path((place / "tree").read_text()) / "Annotations/good/00000.png"
    before, written = prompt.read_bytes(), prompt.stat().st_mtime
    try:
        Image.open(prompt).save(prompt, compress_level=9)
        assert prompt.read_bytes() != before
        assert len(go(place).skipped) == 4
        shutil.copy(prompt.with_name("00003.png"), prompt)
        with pytest.raises(VosbenchError, match=r"the prompts of good changed since 1 of 4 videos were tracked"):
            go(place)
    finally:
        prompt.write_bytes(before)
        os.utime(prompt, (written, written))


def test_masks_that_are_kept_stay_true_to_what_made_them(place: Path) -> None:
    old = json.loads((place / "out/run.json").read_text())
    forget(place, "long")
    (place / "helper.py").write_text("SHIFT = 1\n")
    assert [record.video for record in go(place, keep=True).done] == ["long"]
    facts = Run(place / "out").read_facts()
    recipes = {video: entry["recipe"] for video, entry in facts["videos"].items()}
    assert recipes["good"] == recipes["bad"] == old["videos"]["good"]["recipe"] != recipes["long"]
    made_by = {video: facts["recipes"][recipe]["parts"]["helper.py"] for video, recipe in recipes.items()}
    assert made_by["good"] == old["recipes"][recipes["good"]]["parts"]["helper.py"] != made_by["long"]
    sentence = r"^its masks differ in what made them: helper\.py \w{8} \(3 videos\), \w{8} \(1 video\)$"
    assert (mixture := describe_mixture(facts))
    with pytest.raises(VosbenchError, match="since 3 of 4 videos were tracked"):
        go(place)
    assert read_status(Run(place / "out")).mixture == mixture
    assert re.match(sentence, mixture)


def test_run_json_claims_no_hash_for_masks_that_it_did_not_make(place: Path) -> None:
    forget(place, "long")
    (place / "mine.py").write_text(MINE + "\n")
    (place / "weights").write_text("learned again")
    go(place, keep=True)
    facts = Run(place / "out").read_published()
    assert (facts["tracker_sha256"], facts["checkpoint_sha256"]) == (None, None)
    assert "mine" not in facts["code_sha256"]
    assert facts["versions"]["numpy"] == np.__version__


def test_overwritten_masks_are_all_new(place: Path) -> None:
    (place / "helper.py").write_text("SHIFT = 1\n")
    assert len(go(place, overwrite=True).done) == 4
    assert describe_mixture(Run(place / "out").read_facts()) is None
    assert len(go(place).skipped) == 4
    with pytest.raises(VosbenchError, match="--keep and --overwrite: one keeps masks that the other replaces"):
        go(place, keep=True, overwrite=True)


def test_masks_that_are_not_whole_are_made_again_and_named(place: Path) -> None:
    run, out = Run(place / "out"), place / "out/masks"
    whole = masks(run.path)
    (out / "good/00002.png").write_bytes((out / "good/00002.png").read_bytes()[:-1])
    (out / "bad/00001.png").write_bytes(b"")
    for path in (out / "once").iterdir():
        path.unlink()
    assert read_status(run).done == 1
    (out / "long/00007.png").write_bytes(bytes((out / "long/00007.png").stat().st_size))
    notes: list[str] = []
    assert {record.video for record in go(place, notes=notes).done} == set(LENGTHS)
    assert {note.removeprefix(f"{run.path}: the masks of ") for note in notes} == {
        "good are not whole (00002.png is cut off or no PNG), so it is tracked again",
        "bad are not whole (00001.png is empty), so it is tracked again",
        "once are not whole (0 of 5 masks are there), so it is tracked again",
        "long are not whole (00007.png is cut off or no PNG), so it is tracked again",
    }
    assert masks(run.path) == whole


def test_shards_that_begin_with_two_versions_do_not_mix_and_none_waits(place: Path) -> None:
    shutil.rmtree(place / "out")
    first, second = prepare(place, (1, 2)), prepare(place, (2, 2))
    (place / "mine.py").write_text(MINE + "\n")
    changed = prepare(place, (2, 2))
    with open_shard(first, 0, ["cpu"], "", "refuse", print):
        with (
            pytest.raises(VosbenchError, match=r"another shard of this run is at work with another version: mine\.py"),
            open_shard(changed, 0, ["cpu"], "", "refuse", print),
        ):
            pass
        with open_shard(changed, 0, ["cpu"], "", "keep", print):
            pass
        with open_shard(second, 0, ["cpu"], "", "refuse", print):
            pass
    with open_shard(changed, 0, ["cpu"], "", "refuse", print) as shard:  # nothing was made by the old version
        assert len(shard.items) == len(changed.videos)
    assert [(shard.state, shard.done) for shard in read_status(first.work.run).shards] == [("stopped", 0)] * 2


def claim(path: Path, name: str, barrier: Barrier, won: Any) -> None:
    barrier.wait(60)
    won.put(_write_first(path, name))


def test_of_versions_that_begin_at_the_same_time_one_goes_on(tmp_path: Path) -> None:
    context = get_context("fork")
    barrier, won = context.Barrier(4), context.Queue()
    shards = [context.Process(target=claim, args=(tmp_path / "current", name, barrier, won)) for name in "abcd"]
    for shard in shards:
        shard.start()
    assert {won.get(timeout=60) for _ in shards} == {(tmp_path / "current").read_text()}
    for shard in shards:
        shard.join(60)
    assert [path.name for path in tmp_path.iterdir()] == ["current"]


def test_code_that_changes_before_a_worker_imports_it_makes_no_masks(place: Path) -> None:
    forget(place, "long")
    job = prepare(place)
    (place / "nets/size.py").write_text("Block = 2\n")
    with pytest.raises(VosbenchError, match="package nets changed while the run was at work; repeat the command"):
        infer_jobs([job], ["cpu"])
    assert states(place / "out")["long"]["state"] == "pending"


@pytest.mark.slow
def test_what_reproduces_a_mixed_run_differently_is_named_with_its_videos(place: Path) -> None:
    forget(place, "long")
    (place / "helper.py").write_text("SHIFT = 1\n")
    go(place, keep=True)
    shifted = MINE.replace("yield video.prompts[0]", "yield {1: ~video.prompts[0][1]}")
    (place / "mine.py").write_text(shifted)
    reasons = reproduce_run(Run(place / "out"), ["good", "long"], paths.Roots(), ["cpu"]).reasons
    assert [reason.partition(" changed")[0] for reason in reasons] == ["helper.py", "mine.py", "mine.py"]
    assert [reason.rpartition(" (")[2] for reason in reasons] == ["good)", "good)", "long)"]


def test_where_a_record_does_not_say_what_made_its_masks_chance_is_not_blamed(place: Path) -> None:
    """As in a run of an older version, whose run.json names the tracker of the last command only."""
    for path in (place / "out/.videos").glob("*.json"):
        path.write_text(re.sub('"recipe": "[^"]*"', '"recipe": ""', path.read_text()))
    (place / "mine.py").write_text(MINE.replace("yield video.prompts[0]", "yield {1: ~video.prompts[0][1]}"))
    published = json.loads((place / "out/run.json").read_text())
    same = {"tracker_sha256": hash_file_sha256(place / "mine.py"), "code_sha256": {}}
    (place / "out/run.json").write_text(json.dumps({**published, **same}))
    reasons = reproduce_run(Run(place / "out"), ["good"], paths.Roots(), ["cpu"]).reasons
    assert reasons == ["possibly the tracker, as what made these masks was not recorded for each video"]


def test_every_command_that_shows_a_run_says_that_it_is_mixed(cli: Cli, place: Path) -> None:
    (place / "results/bears-val").mkdir(parents=True)
    shutil.move(place / "out", place / "results/bears-val/mine.Hold-weights")
    path = place / "results/bears-val/mine.Hold-weights/.videos/good.json"
    recipe = json.loads(path.read_text())["recipe"]
    other = path.parents[1] / f".recipes/{recipe}.json"
    other.with_name("0123.json").write_text(other.read_text().replace('"torch": "', '"torch": "0.'))
    path.write_text(path.read_text().replace(recipe, "0123"))
    run, said = "results/bears-val/mine.Hold-weights", "its masks differ in what made them: torch 0."
    assert said in cli("show", run).stdout
    assert said in cli("status", run).stdout
    assert said in cli("list", "runs").stdout
    assert said in cli("eval", "--results", run, "--jobs", "1").stderr
    given = ("infer", "--dataset", (place / "tree").read_text(), "--tracker", "mine:Hold", "--gpus", "cpu")
    assert "since 1 of 4 videos were tracked; track them again with" in cli(*given, expect=2).stderr
    done = cli(*given, "--keep")
    assert "0 videos done, 4 were done before" in done.stdout
    assert said in done.stderr
