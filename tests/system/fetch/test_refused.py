"""What `vosbench fetch` refuses is named in one line, and leaves no dataset."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator

import pytest

from tests.support.cli import Cli
from tests.support.fetched import nothing_left, packed, write_card
from tests.support.published_archives import unpacked
from tests.support.server import Server, serve, serve_as_google


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
    given = unpacked(cli.folder / "given", davis2016)
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
