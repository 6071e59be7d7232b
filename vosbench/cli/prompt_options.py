"""Parse the clicks, boxes and masks that a user types for a video."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from vosbench.errors import VosbenchError
from vosbench.tracking.clip_prompts import GivenPrompt, Moment
from vosbench.types import BoxPrompt, Point

PLACE = re.compile(r"(?P<object>\d+)?(?:@(?P<moment>\d+(?:\.\d+)?s|\d+))?:")
PLACE_FORM = "OBJECT@FRAME: before it, where FRAME is a number, or seconds such as 1.5s"


def parse_prompts(points: Sequence[str], boxes: Sequence[str], masks: Sequence[str], pairs: str) -> list[GivenPrompt]:
    """Parse the values of --point, --box, --mask and --points. Raises VosbenchError for one that is not of its form."""
    return [
        *(_parse_point(text) for text in points),
        *(_parse_box(text) for text in boxes),
        *(_parse_mask(text) for text in masks),
        *_parse_pairs(pairs),
    ]


def _parse_point(text: str) -> GivenPrompt:
    subject = f"--point {text}"
    object_id, moment, rest = _parse_place(text)
    negative = rest.endswith(",-")
    numbers = _parse_coordinates(
        rest.removesuffix(",-").removesuffix(",+"), 2, subject, "x,y, or x,y,- for a negative one"
    )
    return GivenPrompt(subject, object_id, moment, Point(numbers[0], numbers[1], not negative))


def _parse_box(text: str) -> GivenPrompt:
    subject = f"--box {text}"
    object_id, moment, rest = _parse_place(text)
    left, top, right, bottom = _parse_coordinates(rest, 4, subject, "x0,y0,x1,y1")
    return GivenPrompt(subject, object_id, moment, BoxPrompt(left, top, right, bottom))


def _parse_mask(text: str) -> GivenPrompt:
    object_id, moment, rest = (None, Moment(0), text) if Path(text).exists() else _parse_place(text)
    named = PLACE.match(text) is not None and bool(PLACE.match(text)["object"])  # type: ignore[index]
    return GivenPrompt(f"--mask {text}", object_id if named else None, moment, Path(rest))


def _parse_pairs(text: str) -> list[GivenPrompt]:
    """The positive clicks of `--points x1 y1 x2 y2 ...`: on object 1 in the first frame."""
    if not text:
        return []
    subject, words = f"--points {text}", text.split()
    if len(words) % 2:
        raise VosbenchError(subject, f"found {len(words)} numbers", "give x and y of each point: --points x1 y1 x2 y2")
    numbers = _parse_coordinates(",".join(words), len(words), subject, "x1 y1 x2 y2 ...")
    return [
        GivenPrompt(subject, None, Moment(0), Point(x, y)) for x, y in zip(numbers[::2], numbers[1::2], strict=True)
    ]


def _parse_place(text: str) -> tuple[int | None, Moment, str]:
    """Split `[OBJECT@FRAME:]rest` into the object id (None if it is not said), the moment and the rest."""
    found = PLACE.match(text)
    if not found:
        return None, Moment(0), text
    moment = found["moment"] or "0"
    in_seconds = moment.endswith("s")
    object_id = int(found["object"]) if found["object"] else None
    return object_id, Moment(float(moment.removesuffix("s")), in_seconds), text[found.end() :]


def _parse_coordinates(text: str, count: int, subject: str, form: str) -> list[float]:
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise VosbenchError(subject, f"expected {form}", f"put {PLACE_FORM}")
    return numbers
