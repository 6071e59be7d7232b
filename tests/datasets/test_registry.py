"""Datasets are found by name, by alias and by the path of a card."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from vosbench.datasets import registry
from vosbench.errors import VosbenchError


def test_no_two_cards_have_the_same_name_or_alias() -> None:
    datasets = registry.known_datasets().values()
    names = Counter(name for dataset in datasets for name in (dataset.name, *dataset.aliases))
    assert [name for name, count in names.items() if count > 1] == []
    assert registry.find_dataset("davis").name == registry.find_dataset("default").name == "davis2017"
    known = {name: registry.find_dataset(name).name for name in ("sa-v", "lvos", "ytvos", "mose")}
    assert known == {"sa-v": "sav", "lvos": "lvosv2", "ytvos": "ytvos2019", "mose": "mosev1"}


def test_a_missing_card_is_named(tmp_path: Path) -> None:
    with pytest.raises(VosbenchError, match=r"bears\.toml: cannot read the card \(No such file"):
        registry.find_dataset(str(tmp_path / "bears.toml"))


def test_an_unknown_dataset_is_answered_with_the_nearest() -> None:
    with pytest.raises(VosbenchError, match=r"dataset 'davsi'.*did you mean davis"):
        registry.find_dataset("davsi")
