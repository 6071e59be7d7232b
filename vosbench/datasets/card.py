"""A dataset's card: a TOML file, or an object of the same shape, made into a Dataset.

    name = "bears"                      # the folder under the datasets root
    title = "Bears 2024"
    aliases = ["bear"]                  # other names on the command line
    homepage = licence = citation = ""
    reader = "folders"   # what reads the publisher's tree
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
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
)

from vosbench.errors import VosbenchError
from vosbench.io.schema import build_dataclass

if TYPE_CHECKING:
    pass


def load_card(source: Path | Mapping[str, Any] | Dataset) -> Dataset:
    """A card from a file, from a mapping of the same shape, or a Dataset as it is."""
    if isinstance(source, Dataset):
        return source
    if isinstance(source, Path):
        return parse_card(_read_toml(source), str(source))
    return parse_card(source, f"card {source.get('name')!r}")


def parse_card(card: Mapping[str, Any], where: str) -> Dataset:
    """A card's content as a Dataset. `where` names it in errors."""
    rules = build_dataclass(
        Rules, {"name": card.get("name", ""), **_get_table(card, "rules", where)}, f"{where}: rules"
    )
    downloads = [
        build_dataclass(Download, entry, f"{where}: downloads") for entry in _get_list(card, "downloads", where)
    ]
    splits = {name: parse_split(name, entry, where) for name, entry in _get_table(card, "splits", where).items()}
    if not splits:
        raise VosbenchError(f"{where}: a card needs at least one split, as in [splits.val]")
    by_file = {download.file: download for download in downloads}
    named = {f"splits.{part.name}": part.downloads for part in splits.values()}
    named["checksums"] = tuple(_get_list(card, "checksums", where))
    for key, files in named.items():
        if unknown := set(files) - set(by_file):
            raise VosbenchError(f"{where}: {key} names {unknown.pop()!r}, which is not among [[downloads]]")
    dataset = build_dataclass(Dataset, {**card, "rules": rules, "downloads": by_file, "splits": splits}, where)
    if dataset.default_split not in splits:
        raise VosbenchError(f"{where}: default_split is {dataset.default_split!r}, the splits are {', '.join(splits)}")
    return dataset


def parse_split(name: str, entry: Mapping[str, Any], where: str) -> Split:
    """One split of a card."""
    where = f"{where}: splits.{name}"
    if not isinstance(entry, Mapping):
        raise VosbenchError(f"{where} = {entry!r} is not a table")
    counts = build_dataclass(Counts, _get_table(entry, "counts", where), f"{where}: counts")
    return build_dataclass(Split, {**entry, "name": name, "counts": counts}, where)


def dump_card(dataset: Dataset) -> dict[str, Any]:
    """A Dataset as plain values, from which `parse` makes it again."""
    card = asdict(dataset)
    card["downloads"] = list(card["downloads"].values())
    return card


def _get_table(card: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = card.get(key, {})
    if not isinstance(value, Mapping):
        raise VosbenchError(f"{where}: {key} = {value!r} is not a table")
    return value


def _get_list(card: Mapping[str, Any], key: str, where: str) -> Sequence[Any]:
    value = card.get(key, [])
    if not isinstance(value, list | tuple):
        raise VosbenchError(f"{where}: {key} = {value!r} is not a list")
    return value


def _read_toml(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VosbenchError(f"{path}: cannot read the card ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise VosbenchError(f"{path}: not valid TOML ({error})") from None


@dataclass(frozen=True)
class Download:
    """A file that somebody publishes: its name, where it can be had (tried in order), and how to know it is whole.

    Volumes of one archive (`train.7z.001`, `train.tar.gz.aa`, ...) are downloads of their own, joined when read.
    optional: the dataset is complete without it, so that a fetch that cannot have it goes on with a warning.
    """

    file: str
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    bytes: int | None = None
    optional: bool = False


@dataclass(frozen=True)
class Rules:
    """How a split is scored. The defaults are DAVIS 2017's.

    name: what the signature calls them; the name of the card that they stand on.
    merge: every labelled pixel, void included, belongs to one single object with id 1.
    void: labels that are no object; their pixels count as background.
    objects: the ids 1 to the highest one of the first mask; or all that occur in the ground truth; or those that the
        publisher's meta file lists, whether they occur or not.
    span: the frames of which an object is scored in some: all annotated ones of the video; or its own, which the meta
        file lists or its folder of masks holds; or those from its first appearance on.
    skip_first, skip_last: whether the first and the last frame of the span are left out.
    from_seen: whether an object's score begins where the truth or the result first shows it; an object that the truth
        shows in none of its frames is then not scored.
    measure: the frame measures: J and F as in DAVIS; or adaptive, J, F and F_new as in MOSEv2.
    tolerance: the boundary measure's matching distance as a fraction of the image diagonal.
    boundary_side: the shorter side in pixels to which masks are resized for the boundary measure; as they are if None.
    variation: whether V, the spread of J&F over time, is stated (LVOS).
    seen: categories of the meta file's objects that count as seen in training. unseen_videos: a file in the dataset's
        folder that lists the videos that do not. With either, the means over seen and unseen objects count alike.
    source: what the rules were taken from, where that is not the publisher's own tool.
    """

    name: str
    merge: bool = False
    void: tuple[int, ...] = (255,)
    objects: Literal["first_mask", "all", "listed"] = "first_mask"
    span: Literal["video", "own", "appearance"] = "video"
    skip_first: bool = True
    skip_last: bool = True
    from_seen: bool = False
    measure: Literal["standard", "adaptive"] = "standard"
    tolerance: float = 0.008
    boundary_side: int | None = None
    variation: bool = False
    seen: tuple[str, ...] = ()
    unseen_videos: str = ""
    source: str = ""


@dataclass(frozen=True)
class Counts:
    """The size of a split. `None` where the publisher's figure is not known."""

    videos: int | None = None
    frames: int | None = None
    objects: int | None = None


@dataclass(frozen=True)
class Split:
    """One part of a dataset: what it is made from, where that lies in the publisher's tree, how it is prompted.

    downloads: the files that hold it. frames, masks: folders of video folders. lists: candidates for the file
    that lists its videos, the first one found counts: a text file, or a JSON file whose `videos` has them as keys. All
    are relative to the publisher's top folder. reader: names the function that reads the tree, where it is not the
    dataset's. by_hand: what a person has to do where no program can fetch it, before `--from` or `--links`.
    prompts: an object is given by its mask in frame 0, or in the first frame in which it appears.
    names: the publisher's list of videos, where it is known beforehand.
    meta: candidates for the publisher's meta file; a fetched dataset has it as `<split>_meta.json`. beside: files of
    the publisher that a fetched dataset has under their own names. truth: whether the ground truth is public; if not,
    there are prompts alone, and the `server` scores.
    """

    name: str
    downloads: tuple[str, ...] = ()
    frames: str = "JPEGImages"
    masks: str = "Annotations"
    lists: tuple[str, ...] = ("ImageSets/{split}.txt",)
    prompts: Literal["first_frame", "first_appearance"] = "first_appearance"
    counts: Counts = field(default_factory=Counts)
    names: tuple[str, ...] = ()
    meta: tuple[str, ...] = ("{split}_meta.json", "meta_{split}.json", "meta.json")
    beside: tuple[str, ...] = ()
    reader: str = ""
    by_hand: str = ""
    truth: bool = True
    server: str = ""


@dataclass(frozen=True)
class Dataset:
    """A dataset's card: every fact about it, no code.

    reader: names the function that reads the publisher's tree. checksums: the downloads that list the hashes of the
    others, one `<sha256 or md5>  <file>` a line, as `sha256sum` writes them.
    """

    name: str
    title: str
    rules: Rules
    splits: Mapping[str, Split]
    aliases: tuple[str, ...] = ()
    default_split: str = "val"
    downloads: Mapping[str, Download] = field(default_factory=dict)
    checksums: tuple[str, ...] = ()
    reader: str = "folders"
    homepage: str = ""
    licence: str = ""
    citation: str = ""
