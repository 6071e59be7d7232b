"""Mask-Propagation and SimVOS through the command line: their checkpoints, their settings, and their runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.support.cli import Cli
from tests.support.runs import states
from tests.support.server import Server, serve_as_google
from vosbench.datasets.checkpoints import known_checkpoints

S012 = "mask-propagation-s012"
PROPAGATION_WEIGHTS = [name for name in known_checkpoints() if name.startswith(("mask-propagation", "simvos"))]


@pytest.fixture
def drive(cli: Cli) -> Iterator[Server]:
    """A server that plays Google Drive for the commands of `cli`, and offers Mask-Propagation's file."""
    with serve_as_google(cli.folder / "google.pem") as server:
        cli.environment |= {"https_proxy": server.url(""), "REQUESTS_CA_BUNDLE": str(server.certificate)}
        server.attachment = "propagation_model.pth"
        yield server


def offer(drive: Server, size: int) -> None:
    """Offer so many bytes at the address of the catalogue."""
    drive.files = {known_checkpoints()[S012].urls[0].removeprefix("https://drive.google.com/"): bytes(size)}


@pytest.mark.exhaustive
@pytest.mark.slow
def test_a_checkpoint_on_google_drive_is_fetched_under_its_name(cli: Cli, drive: Server) -> None:
    size = known_checkpoints()[S012].least_bytes or 0
    offer(drive, size + 1000)
    done = cli("fetch", S012)
    assert done.stdout == f"{S012} is at checkpoints/{S012}.pth\n"
    assert f"{S012}: licence MIT" in done.stderr
    assert (cli.folder / f"checkpoints/{S012}.pth").stat().st_size == size + 1000


def test_a_file_that_is_too_small_for_the_tensors_is_refused(cli: Cli, drive: Server) -> None:
    offer(drive, 1000)
    done = cli("fetch", S012, expect=2)
    assert "size is 1000 bytes, expected at least 214989236" in done.stderr
    assert not list((cli.folder / "checkpoints").rglob("*.pth"))


def test_a_copy_that_is_too_small_for_the_tensors_is_refused(cli: Cli) -> None:
    (cli.folder / "mine.pth").write_bytes(b"PK" + bytes(1000))
    told = cli("fetch", S012, "--from", "mine.pth", expect=2).stderr
    assert f"mine.pth: not {S012}.pth: size is 1002 bytes, expected at least 214989236; use it as it is with" in told
    assert not list((cli.folder / "checkpoints").rglob("*.pth"))


def test_the_licences_of_the_weights_are_listed(cli: Cli) -> None:
    listed = {row["checkpoint"]: row for row in json.loads(cli("list", "checkpoints", "--json").stdout)["checkpoints"]}
    assert all(listed[name]["licence"] for name in known_checkpoints())
    assert listed[S012]["licence"] == "MIT"
    assert "CC BY-NC" in listed["simvos-l"]["licence"]
    told = cli("fetch", "simvos-bs", "--dry-run").stdout
    assert "simvos-bs: licence CC BY-NC 4.0" in told


@pytest.mark.parametrize("name", PROPAGATION_WEIGHTS)
def test_no_hash_is_invented_and_the_size_is_at_least_that_of_the_tensors(name: str) -> None:
    known = known_checkpoints()[name]
    assert known.sha256 is None
    assert known.bytes is None
    assert (known.least_bytes or 0) > 2e8


@pytest.mark.parametrize(
    ("tracker", "settings"),
    [
        ("mask-propagation", ["top_k=50", "kernelized=False", "sigma=5.6", "memory_every=5", "max_memory_frames=0"]),
        ("simvos", ["variant=auto", "local_window=False"]),
    ],
)
def test_the_settings_are_explained(cli: Cli, tracker: str, settings: list[str]) -> None:
    told = cli("infer", "--tracker", tracker, "--set", "help").stdout
    for setting in [*settings, "short_side=0", "dtype=float32", "fast=False", "compile=False"]:
        assert setting in told, told


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize(("tracker", "model"), [("mask-propagation", "Mask-Propagation"), ("simvos", "SimVOS")])
def test_weights_that_do_not_fit_end_the_run_with_one_line_and_leave_nothing(
    cli: Cli, bears: Path, tracker: str, model: str
) -> None:
    weights = {"rgb_encoder.conv1.weight": torch.zeros(64, 3, 7, 7), "pos_embed_new": torch.zeros(1, 577, 768)}
    torch.save(weights, cli.folder / "simvos-b.pth")
    asked = ("infer", "--tracker", tracker, "--dataset", bears, "--checkpoint", "simvos-b.pth", "--gpus", "cpu")
    told = cli(*asked, "--out", "run", expect=2).stderr.splitlines()[-1]
    assert f"simvos-b.pth: expected a whole {model}; of " in told
    assert " missing (such as " in told
    assert "1 unexpected (such as " in told
    assert not (cli.folder / "run").exists()


@pytest.mark.exhaustive
@pytest.mark.slow
@pytest.mark.parametrize("tracker", ["mask-propagation", "simvos"])
def test_a_run_with_all_masks_as_prompts_is_finished(
    cli: Cli, bears: Path, request: pytest.FixtureRequest, tracker: str
) -> None:
    checkpoint = request.getfixturevalue(f"{tracker.replace('-', '_')}_checkpoint")
    asked = ("infer", "--tracker", tracker, "--dataset", bears, "--checkpoint", checkpoint, "--gpus", "cpu")
    cli(*asked, "--videos", "good", "--set", "prompts=all", "--out", "run")
    assert states(cli.folder / "run")["good"]["state"] == "done"
    assert cli("eval", "run", "--videos", "good").stdout.startswith("J&F 100.0 ")  # each mask is a prompt
