"""Load the object that `module:object` names, and word the error for an unknown name."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError


def load_object(spec: str) -> Any:
    """The object that `module:object` names. Modules beside the current folder are found as well."""
    module_name, _, attribute = spec.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except Exception as error:  # a third party's module may fail in any way while it is imported
        reason = " ".join(str(error).split()) or type(error).__name__
        raise VosbenchError(f"{spec}: cannot be loaded ({reason}); expected module:object") from error


def make_unknown_name_error(kind: str, name: str, known: Iterable[str]) -> VosbenchError:
    """The error for a name that is not known, with the nearest one."""
    known = list(known)
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return VosbenchError(f"unknown {kind} {name!r}: {hint}")
