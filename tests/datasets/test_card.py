"""An error in a card is named in one line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from vosbench.datasets.card import (
    Counts,
    Dataset,
    Download,
    Rules,
    Split,
)
from vosbench.datasets.locate import MANIFEST_REMEDY
from vosbench.datasets.read_card import (
    load_card,
    parse_card,
)
from vosbench.errors import VosbenchError

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


def test_the_card_in_the_docs_can_be_read(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/datasets.md").read_text()
    (example,) = re.findall("```toml\n(.*?)```", page, re.DOTALL)
    assert load_card(written(tmp_path, example)).splits["val"].frames == "JPEGImages/480p"


def test_a_card_is_read_with_the_defaults_of_its_types(tmp_path: Path) -> None:
    bears = load_card(written(tmp_path, BEARS))
    assert bears.rules == Rules("bears", tolerance=0.01)
    assert bears.downloads == {"bears.zip": Download("bears.zip", ("https://bears.example/bears.zip",))}
    assert bears.splits["val"].counts == Counts(videos=3)
    assert bears.splits["val"].prompts == "first_appearance"


def test_a_mapping_of_the_same_shape_is_a_card_as_well() -> None:
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
        ("tolerance = 0.01", "void = [true]", r"rules: void\[0\] = True "),
        ("tolerance = 0.01", 'objects = "some"', "rules: objects = 'some'"),
        ("[rules]\ntolerance = 0.01", "rules = 5", "rules"),
        ('file = "bears.zip"', "", r"downloads\[0\]: 'file' is missing"),
        (
            'urls = ["https://bears.example/bears.zip"]',
            'urls = "https://x"',
            r"downloads\[0\]: urls = 'https://x' \(expected a list",
        ),
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
    "wrong", [{"splits": 5}, {"splits": {"val": 5}}, {"rules": ["x"]}, {"downloads": 5}, {"downloads": [5]}]
)
def test_a_mapping_of_another_shape_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(VosbenchError, match=rf"^card 'bears': .*{next(iter(wrong))}"):
        load_card({"name": "bears", "title": "Bears", "splits": {"val": {}}, **wrong})


def test_the_copy_of_a_card_in_a_fetched_dataset_is_mended_by_fetching_it_again() -> None:
    for card in (5, {"name": "bears", "title": "Bears", "splits": {"val": {"frames": 5}}}):
        with pytest.raises(VosbenchError, match=r"^bears/dataset\.json: .*; delete it and fetch the dataset again$"):
            parse_card(card, "bears/dataset.json", MANIFEST_REMEDY)  # type: ignore[arg-type]
