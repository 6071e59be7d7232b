"""Fetches of a small dataset by a card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Server
from vosbench.datasets.card import Dataset
from vosbench.datasets.read_card import parse_card
from vosbench.errors import VosbenchError
from vosbench.fetching.fetch import FetchResult, fetch_dataset
from vosbench.fetching.sources import Sources

FILE, LIST = "cubs.zip", "SHA256SUMS"


def card(*downloads: Mapping[str, Any], checksums: tuple[str, ...] = (), **val: Any) -> Dataset:
    """A card whose split val needs all of the downloads except lists of hashes."""
    files = [download["file"] for download in downloads if download["file"] not in checksums]
    splits = {"val": {"downloads": files, **val}, "train": {}}
    return parse_card(
        {"name": "cubs", "title": "Cubs", "downloads": [*downloads], "checksums": [*checksums], "splits": splits},
        "card",
    )


def fetch(dataset: Dataset, folder: Path, **sources: Any) -> FetchResult:
    """Fetch into `folder/datasets`."""
    return fetch_dataset(dataset, None, folder / "datasets", Sources(**sources), lambda label, done, total: None)


def refusal(dataset: Dataset, folder: Path, **sources: Any) -> str:
    """The message of a fetch that must fail and leave no file."""
    with pytest.raises(VosbenchError) as caught:
        fetch(dataset, folder, **sources)
    assert "\n" not in str(caught.value)
    assert not any(path.is_file() for path in (folder / "datasets").rglob("*") if path.name != LIST)
    return str(caught.value)


def manifest(folder: Path) -> dict[str, Any]:
    """What dataset.json says of the split val."""
    described: dict[str, Any] = json.loads((folder / "datasets/cubs/dataset.json").read_text())["splits"]["val"]
    return described


def asked(server: Server) -> list[str]:
    return [request.path.removeprefix("/") for request in server.requests]


def listing(content: bytes, algorithm: str) -> bytes:
    """A list of hashes with a comment, another file, and the publisher's folder in the paths."""
    value, other = (hashlib.new(algorithm, each).hexdigest() for each in (content, b"other"))
    return f"# made by hand\n{other}  other.zip\n{value.upper()} *release/{FILE}\n".encode()
