"""A tab's work with a tracker that has sessions of its own, here SAM 2 tiny with seeded weights."""

from __future__ import annotations

import json
import shlex
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.support.workspaces import FRAMES, load_sam2, open_workspace, propagate, run_command
from vosbench.io.paths import Roots
from vosbench.masks.labels import decode_labels
from vosbench.ui.markup import write_command_note
from vosbench.ui.workspace import CORRECTED, Workspace

pytestmark = [pytest.mark.exhaustive, pytest.mark.slow, pytest.mark.usefixtures("one_thread")]


@pytest.fixture
def workspace(tmp_path: Path, checkpoint: str) -> Workspace:
    return open_workspace(tmp_path, load_sam2(checkpoint))


def read_command_masks(workspace: Workspace, folder: Path) -> dict[str, bytes]:
    return run_command(shlex.split(workspace.write_command(["masks"])), folder / "clips", Roots())


def read_exported(workspace: Workspace) -> dict[str, bytes]:
    [archive] = workspace.export(["masks"])
    with zipfile.ZipFile(archive) as packed:
        return {name: packed.read(name) for name in sorted(packed.namelist()) if name.endswith(".png")}


def prompt(workspace: Workspace) -> None:
    """A box with a click, then two clicks on another object in a later frame, each given one by one."""
    workspace.mark_corner(6, 16)
    workspace.mark_corner(30, 40)
    workspace.click(80, 50, positive=False)
    workspace.add_object()
    workspace.go_to(2)
    workspace.click(70, 50)
    workspace.click(75, 55)


def test_clicks_one_by_one_are_tracked_as_the_command_does_that_gets_them_at_once(
    workspace: Workspace, tmp_path: Path
) -> None:
    assert workspace.models.prompter is None
    prompt(workspace)
    assert len(propagate(workspace)) == FRAMES
    exported = read_exported(workspace)
    assert any(decode_labels(png, name).any() for name, png in exported.items())
    assert exported == read_command_masks(workspace, tmp_path)


def test_a_corrections_masks_are_marked_until_they_are_tracked_anew(workspace: Workspace, tmp_path: Path) -> None:
    prompt(workspace)
    propagate(workspace)
    workspace.go_to(5)
    workspace.click(40, 30)
    propagate(workspace)
    assert "may find others" in write_command_note(workspace)
    [rle] = workspace.export(["rle"])
    assert json.loads(rle.read_text())["track"]["session"] == CORRECTED
    propagate(workspace, anew=True)
    assert "finds the masks that the page shows" in write_command_note(workspace)
    assert read_exported(workspace) == read_command_masks(workspace, tmp_path)


def test_a_correction_is_propagated_from_the_frame_that_is_shown(workspace: Workspace) -> None:
    prompt(workspace)
    propagate(workspace)
    workspace.go_to(5)
    workspace.click(40, 30)
    assert propagate(workspace, start=5, direction="forwards") == [5, 6, 7]
    assert workspace.followed is not None
    assert workspace.followed.known == set(range(FRAMES))


def test_undo_before_tracking_shows_the_mask_that_was_there(workspace: Workspace) -> None:
    workspace.click(18, 28)
    before = workspace.read_masks()
    workspace.click(60, 50)
    workspace.undo()
    after = workspace.read_masks()
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[object_id], after[object_id]) for object_id in before)
