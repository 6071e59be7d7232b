"""What a fetch is given on the command line, and what it leaves."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

SEQUENCES = ["blackswan", "bmx-trees", "car-shadow", "dog", "libby", "scooter-black"]


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def contents(root: Path) -> dict[str, str]:
    """Every file of a fetched dataset with its hash; dataset.json, which holds the time, without one."""
    return {
        str(path.relative_to(root)): "" if path.name == "dataset.json" else hashlib.md5(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def nothing_left(folder: Path) -> bool:
    """Whether a fetch left no file at all."""
    return not any(path.is_file() for path in (folder / "datasets").rglob("*"))


def write_card(path: Path, **downloads: str) -> None:
    """Write a card of cubs with a licence and a citation. downloads: the URL of each file, by its name without .zip."""
    entries = "".join(f'[[downloads]]\nfile = "{name}.zip"\nurls = ["{url}"]\n' for name, url in downloads.items())
    path.write_text(
        'name = "cubs"\ntitle = "Cubs"\nlicence = "CC BY 4.0"\nhomepage = "https://cubs.example"\n'
        'citation = """\n@misc{cubs}\n"""\n'
        f"{entries}[splits.val]\ndownloads = {[f'{name}.zip' for name in downloads]}\nby_hand = 'Ask Ann.'\n"
    )
