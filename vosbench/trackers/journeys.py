"""Plan the frames of a propagation, and keep on disk how far one came."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from vosbench.errors import VosbenchError
from vosbench.io.files import read_json, write_json

DIRECTIONS = ("forwards", "backwards", "both")
PROPAGATION = "propagation.json"


class Journey(NamedTuple):
    """The frames of a propagation in one direction, in the order in which they are followed."""

    frames: Sequence[int]
    reverse: bool


def plan_journeys(start: int, direction: str, reach: int | None, count: int) -> list[Journey]:
    """The frames that a propagation goes through, in a video of `count` frames; see `Session.propagate`.

    Backwards from the first frame there is nothing to follow, that frame included, as in SAM 2's predictor.
    """
    first = 0 if reach is None else max(0, start - reach)
    last = count - 1 if reach is None else min(count - 1, start + reach)
    forwards = Journey(range(start, last + 1), reverse=False)
    if direction == "forwards":
        return [forwards]
    if direction == "backwards":
        return [Journey(range(start, first - 1, -1) if start else (), reverse=True)]
    return [forwards, Journey(range(start - 1, first - 1, -1), reverse=True)]


class Remainder(NamedTuple):
    """What is left of a propagation. begun: whether some frames of the first of these journeys are done."""

    journeys: Sequence[Journey]
    begun: bool


class KeptPropagation(NamedTuple):
    """A propagation that was left. start, direction, reach: as `Session.propagate` was given them.

    done: how many frames were yielded. complete: whether what the tracker needs to go on was kept; if not, it goes
    again through the frames of the journey that was left.
    """

    start: int
    direction: str
    reach: int | None
    done: int
    complete: bool

    def find_rest(self, count: int) -> Remainder:
        """What is left to do in a video of `count` frames."""
        done, journeys = self.done, plan_journeys(self.start, self.direction, self.reach, count)
        for rank, (frames, reverse) in enumerate(journeys):
            if done < len(frames):
                return Remainder([Journey(frames[done:], reverse), *journeys[rank + 1 :]], done > 0)
            done -= len(frames)
        return Remainder([], begun=False)

    def list_done(self, count: int) -> list[int]:
        """The frames that were yielded, of a video of `count` frames."""
        journeys = plan_journeys(self.start, self.direction, self.reach, count)
        return [index for journey in journeys for index in journey.frames][: self.done]

    def write(self, folder: Path) -> None:
        """Write it into a folder."""
        write_json(folder / PROPAGATION, self._asdict())

    @classmethod
    def read(cls, folder: Path) -> KeptPropagation | None:
        """The propagation that was kept in a folder; None if there is none.

        Raises VosbenchError for a file that is damaged.
        """
        try:
            return cls(**read_json(folder / PROPAGATION))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except TypeError:
            raise make_damage_error(folder) from None


def make_damage_error(folder: Path) -> VosbenchError:
    """The error for a folder from which no propagation can go on."""
    return VosbenchError(folder, "is damaged", "delete it; the propagation then begins again")
