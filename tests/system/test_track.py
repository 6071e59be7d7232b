"""`vosbench track` from a video file of any kind to files of every kind, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.support.cli import Cli
from tests.support.clips import draw_square_frame, write_clip
from vosbench.masks.labels import encode_labels, read_labels
from vosbench.masks.rle import decode_rle

FRAMES = [draw_square_frame(index) for index in range(20)]
PAUSED = [40 * index + 300 * (index > 9) for index in range(20)]
STATIC = ("--tracker", "static", "--gpu", "cpu")
FLOW = ("--tracker", "flow", "--prompter", "grabcut", "--gpu", "cpu")


def read_times(path: Path) -> list[int]:
    """When each frame is shown, in milliseconds since the first one."""
    with av.open(str(path)) as container:
        times = [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]  # type: ignore[operator]
    return [round(1000 * (time - times[0])) for time in times]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "form", "size", "sound"),
    [
        ("paused.mp4", {"milliseconds": PAUSED, "sound": "aac"}, (64, 96), "aac"),
        ("turned.mov", {"rotation": 90, "sound": "aac"}, (96, 64), "aac"),
        ("web.webm", {"codec": "libvpx-vp9", "sound": "libopus"}, (64, 96), "opus"),
        ("odd.webm", {"codec": "libvpx-vp9"}, (66, 98), None),
        ("odd.gif", {"codec": "gif"}, (66, 98), None),
    ],
)
def test_a_file_of_any_kind_keeps_its_times_its_sound_and_its_side_up(
    cli: Cli, name: str, form: dict[str, Any], size: tuple[int, int], sound: str | None
) -> None:
    frames = [draw_square_frame(index, 65, 97) for index in range(20)] if name.startswith("odd") else FRAMES
    write_clip(cli.folder / name, frames, **form)
    told = cli("track", name, *FLOW, "--box", "8,18,28,38", "-o", "out.mp4", "--masks", "masks").stderr
    assert ("the frame rate varies" in told) == (name == "paused.mp4")
    assert read_times(cli.folder / "out.mp4") == form.get("milliseconds", [40 * index for index in range(20)])
    with av.open(str(cli.folder / "out.mp4")) as container:
        assert (container.streams.video[0].height, container.streams.video[0].width) == size
        assert [stream.codec_context.name for stream in container.streams.audio] == ([sound] if sound else [])
    shapes = {read_labels(path).shape for path in (cli.folder / "masks").glob("*.png")}
    assert shapes == {(65, 97) if name.startswith("odd") else size}


@pytest.mark.slow
def test_all_that_is_written_says_what_made_it(cli: Cli) -> None:
    write_clip(cli.folder / "in.mp4", FRAMES)
    labels = np.zeros((64, 96), np.uint8)
    labels[20:36, 10:26], labels[50:60, 60:80] = 3, 9
    (cli.folder / "mask.png").write_bytes(encode_labels(labels))
    prompts = ["--mask", "mask.png", "--box", "2@0.4s:28,18,50,38", "--point", "2@10:36,28", "--point", "2@10:60,5,-"]
    outputs = [
        "-o",
        "o/a.mp4",
        "--alpha",
        "o/a.webm",
        "--masks",
        "o/masks",
        "--rle",
        "o/a.json",
        "--as-dataset",
        "o/set",
    ]
    told = cli("track", "in.mp4", *FLOW, *prompts, *outputs)
    assert "flow takes masks only; grabcut turns the clicks and boxes into masks first" in told.stderr
    assert sorted(told.stdout.split()) == sorted(outputs[1::2])
    rle = json.loads((cli.folder / "o/a.json").read_text())
    facts = rle["track"]
    assert [(each["frame"], each["object"]) for each in facts["prompts"]] == [(0, 3), (0, 9), (10, 2)]
    assert facts["prompts"][2]["points"] == [[36, 28, 1], [60, 5, 0]]
    assert facts["prompter"]["prompter"] == "grabcut"
    for name in ("a.mp4", "a.webm"):
        with av.open(str(cli.folder / "o" / name)) as container:
            comment = {key.lower(): value for key, value in container.metadata.items()}["comment"]
            assert json.loads(comment) == facts
    for folder in ("masks", "set"):
        assert json.loads((cli.folder / "o" / folder / "track.json").read_text()) == facts
    last = read_labels(cli.folder / "o/masks/00019.png")
    assert set(np.unique(last)) >= {0, 2, 9}
    for object_id, packed in rle["frames"][19]["masks"].items():
        np.testing.assert_array_equal(decode_rle(packed), last == int(object_id))
    cli("infer", "--dataset", "o/set", "--tracker", "static", "--gpus", "cpu", "--out", "run")


def test_the_list_form_of_points_is_clicks_on_object_1_in_the_first_frame(cli: Cli) -> None:
    write_clip(cli.folder / "in.mp4", FRAMES[:3])
    cli("track", "in.mp4", "--points", 14, 24, 22.5, 30, *FLOW, "--rle", "a.json")
    cli("track", "in.mp4", "--point", "14,24", "--point", "1@0:22.5,30", *FLOW, "--rle", "b.json")
    first, second = (json.loads((cli.folder / name).read_text()) for name in ("a.json", "b.json"))
    assert first == second
    assert first["track"]["prompts"] == [{"frame": 0, "object": 1, "points": [[14, 24, 1], [22.5, 30, 1]]}]


@pytest.mark.slow
def test_a_full_disk_loses_nothing_and_the_same_command_ends_the_work(cli: Cli) -> None:
    write_clip(cli.folder / "in.mp4", FRAMES)
    command = ("track", "in.mp4", *FLOW, "--box", "8,18,28,38", "-o", "out.mp4")
    cli.limit_file_size(4000)
    told = cli(*command, expect=2).stderr
    assert "out.mp4: cannot be written (File too large)" in told
    assert sorted(path.name for path in cli.folder.iterdir()) == [".out.mp4.tracking", "in.mp4"]
    cli.file_size = None
    assert "an interrupted command tracked all 20 frames; the outputs are written" in cli(*command).stderr
    assert sorted(path.name for path in cli.folder.iterdir()) == ["in.mp4", "out.mp4"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["in.mp4", "--point", "96,5"], "--point 96,5: lies outside of the frames, which are 96 pixels wide"),
        (["in.mp4", "--point", "2@20:9,5"], "--point 2@20:9,5: there is no frame 20, the video has 20 frames"),
        (["in.mp4", "--point", "@1.2s:9,5"], "in.mp4: 1.2 s is outside the video, which takes 0.80 s"),
        (["in.mp4", "--point", "9"], "--point 9: expected x,y, or x,y,- for a negative one"),
        (["in.mp4", "--points", "9", "8", "7"], "--points 9 8 7: found 3 numbers; give x and y of each point"),
        (["in.mp4", "--mask", "in.mp4"], "in.mp4: cannot be decoded (it is not a PNG)"),
        (["in.mp4", "--mask", "none.png"], "none.png: cannot be read (No such file or directory)"),
        (["in.mp4"], "track: no object is given; give --point x,y"),
        (["empty.mp4", "--point", "9,5"], "empty.mp4: the file is empty"),
        (["noise.mp4", "--point", "9,5"], "noise.mp4: cannot be read as a video"),
        (["none.mp4", "--point", "9,5"], "none.mp4: there is no such file or folder"),
        (["empty", "--point", "9,5"], "empty: there are no .jpg or .png frames in the folder"),
        (["in.mp4", "--point", "9,5", "-o", "in.mp4"], "in.mp4: is the video that is tracked; give another name"),
        (["in.mp4", "--point", "9,5", "-o", "out.avi"], "out.avi: expected a name that ends with .mp4 or .mov or .mkv"),
        (["in.mp4", "--point", "9,5", "--alpha", "out.mp4"], "out.mp4: expected a name that ends with .webm or .mov"),
        (["in.mp4", "--point", "9,5", "--prompter", "sam2"], "prompter sam2: turns clicks and boxes into masks, and"),
        (["in.mp4", "--point", "9,5", "--direction", "up"], "--direction up: no such direction"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_leaves_nothing(cli: Cli, words: list[str], line: str) -> None:
    before = {"empty", "empty.mp4", "in.mp4", "noise.mp4"}
    (cli.folder / "empty").mkdir()
    (cli.folder / "empty.mp4").touch()
    (cli.folder / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    write_clip(cli.folder / "in.mp4", FRAMES)
    wanted = [] if {"-o", "--alpha"} & set(words) else ["-o", "out.mp4"]
    told = cli("track", *words, *(FLOW if "--prompter" not in words else STATIC), *wanted, "--overwrite", expect=2)
    assert told.stderr.splitlines()[-1].startswith(f"vosbench: {line}")
    assert {path.name for path in cli.folder.iterdir()} == before
