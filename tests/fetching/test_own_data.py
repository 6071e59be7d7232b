"""What cannot be right in a user's own data is said at fetch, with the name of the file, and nothing is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.support.fetches import FILE, card
from tests.support.fetches import fetch as fetch_card
from tests.support.films import SIZE, film
from tests.support.golden import make_tree, squares
from vosbench.datasets import registry
from vosbench.datasets.card import Counts
from vosbench.errors import VosbenchError
from vosbench.fetching.fetch import FetchResult, fetch_dataset, rename_dataset
from vosbench.fetching.sources import Sources
from vosbench.masks.labels import encode_labels

ONE = squares((1, 2, 2))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A tree of two videos, ann and bob, without a list."""
    tree = make_tree(tmp_path / "own", {"ann": [ONE] * 3, "bob": [ONE] * 3})
    (tree / "ImageSets/val.txt").unlink()
    return tree


def fetch(*given: Path, split: str = "val") -> FetchResult:
    dataset = rename_dataset(registry.find_dataset("folder"), "bears")
    sources, root = Sources(tuple(map(str, given))), given[0].parent / "datasets"
    return fetch_dataset(dataset, split, root, sources, lambda label, done, total: None)


def refused(*given: Path, split: str = "val") -> str:
    root = given[0].parent / "datasets"
    before = sorted(root.rglob("*"))
    with pytest.raises(VosbenchError) as caught:
        fetch(*given, split=split)
    assert sorted(root.rglob("*")) in (before, [root])
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(f"{given[0]}/", "")


def repaint(path: Path, size: tuple[int, int] = (16, 12), to: str = "") -> None:
    """Save an image in another size, or in another form under the same name with the suffix `to`."""
    with Image.open(path) as image:
        changed = image.resize(size) if not to else image.convert("RGB")
        path.unlink()
        changed.save(path.with_suffix(to) if to else path)


def move(folder: Path, below: str) -> None:
    """Move a folder's files into a folder below it."""
    files = [*folder.iterdir()]
    (folder / below).mkdir()
    for file in files:
        file.rename(folder / below / file.name)


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a mask without a frame": (
        lambda tree: (tree / "JPEGImages/ann/00002.jpg").unlink(),
        "masks without a frame: Annotations/ann/00002.png (no JPEGImages/ann/00002.jpg); add the frames or remove the "
        "masks",
    ),
    "masks of another size": (
        lambda tree: [repaint(path) for path in (tree / "Annotations/bob").iterdir()],
        "masks of another size than their frame: Annotations/bob/00000.png (16x12, the frame is 32x24) and 2 more; "
        "save them in the frame's size",
    ),
    "frames of mixed sizes": (
        lambda tree: [repaint(tree / path) for path in ("JPEGImages/bob/00001.jpg", "Annotations/bob/00001.png")],
        "frames of several sizes in a video: JPEGImages/bob/00001.jpg (16x12, others are 32x24); save them in one size",
    ),
    "a frame in two forms": (
        lambda tree: Image.new("RGB", (32, 24)).save(tree / "JPEGImages/ann/00001.png"),
        "frames that are there twice: JPEGImages/ann/00001.jpg (and 00001.png); keep one file for each frame",
    ),
    "JPEG masks": (
        lambda tree: [repaint(path, to=".jpg") for path in [*(tree / "Annotations/bob").iterdir()]],
        "masks that are not PNG: Annotations/bob/00000.jpg and 2 more; save masks as PNG, whose pixels are the object "
        "ids",
    ),
    "a WebP frame": (
        lambda tree: repaint(tree / "JPEGImages/ann/00001.jpg", to=".webp"),
        "frames that are neither JPEG nor PNG: JPEGImages/ann/00001.webp; save frames as .jpg or .png",
    ),
    "only WebP frames": (
        lambda tree: [repaint(path, to=".webp") for path in [*(tree / "JPEGImages").rglob("*.jpg")]],
        "frames that are neither JPEG nor PNG: JPEGImages/ann/00000.webp and 5 more; save frames as .jpg or .png",
    ),
    "a video one folder deeper": (
        lambda tree: move(tree / "JPEGImages/ann", "cam1"),
        "images that do not lie in JPEGImages/<video>/<frame>.jpg: JPEGImages/ann/cam1/00000.jpg and 2 more; move them "
        "there",
    ),
    "all masks one folder deeper": (
        lambda tree: move(tree / "Annotations", "480p"),
        "images that do not lie in Annotations/<video>/<frame>.png: Annotations/480p/ann/00000.png and 5 more; move "
        "them there",
    ),
    "a frame that is no image": (
        lambda tree: (tree / "JPEGImages/ann/00001.jpg").write_bytes(b"lost"),
        "files that cannot be read as images: JPEGImages/ann/00001.jpg; replace them",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_own_data_with_a_fault_are_refused_and_the_file_is_named(own: Path, fault: str) -> None:
    spoil, told = FAULTS[fault]
    spoil(own)
    assert refused(own) == f"bears val: {told}"


def test_a_mask_that_cannot_be_read_is_named_by_its_own_path(own: Path) -> None:
    repaint(own / "Annotations/ann/00001.png", to=".png")
    assert refused(own).startswith("Annotations/ann/00001.png: a mask is a single-channel PNG")


def test_a_video_of_which_some_images_lie_deeper_is_fetched_with_a_warning(own: Path) -> None:
    (own / "JPEGImages/ann/small").mkdir()
    Image.new("RGB", (8, 6)).save(own / "JPEGImages/ann/small/00000.jpg")
    assert fetch(own).warnings == (
        f"bears val: images that do not lie in JPEGImages/<video>/<frame>.jpg: {own}/JPEGImages/ann/small/00000.jpg",
    )


def test_faults_of_videos_that_the_list_leaves_out_do_not_matter(own: Path) -> None:
    (own / "ImageSets/val.txt").write_text("bob\n")
    Image.new("RGB", (32, 24)).save(own / "JPEGImages/ann/00001.png")
    Image.new("RGB", (32, 24)).save(own / "JPEGImages/ann/00007.webp")
    assert fetch(own).warnings == ()


def test_a_film_without_a_first_mask_is_left_out_and_named(tmp_path: Path) -> None:
    film(tmp_path / "own/ann.mp4", 2)
    film(tmp_path / "own/bob.mp4", 2)
    told = "videos without a mask: {}/bob.mp4 (expected Annotations/bob/00000.png)"
    assert refused(tmp_path / "own") == (
        "bears val: videos without a mask: ann.mp4 (expected Annotations/ann/00000.png) and 1 more; draw a mask of its "
        "first frame and save it there"
    )
    mask = tmp_path / "own/Annotations/ann/00000.png"
    mask.parent.mkdir(parents=True)
    mask.write_bytes(encode_labels(squares((1, 2, 2), size=SIZE)))
    fetched = fetch(tmp_path / "own")
    assert f"bears val: {told.format(tmp_path / 'own')}" in fetched.warnings
    assert fetched.counts == Counts(1, 2, 1)


def test_a_publishers_fault_is_a_warning(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "cubs", {"ann": [ONE] * 3})
    repaint(tree / "Annotations/ann/00001.png")
    assert fetch_card(card({"file": FILE}), tmp_path, given=(str(tree),)).warnings == (
        f"cubs val: masks of another size than their frame: {tree}/Annotations/ann/00001.png (16x12, the frame is "
        "32x24)",
    )


# Two splits


def test_a_second_splits_video_never_replaces_the_first_ones(own: Path) -> None:
    fetch(own)
    other = make_tree(own.with_name("other"), {"bob": [ONE] * 2, "cat": [ONE] * 2})
    (other / "ImageSets/val.txt").unlink()
    assert refused(other, split="test") == (
        "bears test: split val has a video bob too, and JPEGImages/bob/00002.jpg is another; give the video another "
        "name, or fetch this split under another name with --as"
    )
    (other / "JPEGImages/bob/00002.jpg").write_bytes((own / "JPEGImages/bob/00002.jpg").read_bytes())
    (other / "Annotations/bob/00002.png").write_bytes(encode_labels(squares((1, 9, 9))))
    assert "Annotations/bob/00002.png is another" in refused(other, split="test")


def test_two_splits_may_share_a_video_with_the_same_files(own: Path) -> None:
    fetch(own)
    (own / "ImageSets/test.txt").write_text("bob\n")
    assert fetch(own, split="test").counts == Counts(1, 3, 1)
    assert (own.parent / "datasets/bears/JPEGImages/ann/00002.jpg").is_file()
