"""Compile the costly parts of SAM 2's model with torch.compile, which takes minutes: the same masks up to rounding.

The mask decoder is left out: it would be compiled for every number of objects, and where it was compiled for varying
numbers, the authors of the `sam2` package saw worse masks. CUDA graphs, which torch.compile makes in other modes, are
left out as well: one would be made for every number of memories, and its output is overwritten at the next call,
whatever stream that runs on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch

COMPILED_PARTS = {"image_encoder": False, "memory_attention": True}
"""The parts that are compiled, and whether for varying shapes: the numbers of memories and of objects vary."""


def compile_parts(predictor: torch.nn.Module) -> None:
    """Have the parts compiled at their first call.

    A part that cannot be compiled is logged in one line and works as before.

    The memory attention is compiled up to four times: for one object and for several, with one memory and with several.
    Let the model track a few frames before: it makes some tables at its first frames, and if these calls are compiled,
    everything is compiled a second time.
    """
    for name, varying in COMPILED_PARTS.items():
        part = predictor.get_submodule(name)
        part.forward = _compile_part(name, part.forward, varying)


def _compile_part(name: str, plain: Callable[..., Any], varying: bool) -> Callable[..., Any]:
    current = torch.compile(plain, dynamic=varying)

    def forward(*arguments: Any, **named: Any) -> Any:
        nonlocal current
        try:
            return current(*arguments, **named)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # a compiler may raise any error
            if current is plain:
                raise
            first_line = str(error).strip().partition("\n")[0]
            logging.getLogger(__name__).warning("%s is not compiled (%s: %s)", name, type(error).__name__, first_line)
            current = plain
        return plain(*arguments, **named)

    return forward
