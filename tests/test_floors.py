"""Who may import whom: a module only from floors below its own, heavy packages only where they are used."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import vosbench
from vosbench import plugins

PACKAGE = Path(vosbench.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

FLOORS = [
    {"__init__", "types"},
    {
        "cards",
        "console",
        "devices",
        "metrics",
        "plan",
        "png",
        "processes",
        "refusals",
        "render",
        "rle",
        "settings",
        "store",
        "trackers",
        "volumes",
    },
    {"members", "progress"},
    {"entries"},
    {"sevenzip", "tars", "zips"},
    {"archives", "citing", "download", "listing", "masks", "plugins", "runs", "slurm", "sources"},
    {"arrays", "checklists", "datasets", "masklets", "measures", "normalise", "tracks", "zipped"},
    {
        "clips",
        "comparing",
        "contents",
        "guesses",
        "inventory",
        "origins",
        "provenance",
        "scenes",
        "status",
        "tracking",
        "workload",
    },
    {"checking", "layout", "overlay", "premises", "scoring", "worker"},
    {"fetch", "jobs", "pool", "report", "verify"},
    {"infer"},
    {"api", "doctor", "plots", "tables"},
    {"reproduce", "sweep"},
    {"cli"},
    {"__main__"},
]
HEIGHT = {module: height for height, modules in enumerate(FLOORS) for module in modules}
HEAVY = ("cutie", "cv2", "hydra", "omegaconf", "sam2", "torch")


def parsed(path: Path) -> ast.Module:
    """A file's code without what is there for type checkers alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    return tree


def module_of(path: Path) -> str:
    """The module, or the trackers as a whole, to which a file belongs."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path: Path) -> Iterator[str]:
    """The full names of what a file imports, wherever in the file."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(path: Path) -> set[str]:
    """The modules of vosbench that a file imports."""
    names = [name.split(".")[1] for name in imports(path) if name.startswith("vosbench.")]
    return {name if name in HEIGHT else "__init__" for name in names} - {module_of(path)}


def code(path: Path) -> str:
    """A file's code without comments and docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [  # type: ignore[attr-defined]
                entry for entry in body if not (isinstance(entry, ast.Expr) and isinstance(entry.value, ast.Constant))
            ] or [ast.Pass()]
    return ast.unparse(tree)


def test_every_module_stands_on_a_floor() -> None:
    assert {module_of(path) for path in FILES} == set(HEIGHT)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_floors_below(path: Path) -> None:
    assert {name for name in own_imports(path) if HEIGHT[name] >= HEIGHT[module_of(path)]} == set()


def test_heavy_packages_are_imported_by_trackers_alone() -> None:
    users = {(module_of(path), name.split(".")[0]) for path in FILES for name in imports(path)}
    others = {(module, name) for module, name in users if name in HEAVY and module != "trackers"}
    assert others == {("clips", "cv2")}  # which decodes video files


def test_only_the_command_line_prints_and_exits() -> None:
    words = {"print", "exit", "quit", "sys.exit", "os._exit", "SystemExit", "sys.stdout.write", "sys.stderr.write"}
    calls = {
        (module_of(path), ast.unparse(node.func))
        for path in FILES
        for node in ast.walk(parsed(path))
        if module_of(path) != "cli" and isinstance(node, ast.Call) and ast.unparse(node.func) in words
    }
    assert calls == {("processes", "os._exit")}  # a process whose parent has died


def test_no_name_of_a_dataset_or_checkpoint_is_in_the_code() -> None:
    datasets = [name for card in plugins.datasets().values() for name in (card.name, *card.aliases)]
    names = "|".join(map(re.escape, {*datasets, *plugins.checkpoints()} - {"default", "folder"}))  # ordinary words
    found = {(path.name, name) for path in PACKAGE.glob("*.py") for name in re.findall(rf"\b(?:{names})\b", code(path))}
    assert found <= {("scenes.py", "synthetic")}  # the reader of that one dataset


def run(statement: str) -> list[str]:
    """What of these packages is loaded after a statement, in a fresh Python."""
    loaded = "print(*sorted({'numpy', 'torch', 'pandas', 'PIL', 'cv2', 'sam2', 'scipy'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{statement}\n{loaded}"], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1].split()


def test_help_loads_nothing_heavy() -> None:
    shown = "import runpy\nsys.argv[1:] = ['--help']\ntry: runpy.run_module('vosbench', run_name='__main__')"
    assert run(f"{shown}\nexcept SystemExit as end: assert not end.code") == []


def test_fetching_and_scoring_load_no_torch_and_no_pandas() -> None:
    modules = ", ".join(f"vosbench.{path.stem}" for path in PACKAGE.glob("[a-z]*.py"))
    assert run(f"import {modules}") == ["PIL", "numpy"]
