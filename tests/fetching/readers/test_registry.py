"""Readers are found by today's names and by the names that older datasets have on their cards."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.fetches import FILE, card, fetch
from vosbench.datasets.read_card import parse_card
from vosbench.datasets.split import open_split
from vosbench.datasets.verify import find_splits_to_verify, verify_split
from vosbench.errors import VosbenchError
from vosbench.fetching.readers import synthetic
from vosbench.fetching.readers.registry import READERS, load_reader


@pytest.mark.parametrize("name", READERS)
def test_every_reader_can_be_loaded(name: str) -> None:
    assert callable(load_reader(name))


def test_an_unknown_reader_is_told_with_the_nearest_name() -> None:
    with pytest.raises(VosbenchError, match="unknown reader 'folder': did you mean folders"):
        load_reader("folder")


@pytest.mark.parametrize("former", ["vosbench.normalise:folders", "vosbench.scenes:read", "vosbench.clips:clips"])
def test_a_dataset_with_a_former_name_on_its_card_opens_verifies_and_is_fetched_again(
    tmp_path: Path, zipped: bytes, monkeypatch: pytest.MonkeyPatch, former: str
) -> None:
    short = tuple(replace(scene, length=2) for scene in synthetic.load_scenes()["train"])
    monkeypatch.setattr(synthetic, "load_scenes", lambda: {"val": short})
    (tmp_path / FILE).write_bytes(zipped)
    given = () if former == "vosbench.scenes:read" else (str(tmp_path / FILE),)
    fetch(replace(card(), reader=former), tmp_path, given=given)
    root = tmp_path / "datasets"
    assert open_split("cubs", None, root).video("duet" if not given else "bob").frames[0].size > 0
    ((dataset_split, manifest),) = find_splits_to_verify("cubs", None, root)
    assert verify_split(dataset_split, manifest, jobs=1) == []
    old = parse_card(json.loads((root / "cubs/dataset.json").read_text())["card"], "dataset.json")
    assert old.reader == former
    assert fetch(old, tmp_path, given=given, force=True).was_fetched
