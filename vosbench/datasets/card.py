"""A dataset's card: a TOML file, or an object of the same shape, with every fact about the dataset.

    name = "bears"                      # the dataset's folder under the datasets root
    title = "Bears 2024"
    aliases = ["bear"]                  # other names on the command line
    homepage = licence = citation = ""
    reader = "folders"                  # the function that reads the publisher's files: "folders" or "video_files"
    checksums = ["SHA256SUMS"]          # downloads that list the hashes of the other downloads

    [rules]                             # how the dataset is scored: the fields of Rules
    merge = false

    [[downloads]]                       # a file that the publisher offers: the fields of Download
    file = "bears.zip"
    urls = ["https://..."]              # tried in order; without one, the user has to download the file
    sha256 = "..."                      # left out where it is not known
    optional = true                     # where the dataset is complete without the file

    [splits.val]                        # the fields of Split
    downloads = ["bears.zip"]
    frames = "JPEGImages/480p"          # this folder may lie at any depth in the archive
    lists = ["ImageSets/{split}.txt"]   # or a JSON file whose `videos` has the names of the videos as keys
    meta = ["meta.json"]                # saved as val_meta.json
    beside = ["unseen.txt"]             # saved under this name
    by_hand = "Accept the licence at https://... . Give the archive with --from."
    counts = { videos = 3, frames = 120, objects = 5 }

    [splits.val.submission]             # the zip that its server takes: the fields of Submission
    folder = "Annotations"

The classes below explain every key. `vosbench fetch` copies the card into the dataset's dataset.json, and all other
commands use only the copy: editing a card has no effect on a fetched dataset until the dataset is fetched again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Download:
    """A file that a publisher offers.

    file: its name. Each volume of an archive (`train.7z.001`, `train.tar.gz.aa`, ...) is a download; the volumes are
    joined when they are read.
    urls: its addresses, tried in order; empty if the user has to download it.
    sha256, bytes: its hash in hexadecimal and its size, None where not known.
    least_bytes: the size that a whole file has at least, where neither is known.
    licence: of a checkpoint; that of a dataset's files stands on its card.
    optional: whether the dataset is complete without it. A fetch that cannot download it then warns and continues.
    holds: other downloads that lie in this archive. It is downloaded where one of them cannot be downloaded by itself.
    """

    file: str
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    bytes: int | None = None
    optional: bool = False
    least_bytes: int | None = None
    licence: str = ""
    holds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rules:
    """How a split is scored. The defaults are the rules of DAVIS 2017.

    name: the name of the card that states the rules; it is part of the signature of every score.
    merge: whether all labelled pixels, void included, belong to one object with id 1.
    void: ids in label maps that count as background.
    binary: whether 255 is the object 1, and not void, in a video whose masks hold only 0 and 255.
    dense: whether every frame of a video has a mask in the ground truth, so that a frame without one is a fault.
    objects: which objects are scored. "first_mask": the ids from 1 to the highest id of the first mask. "all": all ids
        in the ground truth. "listed": those in the publisher's meta file, even if the ground truth lacks them.
    span: which frames of an object are scored. "video": all annotated frames of the video. "own": the frames that the
        meta file lists for the object, or those in its folder of masks. "appearance": from its first appearance on.
    skip_first, skip_last: whether the first and the last frame of the span are left out.
    from_seen: whether an object is scored only from the frame on in which the ground truth or the prediction first
        shows it; an object that the ground truth never shows is then not scored.
    measure: the measures of a frame. "standard": J and F as in DAVIS. "adaptive": J, F and F_new as in MOSEv2.
    tolerance: the distance up to which boundary pixels match, as a fraction of the image diagonal.
    boundary_side: masks are resized to this shorter side, in pixels, before F is measured; None leaves their size.
    variation: whether V, the variation of J&F over time, is computed (LVOS).
    seen, unseen: the categories in the meta file that count as seen in training, and as unseen. A category in neither
        counts as unseen, and is named.
    unseen_videos: a file in the dataset's folder that lists the videos with unseen objects. With `seen` or with this,
        the mean is taken over seen and over unseen objects, and then over both.
    source: where the rules come from, if not from the publisher's own evaluator.
    """

    name: str
    merge: bool = False
    void: tuple[int, ...] = (255,)
    binary: bool = False
    dense: bool = False
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
    unseen: tuple[str, ...] = ()
    unseen_videos: str = ""
    source: str = ""


@dataclass(frozen=True)
class Counts:
    """The size of a split. None where the publisher's number is not known."""

    videos: int | None = None
    frames: int | None = None
    objects: int | None = None


@dataclass(frozen=True)
class Submission:
    """The zip that the server of a split takes: one label map a frame, as an indexed PNG named after the frame.

    folder: the folder in the zip that holds a folder for each video; empty for the top of the zip.
    frames: whether every frame of a video belongs in it, the first and the last one included, or only those that the
        publisher's meta file lists for an object.
    wrapper: whether the server also takes a zip in which everything lies in one more folder.
    gone: why nothing can be submitted any more, in plain words; empty while the server takes submissions.
    source: where the layout and the state of the server are stated, and as of which date.
    unverified: what nobody has confirmed; it is said whenever such a zip is written or checked.
    """

    folder: str = ""
    frames: Literal["all", "listed"] = "all"
    wrapper: bool = False
    gone: str = ""
    source: str = ""
    unverified: str = ""


@dataclass(frozen=True)
class Split:
    """A split of a dataset: which downloads hold it, where it lies in the publisher's folders, and how it is prompted.

    downloads: the names of the files that hold it.
    separable: whether each archive holds whole videos with all that belongs to them. The archives are then downloaded,
        unpacked and deleted one after another, which bounds memory and disk space.
    frames, masks: the folders that contain a folder for each video, relative to the publisher's top folder.
    lists: files that may list its videos, relative to the same folder; the first one that exists is read. Each is a
        text file, or a JSON file whose `videos` has the names as keys.
    prompts: whether objects are prompted only in the first frame of a video, or each in the first frame that shows it.
    separate_prompts: whether the publisher gives the prompts and the ground truth in different files. They are then
        kept apart. So are those of a split whose ground truth is not public, if the user has it from elsewhere.
    counts: its size.
    names: the names of its videos, where they are known before it is fetched.
    meta: names that the publisher's meta file may have; it is saved as `<split>_meta.json`.
    beside: files of the publisher that are saved under their own names. Where no meta file is found, a JSON file among
        them that has the form of one is taken for it.
    reader: the function that reads the publisher's files, if it is not the dataset's.
    by_hand: what the user has to do, before `--from` or `--links`, where the files cannot be downloaded automatically.
    truth: whether the ground truth is public. If not, the masks are only prompts, and results are scored at `server`.
    submission: the zip that the server takes; None if there never was a server, or if its layout is not known.
    """

    name: str
    downloads: tuple[str, ...] = ()
    separable: bool = False
    frames: str = "JPEGImages"
    masks: str = "Annotations"
    lists: tuple[str, ...] = ("ImageSets/{split}.txt",)
    prompts: Literal["first_frame", "first_appearance"] = "first_appearance"
    separate_prompts: bool = False
    counts: Counts = field(default_factory=Counts)
    names: tuple[str, ...] = ()
    meta: tuple[str, ...] = ("{split}_meta.json", "meta_{split}.json", "meta.json")
    beside: tuple[str, ...] = ()
    reader: str = ""
    by_hand: str = ""
    truth: bool = True
    server: str = ""
    submission: Submission | None = None


@dataclass(frozen=True)
class Dataset:
    """A dataset's card.

    name: the name of its folder under the datasets root. aliases: other names on the command line.
    downloads: name -> file. checksums: downloads that list the hashes of the others, one `<sha256 or md5>  <file>` a
    line, as `sha256sum` writes them.
    reader: the function that reads the publisher's files, a name or `module:function`.
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
