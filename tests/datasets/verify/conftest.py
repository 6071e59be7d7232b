"""Fetched datasets to verify."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.golden import make_tree, squares, write_frames, write_masks
from tests.support.verified import ONE, TWO

CARD = """
name = "pairs"
title = "Two squares that are masked apart"
[rules]
objects = "listed"
unseen_videos = "unseen.txt"
[splits.val]
meta = ["meta.json"]
beside = ["unseen.txt"]
counts = { videos = 1, frames = 4, objects = 2 }
"""


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with two fetched datasets: drawn videos with label maps, and a video with folders of objects 0 and 12."""
    folder = tmp_path_factory.mktemp("originals")
    cli = Cli(folder)
    cli("fetch", "synthetic", "--split", "train")
    (folder / "pairs.toml").write_text(CARD)
    tree = make_tree(folder / "pairs", {}, frames=False)
    (tree / "ImageSets/val.txt").write_text("pair\n")
    (tree / "meta.json").write_text(json.dumps({"videos": {"pair": {"objects": ["0", "12"]}}}))
    (tree / "unseen.txt").write_text("")
    write_frames(tree / "JPEGImages", {"pair": [squares(ONE, TWO)] * 4})
    write_masks(tree / "Annotations", {"pair/000": [squares(ONE)] * 4, "pair/012": [squares(), squares(ONE)]})
    cli("fetch", "pairs.toml", "--from", tree)
    return folder / "datasets"


@pytest.fixture
def cli(cli: Cli, originals: Path) -> Cli:
    """The command line beside copies of both datasets."""
    shutil.copytree(originals, cli.folder / "datasets")
    return cli


@pytest.fixture
def root(cli: Cli) -> Path:
    return cli.folder / "datasets"
