"""Choose what to cite: vosbench, datasets and trackers, each with its licence and its BibTeX entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from vosbench.datasets import registry
from vosbench.datasets.card import Dataset
from vosbench.datasets.cite import format_citation, format_licence
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.paths import Roots
from vosbench.running.run import Run
from vosbench.studies.inventory import find_all_datasets
from vosbench.trackers.about import ABOUT_TRACKERS
from vosbench.version import __version__

OWN_NAME = "vosbench"
OWN_ENTRY = f"""\
@software{{vosbench,
  title   = {{vosbench: fetch, run and score semi-supervised video object segmentation}},
  author  = {{{{The vosbench maintainers}}}},
  version = {{{__version__}}},
}}"""


class Citation(NamedTuple):
    """What is cited and under which licence it is, in one line; and its BibTeX entries, or none."""

    licence: str
    entries: tuple[str, ...]


def choose_citations(names: Sequence[str], roots: Roots) -> list[Citation]:
    """Return the citations of these names: "vosbench", a tracker, or a dataset by its name, alias or card.

    Without names: vosbench, the datasets on disk, or if there are none all known ones, and the trackers of the runs.
    Raises VosbenchError for an unknown name.
    """
    known = find_all_datasets(roots)
    return [
        _find_citation(name, known)
        for name in names or [OWN_NAME, *_list_datasets_here(known, roots), *_list_used_trackers(roots)]
    ]


def _find_citation(name: str, known: Mapping[str, Dataset]) -> Citation:
    if name == OWN_NAME:
        return Citation(f"{OWN_NAME}: licence Apache-2.0", (OWN_ENTRY,))
    if about := ABOUT_TRACKERS.get(name):
        source = about.source or "a tracker of vosbench, without a paper"
        return Citation(f"{name}: {source}", about.papers)
    dataset = known.get(name) or registry.find_dataset(name, others=(OWN_NAME, *ABOUT_TRACKERS))
    return Citation(format_licence(dataset), tuple(filter(None, [format_citation(dataset)])))


def _list_datasets_here(known: Mapping[str, Dataset], roots: Roots) -> list[str]:
    """The names of the datasets on disk; of all known ones if there are none."""
    here = [name for name in sorted(known) if (roots.datasets / name / paths.MANIFEST).is_file()]
    return here or sorted(known)


def _list_used_trackers(roots: Roots) -> list[str]:
    """The built-in trackers that made the runs on disk."""
    used = set()
    for path in roots.results.glob(f"*/*/{paths.RUN}"):
        try:
            used.add(Run(path.parent).read_published()["tracker"])
        except VosbenchError:  # a damaged run hides no other
            continue
    return sorted(used & ABOUT_TRACKERS.keys())
