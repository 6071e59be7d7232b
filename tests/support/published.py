"""Make results/published.csv from the collection of published figures: keep what is certain enough, change nothing.

Run `python -m tests.support.published COLLECTION` in the root of the repository. COLLECTION is a CSV with one figure a
row; its column `confidence` says how sure it is that the figure stands so in its source.
"""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

KEPT = ("high", "medium-high")
PUBLISHED = Path(__file__).parents[2] / "results" / "published.csv"


def keep_confident_rows(text: str) -> str:
    """The rows of a CSV whose confidence is one of KEPT, with all columns, in their order."""
    reader = csv.DictReader(io.StringIO(text, newline=""))
    kept = io.StringIO(newline="")
    writer = csv.DictWriter(kept, reader.fieldnames or (), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row for row in reader if row["confidence"] in KEPT)
    return kept.getvalue()


if __name__ == "__main__":
    PUBLISHED.write_text(keep_confident_rows(Path(sys.argv[1]).read_text(encoding="utf-8")), encoding="utf-8")
