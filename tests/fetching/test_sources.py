"""Every file of a split comes from the first source that has it; only a needed file that no source has is an error."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.support.fetches import FILE, LIST, asked, card, fetch, listing, manifest, refusal
from tests.support.server import serve
from vosbench.datasets.card import Download
from vosbench.fetching.fetch import (
    fetch_checkpoint,
)
from vosbench.fetching.sources import Sources

# Which source counts


def test_the_links_come_first_then_the_mirror_then_the_card(tmp_path: Path, zipped: bytes) -> None:
    with serve({f"card/{FILE}": zipped}) as server:
        dataset = card({"file": FILE, "urls": [server.url(f"gone/{FILE}"), server.url(f"card/{FILE}")]})
        (tmp_path / "links.tsv").write_text(f"file_name\tcdn_link\n{FILE}\t{server.url('link?signed=1')}\n")
        fetched = fetch(dataset, tmp_path, links=tmp_path / "links.tsv", mirror=server.url("mirror/"))
        assert asked(server) == ["link?signed=1", f"mirror/{FILE}", f"gone/{FILE}", f"card/{FILE}"]
    assert fetched.counts is not None
    assert asdict(fetched.counts) == {"videos": 2, "frames": 5, "objects": 3}


@pytest.mark.parametrize("header", ["", "file_name\tcdn_link\n"])
def test_a_list_of_links_is_enough_for_a_card_without_urls(tmp_path: Path, zipped: bytes, header: str) -> None:
    dataset = card({"file": FILE}, by_hand="Accept the licence. Repeat with --links LIST.")
    assert refusal(dataset, tmp_path) == f"{FILE}: cannot be downloaded automatically; {dataset.splits['val'].by_hand}"
    with serve({"x/1": zipped}) as server:
        (tmp_path / "links.tsv").write_text(f"{header}other.zip\t{server.url('2')}\n{FILE}\t{server.url('x/1')}\n")
        assert fetch(dataset, tmp_path, links=tmp_path / "links.tsv").was_fetched
    assert manifest(tmp_path)["sources"][0]["from"] == server.url("x/1")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no line is `file_name<TAB>url`"),
        ("a.zip\thttp://x/a\nb.zip http://x/b\n", "line 2 is not `file_name<TAB>url`"),
    ],
)
def test_a_file_that_is_no_list_of_links_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "links.tsv").write_text(text)
    assert told in refusal(card({"file": FILE}), tmp_path, links=tmp_path / "links.tsv")
    assert "cannot be read" in refusal(card({"file": FILE}), tmp_path, links=tmp_path / "no-such.tsv")


def test_if_all_sources_fail_the_message_ends_with_what_to_do_by_hand(tmp_path: Path) -> None:
    with serve({}) as server:
        dataset = card({"file": FILE, "urls": [server.url("a")]}, by_hand="Ask Ann. Give it with --from.")
        message = refusal(dataset, tmp_path, mirror=server.url("b"))
    assert message.startswith(
        f"{FILE}: not fetched ({server.url('b/' + FILE)}: HTTP 404 Not Found; {server.url('a')}: "
    )
    assert message.endswith("or another server with --mirror URL. Ask Ann. Give it with --from.")


def test_the_volumes_of_an_archive_are_all_fetched_and_joined(tmp_path: Path, zipped: bytes) -> None:
    third = len(zipped) // 3 + 1
    volumes = {f"{FILE}.{number + 1:03}": zipped[number * third :][:third] for number in range(3)}
    with serve(volumes) as server:
        fetch(card(*({"file": name, "urls": [server.url(name)]} for name in volumes)), tmp_path)
    assert [source["file"] for source in manifest(tmp_path)["sources"]] == list(volumes)
    assert [source["sha256"] for source in manifest(tmp_path)["sources"]] == [
        hashlib.sha256(content).hexdigest() for content in volumes.values()
    ]
    assert len(list((tmp_path / "datasets/cubs").rglob("*.png"))) == 5


def test_a_checkpoint_that_the_mirror_does_not_have_comes_from_the_catalogue(tmp_path: Path) -> None:
    with serve({"card/a.pt": b"weights"}) as server:
        source = Download("a.pt", (server.url("card/a.pt"),))
        fetched = fetch_checkpoint(source, tmp_path, Sources(mirror=server.url("mirror")), lambda *done: None)
    assert fetched.path.read_bytes() == b"weights"
    assert asked(server) == ["mirror/a.pt", "card/a.pt"]


# What is optional


def test_an_optional_file_that_cannot_be_downloaded_is_a_warning(tmp_path: Path, zipped: bytes) -> None:
    with serve({FILE: zipped}) as server:
        optional = {"file": "meta.json", "urls": [server.url("meta.json")], "optional": True}
        fetched = fetch(card({"file": FILE, "urls": [server.url(FILE)]}, optional), tmp_path)
    assert fetched.warnings == (
        f"meta.json: not fetched ({server.url('meta.json')}: HTTP 404 Not Found); continuing without it (optional)",
    )


@pytest.mark.slow
def test_an_optional_file_is_not_waited_for_long(tmp_path: Path, zipped: bytes) -> None:
    with serve({FILE: zipped}) as server, serve({}, refusals=[503] * 9) as busy:
        optional = {"file": "meta.json", "urls": [busy.url("meta.json")], "optional": True}
        fetch(card({"file": FILE, "urls": [server.url(FILE)]}, optional), tmp_path)
    assert len(busy.requests) == 2


def test_given_files_replace_all_but_the_optional_files(tmp_path: Path, zipped: bytes) -> None:
    (tmp_path / "mine.zip").write_bytes(zipped)
    with serve({"meta.json": b'{"videos": {}}'}) as server:
        optional = {"file": "meta.json", "urls": [server.url("meta.json")], "optional": True}
        fetch(card({"file": FILE, "urls": [server.url(FILE)]}, optional), tmp_path, given=(str(tmp_path / "mine.zip"),))
        assert asked(server) == ["meta.json"]
    assert [source["file"] for source in manifest(tmp_path)["sources"]] == ["mine.zip", "meta.json"]


def test_an_optional_file_that_is_given_replaces_only_itself(tmp_path: Path, zipped: bytes) -> None:
    (tmp_path / "meta.json").write_text('{"videos": {}}')
    with serve({FILE: zipped}) as server:
        optional = {"file": "meta.json", "urls": [server.url("meta.json")], "optional": True}
        dataset = card({"file": FILE, "urls": [server.url(FILE)]}, optional)
        fetch(dataset, tmp_path, given=(str(tmp_path / "meta.json"),))
        assert asked(server) == [FILE]
    assert (tmp_path / "datasets/cubs/val_meta.json").read_text() == '{"videos": {}}'


# A folder of archives


def test_a_folder_stands_for_the_archives_in_it_that_the_card_needs(tmp_path: Path, zipped: bytes) -> None:
    given = tmp_path / "downloads"
    (given / "unpacked").mkdir(parents=True)
    third = len(zipped) // 3 + 1
    volumes = {f"{FILE}.{number + 1:03}": zipped[number * third :][:third] for number in range(3)}
    beside = {"val_meta.json": b"{}", "train.zip": b"of another split", ".DS_Store": b"", LIST: listing(b"", "sha256")}
    for name, content in (volumes | beside).items():
        (given / name).write_bytes(content)
    dataset = card(*({"file": name} for name in volumes), {"file": LIST}, checksums=(LIST,))
    fetch(dataset, tmp_path, given=(str(given),))
    assert [source["file"] for source in manifest(tmp_path)["sources"]] == [*volumes, "val_meta.json"]
    assert (tmp_path / "datasets/cubs/val_meta.json").read_bytes() == b"{}"


def test_a_folder_of_other_archives_stands_for_them_all(tmp_path: Path, zipped: bytes) -> None:
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads/frames.zip").write_bytes(zipped)
    fetch(card({"file": FILE}), tmp_path, given=(str(tmp_path / "downloads"),))
    assert [source["file"] for source in manifest(tmp_path)["sources"]] == ["frames.zip"]


def test_an_unpacked_tree_is_read_whatever_else_lies_in_it(tmp_path: Path, zipped: bytes) -> None:
    (tmp_path / "cubs/release.zip").write_bytes(b"")  # beside the tree that the fixture made
    fetch(card({"file": FILE}), tmp_path, given=(str(tmp_path / "cubs"),))
    assert [source["file"] for source in manifest(tmp_path)["sources"]] == ["cubs"]
