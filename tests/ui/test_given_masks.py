"""Objects that are given on the page by masks: of an uploaded PNG, or of the ground truth."""

from __future__ import annotations

import json
import shlex
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.golden import make_tree, squares
from tests.support.workspaces import FRAMES, propagate, run_command
from vosbench.errors import VosbenchError
from vosbench.ui.markup import write_command_note
from vosbench.ui.models import LoadedModels
from vosbench.ui.sources import list_fetched_splits, open_dataset_video
from vosbench.ui.workspace import Workspace

LIMIT = 10**6


def save_labels(path: Path, values: dict[int, tuple[int, int]], size: tuple[int, int] = (64, 96)) -> Path:
    """A label map with a square of 16 pixels for each id, at its row and column."""
    labels = np.zeros(size, np.uint8)
    for object_id, (row, column) in values.items():
        labels[row : row + 16, column : column + 16] = object_id
    Image.fromarray(labels).save(path)
    return path


@pytest.mark.parametrize("value", [1, 7, 255])
def test_a_mask_of_one_value_gives_the_chosen_object(workspace: Workspace, tmp_path: Path, value: int) -> None:
    workspace.add_object("cat")
    workspace.give_mask_file(save_labels(tmp_path / "a.png", {value: (20, 10)}), "a.png", LIMIT)
    assert [*workspace.read_masks()] == [2]
    assert workspace.read_masks()[2].sum() == 256
    with pytest.raises(VosbenchError, match="cat: is given by a mask in this frame, which takes no clicks beside"):
        workspace.click(3, 3)
    workspace.clear_frame()
    assert workspace.read_masks() == {}
    workspace.undo()
    assert workspace.read_masks()[2].sum() == 256


def test_a_label_map_gives_every_object_under_its_own_id_in_place_of_its_clicks(
    workspace: Workspace, tmp_path: Path
) -> None:
    workspace.click(18, 28)
    workspace.give_mask_file(save_labels(tmp_path / "a.png", {1: (2, 2), 4: (20, 40)}), "../a.png", LIMIT)
    assert workspace.scene.names == {1: "object 1", 4: "object 4"}
    assert {each: int(mask.sum()) for each, mask in workspace.read_masks().items()} == {1: 256, 4: 256}
    workspace.undo()
    assert [*workspace.scene.prompts[0]] == [1]
    assert workspace.read_masks()[1][28, 18]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: save_labels(path, {}), "no pixel belongs to an object; give a mask with pixels that are not 0"),
        (lambda path: save_labels(path, {1: (0, 0)}, (64, 95)), "has 95x64 pixels, and the video's frames 96x64"),
        (lambda path: Image.new("RGB", (96, 64)).save(path), r".*; upload a PNG with one object id for each pixel"),
        (lambda path: path.write_bytes(b"%PDF-1.7"), r"cannot be decoded .*; upload a PNG with one object id"),
        (lambda path: path.write_bytes(bytes(LIMIT + 1)), "is larger than 1 MB; upload a PNG of one frame"),
    ],
    ids=["empty", "another size", "colours", "another kind", "too large"],
)
def test_a_file_that_is_no_mask_of_the_frame_is_one_line_and_changes_nothing(
    workspace: Workspace, tmp_path: Path, make: object, message: str
) -> None:
    make(tmp_path / "a.png")  # type: ignore[operator]
    with pytest.raises(VosbenchError, match=f"^a.png: {message}") as caught:
        workspace.give_mask_file(tmp_path / "a.png", "C:\\..\\a.png", LIMIT)
    assert str(tmp_path) not in str(caught.value)
    assert (workspace.scene.prompts, workspace.history) == ({}, [])


@pytest.mark.slow
def test_the_command_and_the_exported_files_of_masks_find_what_the_page_shows(
    workspace: Workspace, tmp_path: Path, models: LoadedModels
) -> None:
    workspace.go_to(2)
    workspace.give_mask_file(save_labels(tmp_path / "a.png", {1: (20, 14), 3: (40, 60)}), "a.png", LIMIT)
    assert propagate(workspace) == [*range(2, FRAMES), 1, 0]
    assert "Export writes the files of its --mask" in write_command_note(workspace)
    command = shlex.split(workspace.write_command(["masks"]))
    assert "1@2:prompt-object-1-frame-2.png" in command
    archive, *given = workspace.export(["masks"])
    assert [path.name for path in given] == ["prompt-object-1-frame-2.png", "prompt-object-3-frame-2.png"]
    for path in given:
        shutil.copy(path, tmp_path / "clips")
    made = run_command(command, tmp_path / "clips", models.roots)
    with zipfile.ZipFile(archive) as packed:
        assert {name: packed.read(name) for name in packed.namelist() if name.endswith(".png")} == made
    [rle, *_] = workspace.export(["rle"])
    assert "prompter" not in json.loads(rle.read_text())["track"]  # it had nothing to do


def test_the_ground_truth_of_a_frame_is_given_under_its_own_ids(tmp_path: Path, models: LoadedModels) -> None:
    maps = [squares((3, 20, 30 + index), size=(64, 96)) for index in range(4)]
    make_tree(tmp_path / "datasets" / "drawn", {"walk": maps})
    [title] = list_fetched_splits(tmp_path / "datasets")
    workspace = Workspace(models, tmp_path / "tab")
    workspace.load(open_dataset_video(title, "walk", tmp_path / "datasets"))
    workspace.go_to(1)
    workspace.give_truth()
    assert [*workspace.scene.names] == [1, 3]
    np.testing.assert_array_equal(workspace.read_masks()[3], maps[1] == 3)
    assert workspace.comparison.matches == {3: 3}
    assert workspace.comparison.scores[1][3] == (1.0, 1.0)


def test_without_ground_truth_there_is_nothing_to_give(workspace: Workspace) -> None:
    with pytest.raises(VosbenchError, match="ground truth: there is none of this frame"):
        workspace.give_truth()
