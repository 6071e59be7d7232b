"""Fixtures of the tests of studies."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.golden import make_tree, squares

CARD = """
name = "cubs"
title = "Cubs"
licence = "CC0"
homepage = "https://cubs.example"
citation = '''
    @misc{cubs2024,
      title = {Cubs},
    }
'''

[rules]
[splits.val]
"""


@pytest.fixture
def cubs(cli: Cli) -> Path:
    """The folder of a dataset that was fetched by a card of the user's own."""
    (cli.folder / "cubs.toml").write_text(CARD)
    tree = make_tree(cli.folder / "tree", {"bear": [squares((1, 2, 2), (2, 14, 2))] * 3})
    cli("fetch", "cubs.toml", "--from", tree)
    return cli.folder / "datasets/cubs"
