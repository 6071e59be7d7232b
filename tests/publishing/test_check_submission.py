"""Anybody's zip is checked, and every fault is named at once."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vosbench
from tests.support.cli import Cli
from tests.support.golden import fetched, make_tree, squares
from tests.support.submissions import EXPECTED, FOX, OWL, VIDEOS, make_dataset, write_zip
from vosbench.datasets.split import DatasetSplit, open_split
from vosbench.errors import VosbenchError
from vosbench.publishing.fault import MaskFault, describe_faults
from vosbench.types import Labels


@pytest.fixture
def animals(tmp_path: Path) -> DatasetSplit:
    return make_dataset(tmp_path)


def check(path: Path, animals: DatasetSplit) -> list[MaskFault]:
    return list(vosbench.check_submission(path, animals, jobs=1).faults)


def encode(labels: Labels, mode: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(labels).convert(mode).save(buffer, format="PNG")
    return buffer.getvalue()


def test_a_zip_with_all_masks_has_no_faults(animals: DatasetSplit, tmp_path: Path) -> None:
    report = vosbench.check_submission(write_zip(tmp_path / "a.zip", {}), animals, jobs=1)
    assert (report.faults, report.videos, report.frames) == ((), 2, 5)
    assert report.server == "https://www.codabench.org/competitions/12220/"


def test_every_kind_of_fault_is_named_at_once(animals: DatasetSplit, tmp_path: Path) -> None:
    files: dict[str, bytes | Labels] = {
        "fox/00000.png": np.zeros((10, 12), np.uint8),
        "fox/00001.png": squares((1, 2, 2), (7, 10, 10)),
        "fox/2.png": FOX[2],
        "fox/.DS_Store": b"litter",
        "owl/00000.png": b"no picture",
        "cat/00000.png": FOX[0],
        "cat/00001.png": FOX[0],
        "readme.txt": b"",
    }
    removed = ("fox/00002.png", "owl/00001.png")
    assert check(write_zip(tmp_path / "a.zip", files, removed), animals) == [
        MaskFault("missing frame", "owl", "owl/00001.png"),
        MaskFault("misnamed frame", "fox", "fox/2.png", "expected 00002.png"),
        MaskFault("extra file", "", "cat/", "no video of the split has this name, and it holds 2 files"),
        MaskFault("extra file", "", "readme.txt", "belongs to no video of the split"),
        MaskFault("extra file", "fox", "fox/.DS_Store", "no frame of the video that the server expects"),
        MaskFault("damaged file", "owl", "owl/00000.png", "cannot be decoded (it is not a PNG)"),
        MaskFault("wrong size", "fox", "fox/00000.png", "is 12x10 pixels, the frames are 32x24"),
        MaskFault("unknown object id", "fox", "fox/00001.png", "shows 7, the first masks show 1, 3"),
    ]


def test_a_video_that_is_missing_is_one_fault(animals: DatasetSplit, tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {}, tuple(EXPECTED[3:]))
    assert check(archive, animals) == [MaskFault("missing video", "owl", "owl")]


@pytest.mark.parametrize("mode", ["L", "RGB", "1"])
def test_a_mask_without_a_palette_is_of_the_wrong_mode(animals: DatasetSplit, tmp_path: Path, mode: str) -> None:
    archive = write_zip(tmp_path / "a.zip", {"owl/00000.png": encode((OWL[0] > 0).astype(np.uint8) * 2, mode)})
    (fault, *others) = check(archive, animals)
    assert (fault.kind, fault.file) == ("wrong mode", "owl/00000.png")
    assert fault.found == f"is {'1-bit L' if mode == '1' else mode}, expected P, with a palette"
    assert {other.kind for other in others} <= {"unknown object id"}


def test_a_zip_with_everything_in_one_more_folder_has_a_wrong_layout(animals: DatasetSplit, tmp_path: Path) -> None:
    labels = dict(zip(EXPECTED, [*FOX, *OWL], strict=True))
    inside = {f"Annotations/{name}": content for name, content in labels.items() if name != "owl/00001.png"}
    archive = write_zip(tmp_path / "a.zip", dict(inside), tuple(EXPECTED))
    found = "the videos lie there, the server expects them at the top of the zip"
    missing = MaskFault("missing frame", "owl", "Annotations/owl/00001.png")
    assert check(archive, animals) == [MaskFault("wrong layout", "", "Annotations/", found), missing]
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr("Annotations/owl/00001.png", opened.read("Annotations/owl/00000.png"))
    tolerant = open_split(animals.root, None, tmp_path, "mosev2")
    assert check(archive, tolerant) == []


def test_folders_of_objects_are_one_fault_of_the_layout(animals: DatasetSplit, tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {"fox/1/00000.png": FOX[0], "fox/1/00001.png": FOX[0]})
    found = "folders in the folder of a video, with 2 files; expected <video>/<frame>.png"
    assert check(archive, animals) == [MaskFault("wrong layout", "", "fox/1", found)]


def test_files_that_are_there_twice_and_links_are_faults(animals: DatasetSplit, tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {})
    link = zipfile.ZipInfo("owl/00002.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(archive, "a") as opened:
        content = opened.read("fox/00001.png")
        opened.writestr(link, "/etc/passwd")
        with pytest.warns(UserWarning, match="Duplicate name"):
            opened.writestr("fox/00001.png", content)
    assert [(fault.kind, fault.file) for fault in check(archive, animals)] == [
        ("extra file", "owl/00002.png"),
        ("repeated file", "fox/00001.png"),
        ("damaged file", "owl/00002.png"),
    ]


def test_only_frames_that_the_meta_file_lists_are_expected(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tube", VIDEOS)
    objects = {
        "fox": {"1": {"category": "fox", "frames": ["00000"]}, "3": {"category": "fox", "frames": ["00002"]}},
        "owl": {"2": {"category": "owl", "frames": ["00001"]}},
    }
    listing = {video: {"objects": each} for video, each in objects.items()}
    (tree / "meta.json").write_text(json.dumps({"videos": listing}))
    tube = open_split(tree, None, tmp_path, "ytvos2019")
    names = {"fox/00000.png": FOX[0], "fox/00002.png": FOX[2], "owl/00001.png": OWL[1]}
    inside = {f"Annotations/{name}": labels for name, labels in names.items()}
    report = vosbench.check_submission(write_zip(tmp_path / "a.zip", dict(inside), tuple(EXPECTED)), tube, jobs=1)
    assert (report.faults, report.frames) == ((), 3)
    assert report.gone.startswith("CodaLab takes no submissions")
    assert report.notes[0] == f"nothing can be submitted: {report.gone}"


def test_a_split_without_a_server_is_refused(animals: DatasetSplit, tmp_path: Path) -> None:
    own = open_split(animals.root, None, tmp_path)
    with pytest.raises(VosbenchError, match=r"animals val: its card names no server.*score the masks with vosbench"):
        check(write_zip(tmp_path / "a.zip", {}), own)


def test_a_split_that_is_not_whole_on_disk_is_refused(tmp_path: Path) -> None:
    root = fetched(make_tree(tmp_path / "mosev2", VIDEOS), "mosev2")
    with pytest.raises(VosbenchError, match="mosev2 val: 2 of its 433 videos are on disk; a server takes only the"):
        check(write_zip(tmp_path / "a.zip", {}), open_split(root, None, tmp_path))


def test_the_card_that_ships_counts_where_an_older_one_was_fetched(tmp_path: Path) -> None:
    root = fetched(make_tree(tmp_path / "mosev1", VIDEOS), "mosev1")
    content = json.loads((root / "dataset.json").read_text())
    del content["card"]["splits"]["val"]["submission"]
    (root / "dataset.json").write_text(json.dumps(content))
    report = vosbench.check_submission(write_zip(tmp_path / "a.zip", {}), open_split(root, None, tmp_path), jobs=1)
    assert report.faults == ()


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\3\4cut off"])
def test_a_file_that_is_no_zip_is_refused(animals: DatasetSplit, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(VosbenchError, match=r"a\.zip: cannot be read as a zip .*; write the zip again"):
        check(tmp_path / "a.zip", animals)
    with pytest.raises(VosbenchError, match=r"b\.zip: no such file"):
        check(tmp_path / "b.zip", animals)


def test_ten_thousand_faults_are_told_in_a_few_lines() -> None:
    faults = [MaskFault("missing frame", f"video{i % 4}", f"video{i % 4}/{i:05}.png") for i in range(10_000)]
    lines = list(describe_faults([*faults, MaskFault("missing video", "owl", "owl")]))
    assert lines[:4] == ["1 missing video", "  owl", "10000 missing frames in 4 videos", "  video0/00000.png"]
    assert (len(lines), lines[-1]) == (9, "  and 9995 more")


def test_the_command_ends_with_1_if_there_is_a_fault(cli: Cli, animals: DatasetSplit, tmp_path: Path) -> None:
    given = ("pack", "--dataset", animals.root, "--rules", "mosev1", "--check")
    whole, lacking = write_zip(tmp_path / "a.zip", {}), write_zip(tmp_path / "b.zip", {}, ("owl/00001.png",))
    assert "no faults\nsubmit it at https://www.codabench.org/" in cli(*given, whole).stdout
    assert "1 missing frame\n  owl/00001.png" in cli(*given, lacking, expect=1).stdout
    found = json.loads(cli(*given, lacking, "--json", expect=1).stdout)
    assert found["faults"] == [{"kind": "missing frame", "video": "owl", "file": "owl/00001.png", "found": ""}]
    assert "name it with --dataset" in cli("pack", "--check", whole, expect=2).stderr
    assert "leave out RUN" in cli(*given, whole, "-o", "c.zip", expect=2).stderr
