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

MOST_NEAR = 3  # names that an error offers for an unknown one
MOST_NAMES = 8  # names that an error lists if none is similar
NEARLY_EQUAL = 0.05  # between the similarities of names that are offered together, on a scale to 1
MIN_PART = 3  # characters of a part of a name by which the whole name is found


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


def make_unknown_name_error(kind: str, name: str, known: Iterable[str], remedy: str = "") -> VosbenchError:
    """Return the error for an unknown name; it offers the most similar known names, or else some or all of them.

    kind: what the name should be the name of, such as "dataset". remedy: what shows all names if they are many.
    """
    known = list(known)
    if near := find_near_names(name, known):
        *first, last = near
        return VosbenchError(
            f"unknown {kind} {name!r}", f"did you mean {', '.join(first)}{' or ' if first else ''}{last}?"
        )
    if len(known) <= MOST_NAMES:
        return VosbenchError(f"unknown {kind} {name!r}", f"known are {', '.join(known) or 'none'}")
    shown = ", ".join(known[:MOST_NAMES])
    return VosbenchError(f"unknown {kind} {name!r}", f"known are {shown} and {len(known) - MOST_NAMES} more", remedy)


def find_near_names(name: str, known: Iterable[str]) -> list[str]:
    """Return up to three known names that are most similar to a name, or else that contain it; case does not matter."""
    lower: dict[str, str] = {}
    for each in known:
        lower.setdefault(each.lower(), each)
    wanted = name.lower()
    near = difflib.get_close_matches(wanted, lower, MOST_NEAR)
    alike = [difflib.SequenceMatcher(None, each, wanted).ratio() for each in near]
    found = [each for each, ratio in zip(near, alike, strict=True) if ratio > alike[0] - NEARLY_EQUAL]
    found = found or [each for each in lower if len(wanted) >= MIN_PART and wanted in each]
    return [lower[each] for each in found[:MOST_NEAR]]
