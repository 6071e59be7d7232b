"""Masks are found in every form in which people have them, and nothing is taken for what it is not."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden import SIZE, squares, unhurried, write_masks
from hypothesis import given
from hypothesis import strategies as st

from vosbench.datasets.card import Rules
from vosbench.errors import VosbenchError
from vosbench.masks.labels import encode_labels, from_labels
from vosbench.masks.open import open_predictions
from vosbench.masks.rle import encode_rle
from vosbench.masks.source import MaskSource, SizedMasks, describe_missing_frame
from vosbench.types import Labels

RULES = Rules("animals")
BEAR = [squares((1, 2, 2 + step), (2, 14, 20 - step)) for step in range(3)]
FOX = [squares((1, 8, 3 * step)) for step in range(2)]
VIDEOS = {"bear": BEAR, "fox": FOX}
STEMS = ["00000", "00001", "00002"]
OVERLAP = {1: squares((1, 2, 2)) > 0, 2: squares((1, 4, 4)) > 0}


def source(results: Path, video: str = "bear", stems: list[str] = STEMS, rules: Rules = RULES) -> MaskSource:
    found = open_predictions(results, ["bear", "fox", "wolf"], rules.merge).video(video, stems)
    assert found
    return found


def zipped(path: Path, folder: Path) -> Path:
    """A zip of all that is in a folder."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return path


def dumped(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def segmentations(maps: list[Labels], label: int) -> list[dict[str, Any]]:
    return [encode_rle(labels == label) for labels in maps]


def annotation(video: object, maps: list[Labels], label: int) -> dict[str, Any]:
    return {"video_id": video, "object_id": label, "segmentations": segmentations(maps, label)}


ANNOTATIONS = [annotation(7, BEAR, 2), annotation(7, BEAR, 1), annotation(9, FOX, 1)]
LISTED = [
    {"id": identity, "height": SIZE[0], "width": SIZE[1], "file_names": [f"{video}/{stem}.jpg" for stem in stems]}
    for identity, video, stems in ((9, "fox", STEMS[:2]), (7, "bear", STEMS), (8, "wolf", STEMS))
]


def npz(path: Path, **arrays: object) -> Path:
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    return path


def run(top: Path) -> Path:
    (top / "run.json").write_text("{}")
    write_masks(top / "masks", VIDEOS)
    return top


def arrays_in_folder(top: Path) -> Path:
    for video, maps in VIDEOS.items():
        npz(top / "arrays" / f"{video}.npz", masks=np.stack(maps))
    return top / "arrays"


FORMS: Mapping[str, Callable[[Path], Path]] = {
    "run": run,
    "folder": lambda top: write_masks(top / "masks", VIDEOS),
    "deeper": lambda top: write_masks(top / "DAVIS/Annotations/480p", VIDEOS).parents[1],
    "zip": lambda top: zipped(top / "r.zip", write_masks(top / "masks", VIDEOS)),
    "deeper zip": lambda top: zipped(top / "r.ZIP", write_masks(top / "masks/Annotations", VIDEOS).parent),
    "annotations": lambda top: dumped(top / "r.json", {"videos": LISTED, "annotations": ANNOTATIONS}),
    "predictions": lambda top: dumped(
        top / "r.json", {"videos": LISTED, "annotations": [{"a": "truth"}], "predictions": ANNOTATIONS}
    ),
    "list": lambda top: dumped(
        top / "r.json", [annotation("fox", FOX, 1), annotation("bear", BEAR, 1), annotation("bear", BEAR, 2)]
    ),
    "npz": lambda top: npz(top / "r.npz", bear=np.stack(BEAR), fox=np.stack(FOX).astype(np.int64)),
    "npz folder": arrays_in_folder,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_same_masks_come_out_of_every_form(tmp_path: Path, form: Callable[[Path], Path]) -> None:
    guesses = open_predictions(form(tmp_path), ["bear", "fox", "wolf"])
    assert sorted(guesses.videos()) == ["bear", "fox"]
    assert guesses.video("wolf", STEMS) is None
    for video, maps in VIDEOS.items():
        masks = guesses.video(video, STEMS[: len(maps)])
        assert masks
        masks = pickle.loads(pickle.dumps(masks))
        assert masks.frame_names == STEMS[: len(maps)]
        for stem, labels in zip(masks.frame_names, maps, strict=True):
            assert masks.has(stem)
            size, found = masks.read(stem)
            expected = from_labels(labels)
            assert (size, found.keys()) == (SIZE, expected.keys())
            assert all(np.array_equal(found[label], expected[label]) for label in expected)
        assert not masks.has("00007")
        with pytest.raises(VosbenchError, match=r"00007.* is missing$"):
            masks.read("00007")


def read_all(masks: MaskSource) -> list[SizedMasks]:
    return [masks.read(stem) for stem in masks.frame_names]


@pytest.mark.parametrize("form", ["zip", "npz"])
def test_a_worker_opens_the_file_by_itself(tmp_path: Path, form: str) -> None:
    masks = source(FORMS[form](tmp_path))
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        assert [found[1].keys() for found in pool.submit(read_all, masks).result()] == [{1, 2}] * 3


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_where_the_rules_merge_objects_all_are_object_1(tmp_path: Path, form: Callable[[Path], Path]) -> None:
    _, masks = source(form(tmp_path), rules=Rules("merged", merge=True)).read("00000")
    assert masks.keys() == {1}
    assert np.array_equal(masks[1], BEAR[0] > 0)


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_binary_masks_lie_in_a_folder_an_object_and_may_overlap(tmp_path: Path, packed: bool) -> None:
    objects = {f"bear/{label:03}": [mask.astype(np.uint8) * 255] for label, mask in OVERLAP.items()}
    folder = write_masks(tmp_path / "masks", {**objects, "bear/004": {"00001": squares()}})
    masks = source(zipped(tmp_path / "r.zip", folder) if packed else folder)
    assert masks.frame_names == ["00000", "00001"]
    assert {label: mask.sum() for label, mask in masks.read("00000")[1].items()} == {1: 36, 2: 36}
    assert masks.read("00001") == (SIZE, {})


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_a_picture_beside_the_folders_of_objects_is_no_mask(tmp_path: Path, packed: bool) -> None:
    folder = write_masks(tmp_path / "masks", {"bear/1": FOX, "bear": {"preview": BEAR[0]}})
    masks = source(zipped(tmp_path / "r.zip", folder) if packed else folder)
    assert masks.frame_names == ["00000", "00001"]
    assert masks.read("00000")[1].keys() == {1}


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_foreign_files_are_ignored(tmp_path: Path, packed: bool) -> None:
    top = tmp_path / "masks"
    folder = write_masks(top / "Annotations", {"bear": BEAR})
    write_masks(top, {"eval/bear": FOX, "__MACOSX/bear": FOX})
    for name in ("results.csv", ".DS_Store", "Annotations/Thumbs.db", "Annotations/bear/._00000.png"):
        (top / name).write_bytes(b"litter")
    masks = source(zipped(tmp_path / "r.zip", top) if packed else top)
    assert masks.frame_names == STEMS
    assert masks.read("00000")[1].keys() == {1, 2}
    assert masks.describe("00000").endswith(str(Path("Annotations/bear/00000.png")))
    assert folder.is_dir()


def test_numbered_videos_in_a_folder_are_not_taken_for_objects(tmp_path: Path) -> None:
    write_masks(tmp_path, {"Annotations/0001": FOX, "Annotations/0002": FOX})
    guesses = open_predictions(tmp_path, ["0002"])
    assert (guesses.path, guesses.videos()) == (tmp_path / "Annotations", ["0001", "0002"])


def test_the_objects_of_the_only_video_are_not_taken_for_videos(tmp_path: Path) -> None:
    write_masks(tmp_path, {"bear/1": FOX, "bear/2": FOX})
    guesses = open_predictions(tmp_path, ["bear", "fox"])
    assert (guesses.path, guesses.videos()) == (tmp_path, ["bear"])


def test_a_folder_without_any_of_the_videos_is_taken_as_it_is(tmp_path: Path) -> None:
    write_masks(tmp_path, {"Annotations/cat": FOX})
    guesses = open_predictions(tmp_path, ["bear"])
    assert (guesses.path, guesses.videos()) == (tmp_path, ["Annotations"])


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
def test_frames_are_matched_by_their_exact_names(tmp_path: Path, packed: bool) -> None:
    maps = dict.fromkeys(("10", "5", "frame00012", "00000-crop", "last"), FOX[0])
    folder = write_masks(tmp_path / "masks", {"bear": maps})
    masks = source(zipped(tmp_path / "r.zip", folder) if packed else folder)
    assert masks.frame_names == ["00000-crop", "5", "10", "frame00012", "last"]
    assert [stem for stem in ("00005", "5", "frame00012", "00012") if masks.has(stem)] == ["5", "frame00012"]
    assert describe_missing_frame(masks, "00005").endswith(
        "bear/00005.png is missing; 5 is there, but frames are matched by their exact names: rename it"
    )
    assert "; frame00012 is there" in describe_missing_frame(masks, "00012")
    assert describe_missing_frame(masks, "00007").endswith("bear/00007.png is missing")
    assert describe_missing_frame(masks, "first").endswith("bear/first.png is missing")


def test_255_in_a_result_is_an_id(tmp_path: Path) -> None:
    folder = write_masks(tmp_path / "masks", {"bear": [squares((255, 1, 1))]})
    arrays = npz(tmp_path / "r.npz", bear=[squares((255, 1, 1))])
    for results in (folder, zipped(tmp_path / "r.zip", folder), arrays):
        assert source(results, stems=["00000"]).read("00000")[1].keys() == {255}


def test_a_file_that_has_changed_is_read_anew(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "r.zip", write_masks(tmp_path / "first", {"bear": [squares((1, 2, 2))]}))
    assert source(archive).read("00000")[1].keys() == {1}
    zipped(archive, write_masks(tmp_path / "second", {"bear": [squares((2, 2, 2))]}))
    assert source(archive).read("00000")[1].keys() == {2}
    arrays = npz(tmp_path / "r.npz", bear=[squares((1, 2, 2))])
    assert source(arrays, stems=["0"]).read("0")[1].keys() == {1}
    npz(arrays, bear=[squares((2, 2, 2))])
    assert source(arrays, stems=["0"]).read("0")[1].keys() == {2}


# COCO RLE


def test_objects_without_an_id_are_counted_by_video(tmp_path: Path) -> None:
    ids: list[dict[str, int | None]] = [{}, {"id": 70, "track_id": 30}, {"object_id": None, "instance_id": 40}, {}]
    entries = [{"video_id": "bear", "segmentations": [encode_rle(OVERLAP[1])], **known} for known in ids]
    masks = source(dumped(tmp_path / "r.json", [annotation("fox", FOX, 1), *entries]), stems=["00000"])
    assert masks.read("00000")[1].keys() == {1, 30, 40, 4}


def test_a_frame_may_lack_an_object_or_all_of_them(tmp_path: Path) -> None:
    one, two = (
        {"video_id": "bear", "segmentations": codes} for codes in ([encode_rle(OVERLAP[1]), None], [None, None])
    )
    masks = source(dumped(tmp_path / "r.json", [one, two]), stems=STEMS[:2])
    assert [masks.read(stem)[1].keys() for stem in STEMS[:2]] == [{1}, set()]
    listed = {"videos": LISTED, "annotations": [{"video_id": 7, "segmentations": [None, None, None]}]}
    assert source(dumped(tmp_path / "r.json", listed)).read("00001") == (SIZE, {})


def test_a_video_has_its_own_name_where_its_files_have_no_folder(tmp_path: Path) -> None:
    video = {"id": 7, "name": "bear", "file_names": ["00000.jpg", "00005.jpg", "00010.jpg"]}
    results = dumped(tmp_path / "r.json", {"videos": [video], "annotations": [annotation(7, BEAR, 1)]})
    assert source(results).frame_names == ["00000", "00005", "00010"]


BLOCK = encode_rle(OVERLAP[1])


@pytest.mark.parametrize(
    ("segmentations", "told"),
    [
        (
            [[[1, 2, 3, 4, 5, 6]]],
            r"r\.json: video bear, frame 00000, object 1: a list in place of .* polygons are not read",
        ),
        ([{**BLOCK, "counts": [5, 5]}], r"r\.json: video bear, frame 00000, object 1: the RLE's counts add up to 10"),
        ([BLOCK, {**BLOCK, "size": [9, 9]}], r"frame 00001, object 1: its size is \[9, 9\], .* has \[24, 32\]"),
        ([{"size": [24, 32]}], r"frame 00000, object 1: no COCO RLE"),
        ([{"size": [10**6, 10**6], "counts": [10**12]}], r"r\.json: video bear: \[1000000, 1000000\] is no size"),
        ([None], r"r\.json: video bear: \[None, None\] is no size of a mask; give its `height`"),
    ],
)
def test_what_is_no_mask_is_named(tmp_path: Path, segmentations: list[Any], told: str) -> None:
    results = dumped(tmp_path / "r.json", [{"video_id": "bear", "segmentations": segmentations}])
    with pytest.raises(VosbenchError, match=told):
        read_all(source(results, stems=STEMS[: len(segmentations)]))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"videos": LISTED, "annotations": [annotation(7, FOX, 1)]}, "video bear, object 1 has 2 masks for 3 names"),
        ([annotation("bear", FOX, 1)], "video bear, object 1 has 2 masks for 3 frames in the ground truth"),
        ([annotation("bear", BEAR, 1)] * 2, "video bear has two annotations of object 1"),
        ({"videos": LISTED, "annotations": [annotation(1, BEAR, 1)]}, "video 1, which is none of its `videos`"),
        ({"videos": LISTED}, "not JSON in the form of YouTube-VIS .*annotations"),
        ({"videos": LISTED, "annotations": None}, "not JSON in the form of YouTube-VIS"),
        ([{"video_id": "bear"}], "not JSON in the form of YouTube-VIS .*segmentations"),
        (["bear"], "not JSON in the form of YouTube-VIS"),
        (3, "not JSON in the form of YouTube-VIS"),
    ],
)
def test_annotations_that_do_not_fit_are_refused(tmp_path: Path, content: object, told: str) -> None:
    with pytest.raises(VosbenchError, match=rf"r\.json: .*{told}"):
        source(dumped(tmp_path / "r.json", content))


@pytest.mark.parametrize("content", [b"", b"[", b"\xff{}", b"[" * 100_000])
def test_a_file_that_is_not_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.json").write_bytes(content)
    with pytest.raises(VosbenchError, match=r"r\.json: not JSON"):
        source(tmp_path / "r.json")


KEYS = st.sampled_from(["videos", "annotations", "id", "video_id", "segmentations", "size", "counts", "file_names"])
LEAVES = st.none() | st.integers(-1, 3) | st.sampled_from(["bear", "1", ""]) | st.floats(0, 2)
ANYTHING = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner), max_leaves=12)


@unhurried
@given(st.fixed_dictionaries({"videos": ANYTHING, "annotations": ANYTHING}) | st.lists(ANYTHING, max_size=3))
def test_no_json_does_more_than_be_refused(tmp_path_factory: pytest.TempPathFactory, content: object) -> None:
    path = dumped(tmp_path_factory.getbasetemp() / "any.json", content)
    with suppress(VosbenchError):
        guesses = open_predictions(path, ["bear"])
        for opener in guesses.openers.values():
            read_all(opener(STEMS[:1]))


# NumPy arrays


def test_arrays_of_bool_are_one_object_or_one_object_a_plane(tmp_path: Path) -> None:
    one, many = np.stack(BEAR) == 2, np.array([[labels == 1, labels == 7, labels == 2] for labels in BEAR])
    masks = npz(tmp_path / "r.npz", bear=one, fox=many)
    assert {label: mask.sum() for label, mask in source(masks).read("00001")[1].items()} == {1: 36}
    assert {label: mask.sum() for label, mask in source(masks, "fox").read("00001")[1].items()} == {1: 36, 3: 36}


def test_an_array_may_name_its_frames(tmp_path: Path) -> None:
    together = npz(tmp_path / "r.npz", bear=BEAR, **{"bear/frames": ["00010", "00005", "00000"]})
    alone = npz(tmp_path / "arrays/bear.npz", labels=BEAR, frames=np.array([b"00010", b"00005", b"00000"]))
    (tmp_path / "arrays/._bear.npz").touch()
    for results in (together, alone.parent):
        assert open_predictions(results, ["bear"]).videos() == ["bear"]
        masks = source(results)
        assert masks.frame_names == ["00000", "00005", "00010"]
        assert np.array_equal(masks.read("00010")[1][2], BEAR[0] == 2)


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"bear": FOX}, "array bear has 2 masks for 3 frames in the ground truth, and no names of frames"),
        ({"bear": BEAR, "bear/frames": ["1", "2", "2"]}, "array bear has 3 masks for 2 names of frames"),
        ({"bear": np.stack(BEAR).astype(np.float64)}, r"array bear is float64 \[3, 24, 32\]: masks are"),
        ({"bear": np.array([BEAR])}, r"array bear is uint8 \[1, 3, 24, 32\]"),
        ({"bear": np.empty((0, 20_000, 20_000), np.bool_)}, r"array bear is bool \[0, 20000, 20000\]: masks are"),
        ({"bear": np.stack(BEAR).astype(np.int16) - 1}, "array bear, frame 00000: object ids must lie between 0"),
        ({"bear": BEAR, "bear/frames": np.array([None, None, None])}, "cannot be read .*without Python objects"),
    ],
)
def test_arrays_that_are_no_masks_are_refused(tmp_path: Path, arrays: dict[str, object], told: str) -> None:
    with pytest.raises(VosbenchError, match=rf"r\.npz: .*{told}"):
        read_all(source(npz(tmp_path / "r.npz", **arrays)))


def test_a_file_of_one_video_holds_one_array(tmp_path: Path) -> None:
    npz(tmp_path / "arrays/bear.npz", masks=BEAR, scores=[1, 2, 3])
    with pytest.raises(VosbenchError, match=r"bear\.npz: expected one array, and optionally `frames`, found masks, sc"):
        source(tmp_path / "arrays")


# Paths


@pytest.mark.parametrize("name", ["r.zip", "r.npz"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    whole = FORMS[name[2:]](tmp_path)
    content = bytearray(whole.read_bytes())
    content[60:90] = bytes(30)
    whole.write_bytes(content)
    with pytest.raises(VosbenchError, match=rf"{name}.*(damaged|cannot be)"):
        read_all(source(whole))
    whole.write_bytes(content[:100])
    with pytest.raises(VosbenchError, match=rf"{name}.*(damaged|cannot be)"):
        source(whole)


def test_a_damaged_mask_in_a_zip_is_named(tmp_path: Path) -> None:
    folder = write_masks(tmp_path / "masks", {"bear": BEAR})
    (folder / "bear/00001.png").write_bytes(encode_labels(BEAR[1])[:60])
    with pytest.raises(VosbenchError, match=r"r\.zip/bear/00001\.png: (not a PNG|cannot be decoded)"):
        source(zipped(tmp_path / "r.zip", folder)).read("00001")


def test_objects_of_different_size_in_a_zip_are_refused(tmp_path: Path) -> None:
    folder = write_masks(tmp_path / "masks", {"bear/1": [squares()], "bear/2": [squares(size=(9, 9))]})
    with pytest.raises(VosbenchError, match=r"r\.zip/bear/00000\.png: the masks of its objects differ in size"):
        source(zipped(tmp_path / "r.zip", folder)).read("00000")


def test_an_archive_that_leads_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "r.zip", "w") as archive:
        archive.writestr("../bear/00000.png", encode_labels(BEAR[0]))
    with pytest.raises(VosbenchError, match=r"r\.zip: .* leads out of its folder"):
        source(tmp_path / "r.zip")


def test_a_path_that_holds_no_masks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VosbenchError, match="nowhere: no such file or folder"):
        source(tmp_path / "nowhere")
    (tmp_path / "r.mp4").touch()
    with pytest.raises(VosbenchError, match=r"r\.mp4: masks are read from a folder, a \.zip, a \.json or a \.npz"):
        source(tmp_path / "r.mp4")
