"""Find checkpoints by name or path, and read the catalogue of those that can be fetched."""

from __future__ import annotations

import tomllib
from pathlib import Path

from vosbench.datasets.card import Download
from vosbench.errors import VosbenchError
from vosbench.io import paths, schema
from vosbench.io.plugins import make_unknown_name_error


def known_checkpoints() -> dict[str, Download]:
    """Every checkpoint of the catalogue, by its name: the name of its file without the suffix."""
    path = paths.find_shipped_folder("checkpoints") / "catalogue.toml"
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["checkpoints"]
    return {Path(entry["file"]).stem: schema.build_dataclass(Download, entry, str(path)) for entry in entries}


def find_checkpoint(name: str, folder: Path) -> Path:
    """The file of a checkpoint: that of the catalogue in `folder`, or `<name>.pt` there, else `name` as a path.

    Raises VosbenchError if there is no such file, with the command that fetches it if the catalogue has it.
    """
    known = known_checkpoints()
    path = folder / (known[name].file if name in known else f"{name}.pt")
    if path.is_file():
        return path
    if name in known:
        raise VosbenchError(f"checkpoint {name}", f"not found at {path}", f"run: vosbench fetch {name}")
    if Path(name).is_file():
        return Path(name)
    if "/" in name or name.endswith((".pt", ".pth")):
        remedy = "give the path of a file, or a name from: vosbench list checkpoints"
        raise VosbenchError(f"checkpoint {name}", "no such file", remedy)
    raise make_unknown_name_error("checkpoint", name, known_checkpoints(), "to see all, run: vosbench list checkpoints")
