"""Rebuild a mask by clicks: SAM 2's baselines correct a tracked mask so, in a model that knows only clicks.

Ravi et al. 2024 (arXiv 2408.00714, section 6.1): for a correction the mask of the tracker is rebuilt in SAM by sampled
clicks until its IoU exceeds 0.8, and the user's clicks are added to them. Decided here, as the paper does not say it:
each click is drawn uniformly from the pixels that are wrong, seeded; at most MOST_CLICKS are drawn, and if none of
their masks is good enough, the best one's clicks are kept.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from vosbench.prompting.simulate import measure_iou
from vosbench.types import Mask, Point, PointPrompt, Session

GOOD_IOU = 0.8
MOST_CLICKS = 16


@dataclass(frozen=True)
class Rebuilder:
    """Rebuilds masks of one object by clicks. object_id: in its session. name, seed: what the clicks are drawn from."""

    object_id: int
    name: str = ""
    seed: int = 0

    def rebuild(self, session: Session, index: int, wanted: Mask) -> tuple[Point, ...]:
        """Click in a frame until the session shows the wanted mask, bool[H, W], there; return the clicks.

        An empty mask needs none. The session is left with the last clicks that were tried.
        """
        draws = np.random.default_rng([self.seed, index, zlib.crc32(self.name.encode())])
        found, best, clicks = np.zeros_like(wanted), (0.0, 0), list[Point]()
        while wanted.any() and len(clicks) < MOST_CLICKS and best[0] <= GOOD_IOU:
            wrong = np.argwhere(found != wanted)
            y, x = (int(place) for place in wrong[draws.integers(len(wrong))])
            clicks.append(Point(x, y, bool(wanted[y, x])))
            masks = session.add(index, self.object_id, PointPrompt(tuple(clicks)))
            found = masks.get(self.object_id, np.zeros_like(wanted))
            best = max(best, (measure_iou(wanted, found), len(clicks)), key=lambda tried: tried[0])
        return tuple(clicks[: best[1]])
