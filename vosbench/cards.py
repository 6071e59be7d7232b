"""A dataset's card: a TOML file, or an object of the same shape, made into a Dataset.

    name = "bears"                      # the folder under the datasets root
    title = "Bears 2024"
    aliases = ["bear"]                  # other names on the command line
    homepage = licence = citation = ""
    reader = "vosbench.normalise:folders"   # what reads the publisher's tree
    checksums = ["SHA256SUMS"]          # downloads that list the hashes of the others

    [rules]                             # how it is scored: the fields of vosbench.types.Rules
    merge = false

    [[downloads]]                       # what the publisher offers: the fields of vosbench.types.Download
    file = "bears.zip"
    urls = ["https://..."]              # tried in order; without one the file has to be got by hand
    sha256 = "..."                      # left out where not known, never invented
    optional = true                     # if the dataset is complete without it

    [splits.val]                        # the fields of vosbench.types.Split
    downloads = ["bears.zip"]
    frames = "JPEGImages/480p"          # wherever in the archive this is
    lists = ["ImageSets/{split}.txt"]   # or a JSON file with the videos as keys of `videos`
    meta = ["meta.json"]                # becomes val_meta.json
    beside = ["unseen.txt"]             # keeps its name
    by_hand = "Accept the licence at https://... . Give the archive with --from."
    counts = { videos = 3, frames = 120, objects = 5 }

Raises VosbenchError for a file that is missing, is not TOML, or has a key that is missing, unknown or of a wrong type.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from vosbench.types import Counts, Dataset, Download, Rules, Split, VosbenchError

T = TypeVar("T")
_hints: Callable[[type], dict[str, Any]] = cache(get_type_hints)


def load(source: Path | Mapping[str, Any] | Dataset) -> Dataset:
    """A card from a file, from a mapping of the same shape, or a Dataset as it is."""
    if isinstance(source, Dataset):
        return source
    if isinstance(source, Path):
        return parse(_read(source), str(source))
    return parse(source, f"card {source.get('name')!r}")


def parse(card: Mapping[str, Any], where: str) -> Dataset:
    """A card's content as a Dataset. `where` names it in errors."""
    rules = build(Rules, {"name": card.get("name", ""), **_table(card, "rules", where)}, f"{where}: rules")
    downloads = [build(Download, entry, f"{where}: downloads") for entry in _list(card, "downloads", where)]
    splits = {name: split(name, entry, where) for name, entry in _table(card, "splits", where).items()}
    if not splits:
        raise VosbenchError(f"{where}: a card needs at least one split, as in [splits.val]")
    by_file = {download.file: download for download in downloads}
    named = {f"splits.{part.name}": part.downloads for part in splits.values()}
    named["checksums"] = tuple(_list(card, "checksums", where))
    for key, files in named.items():
        if unknown := set(files) - set(by_file):
            raise VosbenchError(f"{where}: {key} names {unknown.pop()!r}, which is not among [[downloads]]")
    dataset = build(Dataset, {**card, "rules": rules, "downloads": by_file, "splits": splits}, where)
    if dataset.default_split not in splits:
        raise VosbenchError(f"{where}: default_split is {dataset.default_split!r}, the splits are {', '.join(splits)}")
    return dataset


def split(name: str, entry: Mapping[str, Any], where: str) -> Split:
    """One split of a card."""
    where = f"{where}: splits.{name}"
    if not isinstance(entry, Mapping):
        raise VosbenchError(f"{where} = {entry!r} is not a table")
    counts = build(Counts, _table(entry, "counts", where), f"{where}: counts")
    return build(Split, {**entry, "name": name, "counts": counts}, where)


def dump(dataset: Dataset) -> dict[str, Any]:
    """A Dataset as plain values, from which `parse` makes it again."""
    card = asdict(dataset)
    card["downloads"] = list(card["downloads"].values())
    return card


def build(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    """A dataclass from plain values, checked against its annotations; lists become tuples."""
    if not isinstance(values, Mapping):
        raise VosbenchError(f"{where}: {values!r} is not a table")
    hints = _hints(kind)
    needed = {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}  # type: ignore[arg-type]
    if missing := needed - set(values):
        raise VosbenchError(f"{where}: {sorted(missing)[0]!r} is missing")
    if unknown := set(values) - set(hints):
        raise VosbenchError(f"{where}: unknown key {sorted(unknown)[0]!r}; known are {', '.join(hints)}")
    checked = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    for key, value in checked.items():
        if not _fits(value, hints[key]):
            raise VosbenchError(f"{where}: {key} = {value!r} is not of the kind that is wanted, {hints[key]}")
    return kind(**checked)


def _table(card: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = card.get(key, {})
    if not isinstance(value, Mapping):
        raise VosbenchError(f"{where}: {key} = {value!r} is not a table")
    return value


def _list(card: Mapping[str, Any], key: str, where: str) -> Sequence[Any]:
    value = card.get(key, [])
    if not isinstance(value, list | tuple):
        raise VosbenchError(f"{where}: {key} = {value!r} is not a list")
    return value


def _fits(value: object, hint: Any) -> bool:
    """Whether a plain value fits an annotation as used in vosbench.types."""
    arguments = get_args(hint)
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_fits(item, arguments[0]) for item in value)
    if get_origin(hint) is Literal:
        return value in arguments
    if arguments and type(None) in arguments:
        return value is None or any(_fits(value, option) for option in arguments if option is not type(None))
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, get_origin(hint) or hint) and not (hint is int and isinstance(value, bool))


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VosbenchError(f"{path}: cannot read the card ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise VosbenchError(f"{path}: not valid TOML ({error})") from None
