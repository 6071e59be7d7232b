"""Find the code that makes a tracker's masks: its file or package, what that imports, and vosbench's own part.

Imports are read from the source, nothing is run. What cannot be found so: a module that is named only while the
tracker works (`importlib.import_module`), a compiled extension, and files that the tracker reads, such as a
configuration.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from vosbench.io.hashing import hash_unless_unchanged

PACKAGE = "vosbench"
OWN_TRACKERS = f"{PACKAGE}.trackers"
OWN_LABEL = "vosbench's code"
MASK_MODULES = tuple(
    f"{PACKAGE}.{module}" for module in ("datasets.video", "masks.labels", "running.track_video", "trackers.yielded")
)
"""What decodes the frames, and what turns that which a tracker yields into masks on disk."""
PROMPTING_MODULES = (
    f"{PACKAGE}.prompting.clicking",
    f"{PACKAGE}.prompting.kinds",
    f"{PACKAGE}.prompting.simulate",
    f"{PACKAGE}.running.prompted_tracker",
)
"""What turns the masks of a dataset into clicks and boxes."""
FOUND_MODULES = (*MASK_MODULES, *PROMPTING_MODULES)
INSTALLED_FOLDERS = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class TrackerCode:
    """The code of a tracker.

    modules: where its class and the classes that it inherits from are defined. sha256: of each file or package that the
    tracker is made of, by what it is called in messages. packages: the installed packages that this code imports, by
    the names of their imports.
    """

    modules: tuple[str, ...]
    sha256: Mapping[str, str]
    packages: frozenset[str]


NO_CODE = TrackerCode((), {}, frozenset())


@dataclass
class _Trace:
    """What was found so far. own: the top-level modules of the tracker itself, which count even where installed."""

    own: frozenset[str]
    files: dict[str, dict[str, Path]] = field(default_factory=dict)
    packages: set[str] = field(default_factory=set)

    def follow(self, module: str) -> Iterator[str]:
        """Add the files of a module, and give the names of what they import."""
        top = module.partition(".")[0]
        if top == PACKAGE:
            if f"{module}.".startswith(f"{OWN_TRACKERS}.") or module in FOUND_MODULES:
                yield from self._add_own(module)
        elif top not in sys.stdlib_module_names and (place := _find_place(top)):
            if top in self.own or not _is_installed(place):
                yield from self._add_local(module, place)
            else:
                self.packages.add(top)

    def _add_own(self, module: str) -> Iterator[str]:
        root = Path(__file__).resolve().parents[2]
        depth = OWN_TRACKERS.count(".") if module not in FOUND_MODULES else module.count(".")
        for path in [*_find_files(module, root)][depth:]:  # without the __init__.py of the packages above
            self.files.setdefault(OWN_LABEL, {})[path.relative_to(root).as_posix()] = path
            if module not in FOUND_MODULES:
                yield from _read_imports(path, root)

    def _add_local(self, module: str, place: Path) -> Iterator[str]:
        """Add the file of a module, or the whole package in which it is. place: the folder with the first of both."""
        package = place / module.partition(".")[0]
        is_package = (package / "__init__.py").is_file()
        if is_package and (label := f"package {package.name}") not in self.files:
            found = sorted(path for path in package.rglob("*.py") if path.is_file())
            self.files[label] = {path.relative_to(place).as_posix(): path for path in found}
        for path in _find_files(module, place):
            if not is_package:
                name = path.relative_to(place).as_posix()
                self.files.setdefault(name, {})[name] = path
            yield from _read_imports(path, place)


def trace_code(modules: Iterable[str]) -> TrackerCode:
    """Find the code of a tracker. modules: where its class and the classes that it inherits from are defined.

    The modules can be imported in this process, or have been. A file of the user's own belongs to the tracker if
    another file of it imports it, wherever in the file; of a package, all Python files do.
    """
    given = tuple(modules)
    trace, seen = _Trace(frozenset(module.partition(".")[0] for module in given)), set[str]()
    waiting = [*given, *MASK_MODULES]
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += trace.follow(module)
    sha256 = {label: _hash_together(files) for label, files in sorted(trace.files.items())}
    return TrackerCode(given, sha256, frozenset(trace.packages))


def _find_place(top: str) -> Path | None:
    """The folder that holds a top-level module or package; None if there is no such file."""
    loaded = getattr(sys.modules.get(top), "__file__", None)
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # a script, or a module that was made by hand
        return Path(loaded).resolve().parent if loaded else None
    if spec and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).resolve().parent
    file = Path(spec.origin) if spec and spec.origin else None
    return file.resolve().parent if file and file.suffix == ".py" and file.is_file() else None


@cache
def _is_installed(folder: Path) -> bool:
    """Whether a folder has packages that were installed, whose versions tell their code."""
    return any(part in INSTALLED_FOLDERS for part in folder.parts) or any(folder.glob("*.dist-info"))


def _find_files(module: str, place: Path) -> Iterator[Path]:
    """The files that importing a module below a folder runs: its own and those of the packages around it."""
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        path = place.joinpath(*parts[:count])
        for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
            if file.is_file():
                yield file
                break


def _read_imports(path: Path, place: Path) -> Iterator[str]:
    """The names of what a file imports, wherever in it; also `a.b` for `from a import b`, which may be a module."""
    inside = path.relative_to(place).parent.parts
    with suppress(SyntaxError, ValueError, OSError):  # such a file cannot be imported either
        for node in ast.walk(_parse(path, path.stat().st_mtime_ns, path.stat().st_size)):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                above = inside[: len(inside) - node.level + 1] if node.level else ()
                base = ".".join([*above, *([node.module] if node.module else [])])
                yield from filter(None, (base, *(f"{base}.{alias.name}".lstrip(".") for alias in node.names)))


@cache
def _parse(path: Path, changed: int, size: int) -> ast.Module:
    return ast.parse(path.read_bytes())


def _hash_together(files: Mapping[str, Path]) -> str:
    """The sha256 of one file, or of the names and hashes of several."""
    hashes = {name: hash_unless_unchanged(path) for name, path in files.items()}
    if len(hashes) == 1:
        return next(iter(hashes.values()))
    return hashlib.sha256(
        "".join(f"{hashed}  {name}\n" for name, hashed in sorted(hashes.items())).encode()
    ).hexdigest()
