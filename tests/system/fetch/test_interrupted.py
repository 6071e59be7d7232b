"""A fetch that was cut off or killed is completed by the next one, and two do not meet."""

from __future__ import annotations

import os
import shutil
import signal

import pytest

from tests.support.cli import Cli
from tests.support.fetched import contents, packed
from tests.support.golden import make_tree, squares
from tests.support.processes import until
from tests.support.server import serve


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
