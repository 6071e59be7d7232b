"""Write the prompts that a simulated user gave in a video as JSON, and read them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io.files import read_json, write_json
from vosbench.types import BoxPrompt, Point, PointPrompt

ClickedPrompt = PointPrompt | BoxPrompt
PROMPTS_REMEDY = "delete the file, and track the video of that run again"


def write_prompts(
    path: Path, video: str, kind: str, frame_names: Sequence[str], prompts: Mapping[int, tuple[int, ClickedPrompt]]
) -> None:
    """Write the prompts of a video. kind: such as "3-click". prompts: object id -> (index of the frame, prompt)."""
    objects = {
        str(object_id): {"frame": frame_names[index], "index": index, **_format_prompt(prompt)}
        for object_id, (index, prompt) in prompts.items()
    }
    write_json(path, {"video": video, "prompt": kind, "objects": objects})


def read_prompts(path: Path, video: str, frame_names: Sequence[str]) -> dict[int, tuple[int, ClickedPrompt]]:
    """The prompts in a file that `write_prompts` wrote: object id -> (index of the frame, prompt).

    Raises VosbenchError if there is no such file, if it is damaged, and if its frames are not those of the video.
    """
    if not path.is_file():
        raise VosbenchError(path, f"no prompts of video {video} were recorded there", "leave the video out")
    try:
        found = {int(name): _parse_entry(entry) for name, entry in read_json(path)["objects"].items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise VosbenchError(path, "damaged, expected the prompts of a video", PROMPTS_REMEDY) from None
    for name, index, _ in found.values():
        if not 0 <= index < len(frame_names) or frame_names[index] != name:
            raise VosbenchError(path, f"frame {index} of video {video} is not {name}", "use the same frames")
    return {object_id: (index, prompt) for object_id, (_, index, prompt) in found.items()}


def format_clicks(points: Sequence[Point]) -> list[list[Any]]:
    """The clicks as JSON: [x, y, whether it is positive] each."""
    return [[point.x, point.y, point.positive] for point in points]


def _format_prompt(prompt: ClickedPrompt) -> dict[str, Any]:
    clicks = {"points": format_clicks(prompt.points)} if prompt.points else {}
    if isinstance(prompt, PointPrompt):
        return clicks
    return {"box": [prompt.left, prompt.top, prompt.right, prompt.bottom], **clicks}


def _parse_entry(entry: Mapping[str, Any]) -> tuple[str, int, ClickedPrompt]:
    points = tuple(
        Point(_check_number(x), _check_number(y), bool(positive)) for x, y, positive in entry.get("points", ())
    )
    if "box" in entry:
        left, top, right, bottom = (_check_number(edge) for edge in entry["box"])
        return entry["frame"], int(entry["index"]), BoxPrompt(left, top, right, bottom, points)
    if not points:
        raise ValueError(entry)
    return entry["frame"], int(entry["index"]), PointPrompt(points)


def _check_number(value: Any) -> float:
    """A number as it is, whole or not. Raises ValueError for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise ValueError(value)
