"""A split of many archives is fetched one archive after another."""

from __future__ import annotations

import gc
import hashlib
import json
import shutil
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.archives import pack_tar
from tests.support.fetches import asked, card, fetch, manifest
from tests.support.films import annotate, film, pack, square
from tests.support.golden import squares
from tests.support.server import Server, serve
from vosbench.datasets.card import Dataset
from vosbench.datasets.read_card import load_card
from vosbench.datasets.split import open_split
from vosbench.errors import VosbenchError
from vosbench.fetching.fetch import fetch_dataset
from vosbench.fetching.plan import plan_dataset
from vosbench.fetching.readers import video_files
from vosbench.fetching.sources import Sources
from vosbench.io import paths
from vosbench.masks.labels import encode_labels

LIST = "sums.chk"
STEPS = [[square(4, 3), None], [square(4, 5), square(9, 9)], [None, square(9, 12)]]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Three archives as SA-V has them, of two videos each, and the list of their hashes."""
    folder, found = tmp_path_factory.mktemp("shards"), {}
    for shard in ("000", "001", "002"):
        top = folder / shard / "sav_train" / f"sav_{shard}"
        for video in ("a", "b"):
            film(top / f"{shard}{video}.mp4", 5)
            annotate(top / f"{shard}{video}_manual.json", 5, STEPS)
        found[f"sav_{shard}.tar"] = pack(folder / shard, folder / f"{shard}.tar").read_bytes()
    found[LIST] = "".join(f"{hashlib.sha256(c).hexdigest()}  {name}\n" for name, c in found.items()).encode()
    return found


def sharded(url: str, shards: dict[str, bytes], **split: Any) -> Dataset:
    """A card of these archives on a server."""
    files = [{"file": name, "urls": [f"{url}{name}"]} for name in shards]
    facts = {"reader": "video_files", "separable": True, "counts": {"videos": 6}}
    return card(*files, checksums=(LIST,), **{**facts, **split})


def contents(folder: Path) -> dict[str, bytes]:
    """The frames, masks and lists of a dataset."""
    tree = folder / "datasets/cubs"
    return {str(p.relative_to(tree)): p.read_bytes() for p in tree.glob("*/**/*") if p.is_file()}


def archives_in(folder: Path) -> list[str]:
    """The archives that are on disk below a folder."""
    return sorted(path.name for path in folder.rglob("*.tar"))


def test_archives_come_one_by_one_and_make_the_same_dataset(
    tmp_path: Path, shards: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_files, "BATCH_VIDEOS", 1)
    most = 0

    def watch(label: str, done: int, total: int | None) -> None:
        nonlocal most
        most = max(most, len(archives_in(tmp_path / "parts")))

    with serve(shards) as server:
        fetch(sharded(server.url(""), shards, separable=False), tmp_path / "whole")
        one_by_one = sharded(server.url(""), shards)
        fetched = fetch_dataset(one_by_one, None, tmp_path / "parts/datasets", Sources(), watch)
    assert most == 1
    assert fetched.counts
    assert (fetched.counts.videos, fetched.counts.frames, fetched.warnings) == (6, 30, ())
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    described, expected = manifest(tmp_path / "parts"), manifest(tmp_path / "whole")
    assert {**described, "fetched": 0} == {**expected, "fetched": 0}
    assert [path.name for path in (tmp_path / "parts/datasets").iterdir()] == ["cubs"]
    assert open_split("cubs", "val", tmp_path / "parts/datasets").video("001a").prompts


def test_a_fetch_that_was_interrupted_continues_with_the_next_archive(tmp_path: Path, shards: dict[str, bytes]) -> None:
    some = {name: content for name, content in shards.items() if name != "sav_002.tar"}
    with serve(some) as server:
        dataset = sharded(server.url(""), shards)
        with pytest.raises(VosbenchError, match=r"sav_002\.tar: not fetched"):
            fetch(dataset, tmp_path)
        assert not (tmp_path / "datasets/cubs").exists()
        assert archives_in(tmp_path) == []
        plan = plan_dataset(dataset, None, tmp_path / "datasets", Sources())
        assert [file.is_unpacked for file in plan.planned_files] == [False, True, True, False]
        server.files, server.requests = shards, []
        fetch(dataset, tmp_path)
        assert asked(server) == [LIST, "sav_002.tar"]
    assert len(list((tmp_path / "datasets/cubs/JPEGImages").iterdir())) == 6
    assert [source["file"] for source in manifest(tmp_path)["sources"]] == ["sav_000.tar", "sav_001.tar", "sav_002.tar"]


def test_an_archive_that_the_publisher_has_replaced_is_fetched_again(tmp_path: Path, shards: dict[str, bytes]) -> None:
    with interrupted(tmp_path, shards) as (server, dataset):
        other = shards["sav_001.tar"].replace(b"sav_001/001a", b"sav_001/001x")
        listed = shards[LIST].replace(*(hashlib.sha256(c).hexdigest().encode() for c in (shards["sav_001.tar"], other)))
        server.files = {**shards, "sav_001.tar": other, LIST: listed}
        with pytest.raises(VosbenchError, match=r"001|damaged"):  # the header's checksum is not mended
            fetch(dataset, tmp_path)
        assert asked(server) == [LIST, "sav_001.tar"]


@contextmanager
def interrupted(folder: Path, shards: dict[str, bytes]) -> Iterator[tuple[Server, Dataset]]:
    """A fetch that lacks the last archive; then its server, which has counted no request yet, and its card."""
    with serve({name: content for name, content in shards.items() if name != "sav_002.tar"}) as server:
        dataset = sharded(server.url(""), shards)
        with pytest.raises(VosbenchError, match="not fetched"):
            fetch(dataset, folder)
        server.requests = []
        yield server, dataset


def test_another_card_and_force_begin_anew(tmp_path: Path, shards: dict[str, bytes]) -> None:
    with interrupted(tmp_path, shards) as (server, dataset):
        server.files = shards
        changed = replace(dataset, splits={"val": replace(dataset.splits["val"], prompts="first_frame")})
        fetch(changed, tmp_path)
        everything = [LIST, "sav_000.tar", "sav_001.tar", "sav_002.tar"]
        assert asked(server) == everything
        fetch(changed, tmp_path, force=True)
        assert asked(server) == 2 * everything


def test_videos_that_are_gone_are_fetched_again(tmp_path: Path, shards: dict[str, bytes]) -> None:
    with interrupted(tmp_path, shards) as (server, dataset):
        server.files = shards
        shutil.rmtree(next(tmp_path.rglob("JPEGImages/000b")))
        fetch(dataset, tmp_path)
        assert asked(server) == [LIST, "sav_000.tar", "sav_002.tar"]


def test_links_that_are_left_are_enough_to_continue(tmp_path: Path, shards: dict[str, bytes]) -> None:
    with interrupted(tmp_path, shards) as (server, dataset):
        server.files = shards
        bare = replace(dataset, downloads={name: replace(d, urls=()) for name, d in dataset.downloads.items()})
        (tmp_path / "links").write_text(f"file_name\tcdn_link\nsav_002.tar\t{server.url('sav_002.tar')}\n")
        fetch(bare, tmp_path, links=tmp_path / "links")
        assert asked(server) == ["sav_002.tar"]


def test_kept_archives_are_all_kept(tmp_path: Path, shards: dict[str, bytes]) -> None:
    with serve(shards) as server:
        fetch(sharded(server.url(""), shards), tmp_path, keep_archives=True)
    assert archives_in(tmp_path) == ["sav_000.tar", "sav_001.tar", "sav_002.tar"]
    assert [path.name for path in (tmp_path / "datasets/.archives/cubs").iterdir() if path.is_dir()] == []


def test_archives_of_ones_own_are_a_part_and_stay(tmp_path: Path, shards: dict[str, bytes]) -> None:
    for name in ("sav_000.tar", "sav_001.tar"):
        (tmp_path / name).write_bytes(shards[name])
    given = tuple(str(tmp_path / name) for name in ("sav_000.tar", "sav_001.tar"))
    fetched = fetch(sharded("http://127.0.0.1:1/", shards), tmp_path, given=given)
    assert fetched.warnings == ("cubs val: not complete (4 of 6 videos)",)
    assert archives_in(tmp_path) == ["sav_000.tar", "sav_001.tar"]


def test_too_few_videos_leave_what_is_unpacked(tmp_path: Path, shards: dict[str, bytes]) -> None:
    with serve(shards) as server:
        dataset = sharded(server.url(""), shards, counts={"videos": 7})
        for _ in range(2):
            with pytest.raises(VosbenchError, match=r"\(6 of 7 videos\); .* kept in .*val\.parts; --force begins anew"):
                fetch(dataset, tmp_path)
        assert asked(server).count("sav_000.tar") == 1


def test_videos_without_masks_are_missing_even_if_a_batch_has_no_other(
    tmp_path: Path, shards: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_files, "BATCH_VIDEOS", 1)
    film(tmp_path / "bare/sav_train/sav_003/bare.mp4", 2)
    bare = pack(tmp_path / "bare", tmp_path / "bare.tar").read_bytes()
    files = {"sav_000.tar": shards["sav_000.tar"], "sav_003.tar": bare}
    with serve(files) as server, pytest.raises(VosbenchError, match=r"2 of 6 videos, missing are bare\)"):
        fetch(sharded(server.url(""), {**files, LIST: b""}), tmp_path)


def test_a_video_in_two_archives_is_refused(tmp_path: Path, shards: dict[str, bytes]) -> None:
    files = dict.fromkeys(("sav_000.tar", "sav_001.tar"), shards["sav_000.tar"])
    with serve(files) as server, pytest.raises(VosbenchError, match=r"video 000a is in sav_000\.tar and in sav_001\.t"):
        fetch(sharded(server.url(""), {**files, LIST: b""}), tmp_path)


@pytest.mark.slow
def test_the_memory_of_a_fetch_does_not_grow_with_the_number_of_archives(tmp_path: Path) -> None:
    mask = encode_labels(squares((1, 2, 2), size=(8, 8)))
    frame = encode_labels(squares(size=(8, 8)))

    def peak(count: int) -> float:
        """The most megabytes at a time that a fetch of `count` archives of 400 files each takes."""
        names = [f"part{index}.tar" for index in range(count)]
        (folder := tmp_path / str(count)).mkdir()
        for name in names:
            stems = [f"{name[:5]}-{video}/{index:05}" for video in range(2) for index in range(100)]
            files = {f"JPEGImages/{stem}.png": frame for stem in stems}
            pack_tar(folder / name, *files.items(), *((f"Annotations/{stem}.png", mask) for stem in stems))
        dataset = card(*({"file": name} for name in names), separable=True, prompts="first_frame")
        given = Sources(tuple(str(folder / name) for name in names))
        tracemalloc.start()
        try:
            # Garbage is collected at every step, or the peak depends on when Python last did so.
            fetch_dataset(dataset, None, folder / "datasets", given, lambda label, done, total: gc.collect() and None)
            return tracemalloc.get_traced_memory()[1] / 2**20
        finally:
            tracemalloc.stop()

    peak(1)  # imports and caches
    two = peak(2)
    assert min(peak(5), peak(6)) < 1.2 * two  # of two, because what other threads of this process take counts too


def test_sa_v_train_is_fetched_in_parts() -> None:
    sav = load_card(paths.find_shipped_folder("adapters") / "sav.toml")
    assert [name for name, split in sav.splits.items() if split.separable] == ["train"]
    assert len(sav.splits["train"].downloads) == 56
    assert json.dumps(sav.splits["train"].counts.videos) == "50583"
