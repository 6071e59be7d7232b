"""vosbench: fetch datasets, run trackers and score masks for semi-supervised video object segmentation."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vosbench.version import __version__

if TYPE_CHECKING:
    from vosbench.api import dataframe, evaluate, infer
    from vosbench.running.run import Run

__all__ = ["Run", "__version__", "dataframe", "evaluate", "infer"]


def __getattr__(name: str) -> Any:
    """The Python calls, imported when they are first asked for: `import vosbench` alone is instant."""
    if name in ("dataframe", "evaluate", "infer"):
        return getattr(import_module("vosbench.api"), name)
    if name == "Run":
        return import_module("vosbench.running.run").Run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
