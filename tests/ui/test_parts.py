"""The parts of the page that need no browser: scenes, commands, pictures, markup, tabs, models and the address."""

from __future__ import annotations

import shlex
import socket
from pathlib import Path

import numpy as np
import pytest

from tests.support.workspaces import draw_clip, open_workspace
from vosbench.errors import VosbenchError
from vosbench.io.paths import Roots
from vosbench.tracking.request import ModelChoice
from vosbench.types import BoxPrompt, Point, PointPrompt
from vosbench.ui import markup
from vosbench.ui.command import write_command
from vosbench.ui.export import list_output_options, make_file_stem
from vosbench.ui.models import LoadedModels, load_models
from vosbench.ui.picture import PictureScale, draw_picture
from vosbench.ui.scene import MarkedScene
from vosbench.ui.server import prepare_server
from vosbench.ui.sources import open_upload
from vosbench.ui.tabs import Tabs


def test_a_scene_counts_its_objects_on_and_fills_gaps_only_when_the_ids_are_used_up() -> None:
    scene = MarkedScene().with_new_object().with_new_object().without_object(2).with_new_object()
    assert [*scene.names] == [1, 3, 4]
    full = MarkedScene({each: "" for each in range(1, 256) if each != 7})
    assert full.with_new_object().object_id == 7
    with pytest.raises(VosbenchError, match="objects: there are 255"):
        full.with_new_object().with_new_object()


def test_a_scene_always_has_an_object_and_removing_one_chooses_the_one_before() -> None:
    scene = MarkedScene().with_new_object().with_new_object()
    assert scene.without_object(3).object_id == 2
    assert scene.without_object(1).object_id == 3
    assert MarkedScene().with_name(1, "cat").without_object(1) == MarkedScene()


def test_a_box_keeps_the_clicks_of_its_frame() -> None:
    scene = (
        MarkedScene().with_click(4, Point(3, 2)).with_box(4, BoxPrompt(1, 1, 9, 9)).with_click(4, Point(5, 5, False))
    )
    assert scene.prompts == {4: {1: BoxPrompt(1, 1, 9, 9, (Point(3, 2), Point(5, 5, False)))}}


def test_the_command_is_quoted_for_a_shell(models: LoadedModels) -> None:
    scene = (
        MarkedScene().with_click(0, Point(3, 2)).with_click(0, Point(5, 5, False)).with_box(2, BoxPrompt(1, 1, 9, 9))
    )
    command = write_command("-my $(rm) 'clip'.mp4", scene, models, "forwards", list_output_options("a b", ["rle"]))
    words = shlex.split(command)
    assert words[:9] == [
        *("vosbench", "track", "./-my $(rm) 'clip'.mp4", "--point", "1@0:3,2", "--point", "1@0:5,5,-"),
        *("--box", "1@2:1,1,9,9"),
    ]
    assert words[9:15] == ["--tracker", "flow", "--gpu", "cpu", "--prompter", "grabcut"]
    assert words[-4:] == ["--direction", "forwards", "--rle", "a_b-rle.json"]


@pytest.mark.parametrize(
    ("name", "stem"), [("my clip", "my_clip"), ("../..", "video"), ("été.2", "été.2"), ("", "video")]
)
def test_the_name_of_an_exported_file_has_no_path(name: str, stem: str) -> None:
    assert make_file_stem(name) == stem


@pytest.mark.parametrize("size", [(64, 96), (480, 854), (2160, 3840), (3, 5)])
def test_a_click_into_the_picture_finds_the_pixel_that_is_shown_there(size: tuple[int, int]) -> None:
    scale = PictureScale.of(size)
    assert max(scale.picture) <= 1280
    for column, row in ((0, 0), (size[1] - 1, size[0] - 1), (size[1] // 3, size[0] // 2)):
        assert scale.find_pixel(*scale.place(column, row)) == (column, row)
    assert scale.find_pixel(10**6, -5) == (size[1] - 1, 0)


def test_a_picture_shows_masks_clicks_boxes_and_the_ground_truth() -> None:
    frame, mask = np.zeros((64, 96, 3), np.uint8), np.zeros((64, 96), np.bool_)
    mask[10:30, 10:30] = True
    plain = draw_picture(frame, {}, {}, {})
    prompts = {1: PointPrompt((Point(50, 50), Point(60, 50, False))), 2: BoxPrompt(70, 5, 90, 20)}
    for drawn in (
        draw_picture(frame, {1: mask}, {}, {1: "cat"}),
        draw_picture(frame, {}, prompts, {}),
        draw_picture(frame, {}, {}, {}, corner=(3, 60)),
        draw_picture(frame, {}, {}, {}, true={1: mask}),
    ):
        assert drawn.shape == plain.shape == (448, 672, 3)
        assert not np.array_equal(drawn, plain)


def test_names_of_files_and_objects_are_escaped(tmp_path: Path, models: LoadedModels) -> None:
    workspace = open_workspace(tmp_path, models)
    clip = draw_clip(tmp_path / "clips")
    workspace.load(open_upload(clip, "<script>alert(1)<b>.mp4", workspace.folder))
    workspace.rename_object("<script>alert(1)</script>")
    workspace.click(18, 28)
    shown = [
        markup.write_status(workspace),
        markup.write_frame_line(workspace),
        markup.write_object_colours(workspace),
        markup.write_scores(workspace),
    ]
    assert not any("<script" in part for part in shown)
    assert "&lt;script&gt;alert(1)&lt;b&gt;" in shown[0]


def test_tabs_have_workspaces_of_their_own_until_they_are_closed(tmp_path: Path, models: LoadedModels) -> None:
    tabs = Tabs(models, tmp_path)
    assert tabs.get("a") is tabs.get("a")
    assert tabs.get("a") is not tabs.get("b")
    assert tabs.get("a").folder != tabs.get("b").folder
    first = tabs.get("a")
    tabs.close("a")
    tabs.close("never opened")
    assert first.closed
    assert tabs.get("a") is not first
    tabs.close_all()
    assert tabs.workspaces == {}


def test_the_prompter_without_weights_is_named_only_where_the_user_named_none(tmp_path: Path) -> None:
    choice, roots = ModelChoice("flow", gpu="cpu"), Roots(checkpoints=tmp_path)
    models = load_models(choice, roots)
    assert (models.choice.prompter, models.has_sessions) == ("grabcut", False)
    assert models.note.startswith("flow takes masks only: grabcut turns clicks and boxes into masks first; for better")
    with pytest.raises(VosbenchError, match="run: vosbench fetch"):
        load_models(choice, roots, "sam2")
    with pytest.raises(VosbenchError, match="unknown prompter"):
        load_models(choice, roots, "grabcat")
    assert load_models(choice, roots, "grabcut").note.endswith("turns clicks and boxes into masks first")


def test_a_port_that_is_taken_is_one_line_and_leaves_no_files(
    tmp_path: Path, models: LoadedModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("vosbench.ui.server._prepare_gradio", lambda folder: folder.mkdir(parents=True))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(VosbenchError, match=f"127.0.0.1:{port}: cannot be listened on .* give another --port"):
            prepare_server(models, tmp_path, "127.0.0.1", port, 10**6)
    assert [*tmp_path.iterdir()] == []
