"""What there is and what of it is here is told as it is, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Cli
from tests.support.golden import make_tree, squares
from vosbench.io.paths import Roots
from vosbench.studies import inventory

CARD = """
name = "cubs"
title = "Cubs"
licence = "CC0"
homepage = "https://cubs.example"
citation = '''
    @misc{cubs2024,
      title = {Cubs},
    }
'''

[rules]
[splits.val]
"""


@pytest.fixture
def cubs(cli: Cli) -> Path:
    """The folder of a dataset that was fetched by a card of the user's own."""
    (cli.folder / "cubs.toml").write_text(CARD)
    tree = make_tree(cli.folder / "tree", {"bear": [squares((1, 2, 2), (2, 14, 2))] * 3})
    cli("fetch", "cubs.toml", "--from", tree)
    return cli.folder / "datasets/cubs"


def rows(root: Path) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["dataset"], row["split"]): row for row in inventory.list_datasets(Roots(datasets=root))}


def test_a_row_tells_where_the_ground_truth_is(tmp_path: Path) -> None:
    found = rows(tmp_path)
    assert found["davis2017", "val"]["truth"] == "public"
    assert found["davis2017", "val"]["server"] is None
    assert found["mosev2", "val"]["truth"] == "server"
    assert found["mosev2", "val"]["server"].startswith("https://www.codabench.org/")
    assert found["lvosv2", "test"]["truth"] == "none"


def test_what_is_not_fetched_has_the_publishers_counts_and_the_size_of_the_download(tmp_path: Path) -> None:
    row = rows(tmp_path)["davis2017", "val"]
    assert row == {
        "dataset": "davis2017",
        "split": "val",
        "videos": 30,
        "frames": 1999,
        "objects": 61,
        "truth": "public",
        "server": None,
        "fetched": "no",
        "disk_mb": None,
        "download_mb": 832.8,
        "title": row["title"],
    }


def test_a_size_that_is_not_known_is_not_made_up(tmp_path: Path) -> None:
    assert rows(tmp_path)["davis2016", "val"]["download_mb"] is None
    assert rows(tmp_path)["synthetic", "val"]["download_mb"] is None


def test_what_is_fetched_has_the_counts_and_the_size_that_dataset_json_states(cubs: Path) -> None:
    manifest = json.loads((cubs / "dataset.json").read_text())
    manifest["splits"]["val"]["videos"]["bear"]["bytes"] = 12_345_678
    (cubs / "dataset.json").write_text(json.dumps(manifest))
    row = rows(cubs.parent)["cubs", "val"]
    assert (row["videos"], row["frames"], row["objects"]) == (1, 3, 2)
    assert (row["fetched"], row["disk_mb"]) == ("yes", 12.3)


def test_a_split_that_a_killed_fetch_was_replacing_is_not_fetched(cubs: Path) -> None:
    (cubs / "ImageSets/val.txt").unlink()
    assert rows(cubs.parent)["cubs", "val"]["fetched"] == "no"


def test_what_an_older_version_fetched_has_no_size(cubs: Path) -> None:
    manifest = json.loads((cubs / "dataset.json").read_text())
    del manifest["splits"]["val"]["videos"]
    (cubs / "dataset.json").write_text(json.dumps(manifest))
    row = rows(cubs.parent)["cubs", "val"]
    assert (row["fetched"], row["frames"], row["disk_mb"]) == ("yes", 3, None)


def test_datasets_are_listed_within_120_columns_with_titles_and_servers_below(cli: Cli, cubs: Path) -> None:
    table, titles, servers = cli("list", "datasets").stdout.strip().split("\n\n")
    heading, *lines = table.splitlines()[1:]
    assert heading.split("  ")[0] == "dataset"
    assert "disk MB download MB" in heading
    assert max(map(len, lines)) <= 120
    assert len(lines) == len(rows(cubs.parent))
    assert "cubs: Cubs" in titles.splitlines()
    assert "mosev1 val is scored at https://www.codabench.org/competitions/12220/" in servers.splitlines()


def test_a_program_gets_every_field_of_every_split(cli: Cli, cubs: Path) -> None:
    listed = json.loads(cli("list", "datasets", "--json").stdout)["datasets"]
    assert listed == list(rows(cubs.parent).values())


def test_what_is_cited_is_what_is_named_or_fetched_or_else_all(cli: Cli, cubs: Path) -> None:
    here, empty = Roots(datasets=cubs.parent), Roots(datasets=cli.folder / "nowhere")
    assert [dataset.name for dataset in inventory.choose_datasets_to_cite(["davis", "cubs"], here)] == [
        "davis2017",
        "cubs",
    ]
    assert [dataset.name for dataset in inventory.choose_datasets_to_cite([], here)] == ["cubs"]
    assert {"davis2016", "synthetic", "ytvos2019"} <= {
        dataset.name for dataset in inventory.choose_datasets_to_cite([], empty)
    }


def test_a_citation_is_bibtex_below_its_licence(cli: Cli, cubs: Path) -> None:
    assert cli("cite").stdout.splitlines() == [
        "% cubs: licence CC0, see https://cubs.example",
        "@misc{cubs2024,",
        "  title = {Cubs},",
        "}",
    ]
