"""Plan the frames of a propagation, and keep on disk how far one came."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from vosbench.errors import VosbenchError
from vosbench.io.files import read_json, write_json

DIRECTIONS = ("forwards", "backwards", "both")
PROPAGATION = "propagation.json"


class Traversal(NamedTuple):
    """The frames of a propagation in one direction, in the order in which they are followed."""

    frames: Sequence[int]
    reverse: bool


def plan_traversals(start: int, direction: str, reach: int | None, count: int) -> list[Traversal]:
    """The frames that a propagation goes through, in a video of `count` frames; see `Session.propagate`.

    Backwards from the first frame there is nothing to follow, that frame included, as in SAM 2's predictor.
    """
    first = 0 if reach is None else max(0, start - reach)
    last = count - 1 if reach is None else min(count - 1, start + reach)
    forwards = Traversal(range(start, last + 1), reverse=False)
    if direction == "forwards":
        return [forwards]
    if direction == "backwards":
        return [Traversal(range(start, first - 1, -1) if start else (), reverse=True)]
    return [forwards, Traversal(range(start - 1, first - 1, -1), reverse=True)]


class RemainingFrames(NamedTuple):
    """What is left of a propagation. begun: whether some frames of the first of these traversals are done."""

    traversals: Sequence[Traversal]
    begun: bool


class KeptPropagation(NamedTuple):
    """A propagation that was left. start, direction, reach: as `Session.propagate` was given them.

    done: how many frames were yielded. complete: whether what the tracker needs to go on was kept; if not, it goes
    again through the frames of the traversal that was left.
    """

    start: int
    direction: str
    reach: int | None
    done: int
    complete: bool

    def find_rest(self, count: int) -> RemainingFrames:
        """What is left to do in a video of `count` frames. No traversal in it is without frames."""
        done, traversals = self.done, plan_traversals(self.start, self.direction, self.reach, count)
        for rank, (frames, reverse) in enumerate(traversals):
            if done < len(frames):
                later = [traversal for traversal in traversals[rank + 1 :] if traversal.frames]
                return RemainingFrames([Traversal(frames[done:], reverse), *later], done > 0)
            done -= len(frames)
        return RemainingFrames([], begun=False)

    def list_done(self, count: int) -> list[int]:
        """The frames that were yielded, of a video of `count` frames."""
        traversals = plan_traversals(self.start, self.direction, self.reach, count)
        return [index for traversal in traversals for index in traversal.frames][: self.done]

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
