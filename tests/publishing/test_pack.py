"""Masks are packed for a server once they are whole, of one kind, and what the server expects."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import vosbench
from tests.support.cli import Cli
from tests.support.golden import SIZE, squares, write_masks
from tests.support.predictions import npz
from tests.support.runs import tracked
from tests.support.submissions import EXPECTED, FOX, OWL, SERVER, VIDEOS, make_dataset, make_masks, read_zip
from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.io.hashing import hash_file_sha256
from vosbench.masks.labels import decode_labels, to_labels
from vosbench.masks.rle import encode_rle
from vosbench.publishing.submission_report import SubmissionError, SubmissionReport
from vosbench.running.run import Run


@pytest.fixture
def animals(tmp_path: Path) -> DatasetSplit:
    return make_dataset(tmp_path)


@pytest.fixture(scope="module")
def tracked_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tracked")
    return tracked(make_dataset(folder).root, folder / "static").run.path


@pytest.fixture
def run(tracked_once: Path, tmp_path: Path) -> Run:
    """A run of its own for each test, which may change it."""
    return Run(Path(shutil.copytree(tracked_once, tmp_path / "static")))


def packed(masks: Path, animals: DatasetSplit, **options: Any) -> SubmissionReport:
    out = masks.parent / "out.zip"
    return vosbench.pack(masks, out, animals.root, rules=SERVER, jobs=1, overwrite=True, **options)


def refused(masks: Path, animals: DatasetSplit, **options: Any) -> SubmissionReport:
    """The report about masks that cannot be packed; no zip is there then."""
    with pytest.raises(SubmissionError) as caught:
        packed(masks, animals, **options)
    assert list(masks.parent.glob("*out.zip*")) == []
    return caught.value.report


def test_indexed_pngs_are_copied_byte_for_byte(animals: DatasetSplit, tmp_path: Path) -> None:
    masks = make_masks(tmp_path)
    image = Image.fromarray(FOX[1])
    image.putpalette([*range(256)] * 3)  # another palette, another compression
    image.save(masks / "fox/00001.png", compress_level=9)
    report = packed(masks, animals)
    assert read_zip(report.path) == {name: (masks / name).read_bytes() for name in EXPECTED}
    assert report.sha256 == hash_file_sha256(report.path)
    assert vosbench.check_submission(report.path, animals, jobs=1).faults == ()


def test_the_zip_has_the_same_bytes_each_time(animals: DatasetSplit, tmp_path: Path) -> None:
    first = packed(make_masks(tmp_path), animals).path.read_bytes()
    other = write_masks(tmp_path / "other/masks", {"owl": OWL, "fox": FOX})
    for path in other.rglob("*.png"):
        path.chmod(0o600)
    report = packed(other, animals)
    assert report.path.read_bytes() == first
    with zipfile.ZipFile(report.path) as archive:
        assert {(info.date_time, info.external_attr, info.create_system) for info in archive.infolist()} == {
            ((1980, 1, 1, 0, 0, 0), 0o100644 << 16, 3)
        }


def test_masks_of_another_mode_are_written_anew(animals: DatasetSplit, tmp_path: Path) -> None:
    masks = make_masks(tmp_path)
    Image.fromarray(FOX[1]).save(masks / "fox/00001.png")  # grey, without a palette
    content = read_zip(packed(masks, animals).path)["fox/00001.png"]
    assert content != (masks / "fox/00001.png").read_bytes()
    assert np.array_equal(decode_labels(content, "fox"), FOX[1])


@pytest.mark.parametrize("form", ["npz", "zip", "objects"])
def test_other_peoples_masks_of_any_form_are_packed(animals: DatasetSplit, tmp_path: Path, form: str) -> None:
    whole = read_zip(packed(make_masks(tmp_path / "first"), animals).path)
    if form == "npz":
        masks = npz(tmp_path / "r.npz", fox=np.stack(FOX), owl=np.stack(OWL))
    elif form == "zip":
        masks = tmp_path / "other.zip"
        with zipfile.ZipFile(masks, "w") as archive:
            for name, content in whole.items():
                archive.writestr(f"deep/{name}", content)
    else:
        apart = {f"fox/{i}": [np.uint8(labels == i) for labels in FOX] for i in (1, 3)}
        masks = write_masks(tmp_path / "apart", {**apart, "owl/002": [np.uint8(labels > 0) for labels in OWL]})
    assert read_zip(packed(masks, animals).path) == whole


def test_masks_that_are_not_asked_for_are_left_out(animals: DatasetSplit, tmp_path: Path) -> None:
    masks = make_masks(tmp_path)
    write_masks(masks, {"cat": FOX, "fox": {"00009": FOX[0]}})
    assert list(read_zip(packed(masks, animals).path)) == EXPECTED


def test_all_faults_are_named_and_nothing_is_written(animals: DatasetSplit, tmp_path: Path) -> None:
    masks = write_masks(tmp_path / "masks", {"fox": [FOX[0], squares((5, 1, 1))]})
    Image.fromarray(np.zeros((8, 9, 3), np.uint8)).save(masks / "fox/00000.png")
    faults = refused(masks, animals).faults
    assert [(fault.kind, fault.video) for fault in faults] == [
        ("missing video", "owl"),
        ("missing frame", "fox"),
        ("wrong mode", "fox"),
        ("unknown object id", "fox"),
    ]


def test_objects_that_overlap_are_refused_or_flattened(animals: DatasetSplit, tmp_path: Path) -> None:
    both = {1: squares((1, 2, 2)) > 0, 3: squares((3, 4, 4)) > 0}
    apart = {f"fox/{i}": [np.uint8(mask)] * 3 for i, mask in both.items()}
    masks = write_masks(tmp_path / "masks", {**apart, "owl/2": [np.uint8(labels > 0) for labels in OWL]})
    found = refused(masks, animals).faults
    assert [fault.kind for fault in found] == ["overlap"] * 3
    assert found[0].found == "objects 1 and 3 share pixels, and a label map holds one id a pixel"
    content = read_zip(packed(masks, animals, flatten=True).path)["fox/00000.png"]
    assert np.array_equal(decode_labels(content, "fox"), to_labels(both, SIZE))


def test_object_0_has_no_place_in_a_label_map(animals: DatasetSplit, tmp_path: Path) -> None:
    masks = write_masks(tmp_path / "masks", {"fox/0": [np.uint8(FOX[0] == 1)] * 3, "owl": OWL})
    assert {fault.kind for fault in refused(masks, animals).faults} == {"unknown object id"}


def test_an_interrupted_command_leaves_nothing(animals: DatasetSplit, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        packed(make_masks(tmp_path), animals, on_video=interrupt)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["animals", "masks"]


def test_annotations_without_object_ids_are_no_masks_of_several_objects(animals: DatasetSplit, tmp_path: Path) -> None:
    videos = {"fox": (FOX, (1, 3)), "owl": (OWL, (2,))}
    codes = [
        {"video_id": video, "segmentations": [encode_rle(labels == object_id) for labels in maps]}
        for video, (maps, ids) in videos.items()
        for object_id in ids
    ]
    masks = tmp_path / "r.json"
    masks.write_text(json.dumps(codes))
    found = {(fault.video, fault.found) for fault in refused(masks, animals).faults if "annotations" in fault.found}
    assert found == {("fox", "has annotations without an object id, and the ground truth has objects 1, 3")}


def test_a_zip_that_is_there_is_kept(animals: DatasetSplit, tmp_path: Path) -> None:
    (tmp_path / "out.zip").write_text("mine")
    masks = make_masks(tmp_path)
    with pytest.raises(VosbenchError, match=r"out\.zip: is there already; name another file with --out, or give --ov"):
        vosbench.pack(masks, tmp_path / "out.zip", animals.root, rules=SERVER)
    assert (tmp_path / "out.zip").read_text() == "mine"
    with pytest.raises(VosbenchError, match=r"has to end in \.zip"):
        vosbench.pack(masks, tmp_path / "out.tar", animals.root, rules=SERVER)


def test_a_run_is_packed_without_naming_its_dataset(run: Run) -> None:
    report = vosbench.pack(run, run.path.parent / "a.zip", rules=SERVER, jobs=1)
    assert read_zip(report.path) == {name: (run.path / "masks" / name).read_bytes() for name in EXPECTED}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"state": "failed"}, r"not a whole run: 1 of 2 videos failed \(owl\); repeat its command: vosbench"),
        (None, r"not a whole run: 1 of 2 videos pending \(owl\); repeat its command: vosbench"),
        ({"recipe": "another"}, "its masks differ in what made them: torch 2 .1 video., 1 .1 video.*--overwrite"),
        ({"digest": "another"}, "1 damaged file"),
    ],
)
def test_a_partial_or_mixed_run_is_refused(run: Run, change: dict[str, str] | None, told: str) -> None:
    path = run.path / ".videos/owl.json"
    if change is None:
        path.unlink()
    else:
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    recipe = next((run.path / ".recipes").glob("*.json"))
    (run.path / ".recipes/another.json").write_text(json.dumps({"parts": {"torch": "1"}}))
    recipe.write_text(json.dumps({"parts": {"torch": "2"}}))
    with pytest.raises(VosbenchError, match=told):
        vosbench.pack(run, run.path.parent / "a.zip", rules=SERVER, jobs=1)
    assert not (run.path.parent / "a.zip").exists()


@pytest.mark.slow
def test_a_run_of_a_part_of_the_videos_is_refused(cli: Cli, animals: DatasetSplit) -> None:
    given = ("--dataset", animals.root, "--tracker", "static", "--gpus", "cpu", "--out", "part")
    cli("infer", *given, "--limit", "1")
    told = cli("pack", "part", "--rules", SERVER, "-o", "a.zip", expect=2).stderr
    assert "part: not a whole run: 1 of 2 videos never asked for (owl); repeat its command without --limit and" in told


@pytest.mark.parametrize("settings", [{"prompt": "3-click"}, {"prompts": "all"}])
def test_a_run_that_was_not_given_first_masks_is_refused(run: Run, settings: dict[str, str]) -> None:
    facts = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps({**facts, "settings": settings}))
    ((name, value),) = settings.items()
    with pytest.raises(VosbenchError, match=f"was made with {name}={value}, and a server's protocol gives each"):
        vosbench.pack(run, run.path.parent / "a.zip", rules=SERVER)


def test_the_command_lists_faults_and_ends_with_one_line(cli: Cli, animals: DatasetSplit, tmp_path: Path) -> None:
    masks = make_masks(tmp_path)
    given = ("pack", masks, "--dataset", animals.root, "--rules", SERVER)
    shown = cli(*given, "-o", "a.zip")
    assert "no faults\nsha256 " in shown.stdout
    assert "note: not confirmed: the number of videos" in shown.stderr
    assert "give --overwrite" in cli(*given, "-o", "a.zip", expect=2).stderr
    assert "no zip to write is given" in cli(*given, expect=2).stderr
    (masks / "fox/00001.png").unlink()
    done = cli(*given, "-o", "b.zip", expect=2)
    assert "1 missing frame\n  " in done.stdout
    assert "not what the server of animals val expects: 1 missing frame; correct the masks" in done.stderr
    assert json.loads(cli(*given, "-o", "b.zip", "--json", expect=2).stdout)["faults"][0]["kind"] == "missing frame"
    assert not (tmp_path / "b.zip").exists()


def test_masks_of_no_dataset_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VosbenchError, match="not a run, so its dataset is unknown"):
        vosbench.pack(write_masks(tmp_path / "masks", VIDEOS), tmp_path / "a.zip")
