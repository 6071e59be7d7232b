"""Datasets that are damaged, and what is found wrong with them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vosbench.datasets.verify import find_splits_to_verify, verify_split

ONE, TWO = (1, 2, 2), (2, 14, 2)  # squares: object id, row and column
KITE, TRUTH = "JPEGImages/kite", "Annotations/kite"  # the folders of a drawn video


def found(root: Path, dataset: str, deep: bool = False) -> list[str]:
    """What is wrong with a dataset, as lines in which a * replaces the root and numbers of bytes."""
    ((tree, manifest),) = find_splits_to_verify(dataset, None, root)
    lines = [f"{where}: {what}" for where, what in verify_split(tree, manifest, deep, jobs=1)]
    return [
        re.sub(r"\d+ bytes; dataset.json states \d+", "* bytes; dataset.json states *", line).replace(str(root), "*")
        for line in lines
    ]


def rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def cut(path: Path) -> None:
    """Cut off the end of a file."""
    path.write_bytes(path.read_bytes()[:-2000])
