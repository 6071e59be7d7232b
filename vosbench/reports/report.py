"""The library call `vosbench.report`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from vosbench.reports.build import DEFAULT_SHOWN, DEFAULT_STRIPS, Choices, Report, write_report
from vosbench.reports.content import OnStep, ignore_step
from vosbench.running.methods import open_method
from vosbench.running.run import Run

DEFAULT_OUT = Path("report.html")


def report(
    methods: str | Path | Run | Sequence[str | Path | Run] | Mapping[str, str | Path | Run],
    out: str | Path = DEFAULT_OUT,
    *,
    dataset: str | Path | None = None,
    split: str | None = None,
    rules: str | None = None,
    videos: Sequence[str] = (),
    jobs: int | None = None,
    strict: bool = True,
    strips: int = DEFAULT_STRIPS,
    shown: int = DEFAULT_SHOWN,
    title: str | None = None,
    overwrite: bool = False,
    datasets: str | Path = "datasets",
    on_step: OnStep = ignore_step,
) -> Report:
    """Write a report about runs, or masks of any tool, on one split, as `vosbench report` does.

    methods: a run or masks, several of them, or a mapping from names to them. out: the file, HTML. dataset, split,
    rules: None is what a run says; masks that are not a run need a dataset. videos: only these. jobs: processes, one a
    core if None. strict: raise an error for what is missing; otherwise it is scored as absent, and the page names it.
    strips: how many videos get pictures, the worst ones. shown: how many videos the page has in full; the others stand
    in a table, and `<out>.objects.csv` has all figures. title: of the page. overwrite: replace files that are there.
    on_step: called as the work goes on.
    Raises VosbenchError, and writes nothing, for whatever the user can put right: a file that is there already, methods
    on different splits or by different rules, packages that are missing, masks that cannot be scored.
    """
    opened = [
        open_method(each.path if isinstance(each, Run) else Path(each), dataset, split, rules, Path(datasets), name)
        for name, each in _pair_with_names(methods)
    ]
    choices = Choices(tuple(videos), jobs, strict, strips, shown, title, overwrite)
    return write_report(opened, Path(out), choices, on_step)


def _pair_with_names(
    methods: str | Path | Run | Sequence[str | Path | Run] | Mapping[str, str | Path | Run],
) -> list[tuple[str | None, str | Path | Run]]:
    if isinstance(methods, Mapping):
        return list(methods.items())
    return [(None, each) for each in ([methods] if isinstance(methods, str | Path | Run) else methods)]
