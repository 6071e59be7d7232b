"""Read a dataset's card from a TOML file or from plain values, and turn it into plain values again."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vosbench.datasets.card import Dataset, Download
from vosbench.errors import VosbenchError
from vosbench.io.schema import build_dataclass

CARD_REMEDY = "correct the card"


@dataclass(frozen=True)
class _DownloadList:
    """The downloads as a card has them: a list, which `Dataset` has by name."""

    downloads: tuple[Download, ...] = ()


def load_card(source: Path | Mapping[str, Any] | Dataset) -> Dataset:
    """Read a card from a TOML file, or from a mapping of the same shape; a Dataset is returned as it is.

    Raises VosbenchError if the file cannot be read or is not TOML, and for a key that is missing, unknown or of a wrong
    type.
    """
    if isinstance(source, Dataset):
        return source
    if isinstance(source, Path):
        return parse_card(_read_toml(source), str(source))
    return parse_card(source, f"card {source.get('name')!r}")


def parse_card(card: Mapping[str, Any], where: str, remedy: str = CARD_REMEDY) -> Dataset:
    """Build a Dataset from the content of a card.

    where: names the card in errors. remedy: what the error tells the user to do.
    Raises VosbenchError for a key that is missing, unknown or of a wrong type.
    """
    downloads = build_dataclass(_DownloadList, card, where, remedy, ignore_unknown=True).downloads
    splits, rules = card.get("splits", {}), card.get("rules", {})
    if splits == {}:
        raise VosbenchError(where, "a card needs at least one split, as in [splits.val]", remedy)
    values = {**card, "downloads": {download.file: download for download in downloads}}
    # Rules and splits know their names. A value of a wrong type stays as it is, for the validator to refuse.
    values["rules"] = {"name": card.get("name", ""), **rules} if isinstance(rules, Mapping) else rules
    if isinstance(splits, Mapping):
        values["splits"] = {
            name: {**split, "name": name} if isinstance(split, Mapping) else split for name, split in splits.items()
        }
    dataset = build_dataclass(Dataset, values, where, remedy)
    _check_names(dataset, where, remedy)
    return dataset


def _check_names(dataset: Dataset, where: str, remedy: str) -> None:
    """Raise VosbenchError if a card names a download or a split that it does not have."""
    named = {f"splits.{split.name}": split.downloads for split in dataset.splits.values()}
    named |= {f"holds of {download.file}": download.holds for download in dataset.downloads.values()}
    for key, files in {**named, "checksums": dataset.checksums}.items():
        if unknown := set(files) - set(dataset.downloads):
            raise VosbenchError(where, f"{key} names {unknown.pop()!r}, which is not among [[downloads]]", remedy)
    if dataset.default_split not in dataset.splits:
        found = f"default_split is {dataset.default_split!r}, the splits are {', '.join(dataset.splits)}"
        raise VosbenchError(where, found, remedy)


def dump_card(dataset: Dataset) -> dict[str, Any]:
    """Turn a Dataset into plain values for JSON, which `parse_card` turns into the same Dataset again."""
    card = asdict(dataset)
    card["downloads"] = list(card["downloads"].values())
    return card


def _read_toml(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VosbenchError(path, f"cannot read the card ({error.strerror})", "check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise VosbenchError(path, f"not valid TOML ({error})", CARD_REMEDY) from None
