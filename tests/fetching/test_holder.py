"""Where a file cannot be downloaded by itself, an archive that holds it is downloaded in its place."""

from __future__ import annotations

import hashlib
import json
import socket
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.archives import pack_zip
from tests.support.fetches import asked, card, fetch, manifest
from tests.support.golden import make_tree, squares
from tests.support.server import serve
from vosbench.datasets.card import Dataset
from vosbench.datasets.read_card import load_card
from vosbench.errors import VosbenchError
from vosbench.fetching import gather
from vosbench.fetching.download import RetryPolicy
from vosbench.fetching.plan import plan_dataset
from vosbench.fetching.sources import Sources
from vosbench.io import paths

VALID, TRAIN, META, RELEASE = "valid.tar.gz", "train.tar.gz", "meta_valid.json", "release.zip"
GONE = "http://127.0.0.1:1/"


@pytest.fixture
def release(tmp_path: Path) -> bytes:
    """A zip with an archive of val, one of train that cannot be opened, and the meta file of val."""
    tree = make_tree(tmp_path / "valid", {"ann": [squares((1, 2, 2))] * 2})
    (tree / "ImageSets/val.txt").unlink()
    with tarfile.open(tmp_path / VALID, "w:gz") as archive:
        archive.add(tree, "valid")
    files = {VALID: (tmp_path / VALID).read_bytes(), TRAIN: b"no archive", META: json.dumps({"videos": {"ann": {}}})}
    entries = {f"release/{name}": content for name, content in files.items()}
    return pack_zip(tmp_path / RELEASE, *entries.items()).read_bytes()


def mose_like(first: str, second: str, **release: Any) -> Dataset:
    """A card with two sources. first: the URL of the single files. second: the URL of the archive that holds them."""
    single = [{"file": name, "urls": [f"{first}{name}"], "optional": name == META} for name in (VALID, META, TRAIN)]
    holder = {"file": RELEASE, "urls": [f"{second}{RELEASE}"], "holds": [VALID, TRAIN, META], **release}
    return card(*single, holder, downloads=[VALID, META], lists=[META], meta=[META])


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One attempt for each URL, which ends after 0.3 s of silence."""
    for policy in ("DEFAULT_POLICY", "OPTIONAL_FILE_POLICY"):
        monkeypatch.setattr(gather, policy, RetryPolicy(attempts=1, timeout=0.3, backoff=0))


def test_the_second_source_is_used_and_told_when_the_first_fails(tmp_path: Path, release: bytes) -> None:
    with serve({}) as drive, serve({RELEASE: release}) as hub:
        known = {"sha256": hashlib.sha256(release).hexdigest(), "bytes": len(release)}
        fetched = fetch(mose_like(drive.url(""), hub.url(""), **known), tmp_path)
    assert (asked(drive), asked(hub)) == ([VALID], [RELEASE])
    assert fetched.warnings == (
        f"valid.tar.gz: not fetched ({drive.url(VALID)}: HTTP 404 Not Found); taken from release.zip instead",
    )
    assert [source["file"] for source in manifest(tmp_path)["sources"]] == [RELEASE]
    assert (fetched.path / "val_meta.json").exists()
    assert not (tmp_path / "datasets" / paths.ARCHIVES).exists()


def test_the_second_source_is_used_when_the_first_hangs(tmp_path: Path, release: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, serve({RELEASE: release}) as hub:
        first = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        (warning,) = fetch(mose_like(first, hub.url("")), tmp_path).warnings
    assert "timed out" in warning
    assert warning.endswith("taken from release.zip instead")


def test_the_second_source_is_not_asked_when_the_first_answers(tmp_path: Path, release: bytes) -> None:
    with serve({VALID: (tmp_path / VALID).read_bytes()}) as drive, serve({RELEASE: release}) as hub:
        (warning,) = fetch(mose_like(drive.url(""), hub.url("")), tmp_path).warnings
    assert "meta_valid.json: not fetched" in warning  # an optional file is not worth the whole release
    assert hub.requests == []


def test_when_both_sources_fail_one_line_names_both(tmp_path: Path) -> None:
    with serve({}) as hub, pytest.raises(VosbenchError) as caught:
        fetch(mose_like(GONE, hub.url("")), tmp_path)
    message = str(caught.value)
    assert message.startswith(f"valid.tar.gz: not fetched ({GONE}{VALID}: ")
    assert f"; release.zip, which holds valid.tar.gz: not fetched ({hub.url(RELEASE)}: HTTP 404 Not Found); " in message
    assert "\n" not in message


def test_a_release_that_is_on_disk_is_not_downloaded_again(tmp_path: Path, release: bytes) -> None:
    with serve({}) as drive, serve({RELEASE: release}) as hub:
        dataset = mose_like(drive.url(""), hub.url(""))
        fetch(dataset, tmp_path, keep_archives=True)
        (tmp_path / "datasets/cubs").rename(tmp_path / "elsewhere")
        fetch(dataset, tmp_path)
    assert (asked(drive), asked(hub)) == ([VALID], [RELEASE])


def test_a_release_that_is_given_needs_no_server(tmp_path: Path, release: bytes) -> None:
    with serve({}) as drive, serve({}) as hub:
        fetched = fetch(mose_like(drive.url(""), hub.url("")), tmp_path, given=(str(tmp_path / RELEASE),))
        assert drive.requests == hub.requests == []
    assert fetched.warnings == ()
    assert (fetched.path / "val_meta.json").exists()


def test_a_plan_names_the_second_source(tmp_path: Path) -> None:
    valid, _ = plan_dataset(mose_like(GONE, GONE), None, tmp_path, Sources()).planned_files
    assert valid.holder
    assert (valid.holder.download.file, valid.holder.urls) == (RELEASE, (f"{GONE}{RELEASE}",))


def test_the_way_out_of_mose_names_the_file_that_is_there() -> None:
    mose = load_card(paths.find_shipped_folder("adapters") / "mosev1.toml")
    (release,) = (download for download in mose.downloads.values() if download.holds)
    for split in mose.splits.values():
        assert set(split.downloads) <= set(release.holds)
        assert release.file in split.by_hand
    assert (release.file, release.bytes) == ("MOSE_release.zip", 26014033719)
