"""Two pictures of a tab: which may be compared, with which weights, and what is said where they cannot be."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.cli import Cli
from tests.support.workspaces import open_workspace
from vosbench.errors import VosbenchError
from vosbench.io.paths import Roots
from vosbench.tracking.request import ModelChoice
from vosbench.ui.image_pair import PlacedImage
from vosbench.ui.models import LoadedModels, load_models
from vosbench.ui.pair_events import fill_pair, place_frame
from vosbench.ui.pair_view import find_source_pixel, write_pair_result, write_pair_title
from vosbench.ui.pictures import MOST_COMPARED_PIXELS, open_picture, shrink_picture
from vosbench.ui.workspace import Workspace

FETCH = "run: vosbench fetch mask-propagation-s012"


@pytest.fixture
def workspace(tmp_path: Path, models: LoadedModels) -> Workspace:
    return Workspace(models, tmp_path / "tab")


def draw_picture_file(path: Path, size: tuple[int, int] = (40, 56), seed: int = 0) -> Path:
    """A picture of noise; size: height and width."""
    noise = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(noise).save(path, "PNG")
    return path


def draw_image(size: tuple[int, int] = (40, 56), seed: int = 0) -> PlacedImage:
    noise = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    return PlacedImage(noise, f"noise {seed}", f"noise-{seed}.png")


def test_without_weights_the_panel_and_every_click_name_the_command_that_gets_them(workspace: Workspace) -> None:
    pair = workspace.pair
    assert FETCH in write_pair_result(pair)
    pair.place("source", draw_image())
    pair.place("target", draw_image(seed=1))
    with pytest.raises(VosbenchError, match=FETCH):
        pair.look_for(3, 4)
    with pytest.raises(VosbenchError, match="weights: are not there any more"):
        pair.choose_weights("/etc/passwd")
    assert (pair.match, pair.write_command()) == (None, "")


def test_a_point_is_looked_for_in_two_pictures_and_inside_the_source(workspace: Workspace) -> None:
    pair = workspace.pair
    with pytest.raises(VosbenchError, match="there is no source; upload a picture, or take a frame"):
        find_source_pixel(pair, (1.0, 1.0))
    pair.place("source", draw_image())
    assert find_source_pixel(pair, (671.9, 479.9)) == (55, 39)  # of the picture, which is 12 times as large
    with pytest.raises(VosbenchError, match="there is no target"):
        pair.look_for(3, 4)
    pair.place("target", draw_image(seed=1))
    with pytest.raises(VosbenchError, match="point 56,3: is outside of the source, which has 56x40 pixels"):
        pair.look_for(56, 3)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"%PDF-1.7", "page.png", "page.png: is no picture of a kind that the page takes; upload a file of one of"),
        (b"", "../../empty.jpg", "empty.jpg: is no picture of a kind"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "C:\\a\\drawn.svg", "drawn.svg: is no picture of a kind"),
        (bytes(2000), "large.png", "large.png: is larger than 0 MB; make it smaller"),
    ],
    ids=["another kind", "empty", "svg", "too large"],
)
def test_an_upload_that_is_no_picture_is_one_line_under_its_own_name(
    tmp_path: Path, content: bytes, name: str, message: str
) -> None:
    (tmp_path / "uploaded").write_bytes(content)
    with pytest.raises(VosbenchError, match=f"^{message}") as caught:
        open_picture(tmp_path / "uploaded", name, 1000)
    assert str(tmp_path) not in str(caught.value)


def test_a_damaged_picture_is_named_as_the_user_does(tmp_path: Path) -> None:
    whole = draw_picture_file(tmp_path / "uploaded").read_bytes()
    (tmp_path / "uploaded").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(VosbenchError, match=r"^cut.png: cannot be decoded \(") as caught:
        open_picture(tmp_path / "uploaded", "../cut.png", 10**6)
    assert str(tmp_path) not in str(caught.value)


def test_a_picture_of_too_many_pixels_is_refused_and_a_large_one_is_made_smaller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = draw_picture_file(tmp_path / "noise.png")
    monkeypatch.setattr("vosbench.ui.pictures.MAX_FRAME_PIXELS", 40 * 56 - 1)
    with pytest.raises(VosbenchError, match=r"noise.png: has 56x40 pixels; scale it down"):
        open_picture(path, "noise.png", 10**6)
    large = shrink_picture(PlacedImage(np.zeros((3000, 4000, 3), np.uint8), "<b>", "large.png"))
    height, width = large.pixels.shape[:2]
    assert 0.99 * MOST_COMPARED_PIXELS < height * width <= MOST_COMPARED_PIXELS
    assert width / height == pytest.approx(4 / 3, abs=0.01)
    assert large.argument == ""  # the command would take it whole
    assert large.note.startswith(f"made smaller, from 4000x3000 to {width}x{height} pixels")


def test_a_picture_is_turned_as_its_camera_was(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[274] = 6  # to be turned by a right angle
    Image.fromarray(np.zeros((40, 56, 3), np.uint8)).save(tmp_path / "photo.jpg", exif=turned)
    assert open_picture(tmp_path / "photo.jpg", "photo.jpg", 10**6).pixels.shape == (56, 40, 3)


def test_names_of_pictures_are_escaped(workspace: Workspace) -> None:
    workspace.pair.place("source", PlacedImage(draw_image().pixels, "<script>", note="<b>"))
    assert "<script" not in write_pair_title(workspace.pair, "source")
    assert "<b>" not in write_pair_title(workspace.pair, "source")


def test_two_frames_of_the_video_are_taken_at_first_and_others_on_request(tmp_path: Path, models: LoadedModels) -> None:
    workspace = open_workspace(tmp_path, models)
    fill_pair(workspace)
    titles = [workspace.pair.images[side].title for side in ("source", "target")]
    assert titles == ["frame 0 of square", "frame 7 of square"]
    place_frame(workspace, "target", 99)
    place_frame(workspace, "source", 3)
    assert workspace.pair.images["target"].index == 7
    fill_pair(workspace)  # pictures that are there stay
    assert workspace.pair.images["source"].index == 3
    workspace.close()
    assert workspace.pair.images == {}
    assert not workspace.folder.exists()
    with pytest.raises(VosbenchError, match="there is no video; load one"):
        place_frame(workspace, "source", 0)


@pytest.mark.slow
def test_a_click_finds_what_the_command_that_is_shown_finds(
    cli: Cli, tmp_path: Path, mask_propagation_checkpoint: str
) -> None:
    models = load_models(ModelChoice("flow", gpu="cpu"), Roots(), pair_weights=mask_propagation_checkpoint)
    workspace = Workspace(models, tmp_path / "tab")
    pair, sizes = workspace.pair, {"source": (40, 56), "target": (50, 90)}
    for side, size in sizes.items():
        path = draw_picture_file(tmp_path / f"{side}.png", size, len(side))
        pair.place(side, open_picture(path, path.name, 10**6))  # type: ignore[arg-type]
    pair.look_for(11, 12)
    assert pair.match is not None
    first = pair.match
    command = shlex.split(pair.write_command())
    assert command[:6] == ["vosbench", "correspond", "source.png", "target.png", "--point", "11,12"]
    [told] = json.loads(cli(*command[1:], "--json").stdout)["matches"]
    np.testing.assert_array_equal(np.load(tmp_path / told["map"]), first.found)
    assert tuple(told["match"]) == first.best
    assert f"<b>{first.best[0]},{first.best[1]}</b> of the target" in write_pair_result(pair)

    compared = pair.compared
    pair.look_for(50, 30)
    assert pair.compared is compared  # the images are encoded once
    pair.swap()
    assert pair.images["source"].title == "target.png"
    pair.place("target", draw_image(seed=5))  # the point is looked for in the new target
    assert pair.match is not None
    pair.place("source", draw_image((30, 30), seed=6))
    assert (pair.point, pair.match) == (None, None)
    with pytest.raises(VosbenchError, match="weights: are not there any more"):
        pair.choose_weights("mask-propagation-s012")


@pytest.mark.slow
def test_a_tracker_that_can_compare_pictures_is_loaded_once(tmp_path: Path, mask_propagation_checkpoint: str) -> None:
    choice = ModelChoice("mask-propagation", mask_propagation_checkpoint, gpu="cpu")
    models = load_models(choice, Roots(checkpoints=tmp_path))
    pair = Workspace(models, tmp_path / "tab").pair
    pair.place("source", draw_image())
    pair.place("target", draw_image(seed=1))
    pair.look_for(3, 4)
    assert models.comparer.loaded is not None
    assert models.comparer.loaded[1] is models.tracker
