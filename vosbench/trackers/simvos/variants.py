"""The variants of SimVOS, and which one a checkpoint is of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from vosbench.errors import VosbenchError


class Variant(NamedTuple):
    """A variant of SimVOS.

    channels, blocks: of its transformer. early_blocks: the blocks that see each frame by itself. token_learner: whether
    remembered frames are condensed to prototypes.
    """

    channels: int
    blocks: int
    early_blocks: int
    token_learner: bool


VARIANTS = {"B": Variant(768, 12, 0, False), "BS": Variant(768, 12, 4, True), "L": Variant(1024, 24, 0, False)}


def choose_variant(name: str, checkpoint: Path) -> Variant:
    """The variant of a name, or with "auto" of the checkpoint's name, such as simvos-bs.pth.

    A file does not say which variant it is of, and a wrong one gives bad masks without any error.
    Raises VosbenchError if the checkpoint's name says nothing.
    """
    if name in VARIANTS:
        return VARIANTS[name]
    found = re.search(r"simvos[-_]?(bs|b|l)(?![a-z])", checkpoint.stem, re.IGNORECASE)
    if not found:
        wrong = f"its name does not tell the variant: {', '.join(VARIANTS)}"
        raise VosbenchError(checkpoint, wrong, "give --set variant=B, BS or L, or name the file simvos-b, -bs or -l")
    return VARIANTS[found[1].upper()]
