"""Writing videos that browsers play, with the sound and the times of the original."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.clips import draw_square_frame, write_clip
from vosbench.errors import VosbenchError
from vosbench.media.clip import open_clip
from vosbench.media.write_video import writing_alpha_video, writing_video

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
