"""Find the videos in a JSON file of masks; its content tells the form."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io.json_items import JsonItems, read_json_items
from vosbench.masks.burst import find_burst_videos
from vosbench.masks.frame_rle import find_rle_video, find_rle_videos
from vosbench.masks.masklets import find_masklet_video
from vosbench.masks.source import Opener
from vosbench.masks.youtube_vis import find_annotated_videos

YOUTUBE_VIS = "in the form of YouTube-VIS"  # the form of all JSON that has the marks of no other one
YOUTUBE_VIS_REMEDY = (
    "write `videos` and `annotations`, or a list of annotations, each with `video_id` and `segmentations`"
)


def find_json_videos(path: Path, merge: bool, videos: Collection[str] = ()) -> dict[str, Opener]:
    """The videos in a JSON file: video -> a function that opens its masks.

    merge: whether all objects of a frame are merged into one with id 1. videos: the names of the videos to be scored.
    Of a file of many videos only the places of their masks are read, and each is read when its masks are opened.
    Raises VosbenchError if the file is not JSON or has another form.
    """
    form, remedy = "of a known form", "write it again, in a form that `docs/evaluation.md` lists"
    try:
        content = read_json_items(path)
        form, found = _find_form(path, content, merge, videos)
        return dict(found)
    except OSError as error:
        raise VosbenchError(path, f"cannot be read ({error.strerror})", "check the path and its permissions") from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        remedy = YOUTUBE_VIS_REMEDY if form == YOUTUBE_VIS else remedy
        raise VosbenchError(path, f"not JSON {form} ({type(error).__name__}: {error})", remedy) from None


def _find_form(
    path: Path, content: Any, merge: bool, videos: Collection[str]
) -> tuple[str, Iterable[tuple[str, Opener]]]:
    """The form of a file's content in words, and its videos."""
    first = content[0] if isinstance(content, JsonItems) and content else content
    keys = set(first) if isinstance(first, Mapping) else set()
    if "sequences" in keys and first is content:
        return "in the form of BURST", find_burst_videos(path, content, merge, videos)
    if "masklet" in keys and first is content:
        return "in the form of SA-V", [find_masklet_video(path, content, merge)]
    if "frames" in keys:
        form = "with an RLE for each object and frame"
        if first is content:
            return form, [find_rle_video(path, content, merge)]
        return form, find_rle_videos(path, content, merge)
    return YOUTUBE_VIS, find_annotated_videos(path, content, merge)
