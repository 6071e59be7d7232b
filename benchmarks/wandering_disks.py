"""Draw label maps of disks that wander, `00.png` and so on, of which a video of any length can be made by links.

python benchmarks/wandering_disks.py FOLDER HEIGHT WIDTH OBJECTS FRAMES
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

CYCLE = 30  # frames after which the motion repeats
VIDEO = "wander"


def draw_disks(folder: Path, height: int, width: int, objects: int, frames: int) -> None:
    """Write the first frames of the motion as indexed PNGs."""
    import numpy as np

    from vosbench.masks.labels import encode_labels

    side = math.ceil(math.sqrt(objects))
    reach = height / side / 3.5
    rows, columns = np.mgrid[:height, :width]
    for frame in range(frames):
        labels = np.zeros((height, width), np.uint8)
        for index in range(objects):
            row, column = divmod(index, side)
            angle = 2 * math.pi * frame / CYCLE + index
            y = (row + 0.5 + 0.2 * math.sin(angle)) * height / side
            x = (column + 0.5 + 0.2 * math.cos(angle)) * width / side
            box = tuple(slice(max(0, int(middle - reach)), int(middle + reach) + 2) for middle in (y, x))
            labels[box][np.hypot(rows[box] - y, columns[box] - x) < reach] = index + 1
        (folder / f"{frame:02}.png").write_bytes(encode_labels(labels))


def link_video(drawn: Path, masks: Path, frames: int, ahead: int) -> None:
    """Make a video of links to drawn frames in a folder of masks. ahead: the drawn frame with which it begins."""
    cycle = len(list(drawn.iterdir()))
    (masks / VIDEO).mkdir(parents=True)
    for frame in range(frames):
        (masks / VIDEO / f"{frame:05}.png").hardlink_to(drawn / f"{(frame + ahead) % cycle:02}.png")


if __name__ == "__main__":
    draw_disks(Path(sys.argv[1]), *map(int, sys.argv[2:]))
