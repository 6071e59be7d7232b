"""`vosbench fetch` writes the same files as the readers of publishers' archives and of video files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.films import annotate, draw, film, names, pack, square
from tests.support.publishers import PUBLISHERS, normalised
from vosbench.datasets import registry


def test_fetch_makes_a_dataset_of_video_files(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "own.toml").write_text(
        'name = "own"\ntitle = "Own"\nreader = "video_files"\n[splits.val]\nlists = []\n'
    )
    film(tmp_path / "tree/bear.mp4", 4)
    draw(tmp_path / "tree/Annotations/bear", "00000")
    film(tmp_path / "tree/cat.mp4", 10)
    annotate(tmp_path / "tree/cat_manual.json", 10, [[square(2, 2)]] * 3)
    cli("fetch", "own.toml", "--from", pack(tmp_path / "tree", tmp_path / "tree.tar"))
    files = [p for p in (tmp_path / "datasets/own").rglob("*") if p.suffix in (".jpg", ".png")]
    expected = names("bear", 4, "00000") | names("cat", 10, "000/00000", "000/00004", "000/00008")
    assert {str(path.relative_to(tmp_path / "datasets/own")) for path in files} == expected
    assert (tmp_path / "datasets/own/ImageSets/val.txt").read_text() == "bear\ncat\n"


@pytest.mark.parametrize(
    ("name", "split"), [("mose", "val"), ("sav", "test"), ("lvos", "val"), ("ytvos2018-allframes", "val")]
)
def test_the_command_makes_the_same_of_a_publishers_files(cli: Cli, name: str, split: str) -> None:
    name = registry.find_dataset(name).name
    published = PUBLISHERS[name](cli.folder, None, split)
    given = [argument for path in published.files for argument in ("--from", path)]
    cli("fetch", name, "--split", split, *given)
    expected = normalised(name, split, published, cli.folder / "expected")
    home = cli.folder / "datasets" / name
    found = {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert json.loads(found.pop("dataset.json"))["splits"][split]["counts"]["videos"] == len(published.clips)
    root = expected.tree.root
    assert found == {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_train_archive_never_becomes_the_validation_split(cli: Cli) -> None:
    archive, meta = PUBLISHERS["mosev1"](cli.folder, None, "train").files
    meta.rename(meta.with_name("meta_valid.json"))
    done = cli("fetch", "mose", "--from", archive, "--from", "meta_valid.json", expect=2)
    assert "found train/JPEGImages of another split; give the files of this split with --from" in done.stderr
    assert not (cli.folder / "datasets/mosev1").exists()
