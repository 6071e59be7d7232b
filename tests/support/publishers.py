"""Small copies of what each publisher offers for each split, in the publisher's own layout with its known oddities."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.support.golden import squares
from tests.support.published_archives import (
    LITTER,
    Files,
    cut,
    just,
    listed,
    saved,
    sevenzipped,
    tarred,
    tree,
    unpacked,
    zipped,
)
from tests.support.published_clips import (
    STEM,
    Clip,
    Visible,
    apart,
    drawn,
    jpeg,
    only_prompts,
    overlapping,
    png,
    real,
)
from vosbench.datasets import registry
from vosbench.datasets.split import DatasetSplit
from vosbench.fetching.readers.drawing import draw_labels
from vosbench.fetching.readers.folders import DatasetReader, SplitContent
from vosbench.fetching.readers.registry import load_reader
from vosbench.fetching.readers.synthetic import load_scenes
from vosbench.io.archives.open import open_members
from vosbench.io.files import write_text
from vosbench.io.paths import FRAMES, MASKS
from vosbench.masks import rle
from vosbench.types import Mask


class Published(NamedTuple):
    """The files that a publisher offers, and what they must become: videos in this order, and files beside them."""

    files: Sequence[Path]
    clips: Sequence[Clip]
    beside: Mapping[str, bytes] = {}


def davis2016(folder: Path, data: Path | None, split: str) -> Published:
    """One object with the value 255; lists of pairs of paths; both splits and two resolutions in one archive."""
    truth = data / "davis2016-real/DAVIS/Annotations/480p"
    val = [real(data, name, truth, 3, merged=True) for name in ("blackswan", "dog", "libby")]
    gone = drawn("bmx-bumps", 4, {255: (0, 3)}, mode="L")  # in the middle its masks are empty
    alpha = drawn("bear", 2, {255: range(2)}, mode="LA")
    train = [Clip(c.name, c.frames, c.masks, {"00000": {1: c.prompts["00000"][255]}}) for c in (gone, alpha)]
    files = tree([*train, *val], "DAVIS/JPEGImages/480p", "DAVIS/Annotations/480p")
    files |= tree([drawn("bear", 1, {255: (0,)})], "DAVIS/JPEGImages/1080p", "DAVIS/Annotations/1080p")
    for name, clips in (("train", train), ("val", val), ("trainval", [*train, *val])):
        pairs = (f"480p/{clip.name}/{stem}" for clip in clips for stem in clip.frames)
        lines = (f"/JPEGImages/{pair}.jpg /Annotations/{pair}.png " for pair in pairs)
        files[f"DAVIS/ImageSets/480p/{name}.txt"] = listed(lines)
    files["DAVIS/Annotations/db_info.yml"] = b"attributes: []\n"
    return Published([zipped(folder / "DAVIS-data.zip", files | LITTER)], train if split == "train" else val)


def davis2017(
    folder: Path, data: Path | None, split: str, own: str = "480p", other: str = "Full-Resolution"
) -> Published:
    """Train and val in one archive, and every archive unpacks to DAVIS; 255 is void; a part of the masks for tests."""
    if split.startswith("test"):
        names = {"test-dev": ("aerobatics", "car-race"), "test-challenge": ("turtle", "vietnam")}[split]
        clips = [only_prompts(drawn(name, 3, {1: range(3), 2: range(2)})) for name in names]
        lists = {f"DAVIS/ImageSets/2017/{split}.txt": listed(names)}
        archive = f"DAVIS-2017-{split}-{own}.zip"
    else:
        truth = data / "golden/DAVIS/Annotations/480p"
        val = [real(data, "blackswan", truth, 2), drawn("judo", 3, {1: range(3), 2: range(2)})]
        void = drawn("tennis", 3, {1: range(3), 2: range(3), 255: range(3)}, void=255)
        train = [drawn("bear", 2, {1: range(2)}), void]
        clips = train if split == "train" else val
        both = {"val": [clip.name for clip in val], "train": [clip.name for clip in train]}
        lists = {f"DAVIS/ImageSets/2017/{name}.txt": listed(videos) for name, videos in both.items()}
        lists |= {"DAVIS/ImageSets/2016/val.txt": listed(["blackswan"])}
        lists |= tree(val if split == "train" else train, f"DAVIS/JPEGImages/{own}", f"DAVIS/Annotations/{own}")
        archive = f"DAVIS-2017-trainval-{own}.zip"
    files = tree(clips, f"DAVIS/JPEGImages/{own}", f"DAVIS/Annotations/{own}")
    larger = [clip._replace(frames={"00000": jpeg(7)}, masks={"00000": png(squares())}) for clip in clips]
    files |= tree(larger, f"DAVIS/JPEGImages/{other}", f"DAVIS/Annotations/{other}")
    readme = {"DAVIS/README.md": b"DAVIS 2017\n"}
    return Published([zipped(folder / archive, {**lists, **files, **readme, **LITTER})], clips)


def davis2017_full(folder: Path, data: Path | None, split: str) -> Published:
    return davis2017(folder, data, split, "Full-Resolution", "480p")


def mose_clips(split: str) -> list[Clip]:
    """Ids with a gap, an object that comes later and so is no prompt, a video of one frame, an empty mask."""
    gap = drawn("10247152", 4, {1: range(4), 4: range(2)}, prompts="first_frame")
    if split == "val":
        return [only_prompts(clip) for clip in (drawn("08746283", 3, {1: range(3)}), gap)]
    late = drawn("2e1a0bc8", 5, {1: (0, 1, 4), 7: range(3, 5)}, prompts="first_frame")
    return [gap, late, drawn("9eb92f21", 1, {1: (0,)})]


def apple(files: Files) -> Files:
    """The files, each after the file that macOS adds to a tar for it."""
    both: Files = {}
    for name, content in files.items():
        folder, _, file = name.rpartition("/")
        both |= {f"{folder}/._{file}": b"\0\5\x16\7", name: content}
    return both


def mosev1(folder: Path, data: Path | None, split: str) -> Published:
    """The list is a separate JSON file, in which width and height are swapped and some keys have a suffix."""
    name = {"val": "valid"}.get(split, split)
    clips = mose_clips(split)
    entries = {
        f"{clip.name}.mp4": {"length": len(clip.frames), "width": 24, "height": 32, "objects": {}}
        for clip in reversed(clips)
    }
    meta = json.dumps({"videos": entries}).encode()
    archive = tarred(folder / f"{name}.tar.gz", apple(tree(clips, f"{name}/JPEGImages", f"{name}/Annotations")))
    files = [archive, saved(folder / f"meta_{name}.json", meta)]
    return Published(files, clips, {f"{split}_meta.json": meta})


def mosev2(folder: Path, data: Path | None, split: str) -> Published:
    """The train archive comes in volumes."""
    name = {"val": "valid"}.get(split, split)
    clips = mose_clips(split)
    entries = {
        clip.name: {
            "frames": [f"{stem}.jpg" for stem in clip.frames],
            "length": len(clip.frames),
            "height": 24,
            "width": 32,
            "objects": [label for masks in clip.prompts.values() for label in masks],
        }
        for clip in clips
    }
    meta = json.dumps({"info": {"version": "2"}, "videos": entries}).encode()
    path = tarred(folder / f"{name}.tar.gz", apple(tree(clips, f"{name}/JPEGImages", f"{name}/Annotations")))
    files = [path] if split == "val" else cut(path, 3, lambda number: f".a{chr(96 + number)}")
    return Published([*files, saved(folder / f"meta_{name}.json", meta)], clips, {f"{split}_meta.json": meta})


def sav(folder: Path, data: Path | None, split: str) -> Published:
    """One folder of masks an object, from 000 on; objects overlap, appear late and vanish; masks may be empty."""
    clips = [
        apart("sav_000123", 9, {0: range(9), 1: range(9), 2: range(4, 9)}),
        apart("sav_017599", 6, {0: range(6), 3: range(3)}),
    ]
    top = f"sav_{split}"
    files = {f"{top}/{top}.txt": listed(clip.name for clip in clips)}
    files |= tree(clips, f"{top}/JPEGImages_24fps", f"{top}/Annotations_6fps")
    files[f"{top}/Annotations_6fps/sav_000123/.DS_Store"] = b"\0\0\0\1Bud1"
    return Published([tarred(folder / f"{top}.tar", files)], clips)


def sav_train(folder: Path, data: Path | None, split: str) -> Published:
    """Videos are mp4, masks are RLE of every fourth frame; masks made by a model lie beside."""
    files, clips = [], []
    for shard, name in (("sav_000", "sav_000001"), ("sav_001", "sav_001002")):
        clip = apart(name, 17, {0: range(17), 1: range(4, 17)}, made=True)
        steps = range(0, 17, 4)
        masklets = [
            [rle.encode_rle(overlapping(0, i)), rle.encode_rle(overlapping(1, i)) if i else None] for i in steps
        ]
        manual = {
            "video_id": name,
            "video_frame_count": 17.0,
            "masklet": masklets,
            "masklet_id": [0, 1],
            "masklet_first_appeared_frame": [0.0, 1.0],
        }
        auto = {**manual, "masklet_id": [0], "masklet": [[rle.encode_rle(overlapping(4, index))] for index in steps]}
        content = {
            f"sav_train/{shard}/{name}.mp4": mp4(folder / f"{name}.mp4", 17),
            f"sav_train/{shard}/{name}_manual.json": json.dumps(manual).encode(),
            f"sav_train/{shard}/{name}_auto.json": json.dumps(auto).encode(),
        }
        files.append(tarred(folder / f"{shard}.tar", content))
        clips.append(clip)
    return Published(files, clips)


def mp4(path: Path, length: int) -> bytes:
    """A video of grey frames, 24 a second."""
    import cv2

    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 24, (32, 24))
    for index in range(length):
        writer.write(np.full((24, 32, 3), 15 * index, np.uint8))
    writer.release()
    content = path.read_bytes()
    path.unlink()
    return content


def lvos(folder: Path, data: Path | None, split: str) -> Published:
    """Frames 1, 6, 11, ...; ground truth of all of them, also where objects appear late; the meta file is inside."""
    name = {"val": "valid"}.get(split, split)
    clips = [
        drawn("0tCWPOrc", 4, {2: range(4)}, stem=eight),
        drawn("7K7WVzGG", 5, {1: range(5), 5: range(2, 5), 255: range(3)}, stem=eight, void=255),
        drawn("d83wYdy0", 4, {1: range(2, 4)}, stem=eight),  # its first masks are empty
    ]
    if split == "test":
        clips = [only_prompts(clip) for clip in clips]
    ranges = {"frame_range": {"start": "00000001", "end": "00000016", "frame_nums": "4"}}
    meta = json.dumps({"videos": {clip.name: {"objects": {"1": ranges}} for clip in clips}}).encode()
    files = tree(clips, f"{name}/JPEGImages", f"{name}/Annotations")
    files |= {f"{name}/Scribbles/0tCWPOrc/00000001.png": png(squares()), f"{name}/{name}_meta.json": meta}
    unseen = b"d83wYdy0\n"
    return Published(
        [zipped(folder / f"{name}.zip", files | LITTER), saved(folder / "unseen_videos.txt", unseen)],
        clips,
        {f"{split}_meta.json": meta, "unseen_videos.txt": unseen},
    )


def eight(index: int) -> str:
    return f"{1 + 5 * index:08}"


def ytvos_clips(step: int = 1) -> list[Clip]:
    """Every fifth of 30 frames a second; an object may come late, and no object be in frame 0; ids have gaps.

    step: 1 if only the annotated frames are published, 5 for all frames.
    """
    stem = (lambda index: STEM(5 * index)) if step == 1 else STEM
    annotated = range(0, 4 * step, step)
    visible: list[tuple[str, Visible]] = [
        ("0062f687f1", {1: range(4 * step), 3: range(2 * step, 4 * step)}),
        ("00f88c4f0a", {2: range(step, 4 * step)}),
    ]
    return [drawn(name, 4 * step, objects, annotated, stem) for name, objects in visible]


def ytvos_meta(clips: Iterable[Clip]) -> bytes:
    objects = {"category": "penguin", "frames": ["00000", "00005"]}
    return json.dumps({"videos": {clip.name: {"objects": {"1": objects}} for clip in clips}}).encode()


def ytvos(folder: Path, data: Path | None, split: str, form: str) -> Published:
    """The ground truth of 2018's val and of 2019's test is a separate archive with the same paths as the prompts.

    Both are kept.
    """
    name = {"val": "valid"}.get(split, split)
    clips = sorted(ytvos_clips())
    overlay = {("2018", "val"): "validation_gt", ("2019", "test"): "test_gt"}.get((form, split))
    offered = clips if split == "train" else [only_prompts(clip) for clip in clips]
    files = tree(offered, f"{name}/JPEGImages", f"{name}/Annotations")
    meta = ytvos_meta(reversed(clips))
    files[f"{name}/meta.json"] = meta
    if form == "2018" and split == "train":
        inner = zipped(folder / "train.zip", files)
        paths = sevenzipped(folder / "train.7z", {"train.zip": inner.read_bytes()}, 12)
    else:
        paths = [tarred(folder / f"{name}.tar", files) if form == "2019" else zipped(folder / f"{name}.zip", files)]
    if not overlay:
        return Published(paths, offered, {f"{split}_meta.json": meta})
    truth = just("Annotations", tree(clips, "x", f"{overlay}/Annotations"))
    prompts = {name: content for name, content in tree(offered, "x", "Prompts").items() if name.startswith("Prompts")}
    paths.append(zipped(folder / f"{overlay}.zip", truth))
    return Published(paths, clips, {f"{split}_meta.json": meta, **prompts})


def allframes(folder: Path, data: Path | None, split: str, form: str) -> Published:
    """All frames come without masks, in volumes; the masks, the meta file and the list are the sparse archive's."""
    name = {"val": "valid"}.get(split, split)
    sparse = ytvos(folder, data, split, form)
    by_name = {clip.name: clip for clip in sparse.clips}
    clips = [clip._replace(masks=by_name[clip.name].masks) for clip in sorted(ytvos_clips(step=5))]
    frames = just("JPEGImages", tree(clips, f"{name}_all_frames/JPEGImages", "x"))
    volumes = sevenzipped(folder / f"{name}_all_frames.7z", frames, 2)
    return Published([*sparse.files, *volumes], clips, sparse.beside)


def folder_of_mine(folder: Path, data: Path | None, split: str) -> Published:
    """A folder with a list only of train; suffixes in capitals; frames without masks between."""
    clips = [drawn("my cat", 3, {1: range(3), 2: range(1, 3)}, annotated=(0, 2)), drawn("zoo", 2, {9: range(2)})]
    files = tree(clips, "JPEGImages", "Annotations", suffix="JPG")
    if split == "train":
        clips.reverse()
        files["ImageSets/train.txt"] = listed(clip.name for clip in clips)
    return Published([unpacked(folder / "mine", files)], clips)


def vost(folder: Path, data: Path | None, split: str) -> Published:
    """Frame names with letters; frames at another rate beside; a list of a split that is not there."""
    clip = drawn("555_tear_aluminium_foil", 3, {1: range(3)}, stem="frame{:05}".format)
    files = tree([clip, drawn("1_other", 1, {1: (0,)})], "VOST/JPEGImages", "VOST/Annotations")
    files |= just("JPEGImages_10fps", tree([clip], "VOST/JPEGImages_10fps", "x"))
    files |= {f"VOST/ImageSets/{split}.txt": listed([clip.name]), "VOST/ImageSets/test.txt": listed(["none"])}
    return Published([zipped(folder / "VOST.zip", files)], [clip])


def pumavos(folder: Path, data: Path | None, split: str) -> Published:
    clips = [drawn("chair", 2, {1: range(2)}), drawn("shirt", 2, {1: range(2)})]
    return Published([zipped(folder / "PUBLIC_PUMaVOS.zip", tree(clips, "JPEGImages", "Annotations"))], clips)


def synthetic(folder: Path, data: Path | None, split: str) -> Published:
    """No files: the reader draws the videos."""
    clips = []
    for scene in load_scenes()[split]:
        maps = [draw_labels(scene, index) for index in range(scene.length)]
        seen: dict[str, dict[int, Mask]] = {}
        for label in set(np.unique(maps)) - {0}:
            first = next(index for index, labels in enumerate(maps) if label in labels)
            seen.setdefault(STEM(first), {})[int(label)] = maps[first] == label
        made = dict.fromkeys(map(STEM, range(len(maps))))
        clips.append(Clip(scene.name, made, made, seen))
    return Published([], clips)


Publisher = Callable[[Path, Path | None, str], Published]


def _year(publisher: Callable[[Path, Path | None, str, str], Published], form: str) -> Publisher:
    return lambda folder, data, split: publisher(folder, data, split, form)


PUBLISHERS: Mapping[str, Publisher] = {
    "davis2016": davis2016,
    "davis2017": davis2017,
    "davis2017-full": davis2017_full,
    "folder": folder_of_mine,
    "lvosv1": lvos,
    "lvosv2": lvos,
    "mosev1": mosev1,
    "mosev2": mosev2,
    "pumavos": pumavos,
    "sav": lambda folder, data, split: (sav_train if split == "train" else sav)(folder, data, split),
    "synthetic": synthetic,
    "vost": vost,
    "ytvos2018": _year(ytvos, "2018"),
    "ytvos2018-allframes": _year(allframes, "2018"),
    "ytvos2019": _year(ytvos, "2019"),
    "ytvos2019-allframes": _year(allframes, "2019"),
}


class Normalised(NamedTuple):
    """What a publisher offers, and the same in the normal layout."""

    published: Published
    content: SplitContent
    tree: DatasetSplit


def normalised(name: str, split: str, published: Published, root: Path) -> Normalised:
    """Put a publisher's files into the normal layout as `vosbench fetch` does, without dataset.json."""
    card, home = registry.find_dataset(name), root / name
    part = card.splits[split]
    reader: DatasetReader = load_reader(part.reader or card.reader)
    with open_members(published.files, root / "scratch") as members:
        content = reader(members, part)
        for path, member in content.entries:
            member.save(home / path)
    write_text(home / f"ImageSets/{split}.txt", "".join(f"{video}\n" for video in content.videos))
    tree = DatasetSplit(name, home, part, card.rules, tuple(content.videos), home / FRAMES, home / MASKS, True)
    return Normalised(published, content, tree)
