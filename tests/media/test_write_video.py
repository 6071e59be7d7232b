"""Writing videos that browsers play, with the sound and the times of the original."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.cli import make_environment
from tests.support.clips import draw_square_frame, write_clip
from vosbench.errors import VosbenchError
from vosbench.media.clip import open_clip
from vosbench.media.write_video import VideoWriter, writing_alpha_video, writing_video
from vosbench.types import Frame

FRAMES = [draw_square_frame(index) for index in range(30)]


def _copy(source: Path, target: Path) -> None:
    clip = open_clip(source)
    with writing_video(target, clip.times, clip.size, clip.pixel_aspect, source) as writer:
        for frame in clip.frames:
            writer.write(frame)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "codec", "sound", "expected"),
    [
        ("a.mp4", "libx264", "aac", "aac"),
        ("a.mkv", "libx264", "libopus", "opus"),
        ("a.webm", "libvpx-vp9", "libopus", "opus"),
        ("a.mkv", "libx264", "tta", "aac"),  # mp4 cannot hold it
    ],
)
def test_sound_and_times_are_kept(tmp_path: Path, name: str, codec: str, sound: str, expected: str) -> None:
    times = [0, 20, 40, 160, *range(200, 1240, 40)]
    source = write_clip(tmp_path / name, FRAMES, codec=codec, sound=sound, milliseconds=times)
    _copy(source, tmp_path / "out.mp4")
    written, original = open_clip(tmp_path / "out.mp4"), open_clip(source)
    assert [float(time) for time in written.times] == pytest.approx([float(time) for time in original.times], abs=2e-5)
    assert np.abs(written.frames[9].astype(int) - original.frames[9]).mean() < 4
    with av.open(str(tmp_path / "out.mp4")) as new, av.open(str(source)) as old:
        assert [stream.codec_context.name for stream in new.streams] == ["h264", expected]
        assert new.streams.video[0].codec_context.pix_fmt == "yuv420p"
        seconds = [sum(f.samples for f in file.decode(audio=0)) / 48000 for file in (new, old)]
        assert seconds[0] == pytest.approx(seconds[1], abs=0.06)  # one packet of AAC's start


def test_odd_sizes_are_padded_by_one_pixel(tmp_path: Path) -> None:
    frames = [draw_square_frame(index, 63, 95) for index in range(3)]
    with writing_video(tmp_path / "a.mp4", [Fraction(index, 10) for index in range(3)], (63, 95)) as writer:
        for frame in frames:
            writer.write(frame)
    clip = open_clip(tmp_path / "a.mp4")
    assert clip.size == (64, 96)
    assert np.abs(clip.frames[2][:63, :95].astype(int) - frames[2]).mean() < 5


@pytest.mark.parametrize("suffix", [".webm", ".mov"])
def test_transparency_is_kept(tmp_path: Path, suffix: str) -> None:
    path, opaque = tmp_path / f"a{suffix}", np.zeros((64, 96), np.uint8)
    opaque[:, :48] = 255
    with writing_alpha_video(path, [Fraction(index, 10) for index in range(3)], (64, 96)) as writer:
        for frame in FRAMES[:3]:
            writer.write(np.dstack([frame, opaque]))
    decoder = "libvpx-vp9" if suffix == ".webm" else None
    with av.open(str(path)) as container:
        context = av.CodecContext.create(decoder, "r") if decoder else container.streams.video[0].codec_context
        frames = [
            frame for packet in container.demux(video=0) for frame in context.decode(packet if packet.size else None)
        ]
    alpha = frames[1].to_ndarray(format="rgba")[..., 3]
    assert len(frames) == 3
    np.testing.assert_allclose(alpha, opaque, atol=8)


def test_an_error_leaves_no_file(tmp_path: Path) -> None:
    def write_half() -> None:
        with writing_video(tmp_path / "a.mp4", [Fraction(index, 10) for index in range(3)], (64, 96)) as writer:
            writer.write(FRAMES[0])
            raise KeyError("half")

    with pytest.raises(KeyError, match="half"):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_a_name_without_a_format_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(VosbenchError, match=r"a\.avi: expected a name with \.mp4"),
        writing_video(tmp_path / "a.avi", [Fraction(0)], (64, 96)),
    ):
        pass


def _roll_noise(height: int, width: int, count: int) -> list[Frame]:
    """Frames whose noise moves 2 pixels a frame to the right, behind the square of `draw_square_frame`."""
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    return [
        np.roll(noise, 2 * index, axis=1) // 2 + draw_square_frame(index, height, width) // 2 for index in range(count)
    ]


def hash_videos(folder: Path) -> str:
    """The sha256 of the videos that the same frames of several sizes make."""
    digest, times = hashlib.sha256(), [Fraction(index, 25) for index in range(14)]
    for name, height, width in (("a.mp4", 64, 96), ("a.mov", 270, 482), ("a.mkv", 480, 854)):
        with writing_video(folder / name, times, (height, width)) as writer:
            _write_all(writer, _roll_noise(height, width, 14))
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def _write_all(writer: VideoWriter, frames: list[NDArray[np.uint8]]) -> None:
    for frame in frames:
        writer.write(frame)


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc fills memory that is handed out")
def test_a_file_does_not_depend_on_what_was_in_memory(tmp_path: Path) -> None:
    """glibc's MALLOC_PERTURB_ fills memory that nothing has written yet with a byte, another one in each process."""
    code = "import sys, pathlib, tests.media.test_write_video as t; print(t.hash_videos(pathlib.Path(sys.argv[1])))"
    written = set()
    for byte in ("0", "1", "85"):
        environment = {**make_environment(), "MALLOC_PERTURB_": byte}
        command = [sys.executable, "-c", code, os.fspath(tmp_path)]
        written.add(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
    assert len(written) == 1, written


@pytest.mark.slow
@pytest.mark.parametrize(("suffix", "times"), [(".mov", 20), (".webm", 3)])
def test_the_same_cut_outs_give_the_same_file(tmp_path: Path, suffix: str, times: int) -> None:
    """Several threads that convert the colours make one `.mov` in four another one; FFmpeg gives each `.webm` an id."""
    path, written = tmp_path / f"a{suffix}", set()
    frames = [np.dstack([frame, frame[..., 0]]) for frame in _roll_noise(65, 97, 8)]
    for _ in range(times):
        with writing_alpha_video(path, [Fraction(index, 25) for index in range(8)], (65, 97), comment="b") as writer:
            _write_all(writer, frames)
        written.add(path.read_bytes())
    assert len(written) == 1
    with av.open(str(path)) as container:
        assert {key.lower(): value for key, value in container.metadata.items()}["comment"] == "b"
