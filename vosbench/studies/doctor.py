"""Look at a machine the way a maintainer would when somebody reports that it does not work."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from PIL import features

from vosbench.io.paths import Roots
from vosbench.running import devices
from vosbench.running.code_versions import read_commit, read_versions


class MachineFact(NamedTuple):
    """One thing that was looked at. trap: why it may bite and what to do; empty where all is well."""

    subject: str
    found: str
    warning: str = ""


def examine_machine(roots: Roots) -> Iterator[MachineFact]:
    """Everything worth knowing, most basic first."""
    yield MachineFact("system", f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores")
    for package, found in read_versions().items():
        yield MachineFact(package, found)
    if checkout := read_commit():
        yield MachineFact("checkout", f"{checkout['commit']}{', changed since' if checkout['dirty'] else ''}")
    yield from _examine_devices()
    yield from _examine_codecs()
    for name, folder in vars(roots).items():
        yield _examine_folder(name, folder)
    yield from _examine_traps()


def _examine_devices() -> Iterator[MachineFact]:
    names = devices.read_gpu_names()
    for name in names:
        yield MachineFact("device", name)
    if not names:
        yield MachineFact(
            "device", "cpu alone", "SAM 2 needs seconds a frame on a CPU; flow and static are made for it"
        )
    if visible := os.environ.get("CUDA_VISIBLE_DEVICES"):
        yield MachineFact("CUDA_VISIBLE_DEVICES", visible, "--gpus counts among these alone" if names else "")


def _examine_codecs() -> Iterator[MachineFact]:
    for codec in ("jpg", "zlib"):
        known = features.check(codec)
        yield MachineFact(f"codec {codec}", features.version(codec) or "missing", "" if known else "reinstall pillow")


def _examine_folder(name: str, folder: Path) -> MachineFact:
    """A folder's free space, or that it cannot be written to."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = f"{folder}, {shutil.disk_usage(existing).free / 1e9:.0f} GB free"
    trap = "" if os.access(existing, os.W_OK) else f"{existing} is not writable: choose another with an option"
    return MachineFact(name, free, trap)


def _examine_traps() -> Iterator[MachineFact]:
    """What has bitten people before."""
    try:
        version("sam2")
    except PackageNotFoundError:
        yield MachineFact(
            "sam2", "not installed", "pip install sam2==1.1.0 with SAM2_BUILD_CUDA=0 and no build isolation"
        )
        return
    yield MachineFact(
        "sam2 on PyPI",
        version("sam2"),
        "" if version("sam2") == "1.1.0" else "results are only known to equal the official ones for 1.1.0",
    )
    if (Path.cwd() / "sam2" / "sam2").is_dir():
        yield MachineFact("./sam2", "a checkout", "it shadows the installed package sam2: run from another folder")
    if importlib.util.find_spec("torch") is None:
        yield MachineFact("torch", "not installed", "pip install torch; only the trackers that need it are affected")
