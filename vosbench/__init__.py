"""vosbench: fetch datasets, run trackers and score masks for semi-supervised video object segmentation.

Every name below is imported when it is first used, so that `import vosbench` takes no time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vosbench.version import __version__

if TYPE_CHECKING:
    from vosbench.api import dataframe, evaluate, fetch, infer, open_dataset
    from vosbench.errors import VosbenchError
    from vosbench.evaluation.summary import Evaluation
    from vosbench.figures.overlay_api import draw_overlay, write_overlay_video
    from vosbench.figures.plot_api import plot
    from vosbench.publishing.check_submission import check_submission
    from vosbench.publishing.compare import compare
    from vosbench.publishing.convert import convert
    from vosbench.publishing.pack import pack
    from vosbench.reports.report import report
    from vosbench.running.run import Run
    from vosbench.trackers.sessions import open_session
    from vosbench.types import BoxPrompt, Point, PointPrompt, Tracker, Video

__all__ = [
    "BoxPrompt",
    "Evaluation",
    "Point",
    "PointPrompt",
    "Run",
    "Tracker",
    "Video",
    "VosbenchError",
    "__version__",
    "check_submission",
    "compare",
    "convert",
    "dataframe",
    "draw_overlay",
    "evaluate",
    "fetch",
    "infer",
    "open_dataset",
    "open_session",
    "pack",
    "plot",
    "report",
    "write_overlay_video",
]

_MODULES = {
    "BoxPrompt": "vosbench.types",
    "Evaluation": "vosbench.evaluation.summary",
    "Point": "vosbench.types",
    "PointPrompt": "vosbench.types",
    "Run": "vosbench.running.run",
    "Tracker": "vosbench.types",
    "Video": "vosbench.types",
    "VosbenchError": "vosbench.errors",
    "check_submission": "vosbench.publishing.check_submission",
    "compare": "vosbench.publishing.compare",
    "convert": "vosbench.publishing.convert",
    "dataframe": "vosbench.api",
    "draw_overlay": "vosbench.figures.overlay_api",
    "evaluate": "vosbench.api",
    "fetch": "vosbench.api",
    "infer": "vosbench.api",
    "open_dataset": "vosbench.api",
    "open_session": "vosbench.trackers.sessions",
    "pack": "vosbench.publishing.pack",
    "plot": "vosbench.figures.plot_api",
    "write_overlay_video": "vosbench.figures.overlay_api",
    "report": "vosbench.reports.report",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
