"""Who may import whom: the rule of rooms, no circles, heavy packages only where they are used."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import vosbench
from vosbench.datasets import checkpoints, registry

PACKAGE = Path(vosbench.__file__).parent
FILES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
FLOORS = [
    {"types", "errors", "version"},
    {"io"},
    {"masks", "trackers", "media", "prompting"},
    {"datasets"},
    {"fetching", "evaluation"},
    {"running"},
    {"figures", "publishing"},
    {"studies", "reports", "api", "tracking"},
    {"ui"},
    {"cli"},
]
"""The one rule of imports: a room sees the rooms on the floors below its own."""
HEIGHT = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
TOP = ("vosbench", "vosbench.__main__")  # the package itself and `python -m vosbench` stand outside of the rooms
MOST_ARROWS = 116
TRACKERS_SEE = {"types", "errors", "io"}
HEAVY = ("cutie", "cv2", "hydra", "omegaconf", "sam2", "torch")
SHOWING = ("rich", "typer")


def room_of(module: str) -> str:
    return module.split(".")[1]


@cache
def parsed(path: Path, types_too: bool = False) -> ast.Module:
    """A file's code, by default without the imports that only type checkers see."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if not types_too and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    return tree


def imports(path: Path, types_too: bool = False) -> Iterator[str]:
    """The full names of what a file imports, wherever in the file."""
    for node in ast.walk(parsed(path, types_too)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def own_imports(module: str, types_too: bool = False) -> set[str]:
    """The modules of vosbench that a module imports."""
    names = (name for name in imports(FILES[module], types_too) if name.startswith("vosbench."))
    return {name if name in FILES else name.rpartition(".")[0] for name in names} - {module}


INSIDE = [module for module in FILES if module not in TOP]


def test_every_file_lies_in_a_room_of_the_plan() -> None:
    assert {room_of(module) for module in INSIDE} <= set(HEIGHT)


@pytest.mark.parametrize("module", INSIDE)
def test_a_module_imports_only_from_rooms_on_lower_floors(module: str) -> None:
    seen = {room_of(name) for name in own_imports(module, types_too=True) if name not in TOP} - {room_of(module)}
    allowed = {room for room in HEIGHT if HEIGHT[room] < HEIGHT[room_of(module)]}
    assert seen <= (TRACKERS_SEE if room_of(module) == "trackers" else allowed)


def test_no_two_files_import_each_other() -> None:
    TopologicalSorter({module: own_imports(module, types_too=True) for module in INSIDE}).prepare()


def test_the_rooms_are_joined_by_few_arrows() -> None:
    arrows = {(room_of(a), room_of(b)) for a in INSIDE for b in own_imports(a, types_too=True) if b not in TOP}
    assert len({(a, b) for a, b in arrows if a != b}) <= MOST_ARROWS


def test_heavy_packages_are_imported_only_by_trackers() -> None:
    users = {(module, name.split(".")[0]) for module in INSIDE for name in imports(FILES[module])}
    others = {(module, name) for module, name in users if name in HEAVY and room_of(module) != "trackers"}
    drawing = {("vosbench.media.draw", "cv2"), ("vosbench.media.labels_on_objects", "cv2")}
    assert others == {("vosbench.fetching.readers.decoding", "cv2"), *drawing}


def test_only_the_command_line_imports_what_draws_terminals() -> None:
    users = {(room_of(module), name.split(".")[0]) for module in INSIDE for name in imports(FILES[module])}
    assert {room for room, name in users if name in SHOWING} == {"cli"}


def test_only_the_command_line_prints_and_exits() -> None:
    words = {"print", "exit", "quit", "sys.exit", "os._exit", "SystemExit", "sys.stdout.write", "sys.stderr.write"}
    calls = {
        (module, ast.unparse(node.func))
        for module in INSIDE
        for node in ast.walk(parsed(FILES[module]))
        if room_of(module) != "cli" and isinstance(node, ast.Call) and ast.unparse(node.func) in words
    }
    assert calls == {("vosbench.io.spawning", "os._exit")}  # a process whose parent has died


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


def test_no_name_of_a_dataset_or_checkpoint_is_in_the_code() -> None:
    datasets = [name for card in registry.known_datasets().values() for name in (card.name, *card.aliases)]
    names = "|".join(
        map(re.escape, {*datasets, *checkpoints.known_checkpoints()} - {"default", "folder"})
    )  # ordinary words
    found = {
        (module, name)
        for module in INSIDE
        if room_of(module) != "trackers"
        for name in re.findall(rf"\b(?:{names})\b", code(FILES[module]))
    }
    readers = ("vosbench.fetching.readers.synthetic", "vosbench.fetching.readers.registry")
    assert found <= {(module, "synthetic") for module in readers}  # the reader of that one dataset


def run(statement: str) -> list[str]:
    """What of these packages is loaded after a statement, in a fresh Python."""
    loaded = "print(*sorted({'numpy', 'torch', 'pandas', 'PIL', 'cv2', 'sam2', 'scipy', 'skimage'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{statement}\n{loaded}"], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1].split()


def test_help_loads_nothing_heavy() -> None:
    shown = "import runpy\nsys.argv[1:] = ['--help']\ntry: runpy.run_module('vosbench', run_name='__main__')"
    assert run(f"{shown}\nexcept SystemExit as end: assert not end.code") == []


def test_fetching_and_scoring_load_no_torch_and_no_pandas() -> None:
    modules = ", ".join(module for module in INSIDE if room_of(module) not in ("trackers", "studies"))
    assert {"torch", "sam2", "cv2", "pandas", "skimage"} & set(run(f"import {modules}")) == set()


def top_level_names(path: Path) -> Iterator[str]:
    """The functions, classes, constants and types that a file defines."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))


def test_a_name_stands_in_only_one_module() -> None:
    where: dict[str, list[str]] = {}
    for module, path in FILES.items():
        for name in set(top_level_names(path)) - {"__all__"}:
            where.setdefault(name, []).append(module)
    assert {name: modules for name, modules in where.items() if len(modules) > 1} == {}


def test_an_error_that_is_raised_says_what_was_found_beside_its_subject() -> None:
    raised = [
        (module, node.exc)
        for module in INSIDE
        for node in ast.walk(parsed(FILES[module]))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
    ]
    calls = [(module, call) for module, call in raised if ast.unparse(call.func) == "VosbenchError"]
    assert len(calls) > 100
    assert [(module, call.lineno) for module, call in calls if len(call.args) < 2] == []


def test_nine_of_ten_functions_have_at_most_twenty_lines() -> None:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for path in FILES.values() for node in ast.walk(parsed(path)) if isinstance(node, functions)]
    lengths = sorted((node.end_lineno or 0) - node.lineno + 1 for node in nodes)
    assert lengths[len(lengths) * 9 // 10] <= 20
