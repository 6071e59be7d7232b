"""Find a run, or other masks, by the path or the name that a user gives.

Nothing else is imported until it is needed, because `vosbench eval` asks before anything else.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.plugins import find_near_names

if TYPE_CHECKING:
    from vosbench.running.run import Run


def find_run(name: str, results_root: Path) -> Run:
    """Return the run in a folder, or else the run at this path below the results root.

    Raises VosbenchError if neither is a run.
    """
    from vosbench.running.run import Run

    places = (Path(name), results_root / name)
    for place in places:
        if (place / paths.RUN).is_file():
            return Run(place)
    from vosbench.studies.sweep_folder import find_sweep

    if sweep := find_sweep(name, results_root):
        raise VosbenchError(name, "is a sweep, not a run", f"choose one of its runs, see: vosbench show {sweep.path}")
    found = f"no run is at {' or '.join(map(str, places))}"
    known = [str(path.parent.relative_to(results_root)) for path in results_root.glob(f"*/*/{paths.RUN}")]
    near = f"; did you mean {' or '.join(names)}?" if (names := find_near_names(name, known)) else ""
    raise VosbenchError(name, f"{found}{near}", "to see all runs, run: vosbench list runs")


def find_masks(name: str, results_root: Path) -> Path:
    """Return the path of a run as `find_run` does, or else a path at which other masks may be.

    Raises VosbenchError if there is nothing.
    """
    places = [Path(name), results_root / name]
    existing = [place for place in places if place.exists()]
    return (
        next((place for place in existing if paths.is_run(place)), None)
        or next(iter(existing), None)
        or find_run(name, results_root).path
    )
