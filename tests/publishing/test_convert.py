"""Masks come out of every form as they went in, or are refused; other tools read the same."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco

import vosbench
from tests.support.cli import Cli
from tests.support.golden import make_tree, squares, unhurried, write_masks
from tests.support.mask_videos import MaskVideos, assert_holds, encode_rle_list, mask_videos
from tests.support.predictions import OVERLAP, npz, zipped
from tests.support.runs import tracked
from vosbench.errors import VosbenchError
from vosbench.masks.labels import encode_labels, from_labels, to_labels
from vosbench.masks.open_anywhere import open_all_masks
from vosbench.types import Mask

TARGETS = {
    "png": ("png", "masks"),
    "objects": ("objects", "masks"),
    "rle folder": ("rle", "masks"),
    "rle file": ("rle", "masks.json"),
    "youtube-vis": ("youtube-vis", "masks.json"),
    "burst": ("burst", "masks.json"),
    "masklets": ("masklets", "masks"),
    "npz folder": ("npz", "masks"),
    "npz file": ("npz", "masks.npz"),
}
"""Every form with its name and the name of what is written."""
BEAR = [squares((1, 2, 2 + step), (20, 14, 20 - step)) for step in range(3)]
FOX = [squares(), squares((2, 3, 4))]
VIDEOS = {"bear": BEAR, "fox": FOX}

every = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)


def drawn(folder: Path, videos: MaskVideos) -> Path:
    """Write drawn masks in a form that holds all of them."""
    (folder / "drawn.json").write_text(json.dumps(encode_rle_list(videos)))
    return folder / "drawn.json"


def there_and_back(videos: MaskVideos, *targets: tuple[str, str]) -> None:
    """Convert masks from form to form, and compare them after each."""
    with tempfile.TemporaryDirectory() as name:
        path = drawn(Path(name), videos)
        assert_holds(path, videos)
        for index, (form, out) in enumerate(targets):
            (Path(name) / str(index)).mkdir()
            path = vosbench.convert(path, Path(name) / str(index) / out, form).path
            assert_holds(path, videos)


pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools
SMALL = settings(unhurried, max_examples=25)


@pytest.mark.slow
@SMALL
@given(mask_videos(overlap=False, ids=st.integers(1, 255)))
def test_label_maps_hold_what_does_not_overlap(videos: MaskVideos) -> None:
    there_and_back(videos, TARGETS["png"])


@pytest.mark.slow
@SMALL
@given(mask_videos())
def test_every_form_but_label_maps_holds_overlaps_gaps_and_ids_of_any_size(videos: MaskVideos) -> None:
    there_and_back(videos, *(TARGETS[form] for form in ("objects", "rle file", "youtube-vis", "burst", "npz file")))


@pytest.mark.slow
@SMALL
@given(mask_videos(), st.sampled_from(["rle folder", "npz folder"]))
def test_folders_with_a_file_for_each_video_hold_the_same(videos: MaskVideos, form: str) -> None:
    there_and_back({video.replace("_auto", "-auto"): each for video, each in videos.items()}, TARGETS[form])


@pytest.mark.slow
@SMALL
@given(mask_videos(names=st.sampled_from([["00000"], ["00000", "00001", "00002"], [f"{4 * i:05}" for i in range(4)]])))
def test_savs_form_holds_frames_that_are_equally_far_apart(videos: MaskVideos) -> None:
    there_and_back(videos, TARGETS["masklets"], TARGETS["objects"])


@pytest.mark.slow
@SMALL
@given(mask_videos(overlap=False, ids=st.integers(1, 2**16 - 1)))
def test_arrays_of_ids_are_written_where_objects_do_not_overlap(videos: MaskVideos) -> None:
    with tempfile.TemporaryDirectory() as name:
        done = vosbench.convert(drawn(Path(name), videos), Path(name) / "r.npz", "npz")
        with np.load(done.path) as content:
            for video, (size, frames) in videos.items():
                array = content[video]
                assert (array.shape, content[f"{video}/frames"].tolist()) == (
                    (len(frames), *size),
                    open_all_masks(done.path).video(video, []).frame_names,  # type: ignore[union-attr]
                )
                for label_map, frame_name in zip(array, content[f"{video}/frames"], strict=True):
                    assert np.array_equal(label_map, to_labels(frames[frame_name], size))


@pytest.mark.slow
@SMALL
@given(mask_videos())
def test_pycocotools_decodes_the_codes_to_the_same_masks(videos: MaskVideos) -> None:
    with tempfile.TemporaryDirectory() as name:
        source = drawn(Path(name), videos)
        content = json.loads(vosbench.convert(source, Path(name) / "v.json", "youtube-vis").path.read_text())
        known = {entry["id"]: entry for entry in content["videos"]}
        shown = {}
        for entry in content["annotations"]:
            video = known[entry["video_id"]]
            measured = zip(entry["areas"], entry["bboxes"], strict=True)
            for file, code, sizes in zip(video["file_names"], entry["segmentations"], measured, strict=True):
                if code is None:
                    assert sizes == (None, None)
                else:
                    assert sizes == (coco.area(code), coco.toBbox(code).tolist())
                    key = (video["name"], Path(file).stem, entry["object_id"])
                    shown[key] = coco.decode(code).astype(bool)
        burst = json.loads(vosbench.convert(source, Path(name) / "b.json", "burst").path.read_text())
        apart = {}
        for sequence in burst["sequences"]:
            joined = "_-_".join(filter(None, (sequence["dataset"], sequence["seq_name"])))
            for file, step in zip(sequence["annotated_image_paths"], sequence["segmentations"], strict=True):
                for track, code in step.items():
                    size = [sequence["height"], sequence["width"]]
                    code = {"size": size, "counts": code["rle"].encode()}
                    apart[joined, Path(file).stem, int(track)] = coco.decode(code).astype(bool)
    expected = {
        (video, name, object_id): mask
        for video, (_, frames) in videos.items()
        for name, masks in frames.items()
        for object_id, mask in masks.items()
    }
    for found in (shown, apart):
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[key], mask) for key, mask in expected.items())


def encode_with_pycocotools(mask: Mask | None) -> dict[str, Any] | None:
    if mask is None:
        return None
    code = coco.encode(np.asfortranarray(mask, np.uint8))
    return {**code, "counts": code["counts"].decode()}


@pytest.mark.slow
@SMALL
@given(mask_videos(names=st.just(["00000", "00001"])))
def test_masks_that_pycocotools_has_encoded_are_read(videos: MaskVideos) -> None:
    content: dict[str, Any] = {"videos": [], "annotations": []}
    for index, (video, (size, frames)) in enumerate(videos.items()):
        files = [f"{video}/{name}.jpg" for name in frames]
        content["videos"].append({"id": index, "height": size[0], "width": size[1], "file_names": files})
        for object_id in {key for masks in frames.values() for key in masks} or {1}:
            codes = [
                coco.encode(np.asfortranarray(masks[object_id], np.uint8)) if object_id in masks else None
                for masks in frames.values()
            ]
            texts = [code and {**code, "counts": code["counts"].decode()} for code in codes]
            content["annotations"].append({"video_id": index, "object_id": object_id, "segmentations": texts})
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "r.json").write_text(json.dumps(content))
        assert_holds(Path(name) / "r.json", videos)
        assert_holds(vosbench.convert(Path(name) / "r.json", Path(name) / "o", "objects").path, videos)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset with two videos, and a run on it in the folder `run` beside it."""
    folder = tmp_path_factory.mktemp("zoo")
    tree = make_tree(folder / "zoo", {"bear": BEAR, "owl": [squares((2, 3, 4 + step)) for step in range(4)]})
    tracked(tree, folder / "run")
    return tree


@pytest.mark.slow
@every
def test_a_run_has_the_same_scores_in_every_form(tmp_path: Path, zoo: Path, target: tuple[str, str]) -> None:
    run = zoo.parent / "run"
    expected = vosbench.evaluate(run, zoo, jobs=1)
    done = vosbench.convert(run, tmp_path / "new" / target[1], target[0])
    assert (done.videos, done.frames, done.form) == (2, 7, target[0])
    found = vosbench.evaluate(done.path, zoo, jobs=1)
    assert found.means == expected.means
    assert sorted(found.scores, key=str) == sorted(expected.scores, key=str)


@every
def test_the_same_masks_give_the_same_bytes(tmp_path: Path, target: tuple[str, str]) -> None:
    masks = write_masks(tmp_path / "source", VIDEOS)
    read = []
    for place in ("a", "b"):
        out = vosbench.convert(masks, tmp_path / place / target[1], target[0]).path
        files = [out] if out.is_file() else sorted(out.rglob("*.*"))
        read.append({path.relative_to(tmp_path / place): path.read_bytes() for path in files})
    assert read[0] == read[1]
    frames = {
        video: {f"{i:05}": from_labels(labels) for i, labels in enumerate(maps)} for video, maps in VIDEOS.items()
    }
    assert_holds(out, {video: ((24, 32), frames[video]) for video in VIDEOS})


def test_indexed_pngs_are_copied_byte_for_byte(tmp_path: Path) -> None:
    masks = write_masks(tmp_path / "source/Annotations/480p", VIDEOS)
    image = Image.fromarray(BEAR[0])
    image.putpalette([*range(256)] * 3)
    image.save(masks / "bear/00000.png", compress_level=9)
    for source in (tmp_path / "source", zipped(tmp_path / "r.zip", tmp_path / "source")):
        out = vosbench.convert(source, tmp_path / "out" / source.stem, "png").path
        assert {path.relative_to(out): path.read_bytes() for path in out.rglob("*.png")} == {
            path.relative_to(masks): path.read_bytes() for path in masks.rglob("*.png")
        }


def test_published_masklets_become_folders_and_the_same_codes_again(data: Path, tmp_path: Path) -> None:
    content = json.loads((data / "sav/sav_000001_manual.json").read_text())
    (tmp_path / "sav_000001_manual.json").write_text(
        json.dumps({**content, "video_frame_count": 37.0, "masklet": content["masklet"][:10]})
    )
    folder = vosbench.convert(tmp_path / "sav_000001_manual.json", tmp_path / "new", "objects").path
    assert {path.parent.name for path in folder.rglob("*.png")} == {"000", "001", "002", "004"}  # 3 appears later
    again = vosbench.convert(folder, tmp_path / "again", "masklets").path / "sav_000001_manual.json"
    written = json.loads(again.read_text())
    columns = [content["masklet_id"].index(object_id) for object_id in written["masklet_id"]]
    assert written["masklet"] == [[step[column] for column in columns] for step in content["masklet"][:10]]


def overlapping(folder: Path) -> Path:
    apart: Mapping[str, Any] = {f"bear/{object_id:03}": [np.uint8(mask)] for object_id, mask in OVERLAP.items()}
    return write_masks(folder / "overlapping", apart)


def test_overlaps_are_refused_or_flattened_to_the_smallest_id(tmp_path: Path) -> None:
    source = overlapping(tmp_path)
    with pytest.raises(VosbenchError, match=r"bear/00000\.png: objects 1 and 2 share pixels.*; give --flatten"):
        vosbench.convert(source, tmp_path / "png", "png")
    assert not list(tmp_path.glob("*png*"))
    flat = vosbench.convert(source, tmp_path / "png", "png", flatten=True).path
    assert (flat / "bear/00000.png").read_bytes() == encode_labels(to_labels(OVERLAP, (24, 32)))
    for target in ("rle", "objects"):
        out = vosbench.convert(source, tmp_path / target, target, flatten=True).path
        assert_holds(out, {"bear": ((24, 32), {"00000": {1: OVERLAP[1], 2: OVERLAP[2] & ~OVERLAP[1]}})})


@pytest.mark.parametrize(
    ("videos", "to", "told"),
    [
        ({"bear/300": BEAR[:1]}, "png", "object id 300 has no place in an indexed PNG, which holds 1 to 255; choose"),
        ({"bear/0": BEAR[:1]}, "png", "object id 0 has no place in an indexed PNG"),
        ({"bear": {"00001": BEAR[0]}}, "masklets", "frames 00001, .*; SA-V's form holds 00000 and every n-th frame"),
        (
            {"bear": {"00000": FOX[1], "00004": FOX[1]}},
            "masklets",
            "has 2 masks at a distance of 4, and SA-V",
        ),
        ({"bear": {"0": BEAR[0]}}, "masklets", "its masks are of the frames 0, "),
        ({"bear": [BEAR[0], np.zeros((3, 4), np.uint8)]}, "rle", "frames 00000 and 00001 differ in size.*--to png"),
        ({"bear": [BEAR[0], np.zeros((3, 4), np.uint8)]}, "npz", "differ in size, and this form states one size"),
        ({"bear_manual": BEAR}, "rle", r"video bear_manual: its name ends as those of SA-V's.*-o masks\.json"),
        ({"bear": BEAR, "logs": []}, "rle", "video logs has no masks; remove its folder, or name the dataset"),
    ],
)
def test_what_a_form_cannot_hold_is_refused_and_nothing_is_left(
    tmp_path: Path, videos: Mapping[str, Any], to: str, told: str
) -> None:
    source = write_masks(tmp_path / "source", videos)
    with pytest.raises(VosbenchError, match=told):
        vosbench.convert(source, tmp_path / "new", to)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_different_sizes_stay_in_pngs(tmp_path: Path) -> None:
    source = write_masks(tmp_path / "source", {"bear": [BEAR[0], np.zeros((3, 4), np.uint8)]})
    out = vosbench.convert(vosbench.convert(source, tmp_path / "o", "objects").path, tmp_path / "p", "png").path
    assert {path.name: path.read_bytes() for path in out.glob("*/*")} == {
        path.name: path.read_bytes() for path in source.glob("*/*")
    }


def test_names_that_lead_elsewhere_are_refused(tmp_path: Path) -> None:
    for index, (video, frame) in enumerate([("..", "0"), ("a/b", "0"), ("a", "../../x"), ("a", ".hidden"), ("a", "")]):
        content = {"video": video, "size": [2, 2], "frames": [{"frame": frame, "masks": {}}]}
        (tmp_path / "r.json").write_text(json.dumps([content]))
        with pytest.raises(VosbenchError, match=r"cannot be the name of a (video|frame)"):
            vosbench.convert(tmp_path / "r.json", tmp_path / f"out{index}", "png")
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def test_masks_without_frame_names_get_those_of_the_dataset(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "zoo", {"bear": {"00001": BEAR[0], "00006": BEAR[1]}})
    arrays = npz(tmp_path / "r.npz", bear=np.stack(BEAR[:2]), wolf=np.stack(BEAR))
    with pytest.raises(VosbenchError, match="give each mask its frame's name, or name their dataset with --dataset"):
        vosbench.convert(arrays, tmp_path / "out", "png")
    done = vosbench.convert(arrays, tmp_path / "out", "png", tree)
    assert sorted(path.name for path in done.path.rglob("*.png")) == ["00001.png", "00006.png"]
    assert [path.name for path in done.path.iterdir()] == ["bear"]
    assert done.notes == (f"1 video of {arrays} not of this split, and left out",)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[]", "no masks of a video are found; give the folder of the videos' folders"),
        ('{"a":', "not JSON of a known form .ValueError: expecting value at byte 5.; write it again, in a form that"),
        ('{"sequences": 3}', "not JSON in the form of BURST .*; write it again, in a form that"),
        ('{"masklet": 3}', "has no masklets that can be read .KeyError: 'video_frame_count'.; write it again$"),
        ('"frames"', "not JSON in the form of YouTube-VIS .*; write `videos` and `annotations`"),
    ],
)
def test_a_file_without_masks_is_refused(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(VosbenchError, match=rf"r\.json: .*{told}" if "masklet" in content else rf"r\.json: {told}"):
        vosbench.convert(tmp_path / "r.json", tmp_path / "out", "png")
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def test_annotations_without_an_object_id_are_refused(tmp_path: Path) -> None:
    codes = [{"video_id": "bear", "segmentations": [{"size": [2, 2], "counts": [4]}]}] * 2
    (tmp_path / "r.json").write_text(
        json.dumps({"videos": [{"id": "bear", "file_names": ["0.jpg"]}], "annotations": codes})
    )
    with pytest.raises(VosbenchError, match="has annotations without an object id; add the object_id"):
        vosbench.convert(tmp_path / "r.json", tmp_path / "out", "png")


@pytest.mark.parametrize(
    ("out", "to", "told"),
    [
        ("x", "gif", "form of masks 'gif'"),
        ("x", "burst", r"--to burst writes one file, whose name ends in \.json; name such a file"),
        ("x.npz", "youtube-vis", r"writes one file, whose name ends in \.json"),
        ("x.zip", "png", r"--to png writes a folder, not a \.zip; name a folder"),
        ("source/new", "png", "lies in .*source, or around it; write the new masks elsewhere"),
        (".", "png", "lies in .*source, or around it"),
        ("source", "png", "holds the masks that are converted; write the new masks elsewhere"),
        ("mine", "png", "mine: is there already; name another place with --out, or give --overwrite"),
    ],
)
def test_a_place_that_does_not_fit_is_refused(tmp_path: Path, out: str, to: str, told: str) -> None:
    source = write_masks(tmp_path / "source", VIDEOS)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("mine")
    with pytest.raises(VosbenchError, match=told):
        vosbench.convert(source, tmp_path / out, to)
    assert (tmp_path / "mine/thesis.tex").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "source"]


def test_what_is_there_stays_until_the_new_masks_are_complete(tmp_path: Path) -> None:
    source = write_masks(tmp_path / "source", VIDEOS)
    out = vosbench.convert(source, tmp_path / "out", "objects").path
    (source / "fox/00001.png").write_bytes(b"damaged")
    with pytest.raises(VosbenchError, match="cannot be decoded"):
        vosbench.convert(source, out, "objects", overwrite=True)
    assert len(list(out.rglob("*.png"))) == 8
    shutil.rmtree(source / "fox")
    vosbench.convert(source, out, "objects", overwrite=True)
    assert len(list(out.rglob("*.png"))) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "source"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError(28, "No space left on device")])
@pytest.mark.parametrize("out", ["masks", "masks.json"])
def test_an_interrupted_conversion_leaves_nothing(tmp_path: Path, stop: Any, out: str) -> None:
    def interrupt(done: int, total: int) -> None:
        raise stop

    source = write_masks(tmp_path / "source", VIDEOS)
    with pytest.raises((KeyboardInterrupt, VosbenchError)):
        vosbench.convert(source, tmp_path / out, "rle", on_video=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


@pytest.mark.parametrize(
    ("layout", "videos"),
    [
        (lambda top: write_masks(top / "deep/Annotations", {"0001": FOX, "0002": FOX}), {"0001", "0002"}),
        (lambda top: write_masks(top, {"bear/1": FOX, "bear/2": FOX}), {"bear"}),
        (lambda top: write_masks(top, {"bear": FOX}), {"bear"}),
        (lambda top: write_masks(top / "DAVIS/480p", VIDEOS), {"bear", "fox"}),
    ],
    ids=["numbered", "objects", "single", "deep"],
)
def test_videos_are_found_without_a_dataset(tmp_path: Path, layout: Callable[[Path], Path], videos: set[str]) -> None:
    (tmp_path / "top").mkdir()
    layout(tmp_path / "top")
    for path in (tmp_path / "top", zipped(tmp_path / "r.zip", tmp_path / "top")):
        assert set(open_all_masks(path).videos()) == videos


def test_the_command_says_what_it_wrote(cli: Cli, tmp_path: Path) -> None:
    write_masks(tmp_path / "source", VIDEOS)
    assert cli("convert", "source", "-o", "m.json", "--to", "burst").stdout == "m.json: 2 videos, 5 frames, burst\n"
    assert "--to is not given" in cli("convert", "source", "-o", "m.json", expect=2).stderr
    assert "--out is not given" in cli("convert", "source", "--to", "png", expect=2).stderr
    assert (
        "is a split of no dataset"
        in cli("convert", "source", "-o", "x", "--to", "png", "--split", "v", expect=2).stderr
    )


@pytest.mark.slow
def test_a_run_that_is_not_whole_is_converted_with_a_note(cli: Cli, tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "zoo", {"good": BEAR, "bad": BEAR})
    given = ("--tracker", "failing_trackers:Short", "--set", f"memo={tmp_path}", "--gpus", "cpu", "--out", "part")
    cli("infer", "--dataset", tree, *given, expect=1)
    done = cli("convert", "part", "-o", "masks", "--to", "png")
    assert (done.stdout, done.stderr.splitlines()[-1]) == (
        "masks: 1 video, 3 frames, png\n",
        "note: 1 video of part not done, and without masks here too",
    )
