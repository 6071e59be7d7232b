"""After `vosbench fetch` a dataset is complete and byte for byte the publisher's."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

import pytest
from PIL import Image

from tests.support.cli import Cli
from tests.support.fetched import SEQUENCES, contents, packed, write_card
from tests.support.golden import make_tree, squares
from tests.support.published_archives import unpacked
from tests.support.server import serve


def test_a_part_of_the_publishers_videos_is_normalised_with_a_warning(cli: Cli, davis2016: dict[str, bytes]) -> None:
    content = packed(davis2016)
    with serve({"DAVIS-data.zip": content}) as server:
        done = cli("fetch", "davis2016", "--mirror", server.url(""))
    assert "warning: davis2016 val: not complete (6 of 20 videos, 24 of 1376 frames, missing are" in done.stderr
    assert "breakdance" in done.stderr
    assert "davis2016 is at datasets/davis2016 (6 videos, 24 frames, 6 objects)" in done.stdout
    root = cli.folder / "datasets/davis2016"
    assert (root / "ImageSets/val.txt").read_text().split() == SEQUENCES
    for path in (*root.rglob("*.jpg"), *root.rglob("*.png")):
        folder, video, name = path.relative_to(root).parts
        assert path.read_bytes() == davis2016[f"DAVIS/{folder}/480p/{video}/{name}"]
    assert len(list(root.rglob("*.jpg"))) == len(list(root.rglob("*.png"))) == 24
    source = json.loads((root / "dataset.json").read_text())["splits"]["val"]["sources"][0]
    assert source["sha256"] == hashlib.sha256(content).hexdigest()
    assert source["from"].endswith("/DAVIS-data.zip")
    assert [path.name for path in (cli.folder / "datasets").iterdir() if path.name != ".archives"] == ["davis2016"]


def test_what_is_complete_is_left_alone(cli: Cli, davis2016: dict[str, bytes]) -> None:
    given = unpacked(cli.folder / "given", davis2016)
    cli("fetch", "davis2016", "--from", given)
    before = contents(cli.folder / "datasets/davis2016")
    again = cli("fetch", "davis2016", "--from", cli.folder / "is-not-looked-at")
    assert again.stdout.startswith("davis2016 is complete at datasets/davis2016")
    assert len(again.stdout.splitlines()) == 1
    cli("fetch", "davis2016", "--from", given, "--force")
    assert contents(cli.folder / "datasets/davis2016") == before


@pytest.mark.slow
@pytest.mark.parametrize("form", ["folder", "inner folder", "zip", "tar.gz", "url"])
def test_every_form_of_the_same_data_gives_the_same_dataset(cli: Cli, davis2016: dict[str, bytes], form: str) -> None:
    given = unpacked(cli.folder / "given", davis2016)
    cli("fetch", "davis2016", "--from", given)
    expected = contents(cli.folder / "datasets/davis2016")
    (cli.folder / "data.zip").write_bytes(packed(davis2016))
    with tarfile.open(cli.folder / "data.tar.gz", "w:gz") as archive:
        archive.add(given / "DAVIS", "DAVIS")
    with serve({"some%20data.zip": packed(davis2016)}) as server:
        forms = {"folder": given, "inner folder": given / "DAVIS", "zip": "data.zip", "tar.gz": "data.tar.gz"}
        cli("fetch", "davis2016", "--from", forms.get(form, server.url("some%20data.zip")), "--root", "other")
    assert contents(cli.folder / "other/davis2016") == expected


def test_frames_of_a_folder_are_linked_not_copied(cli: Cli, davis2016: dict[str, bytes]) -> None:
    given = unpacked(cli.folder / "given", davis2016)
    cli("fetch", "davis2016", "--from", given)
    name = "JPEGImages/480p/dog/00002.jpg"
    linked = cli.folder / "datasets/davis2016/JPEGImages/dog/00002.jpg"
    assert linked.stat().st_ino == (given / "DAVIS" / name).stat().st_ino


def test_a_mask_with_an_alpha_channel_is_kept_and_understood(cli: Cli, davis2016: dict[str, bytes]) -> None:
    name = "DAVIS/Annotations/480p/dog/00001.png"
    buffer = io.BytesIO()
    Image.open(io.BytesIO(davis2016[name])).convert("LA").save(buffer, "PNG")
    given = unpacked(cli.folder / "given", {**davis2016, name: buffer.getvalue()})
    cli("fetch", "davis2016", "--from", given)
    assert (cli.folder / "datasets/davis2016/Annotations/dog/00001.png").read_bytes() == buffer.getvalue()
    cli("run", "--dataset", "davis2016", "--tracker", "static", "--gpus", "cpu", "--videos", "dog")


def test_archives_that_unpack_to_the_same_folder_do_not_mix(cli: Cli, davis2016: dict[str, bytes]) -> None:
    of_2017 = {name.replace("480p/val.txt", "2017/val.txt"): content for name, content in davis2016.items()}
    of_2017 = {name: content for name, content in of_2017.items() if "dog" in name}
    of_2017["DAVIS/ImageSets/2017/val.txt"] = b"dog\n"
    for name, files in (("davis2016", davis2016), ("davis", of_2017)):
        (cli.folder / f"{name}.zip").write_bytes(packed(files))
        cli("fetch", name, "--from", f"{name}.zip")
    assert (cli.folder / "datasets/davis2017/ImageSets/val.txt").read_text() == "dog\n"
    assert len(list((cli.folder / "datasets/davis2017").rglob("*.jpg"))) == 4
    assert len(list((cli.folder / "datasets/davis2016").rglob("*.jpg"))) == 24


def test_a_second_split_joins_the_first(cli: Cli) -> None:
    (cli.folder / "cubs.toml").write_text('name = "cubs"\ntitle = "Cubs"\n[splits.train]\n[splits.val]\n')
    videos = {"train": {"bob": [squares((1, 2, 2))] * 3}, "val": {"ann": [squares((1, 2, 2), (2, 14, 14))] * 2}}
    seen = []
    for split, drawn in videos.items():
        lists = make_tree(cli.folder / split, drawn) / "ImageSets"
        (lists / "val.txt").rename(lists / f"{split}.txt")
        cli("fetch", "cubs.toml", "--split", split, "--from", split)
        seen.append(contents(cli.folder / "datasets/cubs"))
    train, both = seen
    assert train.items() < both.items()
    splits = json.loads((cli.folder / "datasets/cubs/dataset.json").read_text())["splits"]
    assert splits["train"]["counts"] == {"videos": 1, "frames": 3, "objects": 1}
    assert splits["val"]["counts"] == {"videos": 1, "frames": 2, "objects": 2}


def test_two_parts_with_a_list_each_are_joined(cli: Cli, davis2016: dict[str, bytes]) -> None:
    for part, videos in (("one", SEQUENCES[:2]), ("two", SEQUENCES[2:])):
        files = {name: content for name, content in davis2016.items() if any(f"/{video}/" in name for video in videos)}
        listed = "".join(f"{video}\n" for video in videos)
        (cli.folder / f"{part}.zip").write_bytes(packed({**files, "DAVIS/ImageSets/2016/val.txt": listed.encode()}))
    cli("fetch", "davis2016", "--from", "one.zip", "--from", "two.zip")
    assert (cli.folder / "datasets/davis2016/ImageSets/val.txt").read_text().split() == SEQUENCES
    with serve({f"{part}/x.zip": (cli.folder / f"{part}.zip").read_bytes() for part in ("one", "two")}) as server:
        urls = [server.url(f"{part}/x.zip") for part in ("one", "two")]
        cli("fetch", "davis2016", "--from", urls[0], "--from", urls[1], "--root", "other")
    assert (cli.folder / "other/davis2016/ImageSets/val.txt").read_text().split() == SEQUENCES


def test_the_licence_is_told_before_and_the_citation_after(cli: Cli) -> None:
    write_card(cli.folder / "cubs.toml")
    make_tree(cli.folder / "given", {"ann": [squares((1, 2, 2))]})
    told = cli("fetch", "./cubs.toml", "--from", "given").stderr.splitlines()
    assert told[0] == "cubs: licence CC BY 4.0, see https://cubs.example"
    assert told[-1] == "@misc{cubs}"
    assert cli("fetch", "./cubs.toml").stderr == ""


def test_a_tree_of_ones_own_has_a_name_of_ones_own(cli: Cli) -> None:
    make_tree(cli.folder / "given", {"ann": [squares((1, 2, 2))] * 2})
    done = cli("fetch", "folder", "--from", "given", "--as", "mine")
    assert "mine is at datasets/mine (1 video, 2 frames, 1 object)" in done.stdout
    assert (cli.folder / "datasets/mine/ImageSets/val.txt").read_text() == "ann\n"
    assert "another name" in cli("fetch", "folder", "--from", "given", "--as", "davis2016", expect=2).stderr
    assert "--as: expected one NAME, found 2" in cli("fetch", "folder", "davis", "--as", "mine", expect=2).stderr
