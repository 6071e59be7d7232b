"""Compare the masks of one video with what a server expects: their names, sizes, modes and object ids."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.evaluation.matching import check_object_ids
from vosbench.masks.labels import decode_labels
from vosbench.masks.png import PNG_SIGNATURE
from vosbench.masks.source import MaskSource, find_last_number, find_overlap
from vosbench.publishing.expected import ExpectedMasks
from vosbench.publishing.fault import MISSING_FRAME, MaskFault
from vosbench.types import Labels

PALETTE = "P"
MODES = {0: "L", 2: "RGB", 3: PALETTE, 4: "LA", 6: "RGBA"}  # by the colour type of a PNG, as Pillow calls them
DEPTH_AT, COLOUR_AT = 24, 25  # bytes of a PNG with its bit depth and its colour type
SHOWN_IDS = 5


def find_png_mode(content: bytes) -> str:
    """The mode of a PNG, as Pillow calls it, such as "P" or "L"; empty if it is not a PNG."""
    if not content.startswith(PNG_SIGNATURE) or len(content) <= COLOUR_AT:
        return ""
    mode = MODES.get(content[COLOUR_AT], "")
    return f"{content[DEPTH_AT]}-bit {mode}" if mode == "L" and content[DEPTH_AT] != 8 else mode


def check_png(
    content: bytes, video: str, file: str, expected: ExpectedMasks, any_mode: bool = False
) -> list[MaskFault]:
    """The faults of a label map. content: of the PNG. file: names it in the faults.

    any_mode: whether a PNG without a palette is no fault, because it is written anew.
    """
    mode = find_png_mode(content)
    faults = []
    if mode not in ("", PALETTE) and not any_mode:
        faults.append(MaskFault("wrong mode", video, file, f"is {mode}, expected {PALETTE}, with a palette"))
    if mode in ("RGB", "RGBA"):
        if any_mode:
            faults.append(MaskFault("wrong mode", video, file, f"is {mode}, which does not hold object ids"))
        return faults
    try:
        label_map = decode_labels(content, file)
    except VosbenchError as error:
        return [MaskFault("damaged file", video, file, error.found)]
    return [*faults, *_check_label_map(label_map, video, file, expected)]


def _check_label_map(label_map: Labels, video: str, file: str, expected: ExpectedMasks) -> Iterator[MaskFault]:
    ids = [object_id for object_id in np.flatnonzero(np.bincount(label_map.ravel())).tolist() if object_id]
    yield from _check_frame((label_map.shape[0], label_map.shape[1]), ids, video, file, expected)


def _check_frame(
    size: tuple[int, int], ids: Iterable[int], video: str, file: str, expected: ExpectedMasks
) -> Iterator[MaskFault]:
    if size != expected.size:
        (height, width), (right_height, right_width) = size, expected.size
        found = f"is {width}x{height} pixels, the frames are {right_width}x{right_height}"
        yield MaskFault("wrong size", video, file, found)
    if unknown := sorted(set(ids) - (expected.objects - {0})):  # 0 is the background of a label map
        found = f"shows {_list_ids(unknown)}, the first masks show {_list_ids(sorted(expected.objects))}"
        yield MaskFault("unknown object id", video, file, found)


def _list_ids(ids: Sequence[int]) -> str:
    more = f" and {len(ids) - SHOWN_IDS} more" if len(ids) > SHOWN_IDS else ""
    return ", ".join(map(str, ids[:SHOWN_IDS])) + more


def check_packed_files(
    read: Callable[[str], bytes], files: Sequence[str], video: str, frame_names: Sequence[str], expected: ExpectedMasks
) -> list[MaskFault]:
    """The faults of a video's files in a zip. read: gives the content of a file. files: all below the video's folder.

    frame_names: those that belong into the zip. Raises nothing: what cannot be read is a fault.
    """
    by_name = {PurePosixPath(file).name: file for file in files}
    folder = PurePosixPath(files[0]).parent
    wanted = {f"{frame_name}.png": frame_name for frame_name in frame_names}
    faults = list(_match_names(video, folder, wanted, by_name))
    for name in wanted:
        if name in by_name:
            try:
                faults += check_png(read(by_name[name]), video, by_name[name], expected)
            except VosbenchError as error:
                faults.append(MaskFault("damaged file", video, by_name[name], error.found))
    return faults


def _match_names(
    video: str, folder: PurePosixPath, wanted: Mapping[str, str], given: Mapping[str, str]
) -> Iterator[MaskFault]:
    """The faults of missing and extra files; a file that has a missing frame's number is a misnamed one."""
    extra = [name for name in given if name not in wanted]
    numbers = {
        number: name
        for name in extra
        if name.lower().endswith(".png")
        and not name.startswith(".")
        and (number := find_last_number(PurePosixPath(name).stem)) is not None
    }
    misnamed = set()
    for name, frame_name in wanted.items():
        if name in given:
            continue
        number = find_last_number(frame_name)
        if number is not None and (other := numbers.get(number)) and other not in misnamed:
            misnamed.add(other)
            yield MaskFault("misnamed frame", video, given[other], f"expected {name}")
        else:
            yield MaskFault(MISSING_FRAME, video, str(folder / name))
    for name in extra:
        if name not in misnamed:
            yield MaskFault("extra file", video, given[name], "no frame of the video that the server expects")


def check_source(
    source: MaskSource, video: str, frame_names: Collection[str], expected: ExpectedMasks, flatten: bool
) -> list[MaskFault]:
    """The faults of a video's masks in any form. flatten: whether objects may overlap. Raises nothing."""
    faults = []
    try:
        check_object_ids(source, expected.objects)
    except VosbenchError as error:
        faults.append(MaskFault("unknown object id", video, error.subject, error.found))
    for frame_name in frame_names:
        where = source.describe(frame_name)
        try:
            if not source.has(frame_name):
                faults.append(MaskFault(MISSING_FRAME, video, where))
            elif (content := source.read_label_file(frame_name)) is not None:
                faults += check_png(content, video, where, expected, any_mode=True)
            else:
                size, masks = source.read(frame_name)
                faults += _check_frame(size, masks, video, where, expected)
                if not flatten and (pair := find_overlap(masks)):
                    found = f"objects {pair[0]} and {pair[1]} share pixels, and a label map holds one id a pixel"
                    faults.append(MaskFault("overlap", video, where, found))
        except VosbenchError as error:
            faults.append(MaskFault("damaged file", video, where, error.found))
    return faults
