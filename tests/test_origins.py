"""Every file of a split comes from the first source that has it, is verified, and is missed only where it is needed."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from golden import make_tree, squares
from server import Server, serve

from vosbench.datasets.card import Dataset, Download, Rules, parse_card
from vosbench.datasets.contents import VideoContent
from vosbench.errors import VosbenchError
from vosbench.fetching.fetch import (
    FetchResult,
    fetch_checkpoint,
    fetch_dataset,
    plan_checkpoint,
    plan_dataset,
    rename_dataset,
)
from vosbench.fetching.sources import Sources

FILE, LIST = "cubs.zip", "SHA256SUMS"


@pytest.fixture
def zipped(tmp_path: Path) -> bytes:
    """An archive of two videos, in the second of which the objects are 1 and 3."""
    tree = make_tree(tmp_path / "cubs", {"ann": [squares((1, 2, 2))] * 2, "bob": [squares((1, 2, 2), (3, 14, 20))] * 3})
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
        for path in sorted(tree.rglob("*.*")):
            archive.write(path, path.relative_to(tmp_path))
    return (tmp_path / "made.zip").read_bytes()


def card(*downloads: Mapping[str, Any], checksums: tuple[str, ...] = (), **val: Any) -> Dataset:
    """A card whose split val needs all the downloads that are no checksums."""
    files = [download["file"] for download in downloads if download["file"] not in checksums]
    splits = {"val": {"downloads": files, **val}, "train": {}}
    return parse_card(
        {"name": "cubs", "title": "Cubs", "downloads": [*downloads], "checksums": [*checksums], "splits": splits},
        "card",
    )


def fetch(dataset: Dataset, folder: Path, **sources: Any) -> FetchResult:
    """Fetch into `folder/datasets`."""
    return fetch_dataset(dataset, None, folder / "datasets", Sources(**sources), lambda label, done, total: None)


def refusal(dataset: Dataset, folder: Path, **sources: Any) -> str:
    """The message of a fetch that must fail and leave nothing."""
    with pytest.raises(VosbenchError) as caught:
        fetch(dataset, folder, **sources)
    assert "\n" not in str(caught.value)
    assert not any(path.is_file() for path in (folder / "datasets").rglob("*") if path.name != LIST)
    return str(caught.value)


def manifest(folder: Path) -> dict[str, Any]:
    """What dataset.json says of the split val."""
    described: dict[str, Any] = json.loads((folder / "datasets/cubs/dataset.json").read_text())["splits"]["val"]
    return described


def asked(server: Server) -> list[str]:
    return [request.path.removeprefix("/") for request in server.requests]


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
def test_a_list_of_links_alone_is_enough_for_a_card_without_addresses(
    tmp_path: Path, zipped: bytes, header: str
) -> None:
    dataset = card({"file": FILE}, by_hand="Accept the licence. Repeat with --links LIST.")
    assert refusal(dataset, tmp_path) == f"{FILE}: not to be had by program. {dataset.splits['val'].by_hand}"
    with serve({"x/1": zipped}) as server:
        (tmp_path / "links.tsv").write_text(f"{header}other.zip\t{server.url('2')}\n{FILE}\t{server.url('x/1')}\n")
        assert fetch(dataset, tmp_path, links=tmp_path / "links.tsv").was_fetched
    assert manifest(tmp_path)["sources"][0]["from"] == server.url("x/1")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no `file_name<TAB>url` in it"),
        ("a.zip\thttp://x/a\nb.zip http://x/b\n", "line 2 is no `file_name<TAB>url`"),
    ],
)
def test_a_file_that_is_no_list_of_links_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "links.tsv").write_text(text)
    assert told in refusal(card({"file": FILE}), tmp_path, links=tmp_path / "links.tsv")
    assert "cannot be read" in refusal(card({"file": FILE}), tmp_path, links=tmp_path / "no-such.tsv")


def test_where_all_sources_fail_the_line_ends_with_what_to_do_by_hand(tmp_path: Path) -> None:
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


def test_an_optional_file_that_cannot_be_had_is_a_warning(tmp_path: Path, zipped: bytes) -> None:
    with serve({FILE: zipped}) as server:
        optional = {"file": "meta.json", "urls": [server.url("meta.json")], "optional": True}
        fetched = fetch(card({"file": FILE, "urls": [server.url(FILE)]}, optional), tmp_path)
    assert fetched.warnings == (
        f"went on without meta.json: not fetched ({server.url('meta.json')}: HTTP 404 Not Found)",
    )


def test_an_optional_file_is_not_waited_for_long(tmp_path: Path, zipped: bytes) -> None:
    with serve({FILE: zipped}) as server, serve({}, refusals=[503] * 9) as busy:
        optional = {"file": "meta.json", "urls": [busy.url("meta.json")], "optional": True}
        fetch(card({"file": FILE, "urls": [server.url(FILE)]}, optional), tmp_path)
    assert len(busy.requests) == 2


def test_what_is_given_replaces_all_but_the_optional_files(tmp_path: Path, zipped: bytes) -> None:
    (tmp_path / "mine.zip").write_bytes(zipped)
    with serve({"meta.json": b'{"videos": {}}'}) as server:
        optional = {"file": "meta.json", "urls": [server.url("meta.json")], "optional": True}
        fetch(card({"file": FILE, "urls": [server.url(FILE)]}, optional), tmp_path, given=(str(tmp_path / "mine.zip"),))
        assert asked(server) == ["meta.json"]
    assert [source["file"] for source in manifest(tmp_path)["sources"]] == ["mine.zip", "meta.json"]


def test_an_optional_file_that_is_given_replaces_itself_alone(tmp_path: Path, zipped: bytes) -> None:
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


# Checksums


def listing(content: bytes, algorithm: str) -> bytes:
    """A list of hashes with a comment, other files, and the folder that the publisher had them in."""
    value, other = (hashlib.new(algorithm, each).hexdigest() for each in (content, b"other"))
    return f"# made by hand\n{other}  other.zip\n{value.upper()} *release/{FILE}\n".encode()


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


def test_a_mirror_whose_file_is_not_the_listed_one_is_passed_over(tmp_path: Path, zipped: bytes) -> None:
    with serve({f"mirror/{FILE}": zipped[:-1], FILE: zipped, LIST: listing(zipped, "sha256")}) as server:
        files = [{"file": name, "urls": [server.url(name)]} for name in (FILE, LIST)]
        fetch(card(*files, checksums=(LIST,)), tmp_path, mirror=server.url("mirror"))
    assert asked(server)[-2:] == [f"mirror/{FILE}", FILE]


@pytest.mark.parametrize("published", [{}, {LIST: b"<html>moved"}, {LIST: b"nothing of use"}])
def test_a_list_of_hashes_that_cannot_be_had_is_a_warning(
    tmp_path: Path, zipped: bytes, published: dict[str, bytes]
) -> None:
    with serve({FILE: zipped, **published}) as server:
        files = [{"file": name, "urls": [server.url(name)]} for name in (FILE, LIST)]
        (warning,) = fetch(card(*files, checksums=(LIST,)), tmp_path).warnings
    assert "went on without" in warning
    assert LIST in warning


def test_a_list_is_not_asked_for_where_the_card_knows_all_hashes(tmp_path: Path, zipped: bytes) -> None:
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


def test_a_given_list_of_hashes_verifies_what_the_links_give(tmp_path: Path, zipped: bytes) -> None:
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
    assert warning == f"{tmp_path / FILE} is not the publisher's: sha256 is {found}, expected {'0' * 64}"


def test_a_file_that_has_changed_since_it_was_first_seen_is_a_warning(tmp_path: Path, zipped: bytes) -> None:
    with serve({FILE: zipped}) as server:
        dataset = card({"file": FILE, "urls": [server.url(FILE)]})
        assert fetch(dataset, tmp_path).warnings == ()
        assert fetch(dataset, tmp_path, force=True).warnings == ()
        before = manifest(tmp_path)
        server.files = {FILE: zipped + b"\0"}  # which unzips all the same
        (warning,) = fetch(dataset, tmp_path, force=True).warnings
    assert f"sha256 was {hashlib.sha256(zipped).hexdigest()} on {before['fetched']}" in warning


# What is there before and after


def test_what_can_not_be_scored_or_tracked_is_told_at_once(tmp_path: Path) -> None:
    make_tree(tmp_path / "cubs", {"ann": [squares((255, 2, 2))] * 2})
    dataset = replace(card({"file": FILE}), rules=Rules("cubs", objects="listed"))
    assert fetch(dataset, tmp_path, given=(str(tmp_path / "cubs"),)).warnings == (
        "cubs val: no mask shows an object in ann",
        f"cubs val cannot be scored as it is: {tmp_path / 'datasets/cubs'}: the rules of cubs need the publisher's "
        "meta file, named val_meta.json or meta_val.json or meta.json",
    )


def test_no_empty_folder_is_left(tmp_path: Path, zipped: bytes) -> None:
    with serve({FILE: zipped}) as server:
        fetch(card({"file": FILE, "urls": [server.url(FILE)]}), tmp_path)
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == ["cubs"]
    with serve({}) as server:
        refusal(card({"file": FILE, "urls": [server.url(FILE)]}), tmp_path / "none")
    assert list((tmp_path / "none/datasets").iterdir()) == []


def test_a_plan_asks_nobody_and_writes_nothing(tmp_path: Path, zipped: bytes) -> None:
    with serve({FILE: zipped}) as server:
        files: list[dict[str, Any]] = [
            {"file": FILE, "urls": [server.url(FILE)], "bytes": 1000},
            {"file": LIST, "urls": [server.url(LIST)]},
        ]
        dataset = card(*files, checksums=(LIST,))
        plan = plan_dataset(dataset, None, tmp_path / "datasets", Sources())
        assert [(origin.path.name, origin.size, origin.present_bytes) for origin in plan.planned_files] == [
            (LIST, None, 0),
            (FILE, 1000, 0),
        ]
        assert (plan.needed_bytes, plan.not_downloadable) == (2000, "")
        assert (
            plan_checkpoint(Download("a.pt", (server.url("a.pt"),), bytes=7), tmp_path / "no", Sources()).needed_bytes
            == 7
        )
        assert server.requests == []
    assert not (tmp_path / "datasets").exists()


def test_a_disk_that_is_too_small_is_noticed_before_anybody_is_asked(tmp_path: Path) -> None:
    with serve({}) as server:
        message = refusal(card({"file": FILE, "urls": [server.url(FILE)], "bytes": 10**18}), tmp_path)
        assert server.requests == []
    assert message.startswith("cubs val: needs about 2000000000.0 GB in ")
    assert message.endswith("are free; make room or choose another --root")


def test_dataset_json_says_what_every_video_consists_of(tmp_path: Path, zipped: bytes) -> None:
    (tmp_path / FILE).write_bytes(zipped)
    fetch(card({"file": FILE}), tmp_path, given=(str(tmp_path / FILE),))
    sizes = {
        video: sum(path.stat().st_size for path in (tmp_path / "datasets/cubs").glob(f"*/{video}/*"))
        for video in ("ann", "bob")
    }
    assert {
        name: VideoContent(**{**video, "objects": tuple(video["objects"])})
        for name, video in manifest(tmp_path)["videos"].items()
    } == {
        "ann": VideoContent(2, 2, sizes["ann"], (1,)),
        "bob": VideoContent(3, 3, sizes["bob"], (1, 3)),
    }


def test_a_dataset_may_have_another_name(tmp_path: Path, zipped: bytes) -> None:
    (tmp_path / FILE).write_bytes(zipped)
    dataset = rename_dataset(replace(card({"file": FILE}), aliases=("cub",)), "mine")
    fetched = fetch(dataset, tmp_path, given=(str(tmp_path / FILE),))
    assert fetched.path == tmp_path / "datasets/mine"
    own = json.loads((fetched.path / "dataset.json").read_text())["card"]
    assert (own["name"], own["aliases"], own["rules"]["name"]) == ("mine", [], "cubs")


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "back\\slash", "davis2016", "davis"])
def test_a_name_that_is_no_folder_or_another_datasets_is_refused(name: str) -> None:
    with pytest.raises(VosbenchError, match="--as"):
        rename_dataset(card({"file": FILE}), name)


def test_a_split_may_have_a_reader_of_its_own(tmp_path: Path, zipped: bytes) -> None:
    (tmp_path / FILE).write_bytes(zipped)
    with pytest.raises(VosbenchError, match="no_such_module"):
        fetch(card({"file": FILE}, reader="no_such_module:read"), tmp_path, given=(str(tmp_path / FILE),))


def test_kept_archives_can_be_given_and_are_not_deleted_then(tmp_path: Path, zipped: bytes) -> None:
    with serve({FILE: zipped}) as server:
        fetch(card({"file": FILE, "urls": [server.url(FILE)]}), tmp_path, keep_archives=True)
    kept = tmp_path / "datasets/.archives/cubs" / FILE
    assert [path.name for path in kept.parent.iterdir()] == [FILE]
    assert fetch(card({"file": FILE}), tmp_path, given=(str(kept),), force=True).was_fetched
    assert kept.read_bytes() == zipped
