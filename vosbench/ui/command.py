"""Write the command line that finds the same masks as the page."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from vosbench.types import BoxPrompt, Point
from vosbench.ui.models import LoadedModels, list_model_options
from vosbench.ui.scene import HandPrompt, MarkedScene, MaskPrompt


def write_command(video: str, scene: MarkedScene, models: LoadedModels, direction: str, outputs: Sequence[str]) -> str:
    """The command line `vosbench track ...`, quoted for a shell.

    video: the file or folder. outputs: the options that say what to write, such as "-o", "out.mp4". Masks that prompt
    objects are named as the files that an export writes.
    """
    words = ["vosbench", "track", video if not video.startswith("-") else f"./{video}"]
    for index, given in sorted(scene.prompts.items()):
        for object_id, prompt in sorted(given.items()):
            words += _list_prompt_options(f"{object_id}@{index}:", prompt, name_mask_file(index, object_id))
    words += list_model_options(models)
    words += ["--direction", direction] if direction != "both" else []
    return shlex.join([*words, *outputs])


def name_mask_file(index: int, object_id: int) -> str:
    """The name of the file, which an export writes, with the mask by which an object is given in a frame."""
    return f"prompt-object-{object_id}-frame-{index}.png"


def _list_prompt_options(place: str, prompt: HandPrompt, mask_file: str) -> Iterator[str]:
    if isinstance(prompt, MaskPrompt):
        yield from ("--mask", place + mask_file)
        return
    if isinstance(prompt, BoxPrompt):
        corners = (prompt.left, prompt.top, prompt.right, prompt.bottom)
        yield from ("--box", place + ",".join(map(_format_number, corners)))
    for point in prompt.points:
        yield from ("--point", place + _format_point(point))


def _format_point(point: Point) -> str:
    return f"{_format_number(point.x)},{_format_number(point.y)}{'' if point.positive else ',-'}"


def _format_number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
