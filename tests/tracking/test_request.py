"""Tracking a clip from prompts to outputs, in this process."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.clips import draw_square_frame, write_clip
from vosbench.datasets.split import open_split
from vosbench.errors import VosbenchError
from vosbench.io.paths import Roots
from vosbench.masks.labels import encode_labels, read_labels
from vosbench.masks.rle import decode_rle
from vosbench.media.clip import open_clip
from vosbench.media.draw import draw_masks
from vosbench.tracking.clip_prompts import GivenPrompt, Moment
from vosbench.tracking.mask_store import MaskStore
from vosbench.tracking.outputs import Outputs, write_outputs
from vosbench.tracking.request import ModelChoice, TrackRequest, prepare_request
from vosbench.types import Point

FRAMES = [draw_square_frame(index) for index in range(12)]


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "in.mp4", FRAMES, sound="aac")


@pytest.fixture
def prompt(tmp_path: Path) -> GivenPrompt:
    """A mask of the square in frame 4."""
    labels = np.zeros((64, 96), np.uint8)
    labels[20:36, 18:34] = 2
    (tmp_path / "mask.png").write_bytes(encode_labels(labels))
    return GivenPrompt("--mask @4:mask.png", None, Moment(4), tmp_path / "mask.png")


def _prepare(
    video: Path, prompt: GivenPrompt, outputs: Outputs, tracker: str = "flow", direction: str = "both", **more: bool
) -> TrackRequest:
    roots = Roots(checkpoints=video.parent)
    return prepare_request(
        video, [prompt], outputs, ModelChoice(tracker, gpu="cpu"), direction, Fraction(24), roots, **more
    )


def _do(request: TrackRequest) -> list[int]:
    done: list[int] = []
    request.track(done.append)
    request.write(lambda count: None)
    return done


def test_all_outputs_hold_the_same_masks(tmp_path: Path, video: Path, prompt: GivenPrompt) -> None:
    out = tmp_path / "out"
    outputs = Outputs(out / "a.mp4", out / "a.webm", out / "masks", out / "a.json", out / "set")
    done = _do(_prepare(video, prompt, outputs))
    assert done == list(range(1, 13))
    maps = [read_labels(path) for path in sorted((out / "masks").glob("*.png"))]
    assert len(maps) == 12
    for index, labels in enumerate(maps):  # in both directions from frame 4
        expected = np.zeros((64, 96), np.bool_)
        expected[20:36, 10 + 2 * index : 26 + 2 * index] = True
        assert np.count_nonzero((labels == 2) & expected) > 0.7 * 256, index
    rle = json.loads((out / "a.json").read_text())
    assert [frame["frame"] for frame in rle["frames"]] == [f"{index:05}" for index in range(12)]
    for frame, labels in zip(rle["frames"], maps, strict=True):
        np.testing.assert_array_equal(decode_rle(frame["masks"]["2"]), labels == 2)
    split = open_split(str(out / "set"), "val", tmp_path)
    assert split.videos == ("in",)
    clip = open_clip(out / "a.mp4")
    assert len(clip.frames) == 12
    assert np.abs(clip.frames[11].astype(int) - open_clip(video).frames[11])[maps[11] == 2].mean() > 20
    with av.open(str(out / "a.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        assert json.loads(container.metadata["comment"])["tracker"] == "flow"
    assert sorted(path.name for path in out.iterdir()) == ["a.json", "a.mp4", "a.webm", "masks", "set"]


def test_frames_in_which_nothing_is_tracked_have_no_masks(tmp_path: Path, video: Path, prompt: GivenPrompt) -> None:
    _do(_prepare(video, prompt, Outputs(masks=tmp_path / "masks"), direction="forwards"))
    assert [read_labels(path).any() for path in sorted((tmp_path / "masks").glob("*.png"))] == [False] * 4 + [True] * 8


def test_an_interrupted_command_continues_with_what_is_done(tmp_path: Path, video: Path, prompt: GivenPrompt) -> None:
    whole = tmp_path / "whole"
    _do(_prepare(video, prompt, Outputs(masks=whole)))
    request = _prepare(video, prompt, Outputs(masks=tmp_path / "masks"))

    def stop(done: int) -> None:
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        request.track(stop)
    again = _prepare(video, prompt, Outputs(masks=tmp_path / "masks"))
    assert again.count_done() == 7
    _do(again)
    assert [path.read_bytes() for path in sorted((tmp_path / "masks").glob("*.png"))] == [
        path.read_bytes() for path in sorted(whole.glob("*.png"))
    ]


def test_what_was_begun_with_another_tracker_is_dropped_only_if_overwriting_is_asked_for(
    tmp_path: Path, video: Path, prompt: GivenPrompt
) -> None:
    outputs = Outputs(masks=tmp_path / "masks")
    _prepare(video, prompt, outputs).track(lambda done: None)
    assert _prepare(video, prompt, outputs).count_done() == 12
    with pytest.raises(VosbenchError) as refused:
        _prepare(video, prompt, outputs, tracker="static", direction="forwards")
    assert str(refused.value).endswith(
        ".masks.tracking: holds 12 frames of an interrupted command that differs in: direction, settings, tracker, "
        "tracker_sha256; repeat that command, or give --overwrite to drop these frames"
    )
    assert _prepare(video, prompt, outputs).count_done() == 12
    assert _prepare(video, prompt, outputs, tracker="static", overwrite=True).count_done() == 0


def test_a_damaged_state_is_named(tmp_path: Path, video: Path, prompt: GivenPrompt) -> None:
    outputs = Outputs(masks=tmp_path / "masks")

    def stop(done: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _prepare(video, prompt, outputs).track(stop)
    (tmp_path / ".masks.tracking/state/state.npz").write_bytes(b"PK no zip")
    with pytest.raises(VosbenchError, match="state: is damaged; delete it; the propagation then begins again"):
        _do(_prepare(video, prompt, outputs))
    (tmp_path / ".masks.tracking/00005.png").unlink()  # a state without its masks is of no use
    request = _prepare(video, prompt, outputs)
    assert request.describe_beginning().endswith("flow begins again, because its state was not kept")
    assert _do(request)[-1] == 12


def test_outputs_that_cannot_be_written_are_refused_before_the_work_begins(
    tmp_path: Path, video: Path, prompt: GivenPrompt
) -> None:
    (tmp_path / "file").write_text("")
    refused = {
        "expected a name that ends with .mp4 or .mov or .mkv": Outputs(video=tmp_path / "a.avi"),
        "expected a name that ends with .webm or .mov": Outputs(alpha=tmp_path / "a.mp4"),
        "in.mp4: is the video that is tracked; give another name": Outputs(video=video),
        "a.mov: is written twice": Outputs(video=tmp_path / "a.mov", alpha=tmp_path / "a.mov"),
        "which is written too; give each output a place": Outputs(masks=tmp_path / "s/m", dataset=tmp_path / "s"),
        "file cannot be written to; choose a folder": Outputs(rle=tmp_path / "file/a.json"),
        "file: is a file, and a folder is written": Outputs(masks=tmp_path / "file"),
    }
    for message, outputs in refused.items():
        with pytest.raises(VosbenchError, match=message):
            _prepare(video, prompt, outputs, overwrite=True)
    assert not [*tmp_path.glob(".*")]


def test_a_mounted_file_system_is_refused_before_the_work_begins(
    tmp_path: Path, video: Path, prompt: GivenPrompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "disk").mkdir()
    monkeypatch.setattr(Path, "is_mount", lambda path: path.name == "disk")
    for outputs in (Outputs(masks=tmp_path / "disk"), Outputs(dataset=tmp_path / "disk")):
        with pytest.raises(VosbenchError, match=r"disk: is a mounted file system, .* give a folder in it"):
            _prepare(video, prompt, outputs, overwrite=True)
    assert not [*tmp_path.glob(".*")]


def test_an_output_that_exists_is_kept_unless_overwriting_is_asked_for(
    tmp_path: Path, video: Path, prompt: GivenPrompt
) -> None:
    outputs = Outputs(rle=tmp_path / "a.json", masks=tmp_path / "masks")
    _do(_prepare(video, prompt, outputs, "static"))
    with pytest.raises(VosbenchError, match="masks: exists already; give another name, or --overwrite"):
        _prepare(video, prompt, outputs)
    _do(_prepare(video, prompt, outputs, overwrite=True))
    assert json.loads((tmp_path / "a.json").read_text())["track"]["tracker"] == "flow"


def test_a_folder_with_other_files_is_never_replaced(tmp_path: Path, video: Path, prompt: GivenPrompt) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "final.tex").write_text("years of work")
    for outputs in (Outputs(masks=tmp_path / "thesis"), Outputs(dataset=tmp_path / "thesis")):
        with pytest.raises(VosbenchError, match="thesis: is a folder with other files in it"):
            _prepare(video, prompt, outputs, overwrite=True)
    assert (tmp_path / "thesis" / "final.tex").exists()


def test_nothing_to_write_and_unknown_directions_are_refused(tmp_path: Path, video: Path, prompt: GivenPrompt) -> None:
    with pytest.raises(VosbenchError, match="nothing is to be written"):
        _prepare(video, prompt, Outputs())
    with pytest.raises(VosbenchError, match="--direction up: no such direction; give forwards, backwards, both"):
        _prepare(video, prompt, Outputs(masks=tmp_path / "masks"), direction="up")


def test_missing_weights_of_a_prompter_are_said_to_be_its_own(tmp_path: Path, video: Path) -> None:
    click = GivenPrompt("--point 20,30", None, Moment(0), Point(20, 30))
    with pytest.raises(VosbenchError) as refused:
        _prepare(video, click, Outputs(masks=tmp_path / "masks"))
    assert str(refused.value) == (
        "prompter sam2: turns clicks and boxes into masks, and its weights cannot be used: checkpoint "
        f"sam2.1_hiera_base_plus: not found at {tmp_path}/sam2.1_hiera_base_plus.pt; run: vosbench fetch "
        "sam2.1_hiera_base_plus, or take --prompter grabcut, which needs no weights"
    )


@pytest.mark.slow
def test_each_frame_of_the_video_has_its_own_masks_on_its_own_picture(tmp_path: Path) -> None:
    """Noise that is another one in each frame tells the pictures apart, and a bar that moves the masks."""
    rng = np.random.default_rng(5)
    coarse = [rng.integers(0, 255, (9, 16, 3), np.uint8) for _ in range(40)]
    clip = open_clip(write_clip(tmp_path / "in.mp4", [frame.repeat(10, 0).repeat(10, 1) for frame in coarse]))
    masks = [np.zeros((90, 160), np.bool_) for _ in coarse]
    store = MaskStore(tmp_path / "kept", clip.size, {})
    for index, mask in enumerate(masks):
        mask[:, 3 * index : 3 * index + 30] = True
        store.write(index, {1: mask})
    write_outputs(Outputs(tmp_path / "out.mp4"), clip, store, {}, lambda done: None)
    drawn = [draw_masks(frame, {1: mask}).astype(int) for frame, mask in zip(list(clip.frames), masks, strict=True)]
    written = list(open_clip(tmp_path / "out.mp4").frames)
    assert len(written) == len(drawn)
    for index, frame in enumerate(written):
        distances = [np.abs(frame - each).mean() for each in drawn]
        assert int(np.argmin(distances)) == index
        assert distances[index] < 12  # colours have half the resolution in the file
        others = [np.abs(draw_masks(clip.frames[index], {1: mask}).astype(int) - frame).mean() for mask in masks]
        assert int(np.argmin(others)) == index


@pytest.mark.parametrize("given", ["reech=1", "checkpoint=x", "prompter=grabcut", "prompts=all"])
def test_only_settings_of_the_tracker_can_be_set(tmp_path: Path, video: Path, prompt: GivenPrompt, given: str) -> None:
    models = ModelChoice("flow", gpu="cpu", settings=(given,))
    with pytest.raises(VosbenchError) as caught:
        prepare_request(video, [prompt], Outputs(tmp_path / "a.mp4"), models, "both", Fraction(24), Roots())
    said = str(caught.value)
    if given.startswith("prompt"):
        assert said == f"--set {given}: a video has only the prompts that are given with it; leave it out"
    else:
        assert said.startswith(f"--set {given}: flow has no such setting; it has ")
        assert "reach" in said
        assert "prompt" not in said.partition("; ")[2]
