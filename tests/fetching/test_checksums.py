"""Files are verified by the card, by the publisher's lists of hashes, and by what was fetched before."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.support.fetches import FILE, LIST, asked, card, fetch, listing, manifest, refusal
from tests.support.server import serve


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_list_of_hashes_is_fetched_first_and_verifies_the_others(
    tmp_path: Path, zipped: bytes, algorithm: str
) -> None:
    wrong, right = listing(b"wrong", algorithm), listing(zipped, algorithm)
    with serve({FILE: zipped, LIST: wrong}) as server:
        files = [{"file": name, "urls": [server.url(name)]} for name in (FILE, LIST)]
        message = refusal(card(*files, checksums=(LIST,)), tmp_path)
        found, expected = (hashlib.new(algorithm, each).hexdigest() for each in (zipped, b"wrong"))
        assert FILE in message
        assert f"{algorithm} is {found}, expected {expected}" in message
        server.files = {FILE: zipped, LIST: right}
        assert fetch(card(*files, checksums=(LIST,)), tmp_path).warnings == ()
        assert asked(server)[-2:] == [LIST, FILE]


def test_a_mirror_whose_file_has_not_the_listed_hash_is_skipped(tmp_path: Path, zipped: bytes) -> None:
    with serve({f"mirror/{FILE}": zipped[:-1], FILE: zipped, LIST: listing(zipped, "sha256")}) as server:
        files = [{"file": name, "urls": [server.url(name)]} for name in (FILE, LIST)]
        fetch(card(*files, checksums=(LIST,)), tmp_path, mirror=server.url("mirror"))
    assert asked(server)[-2:] == [f"mirror/{FILE}", FILE]


@pytest.mark.parametrize("published", [{}, {LIST: b"<html>moved"}, {LIST: b"nothing of use"}])
def test_a_list_of_hashes_that_cannot_be_downloaded_is_a_warning(
    tmp_path: Path, zipped: bytes, published: dict[str, bytes]
) -> None:
    with serve({FILE: zipped, **published}) as server:
        files = [{"file": name, "urls": [server.url(name)]} for name in (FILE, LIST)]
        (warning,) = fetch(card(*files, checksums=(LIST,)), tmp_path).warnings
    assert "continuing without it" in warning
    assert LIST in warning


def test_a_list_is_not_downloaded_if_the_card_has_all_hashes(tmp_path: Path, zipped: bytes) -> None:
    with serve({FILE: zipped}) as server:
        known = {"file": FILE, "urls": [server.url(FILE)], "sha256": hashlib.sha256(zipped).hexdigest()}
        fetch(card(known, {"file": LIST, "urls": [server.url(LIST)]}, checksums=(LIST,)), tmp_path)
        assert asked(server) == [FILE]


def test_a_given_list_of_hashes_verifies_a_given_file(tmp_path: Path, zipped: bytes) -> None:
    dataset = card({"file": FILE}, {"file": LIST}, checksums=(LIST,))
    archive, hashes = tmp_path / FILE, tmp_path / LIST
    archive.write_bytes(zipped)
    hashes.write_bytes(listing(b"wrong", "sha256"))
    given = (str(archive), str(hashes))
    assert f"{archive}: sha256 is {hashlib.sha256(zipped).hexdigest()}, expected" in refusal(
        dataset, tmp_path, given=given
    )
    assert archive.read_bytes() == zipped
    hashes.write_bytes(listing(zipped, "sha256"))
    assert fetch(dataset, tmp_path, given=given).warnings == ()
    assert [source["file"] for source in manifest(tmp_path)["sources"]] == [FILE]


def test_a_given_list_of_hashes_verifies_downloads_from_a_list_of_links(tmp_path: Path, zipped: bytes) -> None:
    (tmp_path / LIST).write_bytes(listing(zipped, "md5"))
    with serve({"1": zipped}) as server:
        (tmp_path / "links.tsv").write_text(f"{FILE}\t{server.url('1')}\n")
        dataset = card({"file": FILE}, {"file": LIST}, checksums=(LIST,))
        fetched = fetch(dataset, tmp_path, links=tmp_path / "links.tsv", given=(str(tmp_path / LIST),))
    assert fetched.warnings == ()


def test_a_given_file_may_differ_from_the_card_with_a_warning(tmp_path: Path, zipped: bytes) -> None:
    (tmp_path / FILE).write_bytes(zipped)
    (warning,) = fetch(card({"file": FILE, "sha256": "0" * 64}), tmp_path, given=(str(tmp_path / FILE),)).warnings
    found = hashlib.sha256(zipped).hexdigest()
    assert warning == f"{tmp_path / FILE}: not the publisher's file; sha256 is {found}, expected {'0' * 64}"


def test_a_file_that_has_changed_since_it_was_first_seen_is_a_warning(tmp_path: Path, zipped: bytes) -> None:
    with serve({FILE: zipped}) as server:
        dataset = card({"file": FILE, "urls": [server.url(FILE)]})
        assert fetch(dataset, tmp_path).warnings == ()
        assert fetch(dataset, tmp_path, force=True).warnings == ()
        before = manifest(tmp_path)
        server.files = {FILE: zipped + b"\0"}  # which unzips all the same
        (warning,) = fetch(dataset, tmp_path, force=True).warnings
    assert f"sha256 was {hashlib.sha256(zipped).hexdigest()} on {before['fetched']}" in warning
