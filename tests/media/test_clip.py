"""Opening video files and folders of frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.clips import draw_square_frame, write_clip
from vosbench.errors import VosbenchError
from vosbench.media.clip import open_clip
from vosbench.media.read_ahead import ReadAhead

FRAMES = [draw_square_frame(index) for index in range(30)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.mov", "libx264"), ("a.mkv", "libx264"), ("a.webm", "libvpx-vp9"), ("a.gif", "gif")],
)
def test_every_format_is_read_in_any_order_as_in_order(tmp_path: Path, name: str, codec: str) -> None:
    clip = open_clip(write_clip(tmp_path / name, FRAMES, codec=codec))
    in_order = [frame.copy() for frame in clip.frames]
    assert len(in_order) == 30
    assert np.abs(in_order[20].astype(int) - FRAMES[20]).mean() < 12
    clip.frames.cache.clear()
    clip.frames.forward_capacity = clip.frames.backward_capacity = 4
    for index in [29, 3, 15, 14, 13, 0, 28, 11, 12, *range(29, -1, -1)]:
        np.testing.assert_array_equal(clip.frames[index], in_order[index])


def test_frames_of_a_variable_rate_keep_their_times(tmp_path: Path) -> None:
    times = [0, 20, 40, 160, 200, 240, 400]
    clip = open_clip(write_clip(tmp_path / "a.mkv", FRAMES[:7], milliseconds=times))
    assert [float(time) * 1000 for time in clip.times] == times
    assert clip.has_variable_rate
    assert [clip.find_frame(seconds) for seconds in (0, 0.019, 0.02, 0.159, 0.4)] == [0, 0, 1, 2, 6]
    with pytest.raises(VosbenchError, match="9 s is outside the video, which takes"):
        clip.find_frame(9)


def test_an_even_rate_is_not_called_variable(tmp_path: Path) -> None:
    assert not open_clip(write_clip(tmp_path / "a.mp4", FRAMES[:9])).has_variable_rate


def test_the_rotation_of_the_file_is_applied(tmp_path: Path) -> None:
    upright = open_clip(write_clip(tmp_path / "up.mp4", FRAMES[:3]))
    turned = open_clip(write_clip(tmp_path / "turned.mp4", FRAMES[:3], rotation=90))
    assert (upright.size, turned.size) == ((64, 96), (96, 64))
    np.testing.assert_array_equal(turned.frames[1], np.rot90(upright.frames[1]))


def test_a_folder_of_frames_is_a_clip_too(tmp_path: Path) -> None:
    for index in (0, 2, 10):
        Image.fromarray(FRAMES[index]).save(tmp_path / f"{index}.png")
    clip = open_clip(tmp_path)
    assert clip.size == (64, 96)
    assert [float(time) for time in clip.times] == [0, 1 / 24, 2 / 24]
    np.testing.assert_array_equal(clip.frames[2], FRAMES[10])


def test_a_frame_of_another_size_in_a_folder_is_named(tmp_path: Path) -> None:
    Image.fromarray(FRAMES[0]).save(tmp_path / "0.png")
    Image.fromarray(FRAMES[0][:50]).save(tmp_path / "1.png")
    with pytest.raises(VosbenchError, match=r"1\.png: has 50x96 pixels, but the first frame 64x96"):
        open_clip(tmp_path).frames[1]


def _cut(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    return path


def test_what_is_no_whole_video_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("<html>no video</html>")
    (tmp_path / "folder").mkdir()
    noise = [np.random.default_rng(index).integers(0, 255, (64, 96, 3), np.uint8) for index in range(60)]
    cut = [_cut(write_clip(tmp_path / f"cut.{suffix}", noise), 0.5) for suffix in ("mp4", "mkv")]
    for path in (tmp_path / "none.mp4", tmp_path / "empty.mp4", tmp_path / "text.mp4", tmp_path / "folder", *cut):
        with pytest.raises(VosbenchError) as caught:
            open_clip(path)
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)


def test_a_file_with_sound_only_has_no_video(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        sound = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        sound.sample_rate = 48000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    with pytest.raises(VosbenchError, match="there is no video in it"):
        open_clip(tmp_path / "a.mp4")


def test_a_damaged_frame_is_named(tmp_path: Path) -> None:
    noise = [np.random.default_rng(index).integers(0, 255, (64, 96, 3), np.uint8) for index in range(40)]
    path = write_clip(tmp_path / "a.mp4", noise)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 6000] = bytes(6000)
    path.write_bytes(content)
    with pytest.raises(VosbenchError, match=r"frame \d+ of 40 "):
        list(open_clip(path).frames)


@pytest.mark.slow
@pytest.mark.parametrize(("suffix", "codec"), [("webm", "libvpx-vp9"), ("mkv", "libx264")])
def test_a_hole_in_a_file_that_does_not_count_its_frames_is_noticed(tmp_path: Path, suffix: str, codec: str) -> None:
    path = write_clip(tmp_path / f"a.{suffix}", FRAMES * 8, codec=codec)
    assert len(open_clip(path).frames) == 240
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 800] = bytes(800)
    path.write_bytes(content)
    with pytest.raises(VosbenchError, match=rf"a\.{suffix}: is damaged \(.*\); give a whole file"):
        open_clip(path)


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    with pytest.raises(VosbenchError, match=r"a\.mp4: the file is empty; give a video file"):
        open_clip(tmp_path / "a.mp4")


def test_frames_read_ahead_are_the_same_in_both_directions(tmp_path: Path) -> None:
    clip = open_clip(write_clip(tmp_path / "a.mp4", FRAMES))
    with ReadAhead(clip.frames, ahead=3) as ahead:
        for index in [*range(30), *range(29, -1, -1), 7, 20]:
            np.testing.assert_array_equal(ahead[index], clip.frames[index])
            assert len(ahead.pending) <= 4
