"""The p of a difference by a bootstrap, and the p of several tests adjusted for their number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vosbench.evaluation.metrics import Series

ROUNDING = 1e-12  # draws that differ from the observed difference only in the last bits count as far from 0 as it


def find_p(drawn: Series, observed: float) -> float:
    """The two-sided p of an observed difference: (1 + k) / (1 + n).

    k is how many of the n draws lie at least as far from the observed difference as 0 does: the draws, shifted so that
    their true mean is 0, say how far chance alone would carry the difference (Efron and Tibshirani 1993, section 16.4).
    The ones count the observed difference among the draws, so that p is never 0 (Davison and Hinkley, "Bootstrap
    Methods and their Application", 1997, section 4.2). Draws that are NaN do not count.
    """
    defined = drawn[~np.isnan(drawn)]
    beyond = np.count_nonzero(np.abs(defined - observed) >= abs(observed) - ROUNDING)
    return float((1 + beyond) / (1 + defined.size))


def adjust_by_holm(ps: Sequence[float | None]) -> list[float | None]:
    """The p of several tests, adjusted so that the chance of any false rejection stays below a level.

    The smallest of n p is multiplied by n, the next one by n - 1 and so on; none becomes smaller than one before it, or
    larger than 1 (Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics
    6, 1979). None stays None and does not count.
    """
    order = sorted((p, index) for index, p in enumerate(ps) if p is not None)
    adjusted: list[float | None] = [None] * len(ps)
    largest = 0.0
    for rank, (p, index) in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p))
        adjusted[index] = largest
    return adjusted
