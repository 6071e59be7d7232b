"""After `vosbench fetch` a dataset is complete and byte for byte the publisher's, or it is absent."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.cli import Cli
from tests.support.golden import make_tree, squares
from tests.support.processes import until
from tests.support.published_clips import png
from tests.support.server import Server, serve, serve_as_google

SEQUENCES = ["blackswan", "bmx-trees", "car-shadow", "dog", "libby", "scooter-black"]


@pytest.fixture
def cli(cli: Cli) -> Cli:
    """The command line, which reaches no server except that of the test."""
    cli.environment["https_proxy"] = "http://127.0.0.1:9"
    return cli


@pytest.fixture(scope="session")
def davis2016() -> dict[str, bytes]:
    """The publisher's tree of DAVIS 2016, by path: four frames of noise (70 kB each) in six of its sequences."""
    dice, files = np.random.default_rng(0), {}
    for index, video in product(range(4), SEQUENCES):
        noise = Image.fromarray(dice.integers(0, 256, (240, 320, 3), np.uint8))
        noise.save(frame := io.BytesIO(), "JPEG", quality=90)
        files[f"DAVIS/JPEGImages/480p/{video}/{index:05}.jpg"] = frame.getvalue()
        mask = squares((255, 6 + index, 9), size=(240, 320))
        files[f"DAVIS/Annotations/480p/{video}/{index:05}.png"] = png(mask, "L")
    files["DAVIS/ImageSets/480p/val.txt"] = "".join(
        f"/JPEGImages/480p/{video}/{index:05}.jpg /Annotations/480p/{video}/{index:05}.png \n"
        for video in SEQUENCES
        for index in range(4)
    ).encode()
    files["DAVIS/Annotations/db_info.yml"] = b"not of interest"
    files["DAVIS/Annotations/1080p/dog/00000.png"] = b"another resolution"
    files["__MACOSX/DAVIS/JPEGImages/480p/dog/._00000.jpg"] = b"litter"
    return files


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def unpack(files: dict[str, bytes], folder: Path) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def contents(root: Path) -> dict[str, str]:
    """Every file of a fetched dataset with its hash; dataset.json, which holds the time, without one."""
    return {
        str(path.relative_to(root)): "" if path.name == "dataset.json" else hashlib.md5(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def nothing_left(folder: Path) -> bool:
    """Whether a fetch left no file at all."""
    return not any(path.is_file() for path in (folder / "datasets").rglob("*"))


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
    given = unpack(davis2016, cli.folder / "given")
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
    given = unpack(davis2016, cli.folder / "given")
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
    given = unpack(davis2016, cli.folder / "given")
    cli("fetch", "davis2016", "--from", given)
    name = "JPEGImages/480p/dog/00002.jpg"
    linked = cli.folder / "datasets/davis2016/JPEGImages/dog/00002.jpg"
    assert linked.stat().st_ino == (given / "DAVIS" / name).stat().st_ino


def test_a_mask_with_an_alpha_channel_is_kept_and_understood(cli: Cli, davis2016: dict[str, bytes]) -> None:
    name = "DAVIS/Annotations/480p/dog/00001.png"
    buffer = io.BytesIO()
    Image.open(io.BytesIO(davis2016[name])).convert("LA").save(buffer, "PNG")
    given = unpack({**davis2016, name: buffer.getvalue()}, cli.folder / "given")
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


@pytest.mark.slow
def test_a_download_that_was_cut_off_goes_on_with_the_next_command(cli: Cli, davis2016: dict[str, bytes]) -> None:
    content = packed(davis2016)
    with serve({"DAVIS-data.zip": content}, delay=0.02) as server:
        process = cli.start("fetch", "davis2016", "--mirror", server.url(""))
        until(lambda: any(path.stat().st_size for path in (cli.folder / "datasets").rglob("*.parts/http")))
        process.kill()
        process.communicate()
        server.delay = 0.0
        cli("fetch", "davis2016", "--mirror", server.url(""))
        assert any(start for start in server.starts)
    assert len(list((cli.folder / "datasets/davis2016").rglob("*.jpg"))) == 24


def test_a_wrong_checksum_is_refused(cli: Cli, davis2016: dict[str, bytes]) -> None:
    """The card of DAVIS 2017 has a checksum."""
    with serve({"DAVIS-2017-trainval-480p.zip": packed(davis2016)}) as server:
        done = cli("fetch", "davis", "--mirror", server.url(""), expect=2)
    assert "DAVIS-2017-trainval-480p.zip" in done.stderr
    assert "expected" in done.stderr
    assert nothing_left(cli.folder)


def test_a_checkpoint_is_verified(cli: Cli) -> None:
    with serve({"sam2.1_hiera_tiny.pt": b"\x80\x02 not the weights"}) as server:
        done = cli("fetch", "sam2.1_hiera_tiny", "--mirror", server.url(""), expect=2)
    assert "sam2.1_hiera_tiny.pt" in done.stderr
    (cli.folder / "mine.pt").write_bytes(b"weights")
    told = cli("fetch", "sam2.1_hiera_tiny", "--from", "mine.pt", expect=2).stderr
    assert "not sam2.1_hiera_tiny.pt: size is 7 bytes, expected 156008466" in told
    assert not list((cli.folder / "checkpoints").glob("*.pt"))


def test_a_file_that_the_server_does_not_have_is_named(cli: Cli) -> None:
    with serve({}) as server:
        done = cli("fetch", "davis2016", "--mirror", server.url(""), expect=2)
    assert "DAVIS-data.zip: not fetched" in done.stderr
    assert "404" in done.stderr
    assert "--from" in done.stderr
    assert nothing_left(cli.folder)


def _symlink(archive: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("DAVIS/JPEGImages/480p/dog/00009.jpg")
    info.external_attr = 0o120777 << 16
    archive.writestr(info, "/etc/passwd")


HOSTILE: dict[str, Callable[[zipfile.ZipFile], None]] = {
    "leads out of its folder": lambda archive: archive.writestr("DAVIS/../../evil.txt", "x"),
    "has an absolute path": lambda archive: archive.writestr("/tmp/evil.txt", "x"),
    "is a link": _symlink,
    "a bomb": lambda archive: archive.writestr("DAVIS/zeros.bin", bytes(40_000_000)),
}


@pytest.mark.slow
@pytest.mark.parametrize("flaw", HOSTILE)
def test_a_hostile_archive_is_refused_before_anything_is_written(
    cli: Cli, davis2016: dict[str, bytes], flaw: str
) -> None:
    path = cli.folder / "DAVIS-data.zip"
    path.write_bytes(packed(davis2016))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        HOSTILE[flaw](archive)
    assert flaw in cli("fetch", "davis2016", "--from", path, expect=2).stderr
    assert nothing_left(cli.folder)
    with serve({path.name: path.read_bytes()}) as server:
        assert flaw in cli("fetch", "davis2016", "--mirror", server.url(""), expect=2).stderr
    assert [file for file in (cli.folder / "datasets").rglob("*") if file.is_file()] == [
        cli.folder / "datasets/.archives/davis2016/DAVIS-data.zip"  # for who trusts it and unpacks it by hand
    ]


@pytest.mark.parametrize("keep", [0.5, 0.999])
def test_a_truncated_archive_is_refused(cli: Cli, davis2016: dict[str, bytes], keep: float) -> None:
    content = packed(davis2016)
    (cli.folder / "data.zip").write_bytes(content[: int(len(content) * keep)])
    assert "data.zip" in cli("fetch", "davis2016", "--from", "data.zip", expect=2).stderr
    assert nothing_left(cli.folder)


def test_damage_inside_an_archive_leaves_nothing_half_made(cli: Cli, davis2016: dict[str, bytes]) -> None:
    content = bytearray(packed(davis2016))
    content[len(content) // 2] ^= 0xFF
    (cli.folder / "data.zip").write_bytes(content)
    assert "is damaged" in cli("fetch", "davis2016", "--from", "data.zip", expect=2).stderr
    assert nothing_left(cli.folder)


def test_a_disk_that_is_too_small_is_noticed_before_anything_is_written(cli: Cli, davis2016: dict[str, bytes]) -> None:
    given = unpack(davis2016, cli.folder / "given")
    os.truncate(given / "DAVIS/JPEGImages/480p/dog/00000.jpg", 2**43)
    assert "GB are needed" in cli("fetch", "davis2016", "--from", given, expect=2).stderr
    assert nothing_left(cli.folder)


@pytest.mark.slow
def test_a_write_that_fails_leaves_nothing_half_made(cli: Cli, davis2016: dict[str, bytes]) -> None:
    """A limit on the size of files stands in for a full disk."""
    (cli.folder / "data.zip").write_bytes(packed(davis2016))
    cli.limit_file_size(60_000)
    assert "cannot be written" in cli("fetch", "davis2016", "--from", "data.zip", expect=2).stderr
    assert nothing_left(cli.folder)


@pytest.mark.slow
def test_a_fetch_that_was_killed_is_completed_by_the_next(cli: Cli) -> None:
    (cli.folder / "cubs.toml").write_text('name = "cubs"\ntitle = "Cubs"\n[splits.val]\n')
    make_tree(cli.folder / "given", {f"v{index}": [squares((1, 2, 2 + index))] * 12 for index in range(10)})
    packed = shutil.make_archive(str(cli.folder / "cubs"), "zip", cli.folder / "given")
    command = ("fetch", "cubs.toml", "--from", packed)
    cli(*command, "--root", "undisturbed")
    process = cli.start(*command)
    until(lambda: any((cli.folder / "datasets").glob(".cubs.partial/*/*")), interval=0.001)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (cli.folder / "datasets/cubs").exists()
    cli(*command)
    assert contents(cli.folder / "datasets/cubs") == contents(cli.folder / "undisturbed/cubs")
    assert len(list((cli.folder / "datasets/cubs").rglob("*.jpg"))) == 120


@pytest.mark.slow
def test_two_fetches_of_the_same_dataset_do_not_meet(cli: Cli, davis2016: dict[str, bytes]) -> None:
    with serve({"DAVIS-data.zip": packed(davis2016)}, delay=5.0) as server:
        process = cli.start("fetch", "davis2016", "--mirror", server.url(""))
        until((cli.folder / "datasets/.davis2016.lock").exists)
        assert "another process" in cli("fetch", "davis2016", expect=2).stderr
        server.delay = 0.0
        process.communicate(timeout=120)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["davsi"], "unknown dataset 'davsi': did you mean davis?"),
        (["./no-card.toml"], "no-card.toml: cannot read the card"),
        (["davis", "--split", "vla"], "did you mean val?"),
        (["davis", "--from", "no-such.zip"], "no-such.zip: no such file or folder"),
        (["davis", "davis2016", "--from", "x.zip"], "--from: expected one NAME, found 2"),
        (["sam2.1_hiera_tiny", "--from", "no-such.pt"], "no-such.pt: no such file"),
    ],
)
def test_what_cannot_be_meant_is_one_line(cli: Cli, arguments: list[str], told: str) -> None:
    assert told in cli("fetch", *arguments, expect=2).stderr
    assert nothing_left(cli.folder)


def test_a_folder_without_the_dataset_is_refused(cli: Cli) -> None:
    (cli.folder / "holiday").mkdir()
    (cli.folder / "holiday/beach.jpg").write_bytes(b"sand")
    done = cli("fetch", "davis", "--from", "holiday", expect=2)
    assert "no JPEGImages/480p/<video>/<frame> in holiday, found only beach.jpg" in done.stderr


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


def test_a_download_of_something_else_is_kept_until_it_is_forced_to_go(cli: Cli, davis2016: dict[str, bytes]) -> None:
    with serve({"DAVIS-data.zip": packed({"holiday/beach.jpg": b"sand"})}) as server:
        told = cli("fetch", "davis2016", "--mirror", server.url(""), expect=2).stderr
        kept = "datasets/.archives/davis2016/DAVIS-data.zip"
        assert f"The downloads are kept ({kept}): to use what they hold give them with --from, to download" in told
        assert (cli.folder / kept).read_bytes() == server.files["DAVIS-data.zip"]
        server.files = {"DAVIS-data.zip": packed(davis2016)}
        cli("fetch", "davis2016", "--mirror", server.url(""), "--force")


def test_a_damaged_dataset_json_is_one_line(cli: Cli) -> None:
    (cli.folder / "datasets/synthetic").mkdir(parents=True)
    (cli.folder / "datasets/synthetic/dataset.json").write_text("{}")
    for command in (["fetch", "synthetic"], ["infer", "--dataset", "synthetic", "--tracker", "static"]):
        assert "dataset.json" in cli(*command, expect=2).stderr
    assert "synthetic" in cli("list", "datasets").stdout


def write_card(path: Path, **downloads: str) -> None:
    """Write a card of cubs with a licence and a citation. downloads: the URL of each file, by its name without .zip."""
    entries = "".join(f'[[downloads]]\nfile = "{name}.zip"\nurls = ["{url}"]\n' for name, url in downloads.items())
    path.write_text(
        'name = "cubs"\ntitle = "Cubs"\nlicence = "CC BY 4.0"\nhomepage = "https://cubs.example"\n'
        'citation = """\n@misc{cubs}\n"""\n'
        f"{entries}[splits.val]\ndownloads = {[f'{name}.zip' for name in downloads]}\nby_hand = 'Ask Ann.'\n"
    )


def test_a_dry_run_shows_everything_asks_nobody_and_writes_nothing(cli: Cli) -> None:
    with serve({}) as server:
        write_card(cli.folder / "cubs.toml", cubs=server.url("cubs.zip"))
        shown = cli("fetch", "./cubs.toml", "sam2.1_hiera_tiny", "--dry-run").stdout
        assert server.requests == []
    for expected in (
        "cubs.zip",
        server.url("cubs.zip"),
        "CC BY 4.0",
        "https://cubs.example",
        "Ask Ann.",
        "GB are free",
    ):
        assert expected in shown
    assert "sam2.1_hiera_tiny.pt" in shown
    assert [path.name for path in cli.folder.iterdir()] == ["cubs.toml"]


def test_a_dry_run_shows_what_no_program_can_get_and_what_is_complete(cli: Cli) -> None:
    write_card(cli.folder / "cubs.toml")
    assert "by hand: Ask Ann." in cli("fetch", "./cubs.toml", "--dry-run").stdout
    assert "cubs val: cannot be downloaded automatically; Ask Ann." in cli("fetch", "./cubs.toml", expect=2).stderr
    make_tree(cli.folder / "given", {"ann": [squares((1, 2, 2))]})
    cli("fetch", "./cubs.toml", "--from", "given")
    assert "it is complete already" in cli("fetch", "./cubs.toml", "--dry-run").stdout


def test_a_dry_run_tells_that_there_are_other_sources(cli: Cli) -> None:
    assert "DAVIS-2017-trainval-480p.zip, or 2 others" in cli("fetch", "davis", "--dry-run").stdout


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


@pytest.fixture
def google(cli: Cli) -> Iterator[Server]:
    """A server that plays Google Drive for the commands of this test."""
    with serve_as_google(cli.folder / "google.pem") as server:
        variables = {"https_proxy": server.url(""), "REQUESTS_CA_BUNDLE": str(server.certificate)}
        cli.environment |= {**variables, "HOME": str(cli.folder)}
        yield server


@pytest.mark.slow
def test_a_quota_of_google_drive_is_told_with_the_ways_out(cli: Cli, google: Server) -> None:
    page = b'<html><p class="uc-error-subcaption">Too many users have viewed this file recently.</p></html>'
    google.files = {"uc?id=1": page}
    write_card(cli.folder / "cubs.toml", cubs="https://drive.google.com/uc?id=1")
    message = cli("fetch", "./cubs.toml", expect=2).stderr.splitlines()[-1]
    assert "Too many users have viewed this file recently" in message
    for way in (f"{cli.folder}/.cache/gdown/cookies.txt", "--from FILE", "--mirror URL", "Ask Ann."):
        assert way in message
    assert nothing_left(cli.folder)


def test_a_root_that_is_a_file_is_one_line(cli: Cli) -> None:
    (cli.folder / "file").write_text("")
    assert "cannot write there" in cli("fetch", "synthetic", "--root", "file", expect=2).stderr
