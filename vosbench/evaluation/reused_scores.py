"""How many scores an evaluation took over from an earlier one, and how that is said."""

from __future__ import annotations

from dataclasses import dataclass

from vosbench.io.wording import count_of


@dataclass(frozen=True)
class ReusedScores:
    """What became of the wish to reuse scores.

    videos: how many had theirs reused. total: how many there are. troubles: a line for each reason why kept scores
    could not be used or could not be kept.
    """

    videos: int
    total: int
    troubles: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """What to tell the user: the number first."""
        of = f"reused the scores of {self.videos} of {count_of(self.total, 'video')}"
        why = "whose masks, ground truth and rules are unchanged" if self.videos else "and scored all of them"
        return (f"{of}, {why}", *self.troubles)
