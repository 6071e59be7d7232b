"""Which downloads a fetch that fails deletes, and which it keeps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.archives import pack_zip
from tests.support.fetches import FILE, card, fetch
from tests.support.server import serve
from vosbench.errors import VosbenchError

KEPT = Path("datasets/.archives/cubs")


def failure(folder: Path, files: dict[str, bytes], **facts: object) -> str:
    """The message of a fetch of these files that must fail."""
    with serve(files) as server:
        dataset = card(*({"file": name, "urls": [server.url(name)]} for name in files), **facts)
        with pytest.raises(VosbenchError) as caught:
            fetch(dataset, folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def left(folder: Path) -> dict[str, bytes]:
    """The files that a failed fetch left."""
    return {path.name: path.read_bytes() for path in (folder / "datasets").rglob("*") if path.is_file()}


def test_a_download_of_too_few_videos_is_kept_and_can_be_given(tmp_path: Path, zipped: bytes) -> None:
    message = failure(tmp_path, {FILE: zipped}, counts={"videos": 7})
    assert re.search(
        rf"not complete \(2 of 7 videos\); .* are kept \({tmp_path / KEPT / FILE}\): .*--from.*--force$", message
    )
    assert left(tmp_path) == {FILE: zipped}
    short = card({"file": FILE}, counts={"videos": 7})
    fetched = fetch(short, tmp_path, given=(str(tmp_path / KEPT / FILE),))
    assert fetched.warnings == ("cubs val: not complete (2 of 7 videos)",)
    assert (tmp_path / KEPT / FILE).exists()


def test_a_download_of_an_unknown_layout_is_kept_and_not_downloaded_again(tmp_path: Path) -> None:
    content = pack_zip(tmp_path / "a", ("holiday/beach.jpg", b"sand")).read_bytes()
    with serve({FILE: content}) as server:
        dataset = card({"file": FILE, "urls": [server.url(FILE)]})
        for _ in range(2):
            with pytest.raises(VosbenchError, match=r"found only holiday; .*The downloads are kept"):
                fetch(dataset, tmp_path)
        assert len(server.requests) == 1
        with pytest.raises(VosbenchError, match="found only holiday"):
            fetch(dataset, tmp_path, force=True)
        assert len(server.requests) == 2


@pytest.mark.parametrize("content", [b"PK\3\4 and no more", b"neither a page nor an archive", b"", b"<html>quota"])
def test_a_download_that_is_no_archive_or_is_damaged_is_deleted(tmp_path: Path, content: bytes) -> None:
    assert "kept" not in failure(tmp_path, {FILE: content})
    assert left(tmp_path) == {}


def test_of_two_downloads_only_the_damaged_one_is_deleted(tmp_path: Path, zipped: bytes) -> None:
    message = failure(tmp_path, {FILE: zipped, "more.zip": zipped[:-30]})
    assert "more.zip: is damaged" in message
    assert message.endswith("; it was deleted; repeat the command to download it again")
    assert left(tmp_path) == {FILE: zipped}


def test_all_volumes_of_a_damaged_archive_are_deleted(tmp_path: Path, zipped: bytes) -> None:
    volumes = {f"{FILE}.001": zipped[:900], f"{FILE}.002": zipped[900:-30]}
    assert "it was deleted" in failure(tmp_path, {"more.zip": zipped, **volumes})
    assert left(tmp_path) == {"more.zip": zipped}


def test_a_file_of_ones_own_is_never_deleted(tmp_path: Path, zipped: bytes) -> None:
    mine = tmp_path / "mine.zip"
    mine.write_bytes(zipped[:-30])
    with pytest.raises(VosbenchError, match="is damaged"):
        fetch(card({"file": FILE}), tmp_path, given=(str(mine),))
    assert mine.read_bytes() == zipped[:-30]


def test_an_archive_that_the_system_does_not_let_us_read_is_not_called_damaged(
    tmp_path: Path, zipped: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> object:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("vosbench.io.archives.volumes.Volumes.read_at", refuse)  # as of a disk that fails
    assert "Input/output error" in failure(tmp_path, {FILE: zipped})
    assert left(tmp_path) == {FILE: zipped}
