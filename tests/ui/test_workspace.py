"""A tab's work without the page: clicks, masks at once, undo, tracking, corrections, comparison and export."""

from __future__ import annotations

import json
import shlex
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.support.golden import make_tree, squares
from tests.support.workspaces import FRAMES, open_workspace, propagate, run_command
from vosbench.errors import VosbenchError
from vosbench.types import BoxPrompt
from vosbench.ui.binding import in_frame
from vosbench.ui.markup import write_progress
from vosbench.ui.models import LoadedModels
from vosbench.ui.showing import make_moves
from vosbench.ui.sources import list_fetched_splits, open_dataset_video
from vosbench.ui.view import view_workspace
from vosbench.ui.workspace import CORRECTED, Workspace


def centres(workspace: Workspace) -> dict[int, tuple[int, int]]:
    """For each object in the frame that is shown the middle column and row of its mask."""
    found = {object_id: np.argwhere(mask).mean(0).round() for object_id, mask in workspace.read_masks().items()}
    return {object_id: (int(column), int(row)) for object_id, (row, column) in found.items()}


def read_masks(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as packed:
        return {name: packed.read(name) for name in sorted(packed.namelist()) if name.endswith(".png")}


def test_a_click_shows_the_mask_of_the_frame_at_once(workspace: Workspace) -> None:
    workspace.click(18, 28)
    assert centres(workspace) == {1: (18, 28)}
    workspace.go_to(1)
    assert centres(workspace) == {}


def test_two_corners_in_any_order_draw_a_box(workspace: Workspace) -> None:
    workspace.mark_corner(30, 40)
    assert workspace.corner == (30, 40)
    assert workspace.scene.prompts == {}
    workspace.mark_corner(6, 16)
    assert workspace.corner is None
    assert centres(workspace) == {1: (18, 28)}
    with pytest.raises(VosbenchError, match="box: is empty; click two opposite corners"):
        [workspace.mark_corner(5, each) for each in (5, 9)]


def test_a_negative_click_takes_away_what_it_says(workspace: Workspace) -> None:
    workspace.mark_corner(6, 16)
    workspace.mark_corner(90, 60)
    workspace.click(18, 28, positive=False)
    assert 1 not in workspace.read_masks() or not workspace.read_masks()[1][28, 18]


def test_undo_takes_back_one_change_after_the_other(workspace: Workspace) -> None:
    workspace.click(18, 28)
    workspace.add_object("cat")
    workspace.click(60, 50)
    assert [*workspace.scene.names.values()] == ["object 1", "cat"]
    workspace.undo()
    assert (workspace.scene.prompted, [*centres(workspace)]) == ({1}, [1])
    workspace.undo()
    assert [*workspace.scene.names] == [1]
    workspace.undo()
    assert (workspace.scene.prompts, workspace.read_masks()) == ({}, {})
    workspace.undo()  # nothing is left to take back
    workspace.mark_corner(3, 3)
    workspace.undo()
    assert workspace.corner is None


@pytest.mark.slow
def test_removing_an_object_takes_its_masks_from_every_frame_and_undo_brings_its_prompts_back(
    workspace: Workspace,
) -> None:
    workspace.click(18, 28)
    workspace.add_object()
    workspace.click(70, 50)
    propagate(workspace)
    workspace.go_to(5)
    assert [*centres(workspace)] == [1, 2]
    workspace.remove_object()
    assert ([*workspace.scene.names], [*centres(workspace)]) == ([1], [1])
    workspace.undo()
    assert workspace.scene.prompted == {1, 2}


def test_clearing_leaves_the_objects_and_their_names(workspace: Workspace) -> None:
    workspace.rename_object("a \n square")
    workspace.click(18, 28)
    workspace.go_to(3)
    workspace.click(24, 28)
    workspace.clear_frame()
    assert [*workspace.scene.prompts] == [0]
    workspace.clear_all()
    assert (workspace.scene.prompts, workspace.scene.names) == ({}, {1: "a square"})


def test_tracking_follows_the_square_and_a_correction_is_tracked_again(workspace: Workspace) -> None:
    workspace.go_to(2)
    workspace.click(22, 28)
    assert propagate(workspace) == [*range(2, FRAMES), 1, 0]
    workspace.go_to(FRAMES - 1)
    assert centres(workspace) == {1: (18 + 2 * (FRAMES - 1), 28)}
    workspace.click(60, 50, positive=False)
    workspace.click(34, 30)
    assert workspace.followed is not None
    assert workspace.followed.tracked == set()
    propagate(workspace)
    assert workspace.followed.tracked == set(range(FRAMES))


def test_a_correction_in_an_earlier_frame_is_propagated_backwards_from_there(workspace: Workspace) -> None:
    workspace.go_to(4)
    workspace.click(26, 28)
    propagate(workspace)
    workspace.go_to(2)
    workspace.mark_corner(10, 16)
    workspace.mark_corner(36, 40)
    assert propagate(workspace, start=2, direction="backwards") == [2, 1, 0]
    workspace.go_to(0)
    assert centres(workspace) == {1: (18, 28)}
    assert workspace.followed is not None
    assert not workspace.followed.as_command


def test_a_cancelled_propagation_keeps_what_is_done_and_can_begin_again(workspace: Workspace) -> None:
    workspace.click(18, 28)
    for progress in workspace.propagate():
        if progress.done == 3:
            with pytest.raises(VosbenchError, match="the video is being tracked; wait, or cancel"):
                workspace.click(20, 20)
            workspace.cancel()
    assert workspace.followed is not None
    assert workspace.followed.tracked == {0, 1, 2}
    assert not workspace.followed.as_command
    assert len(propagate(workspace)) == FRAMES
    assert workspace.followed.as_command


def test_what_cannot_be_done_is_one_line_and_changes_nothing(tmp_path: Path, workspace: Workspace) -> None:
    with pytest.raises(VosbenchError, match="has no prompt to begin with"):
        propagate(workspace)
    with pytest.raises(VosbenchError, match="export: there are no masks; click on an object"):
        workspace.export(["masks"])
    with pytest.raises(VosbenchError, match="expected a point in a frame of 96 x 64 pixels, found 96,3"):
        workspace.click(96, 3)
    with pytest.raises(VosbenchError, match="object 7: there is none"):
        workspace.choose_object(7)
    assert (workspace.scene.prompts, workspace.history) == ({}, [])
    with pytest.raises(VosbenchError, match="there is no video; upload one"):
        Workspace(workspace.models, tmp_path / "empty").click(1, 1)


@pytest.mark.slow
def test_the_exported_masks_are_those_of_the_command_that_the_page_shows(
    workspace: Workspace, tmp_path: Path, models: LoadedModels
) -> None:
    workspace.go_to(1)
    workspace.add_object()
    workspace.click(70, 50)  # the second object first, and two clicks one by one
    workspace.click(75, 55, positive=False)
    workspace.choose_object(1)
    workspace.go_to(3)
    workspace.mark_corner(12, 16)
    workspace.mark_corner(36, 40)
    propagate(workspace)
    workspace.go_to(6)
    workspace.click(30, 28)
    propagate(workspace)
    command = shlex.split(workspace.write_command(["masks"]))
    assert command[:3] == ["vosbench", "track", "square.mp4"]
    assert "--prompter" in command
    [archive] = workspace.export(["masks"])
    made = run_command(command, tmp_path / "clips", models.roots)
    assert len(made) == FRAMES
    assert read_masks(archive) == made


def test_the_export_says_what_made_the_masks_and_that_an_unfinished_one_is_not_the_commands(
    workspace: Workspace,
) -> None:
    workspace.click(18, 28)
    [early] = workspace.export(["rle"])
    assert json.loads(early.read_text())["track"]["session"] == CORRECTED
    propagate(workspace)
    files = workspace.export(["video", "masks", "rle", "alpha", "dataset"])
    assert [path.name for path in files] == [
        *("square-masks.mp4", "square-masks.zip", "square-rle.json"),
        *("square-alpha.webm", "square-dataset.zip"),
    ]
    facts = json.loads(files[2].read_text())["track"]
    assert "session" not in facts
    assert (facts["tracker"], facts["prompter"]["prompter"]) == ("flow", "grabcut")
    assert facts["prompts"] == [{"frame": 0, "object": 1, "points": [[18.0, 28.0, 1]]}]


def test_no_step_is_lost_when_many_come_at_the_same_time(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Workspace, "count", 10**6)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: workspace.step(1), range(4000)))
    finally:
        sys.setswitchinterval(before)
    assert workspace.index == 4000


def test_moves_are_made_step_by_step_so_that_a_step_beyond_an_end_counts_for_nothing(workspace: Workspace) -> None:
    turn = workspace.turns["track"]
    make_moves(workspace, [{"by": 10}, {"by": 10}, {"by": -1}])
    assert workspace.index == FRAMES - 2
    make_moves(workspace, [{"to": 3}, {"by": 1}, {"to": 99}, {"by": -2}])
    assert workspace.index == FRAMES - 3
    assert workspace.turns["track"] == turn + 2
    make_moves(workspace, [])
    assert workspace.turns["track"] == turn + 2


def test_what_is_done_in_a_frame_is_done_in_the_one_that_the_page_showed(workspace: Workspace) -> None:
    workspace.go_to(5)
    in_frame(Workspace.click)(workspace, 2, 22, 28)
    assert ([*workspace.scene.prompts], workspace.index) == ([2], 2)
    workspace.mark_corner(10, 16)
    in_frame(Workspace.mark_corner)(workspace, 2, 36, 40)  # the frame is shown: the first corner stays
    assert isinstance(workspace.scene.get_prompt(2, 1), BoxPrompt)


@pytest.mark.slow
def test_a_frame_that_cannot_be_read_has_no_picture_and_the_status_says_why(
    tmp_path: Path, models: LoadedModels
) -> None:
    make_tree(tmp_path / "drawn", {"walk": [squares((3, 20, 30), size=(64, 96))] * 2})
    workspace = Workspace(models, tmp_path / "tab")
    workspace.load(open_dataset_video("drawn val", "walk", tmp_path))
    assert view_workspace(workspace, [], False).picture
    sorted(tmp_path.glob("drawn/JPEGImages/**/*.jpg"))[1].write_bytes(b"no picture")
    workspace.step(1)
    view = view_workspace(workspace, [], False)
    assert view.picture is None
    assert "frame 1 of 2" in view.status
    assert "00001.jpg: " in view.status


def test_every_tracked_frame_is_a_turn_and_tells_how_far_it_is(workspace: Workspace) -> None:
    workspace.click(18, 28)
    turns, progress = [], []
    for _ in workspace.propagate():
        turns.append(workspace.turns["track"])
        progress.append(write_progress(workspace))
    assert turns == [*range(turns[0], turns[0] + FRAMES)]
    assert [f"{done} of {FRAMES} frames · 0:0" in text for done, text in enumerate(progress, 1)] == [True] * FRAMES
    assert write_progress(workspace) == ""


def test_two_workspaces_share_the_models_and_nothing_else(tmp_path: Path, models: LoadedModels) -> None:
    one, other = (open_workspace(tmp_path / name, models) for name in ("one", "other"))
    one.click(18, 28)
    other.go_to(4)
    other.click(26, 28)
    first, second = one.propagate(), other.propagate()
    for _ in range(FRAMES):  # in turns
        next(first), next(second)
    one.go_to(7), other.go_to(7)
    assert centres(one) == {1: (32, 28)}
    assert [*one.scene.prompts] == [0]
    assert [*other.scene.prompts] == [4]


def test_closing_a_workspace_frees_its_session_and_deletes_its_files(workspace: Workspace) -> None:
    workspace.click(18, 28)
    going_on = workspace.propagate()
    next(going_on)
    assert any(workspace.folder.iterdir())
    workspace.close()
    assert (workspace.video, workspace.followed, workspace.steps) == (None, None, None)
    assert not workspace.folder.exists()
    assert [*going_on] == []
    with pytest.raises(VosbenchError, match="there is no video"):
        workspace.click(1, 1)


def test_a_datasets_video_is_compared_with_its_ground_truth(tmp_path: Path, models: LoadedModels) -> None:
    maps = [squares((3, 20, 30 + index), size=(64, 96)) for index in range(4)]
    make_tree(tmp_path / "datasets" / "drawn", {"walk": maps, "other": maps})
    [title] = list_fetched_splits(tmp_path / "datasets")
    workspace = Workspace(models, tmp_path / "tab")
    workspace.load(open_dataset_video(title, "walk", tmp_path / "datasets"))
    top, left = np.argwhere(maps[0])[0]
    bottom, right = np.argwhere(maps[0])[-1]
    workspace.mark_corner(int(left) - 2, int(top) - 2)
    workspace.mark_corner(int(right) + 2, int(bottom) + 2)
    assert workspace.comparison.matches == {1: 3}
    propagate(workspace)
    assert sorted(workspace.comparison.scores) == [0, 1, 2, 3]
    average = workspace.comparison.average(1)
    assert average is not None
    assert all(0 <= value <= 1 for value in average)
    assert workspace.write_command().split()[2].endswith("drawn/JPEGImages/walk")
    with pytest.raises(VosbenchError, match="unknown video of drawn val"):
        open_dataset_video(title, "../walk", tmp_path / "datasets")
    with pytest.raises(VosbenchError, match="dataset /etc val: is not in"):
        open_dataset_video("/etc val", "walk", tmp_path / "datasets")
