"""Fixtures of the tests of the page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.pages import QUIET
from tests.support.workspaces import load_flow, open_workspace
from vosbench.ui.models import LoadedModels
from vosbench.ui.workspace import Workspace

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture
def browser() -> Iterator[Any]:
    """A real browser without a window."""
    pytest.importorskip("gradio", reason='needs pip install "vosbench[ui]"')
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs pip install playwright")
    if CHROMIUM is None:
        pytest.skip("needs a browser: no chromium, chromium-browser or google-chrome")
    with sync_api.sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> LoadedModels:
    """A tracker without weights, in a folder without weights."""
    return load_flow(tmp_path_factory.mktemp("models"))


@pytest.fixture
def workspace(tmp_path: Path, models: LoadedModels) -> Workspace:
    return open_workspace(tmp_path, models)
