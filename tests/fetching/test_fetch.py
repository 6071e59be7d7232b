"""What a fetch plans, checks, writes and leaves."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.fetches import FILE, LIST, card, fetch, manifest, refusal
from tests.support.golden import make_tree, squares
from tests.support.server import serve
from vosbench.datasets.card import Counts, Download, Rules
from vosbench.datasets.contents import VideoContent
from vosbench.errors import VosbenchError
from vosbench.fetching.fetch import rename_dataset
from vosbench.fetching.plan import plan_checkpoint, plan_dataset
from vosbench.fetching.sources import Sources


def test_a_dataset_that_cannot_be_scored_or_tracked_is_a_warning(tmp_path: Path) -> None:
    make_tree(tmp_path / "cubs", {"ann": [squares((255, 2, 2))] * 2})
    dataset = replace(card({"file": FILE}), rules=Rules("cubs", objects="listed"))
    assert fetch(dataset, tmp_path, given=(str(tmp_path / "cubs"),)).warnings == (
        "cubs val: no mask shows an object in ann",
        f"cubs val: cannot be scored yet ({tmp_path / 'datasets/cubs'}: the rules of cubs need the publisher's "
        "meta file, named val_meta.json or meta_val.json or meta.json; save it in this folder)",
    )


def test_masks_of_only_0_and_255_are_one_object_where_the_card_says_so(tmp_path: Path) -> None:
    make_tree(tmp_path / "cubs", {"ann": [squares((255, 2, 2))] * 2})
    dataset = replace(card({"file": FILE}), rules=Rules("cubs", binary=True))
    fetched = fetch(dataset, tmp_path, given=(str(tmp_path / "cubs"),))
    assert fetched.counts == Counts(videos=1, frames=2, objects=1)
    assert fetched.warnings == (
        "cubs val: the masks of ann hold only 0 and 255: 255 is one object there, with id 1, and not void",
    )


def test_no_empty_folder_is_left(tmp_path: Path, zipped: bytes) -> None:
    with serve({FILE: zipped}) as server:
        fetch(card({"file": FILE, "urls": [server.url(FILE)]}), tmp_path)
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == ["cubs"]
    with serve({}) as server:
        refusal(card({"file": FILE, "urls": [server.url(FILE)]}), tmp_path / "none")
    assert list((tmp_path / "none/datasets").iterdir()) == []


def test_a_plan_makes_no_request_and_writes_nothing(tmp_path: Path, zipped: bytes) -> None:
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


def test_a_disk_that_is_too_small_is_noticed_before_any_request(tmp_path: Path) -> None:
    with serve({}) as server:
        message = refusal(card({"file": FILE, "urls": [server.url(FILE)], "bytes": 10**18}), tmp_path)
        assert server.requests == []
    assert message.startswith("cubs val: 2000000000.0 GB are needed in ")
    assert message.endswith("are free; make room or choose another --root")


@pytest.mark.parametrize("name", ["cubs.7z", "cubs.7z.001"])
def test_what_reads_a_7z_is_missed_before_any_request(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "py7zr", None)  # importing it fails
    with serve({name: b"7z"}) as server:
        message = refusal(card({"file": name, "urls": [server.url(name)]}), tmp_path)
        assert server.requests == []
    assert message.startswith(f"{name}: the package py7zr, which reads 7z archives, is not installed")
    assert message.endswith('run: pip install "vosbench[7z]"')


def test_dataset_json_states_frames_masks_bytes_and_objects_of_every_video(tmp_path: Path, zipped: bytes) -> None:
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
def test_a_name_that_no_folder_can_have_or_that_is_taken_is_refused(name: str) -> None:
    with pytest.raises(VosbenchError, match="--as"):
        rename_dataset(card({"file": FILE}), name)


def test_a_split_may_have_another_reader_than_its_dataset(tmp_path: Path, zipped: bytes) -> None:
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


def test_heavy_packages_are_imported_only_to_download_or_draw() -> None:
    program = (
        "import sys\n"
        "from vosbench.datasets.card import Split\n"
        "from vosbench.fetching import fetch, google_drive, over_http\n"
        "from vosbench.fetching.readers import folders, sav_json, synthetic, video_files\n"
        "synthetic.read_synthetic((), Split('val'))\n"
        "print({'cv2', 'gdown', 'requests', 'scipy', 'skimage', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
