"""Measure what `vosbench eval --reuse` saves on a run whose masks have not changed, and compare all figures.

    python benchmarks/evaluate_reuse.py --repeat 5

The run holds the golden predictions. Each row measures whole processes on one core, as `evaluate.py` does, and takes
the least of the rounds. The exit status is 1 if a file differs in anything but the number of reused videos.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent))
from evaluate import DATA, Usage, conditions, copy_masks, measure, spread

KEPT = ".kept_scores"
FACTS = {
    "tracker": "benchmark", "tracker_object": "", "settings": {}, "checkpoint": None, "checkpoint_sha256": None,
    "dataset": "DAVIS", "split": "val", "rules": "davis2017", "versions": {}, "videos": {}, "updated": "",
}  # fmt: skip


def write_run(golden: Path, run: Path) -> Path:
    """A run of a tracker that made the golden predictions."""
    copy_masks(golden / "predictions" / "rvos_match", run / "masks")
    (run / "run.json").write_text(json.dumps({**FACTS, "dataset_path": str(golden / "DAVIS")}))
    return run


def read_files(run: Path) -> dict[str, bytes]:
    """The files of an evaluation, without the line that says how many scores were reused."""
    found = {path.name: path.read_bytes() for path in (run / "eval").iterdir() if path.name != KEPT}
    lines = found["scores.json"].splitlines(keepends=True)
    return found | {"scores.json": b"".join(line for line in lines if not line.startswith(b' "reused_videos": '))}


def compare_reuse(run: Path, repeat: int) -> bool:
    """Measure in rounds, print the table, and return whether all files are equal."""
    command = [sys.executable, "-m", "vosbench", "eval", "--quiet", run, "--jobs", "1"]
    rows: dict[str, list[Usage]] = {"without --reuse": [], "the first --reuse": [], "the next --reuse": []}
    measure([*command], 1)
    expected, equal = read_files(run), True
    for _ in range(repeat):
        (run / "eval" / KEPT).unlink(missing_ok=True)
        for index, row in enumerate(rows.values()):
            row.append(measure([*command, "--reuse"] if index else command, 1))
            equal &= read_files(run) == expected
    reused = json.loads((run / "eval" / "scores.json").read_text())["reused_videos"]
    print(f"load {os.getloadavg()[0]:.1f} at the end; the least of {repeat} rounds (to the most)\n")
    print("| `vosbench eval` | CPU s | wall s | peak MB | times |\n|---|--:|--:|--:|--:|")
    plain = min(usage.cpu for usage in rows["without --reuse"])
    for name, usages in rows.items():
        cpu = [usage.cpu for usage in usages]
        peak = max(usage.megabytes for usage in usages)
        print(f"| {name} | {spread(cpu)} | {spread([u.wall for u in usages])} | {peak:.0f} | {plain / min(cpu):.2f} |")
    print(f"\nkept scores: {(run / 'eval' / KEPT).stat().st_size:,} bytes; reused at the end: {reused} videos")
    print("all files are equal" if equal else "FILES DIFFER")
    return equal and reused > 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder that holds golden/ (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="rounds (default: %(default)s)")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="vosbench-") as scratch:
        print(*conditions({}), sep="\n")
        return 0 if compare_reuse(write_run(options.data.resolve() / "golden", Path(scratch)), options.repeat) else 1


if __name__ == "__main__":
    sys.exit(main())
