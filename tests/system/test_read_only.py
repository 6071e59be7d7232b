"""On a file system that may not be written to, a command ends with one line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.workspaces import draw_clip

MOUNT = 'mount --bind . . && mount -o remount,bind,ro . && cd "$PWD" && exec "$@"'


@pytest.fixture
def read_only(cli: Cli) -> Callable[..., str]:
    """A function that runs a command while its folder is mounted read-only, and returns the one line it ends with."""

    def run(*arguments: object) -> str:
        own_mounts = ["unshare", "--mount", "--map-root-user", "sh", "-c", MOUNT, "sh"]
        command = [*own_mounts, sys.executable, "-m", "vosbench", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=cli.folder, env=cli.environment, capture_output=True, text=True, timeout=240, check=False
        )
        assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
        return done.stderr.splitlines()[-1]

    probe = ["unshare", "--mount", "--map-root-user", "sh", "-c", MOUNT, "sh", "true"]
    if not shutil.which("unshare") or subprocess.run(probe, cwd=cli.folder, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    return run


@pytest.mark.slow
def test_fetching_to_a_read_only_file_system_is_one_line(cli: Cli, read_only: Callable[..., str]) -> None:
    told = "cannot write there (Read-only file system); choose another folder"
    assert read_only("fetch", "synthetic", "--root", "new") == f"vosbench: new: {told}"
    assert read_only("fetch", "sam2.1_hiera_tiny") == f"vosbench: checkpoints: {told}"
    (cli.folder / "datasets").mkdir()
    assert read_only("fetch", "synthetic") == f"vosbench: datasets: {told}"


@pytest.mark.slow
def test_an_overlay_of_a_read_only_run_is_one_line(read_only: Callable[..., str], run: Path) -> None:
    told = "cannot be written (Read-only file system); make room, or choose a folder that you may write to"
    assert read_only("overlay", "--results", "run") == f"vosbench: run/eval/contact.png: {told}"


@pytest.mark.slow
def test_tracking_to_a_read_only_file_system_is_one_line_before_the_work_and_changes_nothing(
    cli: Cli, read_only: Callable[..., str]
) -> None:
    clip = draw_clip(cli.folder)
    (cli.folder / "old.mp4").write_bytes(b"an earlier output")
    before = {path.name: path.read_bytes() for path in cli.folder.iterdir()}
    words = ("track", clip.name, "--point", "18,28", "--tracker", "flow", "--gpu", "cpu", "--prompter", "grabcut")
    told = f"{cli.folder} cannot be written to; choose a folder that you may write to"
    for output in (("-o", "new.mp4"), ("-o", "old.mp4", "--overwrite"), ("--masks", "new/masks")):
        assert read_only(*words, *output) == f"vosbench: {output[1]}: {told}"
    assert {path.name: path.read_bytes() for path in cli.folder.iterdir()} == before


@pytest.mark.parametrize("place", ["file/sheet.png", "/proc/sheet.png"])
def test_an_overlay_that_cannot_be_written_is_one_line(cli: Cli, run: Path, place: str) -> None:
    (cli.folder / "file").touch()
    told = cli("overlay", "--results", "run", "--videos", "good", "--out", place, expect=2).stderr
    assert f"{place}: cannot be written (" in told


def test_what_the_system_refuses_anywhere_is_one_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, **_: object) -> None:
        raise OSError(30, "Read-only file system", f"/data/{name}")

    monkeypatch.setattr("vosbench.datasets.registry.find_dataset", refuse)  # a step that cannot fail so by itself
    told = cli("cite", "davis", expect=2).stderr
    assert told.startswith("vosbench: /data/davis: cannot be read or written (Read-only file system); make room")
