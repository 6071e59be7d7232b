"""What the page is given: uploads whose names and content are not trusted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.clips import draw_square_frame, write_clip
from tests.support.workspaces import draw_clip
from vosbench.errors import VosbenchError
from vosbench.ui.sources import find_video_suffix, open_upload


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mp4", "libx264"), (".mov", "libx264"), (".mkv", "libx264"), (".gif", "gif")]
)
def test_an_upload_is_known_by_its_content_and_kept_under_a_name_of_our_own(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    frames = [draw_square_frame(index) for index in range(3)]
    clip = write_clip(tmp_path / f"made{suffix}", frames, codec=codec)
    opened = open_upload(clip, "../../etc/my clip.txt", tmp_path / "tab")
    assert (opened.argument, opened.clip.name) == ("my clip.txt", "my clip")
    assert opened.clip.path == tmp_path / "tab" / f"video{suffix}"
    assert len(opened.clip.frames) == 3
    assert [*(tmp_path / "tab").iterdir()] == [opened.clip.path]


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"#EXTM3U\nfile:///etc/passwd\n", "list.mp4", "list.mp4: is no video of a kind that the page takes"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "a.mkv", "a.mkv: is no video of a kind"),
        (b"", "C:\\films\\empty.gif", "empty.gif: is no video of a kind"),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(40), "cut\n.mp4", "cut .mp4: cannot be read as a video"),
        (bytes(2000), "large.mp4", r"large.mp4: is larger than 0 MB; cut it, or use: vosbench track"),
    ],
    ids=["playlist", "list of files", "empty", "damaged", "too large"],
)
def test_an_upload_that_cannot_be_used_is_one_line_under_its_own_name(
    tmp_path: Path, content: bytes, name: str, message: str
) -> None:
    (tmp_path / "uploaded").write_bytes(content)
    with pytest.raises(VosbenchError, match=message) as caught:
        open_upload(tmp_path / "uploaded", name, tmp_path / "tab", max_bytes=1000)
    assert str(tmp_path) not in str(caught.value)


def test_a_video_of_more_than_8k_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vosbench.ui.sources.MAX_FRAME_PIXELS", 64 * 96 - 1)
    with pytest.raises(VosbenchError, match=r"square.mp4: has frames of 96x64 pixels; scale it down"):
        open_upload(draw_clip(tmp_path), "square.mp4", tmp_path / "tab")


def test_the_first_bytes_say_what_kind_of_video_a_file_is() -> None:
    heads = [b"\0\0\0\x20ftypisom", b"\0\0\0\x14ftypqt  ", b"\x1a\x45\xdf\xa3", b"GIF89a", b"RIFF", b""]
    assert [find_video_suffix(head) for head in heads] == [".mp4", ".mov", ".mkv", ".gif", None, None]
