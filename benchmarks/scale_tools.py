"""What the benchmarks of scale.py share: drawn datasets, the CPU time of processes, goals and tables."""

from __future__ import annotations

import resource
from collections.abc import Sequence
from pathlib import Path
from statistics import median


def make_tree(root: Path, count: int, frames: int, side: int = 16) -> None:
    """Write a dataset of `count` equal videos with one object; all files are links to those of the first video."""
    import numpy as np
    from PIL import Image

    from vosbench.masks.labels import encode_labels

    labels = np.zeros((side, side), np.uint8)
    labels[side // 4 : side // 2, side // 4 : side // 2] = 1
    files = [*(f"JPEGImages/{{}}/{index:05}.jpg" for index in range(frames)), "Annotations/{}/00000.png"]
    names = [f"v{index:05}" for index in range(count)]
    for file in files:
        (first := root / file.format(names[0])).parent.mkdir(parents=True, exist_ok=True)
        if first.suffix == ".png":
            first.write_bytes(encode_labels(labels))
        else:
            Image.fromarray(np.repeat(100 * labels[..., None], 3, axis=2)).save(first)
        for name in names[1:]:
            (link := root / file.format(name)).parent.mkdir(exist_ok=True)
            link.hardlink_to(first)
    (root / "ImageSets").mkdir()
    (root / "ImageSets" / "val.txt").write_text("".join(f"{name}\n" for name in names))


def cpu_of_children() -> float:
    """The CPU seconds of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def met(what: str, value: float, goal: float) -> bool:
    """Print whether a goal is met, and return it."""
    print(f"{'met' if value <= goal else 'MISSED'}: {what}: {value:.3g}, at most {goal:g}")
    return value <= goal


def spread(values: Sequence[float]) -> str:
    """The median and, if there are several values, the least and the most."""
    return f"{median(values):.2f}" + (f" ({min(values):.2f} to {max(values):.2f})" if len(values) > 1 else "")


def show(rows: Sequence[Sequence[str]], markdown: bool) -> None:
    """Print a table whose first row is its head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    left, between, right = ("| ", " | ", " |") if markdown else ("", "  ", "")
    print()
    for index, row in enumerate(rows):
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        print(left + between.join([row[0].ljust(widths[0]), *cells[1:]]) + right)
        if markdown and not index:
            print(f"|{'-' * (widths[0] + 2)}|{'|'.join('-' * (width + 1) + ':' for width in widths[1:])}|")
    print()
