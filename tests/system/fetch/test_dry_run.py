"""What a dry run of `vosbench fetch` shows."""

from __future__ import annotations

from tests.support.cli import Cli
from tests.support.fetched import write_card
from tests.support.golden import make_tree, squares
from tests.support.server import serve


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
