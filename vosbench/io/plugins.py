"""Load the object that `module:object` or `file.py:object` names, and make the error for an unknown name."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError


def load_object(spec: str) -> Any:
    """Import the object that `module:object` names. Modules in the current folder are found as well.

    Raises VosbenchError if the import fails, whatever the module raises.
    """
    module_name, _, attribute = spec.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except Exception as error:  # a third party's module may raise anything while it is imported
        reason = " ".join(str(error).split()) or type(error).__name__
        raise VosbenchError(spec, f"cannot be loaded ({reason})", "expected module:object") from error


def find_module_spec(spec: str) -> str:
    """The `module:object` that `path/to/file.py:object` means; any other text as it is.

    The file's folder is added to the places where modules are found, which the processes that this one spawns look
    through as well. Raises VosbenchError if there is no such file, or if another module has its name.
    """
    name, _, attribute = spec.rpartition(":")
    if not name.endswith(".py"):
        return spec
    file = Path(name).absolute()
    if not file.is_file():
        raise VosbenchError(spec, f"no file {name}", "expected module:object, or file.py:object")
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    found = importlib.util.find_spec(file.stem) if file.stem.isidentifier() and file.stem != "__main__" else None
    if found is None or not found.origin or not file.samefile(found.origin):
        other = f"Python finds another module of this name, {found.origin}" if found else "not the name of a module"
        raise VosbenchError(spec, other, "rename the file")
    return f"{file.stem}:{attribute}"


def make_unknown_name_error(kind: str, name: str, known: Iterable[str]) -> VosbenchError:
    """Return the error for an unknown name; it suggests the most similar known name, or lists all of them.

    kind: what the name should be the name of, such as "dataset".
    """
    known = list(known)
    near = difflib.get_close_matches(name, known, 1)
    found = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return VosbenchError(f"unknown {kind} {name!r}", found)
