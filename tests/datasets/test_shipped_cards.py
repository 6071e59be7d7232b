"""Every shipped card is complete and consistent."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from vosbench.datasets import checkpoints
from vosbench.datasets.card import Dataset
from vosbench.datasets.read_card import (
    dump_card,
    load_card,
    parse_card,
)
from vosbench.io import paths

CARDS = sorted(paths.find_shipped_folder("adapters").glob("*.toml"))
DOWNLOADS = [
    *checkpoints.known_checkpoints().values(),
    *(d for path in CARDS for d in load_card(path).downloads.values()),
]


@pytest.fixture(params=CARDS, ids=lambda path: path.stem)
def card(request: pytest.FixtureRequest) -> Dataset:
    """Each card that ships."""
    path: Path = request.param
    dataset = load_card(path)
    assert dataset.name == path.stem
    return dataset


def test_a_card_can_be_written_to_json_and_read_back(card: Dataset) -> None:
    assert parse_card(json.loads(json.dumps(dump_card(card))), "again") == card


def test_a_card_counts_the_videos_that_it_names(card: Dataset) -> None:
    for split in card.splits.values():
        assert len(set(split.names)) == len(split.names)
        assert len(split.names) in (0, split.counts.videos)


def test_a_card_states_licence_homepage_and_citation(card: Dataset) -> None:
    assert card.licence
    if card.downloads:
        assert card.homepage.startswith("https://")
        assert re.search(r"@\w+\{\w+,.*title\s*=", card.citation, re.DOTALL)


def test_a_download_has_proper_addresses_and_a_proper_checksum() -> None:
    for download in DOWNLOADS:
        assert all(re.fullmatch(r"https?://[^/\s]+/\S+", url) for url in download.urls), download
        assert len(set(download.urls)) == len(download.urls), download
        assert "/" not in download.file
        assert download.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", download.sha256), download
        assert download.bytes is None or download.bytes > 0


def test_a_split_that_cannot_be_downloaded_says_what_to_do(card: Dataset) -> None:
    for split in card.splits.values():
        needed = [card.downloads[name] for name in split.downloads]
        nothing_to_download = not needed and card.reader != "synthetic"
        if nothing_to_download or any(not (download.urls or download.optional) for download in needed):
            assert "--from" in split.by_hand, split.name


def test_instructions_for_the_user_are_two_short_sentences(card: Dataset) -> None:
    for split in filter(lambda split: split.by_hand, card.splits.values()):
        first, second = split.by_hand.split(". ")
        assert first[0].isupper()
        assert second.startswith(("Give ", "Repeat "))
        assert second.endswith(".")
        assert len(split.by_hand) <= 200
        assert not card.downloads or "https://" in split.by_hand


def test_the_volumes_of_an_archive_are_all_there_and_in_order(card: Dataset) -> None:
    for split in card.splits.values():
        volumes = [name.rpartition(".") for name in split.downloads if re.search(r"\.(\d{3}|a[a-z])$", name)]
        for archive in {archive for archive, _, _ in volumes}:
            endings = [ending for name, _, ending in volumes if name == archive]
            numbered, lettered = [f"{i:03}" for i in range(1, len(endings) + 1)], [f"a{c}" for c in "abcdefgh"]
            assert endings in (numbered, lettered[: len(endings)])


def test_lists_of_checksums_are_among_the_downloads(card: Dataset) -> None:
    assert set(card.checksums) <= set(card.downloads)


def test_only_a_split_without_public_ground_truth_has_a_server(card: Dataset) -> None:
    for split in card.splits.values():
        assert not (split.truth and split.server)
        assert split.server == "" or split.server.startswith("https://")


def test_the_table_in_the_docs_agrees_with_the_card(card: Dataset) -> None:
    page = (Path(__file__).parents[2] / "docs/datasets.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith(f"| `{card.name}` |")]
    assert {name for row in rows for name in re.findall("`(.+?)`", row.split("|")[2])} == {*card.aliases} - {"default"}
    assert {name for row in rows for name in row.split("|")[3].strip().split(", ")} == set(card.splits)
    for split in card.splits.values():
        (row,) = (row for row in rows if split.name in row.split("|")[3].strip().split(", "))
        assert row.split("|")[5].strip().startswith("yes" if split.truth else "no")
        assert split.server.split(",")[0] in row


def test_a_list_that_the_rules_need_is_saved_with_the_split(card: Dataset) -> None:
    for split in card.splits.values():
        assert not card.rules.unseen_videos or card.rules.unseen_videos in split.beside
