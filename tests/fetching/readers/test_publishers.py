"""Every publisher's archives become the normal layout, of which a tracker sees only the prompts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.publishers import PUBLISHERS, Normalised, Published, normalised
from vosbench.datasets import registry
from vosbench.datasets.video import ignore_read
from vosbench.errors import VosbenchError

# Another split of the embedded dataset would take seconds to draw, with the same reader.
SPLITS = [(n, s) for n, card in registry.known_datasets().items() for s in card.splits if n != "synthetic"]
WITH_REAL_FRAMES = ("davis2016", "davis2017", "davis2017-full")


@pytest.fixture(scope="module", params=SPLITS, ids="-".join)
def split(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Normalised:
    """Every split of every card."""
    name, split = request.param
    data = request.getfixturevalue("data") if name in WITH_REAL_FRAMES and split in ("train", "val") else None
    folder = tmp_path_factory.mktemp("publisher")
    return normalised(name, split, PUBLISHERS[name](folder, data, split), tmp_path_factory.mktemp("datasets"))


# Every split of every card


def test_the_videos_are_the_publishers_in_the_publishers_order(split: Normalised) -> None:
    assert list(split.content.videos) == [clip.name for clip in split.published.clips]
    assert set(split.content.missing) == set(split.tree.split.names) - set(split.content.videos)


def test_every_file_is_the_publishers_byte_for_byte_and_there_are_no_others(split: Normalised) -> None:
    expected: dict[str, bytes | None] = {f"ImageSets/{split.tree.split.name}.txt": None, **split.published.beside}
    for clip in split.published.clips:
        expected |= {f"JPEGImages/{clip.name}/{stem}.jpg": content for stem, content in clip.frames.items()}
        expected |= {f"Annotations/{clip.name}/{path}.png": content for path, content in clip.masks.items()}
    found = {str(path.relative_to(split.tree.root)): path for path in split.tree.root.rglob("*") if path.is_file()}
    assert found.keys() == expected.keys()
    differing = [name for name, content in expected.items() if content and found[name].read_bytes() != content]
    assert differing == []


def test_ground_truth_that_is_no_prompt_never_reaches_a_tracker(split: Normalised) -> None:
    for clip in split.published.clips:
        video = split.tree.video(clip.name)
        assert set(vars(video)) == {"name", "frames", "prompts", "overlap"}
        assert vars(video.frames) == {
            "paths": [split.tree.frames_folder / clip.name / f"{stem}.jpg" for stem in clip.frames],
            "on_read": ignore_read,
        }
        stems = list(clip.frames)
        given = {stems[index]: masks for index, masks in video.prompts.items()}
        assert {stem: sorted(masks) for stem, masks in given.items()} == {
            stem: sorted(masks) for stem, masks in clip.prompts.items()
        }
        for stem, masks in clip.prompts.items():
            assert all(np.array_equal(given[stem][label], mask) for label, mask in masks.items())


def test_objects_that_may_share_pixels_stay_apart(split: Normalised) -> None:
    for clip in split.published.clips:
        assert split.tree.video(clip.name).overlap == any("/" in path for path in clip.masks)


# Particular ones


@pytest.mark.parametrize("name", ["mosev1", "mosev2"])
@pytest.mark.parametrize("split", ["train", "val"])
def test_mose_is_listed_alike_with_and_without_its_json(name: str, split: str, tmp_path: Path) -> None:
    published = PUBLISHERS[name](tmp_path, None, split)
    archives = [path for path in published.files if path.suffix != ".json"]
    listed = normalised(name, split, published, tmp_path / "with")
    unlisted = normalised(name, split, Published(archives, published.clips), tmp_path / "without")
    assert len(archives) == len(published.files) - 1
    assert listed.content.videos == unlisted.content.videos == sorted(listed.content.videos)


def test_a_test_archive_never_becomes_another_test_split(tmp_path: Path) -> None:
    dev = PUBLISHERS["davis2017"](tmp_path, None, "test-dev")
    with pytest.raises(VosbenchError, match=r"split test-challenge: no list of its videos, found .*2017/test-dev\.txt"):
        normalised("davis2017", "test-challenge", dev, tmp_path / "challenge")
    challenge = PUBLISHERS["davis2017"](tmp_path, None, "test-challenge")
    assert normalised("davis2017", "test-dev", challenge, tmp_path / "dev").content.videos == []
