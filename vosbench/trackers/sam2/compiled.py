"""The costly parts of SAM 2's model through torch.compile: the same masks up to rounding, once minutes were spent.

The mask decoder is left out. It would be compiled for each number of objects: the `sam2` package saw worse masks where
it was compiled for any number. CUDA graphs, which torch.compile makes in other modes, are left out as well: they would
be made for each number of memories, and what one returns is overwritten the next time, on whichever stream that is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch

COMPILED_PARTS = {"image_encoder": False, "memory_attention": True}
"""What is compiled, and whether for varying shapes: the numbers of memories and of objects."""


def compile_parts(predictor: torch.nn.Module) -> None:
    """Let the parts be compiled at their first call. One that cannot be is logged in a line, and works as before.

    The memory attention is compiled up to four times: for one object or several, with one memory or several. The tables
    that a model makes at its first frames should be there before, or that is compiled as well, and then all again.
    """
    for name, varying in COMPILED_PARTS.items():
        part = predictor.get_submodule(name)
        part.forward = _compile_part(name, part.forward, varying)


def _compile_part(name: str, plain: Callable[..., Any], varying: bool) -> Callable[..., Any]:
    chosen = torch.compile(plain, dynamic=varying)

    def forward(*arguments: Any, **named: Any) -> Any:
        nonlocal chosen
        try:
            return chosen(*arguments, **named)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # a compiler raises anything
            if chosen is plain:
                raise
            first = str(error).strip().partition("\n")[0]
            logging.getLogger(__name__).warning("%s is not compiled (%s: %s)", name, type(error).__name__, first)
            chosen = plain
        return plain(*arguments, **named)

    return forward
