"""The scripts in docs/site, which build the documentation site."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from tests.support.cli import REPOSITORY

SITE = REPOSITORY / "docs" / "site"


def load_script(name: str) -> ModuleType:
    """Import a script of docs/site under a name that no package has."""
    known = f"docs_site_{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, SITE / f"{name}.py")
        assert spec
        assert spec.loader
        sys.modules[known] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[known])
    return sys.modules[known]
