"""Every card that ships is sound, and what is wrong with another's is said in one line."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from vosbench.datasets import registry
from vosbench.datasets.card import Counts, Dataset, Download, Rules, Split, dump_card, load_card, parse_card
from vosbench.errors import VosbenchError
from vosbench.fetching import checkpoints
from vosbench.io import paths

CARDS = sorted(paths.find_shipped_folder("adapters").glob("*.toml"))
DOWNLOADS = [
    *checkpoints.known_checkpoints().values(),
    *(d for path in CARDS for d in load_card(path).downloads.values()),
]

BEARS = """
name = "bears"
title = "Bears"
[rules]
tolerance = 0.01
[[downloads]]
file = "bears.zip"
urls = ["https://bears.example/bears.zip"]
[splits.val]
downloads = ["bears.zip"]
counts = { videos = 3 }
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "bears.toml"
    path.write_text(text)
    return path


@pytest.fixture(params=CARDS, ids=lambda path: path.stem)
def card(request: pytest.FixtureRequest) -> Dataset:
    """Each card that ships."""
    path: Path = request.param
    dataset = load_card(path)
    assert dataset.name == path.stem
    return dataset


def test_a_card_survives_json(card: Dataset) -> None:
    assert parse_card(json.loads(json.dumps(dump_card(card))), "again") == card


def test_a_card_counts_the_videos_that_it_names(card: Dataset) -> None:
    for split in card.splits.values():
        assert len(set(split.names)) == len(split.names)
        assert len(split.names) in (0, split.counts.videos)


def test_a_card_says_whose_the_data_is(card: Dataset) -> None:
    assert card.licence
    if card.downloads:
        assert card.homepage.startswith("https://")
        assert re.search(r"@\w+\{\w+,.*title\s*=", card.citation, re.DOTALL)


def test_no_two_cards_answer_to_one_name() -> None:
    datasets = registry.known_datasets().values()
    names = Counter(name for dataset in datasets for name in (dataset.name, *dataset.aliases))
    assert [name for name, count in names.items() if count > 1] == []
    assert registry.find_dataset("davis").name == registry.find_dataset("default").name == "davis2017"
    known = {name: registry.find_dataset(name).name for name in ("sa-v", "lvos", "ytvos", "mose")}
    assert known == {"sa-v": "sav", "lvos": "lvosv2", "ytvos": "ytvos2019", "mose": "mosev1"}


def test_a_download_has_proper_addresses_and_a_proper_checksum() -> None:
    for download in DOWNLOADS:
        assert all(re.fullmatch(r"https?://[^/\s]+/\S+", url) for url in download.urls), download
        assert len(set(download.urls)) == len(download.urls), download
        assert "/" not in download.file
        assert download.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", download.sha256), download
        assert download.bytes is None or download.bytes > 0


def test_what_has_no_address_is_told_to_be_got_by_hand(card: Dataset) -> None:
    for split in card.splits.values():
        needed = [card.downloads[name] for name in split.downloads]
        bare = not needed and card.reader != "synthetic"
        if bare or any(not (download.urls or download.optional) for download in needed):
            assert "--from" in split.by_hand, split.name


def test_what_to_do_by_hand_is_two_short_sentences(card: Dataset) -> None:
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
            parts = [part for name, _, part in volumes if name == archive]
            numbered, lettered = [f"{i:03}" for i in range(1, len(parts) + 1)], [f"a{c}" for c in "abcdefgh"]
            assert parts in (numbered, lettered[: len(parts)])


def test_lists_of_checksums_are_among_the_downloads(card: Dataset) -> None:
    assert set(card.checksums) <= set(card.downloads)


def test_where_the_truth_is_not_public_there_is_a_server_or_none_is_known(card: Dataset) -> None:
    for split in card.splits.values():
        assert not (split.truth and split.server)
        assert split.server == "" or split.server.startswith("https://")


def test_a_card_stands_in_the_table_of_the_docs(card: Dataset) -> None:
    page = (Path(__file__).parents[1] / "docs/datasets.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith(f"| `{card.name}` |")]
    assert {name for row in rows for name in re.findall("`(.+?)`", row.split("|")[2])} == {*card.aliases} - {"default"}
    assert {name for row in rows for name in row.split("|")[3].strip().split(", ")} == set(card.splits)
    for split in card.splits.values():
        (row,) = (row for row in rows if split.name in row.split("|")[3].strip().split(", "))
        assert row.split("|")[5].strip().startswith("yes" if split.truth else "no")
        assert split.server.split(",")[0] in row


def test_the_card_in_the_docs_is_sound(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs/datasets.md").read_text()
    (example,) = re.findall("```toml\n(.*?)```", page, re.DOTALL)
    assert load_card(written(tmp_path, example)).splits["val"].frames == "JPEGImages/480p"


def test_rules_that_need_a_publishers_list_have_it_beside(card: Dataset) -> None:
    for split in card.splits.values():
        assert not card.rules.unseen_videos or card.rules.unseen_videos in split.beside


def test_a_card_is_read_with_the_defaults_of_its_types(tmp_path: Path) -> None:
    bears = load_card(written(tmp_path, BEARS))
    assert bears.rules == Rules("bears", tolerance=0.01)
    assert bears.downloads == {"bears.zip": Download("bears.zip", ("https://bears.example/bears.zip",))}
    assert bears.splits["val"].counts == Counts(videos=3)
    assert bears.splits["val"].prompts == "first_appearance"


def test_an_object_of_the_same_shape_is_a_card_as_well() -> None:
    mapping: dict[str, Any] = {"name": "bears", "title": "Bears", "splits": {"val": {}}}
    dataset = Dataset("bears", "Bears", Rules("bears"), {"val": Split("val")})
    assert load_card(mapping) == dataset
    assert load_card(dataset) is dataset


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('title = "Bears"', "", "'title' is missing"),
        ('name = "bears"', "", "'name' is missing"),
        ('title = "Bears"', "title = 5", "title = 5 "),
        ('title = "Bears"', 'titel = "Bears"\ntitle = ""', "unknown key 'titel'; known are name, title,"),
        ("tolerance = 0.01", "tolerence = 0.01", "rules: unknown key 'tolerence'"),
        ("tolerance = 0.01", 'tolerance = "low"', "rules: tolerance = 'low'"),
        ("tolerance = 0.01", "merge = 1", "rules: merge = 1"),
        ("tolerance = 0.01", "void = [true]", "rules: void = "),
        ("tolerance = 0.01", 'objects = "some"', "rules: objects = 'some'"),
        ("[rules]\ntolerance = 0.01", "rules = 5", "rules"),
        ('file = "bears.zip"', "", "downloads: 'file' is missing"),
        ('urls = ["https://bears.example/bears.zip"]', 'urls = "https://x"', "downloads: urls = 'https://x'"),
        ('downloads = ["bears.zip"]', 'downloads = ["cubs.zip"]', "splits.val names 'cubs.zip', which is not among"),
        ("counts = { videos = 3 }", "counts = { clips = 3 }", "splits.val.*clips"),
        ("counts = { videos = 3 }", 'counts = { videos = "3" }', "splits.val.*videos"),
        ("counts = { videos = 3 }", "counts = 3", "splits.val.*counts"),
        ("counts = { videos = 3 }", 'prompts = "boxes"', "splits.val: prompts = 'boxes'"),
        ("[splits.val]", "[splits.test]", "default_split is 'val', the splits are test"),
        ("[splits.val]", "[other]", "a card needs at least one split, as in"),
        ("[rules]", "[rules", "not valid TOML"),
    ],
)
def test_an_error_names_the_file_and_the_key_in_one_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in BEARS
    path = written(tmp_path, BEARS.replace(old, new))
    with pytest.raises(VosbenchError, match=rf"bears\.toml: .*{told}") as error:
        load_card(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "part", [{"splits": 5}, {"splits": {"val": 5}}, {"rules": ["x"]}, {"downloads": 5}, {"downloads": [5]}]
)
def test_a_mapping_of_another_shape_is_refused(part: dict[str, Any]) -> None:
    with pytest.raises(VosbenchError, match=rf"^card 'bears': .*{next(iter(part))}"):
        load_card({"name": "bears", "title": "Bears", "splits": {"val": {}}, **part})


def test_a_card_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(VosbenchError, match=r"bears\.toml: cannot read the card \(No such file"):
        registry.find_dataset(str(tmp_path / "bears.toml"))


def test_an_unknown_dataset_is_answered_with_the_nearest() -> None:
    with pytest.raises(VosbenchError, match="unknown dataset 'davsi': did you mean davis"):
        registry.find_dataset("davsi")
