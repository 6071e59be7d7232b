"""What is wrong with the masks for a server: every fault by itself, and all of them in a few lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vosbench.io.wording import count_of

MISSING_VIDEO, MISSING_FRAME = "missing video", "missing frame"
FAULT_KINDS = (
    *("wrong layout", MISSING_VIDEO, MISSING_FRAME, "misnamed frame", "extra file", "repeated file", "damaged file"),
    *("wrong mode", "wrong size", "unknown object id", "overlap"),
)
"""The kinds of faults, in the order in which they are told."""
SHOWN = 5  # faults of a kind that are told one by one


class MaskFault(NamedTuple):
    """A fault of a submission.

    kind: one of FAULT_KINDS. video: its name; empty if the fault is of no video. file: the path in the zip, or the
    mask; for a missing video its name. found: what was found and what was expected; empty where the kind says it.
    """

    kind: str
    video: str
    file: str
    found: str = ""


def sort_faults(faults: Iterable[MaskFault]) -> list[MaskFault]:
    """The faults by kind, in the order of FAULT_KINDS; those of a kind keep their order."""
    return sorted(faults, key=lambda fault: FAULT_KINDS.index(fault.kind))


def describe_faults(faults: Iterable[MaskFault]) -> Iterator[str]:
    """Yield a line for each kind of fault, with its count, and below it the first SHOWN faults of that kind."""
    every = list(faults)
    for kind in FAULT_KINDS:
        if alike := [fault for fault in every if fault.kind == kind]:
            videos = {fault.video for fault in alike}
            yield count_of(len(alike), kind) + (f" in {count_of(len(videos), 'video')}" if len(videos) > 1 else "")
            for fault in alike[:SHOWN]:
                yield f"  {fault.file}" + (f": {fault.found}" if fault.found else "")
            if len(alike) > SHOWN:
                yield f"  and {len(alike) - SHOWN} more"


def count_faults(faults: Iterable[MaskFault]) -> str:
    """The number of faults of each kind in one line, as in "2 missing videos, 1 extra file"."""
    kinds = [fault.kind for fault in faults]
    return ", ".join(count_of(kinds.count(kind), kind) for kind in FAULT_KINDS if kind in kinds)
