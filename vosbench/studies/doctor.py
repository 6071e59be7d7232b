"""Examine a machine for what keeps vosbench from working: versions, devices, codecs, folders, known problems."""

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

from vosbench.io.compiled import COMPARING, DECODING, KERNEL_VARIABLE, find_compiled
from vosbench.io.paths import Roots
from vosbench.io.wording import count_of
from vosbench.running import devices
from vosbench.running.code_versions import read_commit, read_versions


class MachineFact(NamedTuple):
    """One fact about the machine. warning: the problem that it may cause and what to do; empty if there is none."""

    subject: str
    found: str
    warning: str = ""


def examine_machine(roots: Roots) -> Iterator[MachineFact]:
    """Yield the facts that help to find out why vosbench does not work on a machine, the most basic first."""
    yield MachineFact("system", f"{platform.system()} {platform.machine()}, {count_of(os.cpu_count() or 1, 'core')}")
    for package, found in read_versions().items():
        yield MachineFact(package, found)
    if checkout := read_commit():
        yield MachineFact("checkout", f"{checkout['commit']}{', with changes' if checkout['dirty'] else ''}")
    yield _examine_evaluator()
    yield from _examine_devices()
    yield from _examine_codecs()
    for name, folder in vars(roots).items():
        yield _examine_folder(name, folder)
    yield from _examine_packages()


def _examine_evaluator() -> MachineFact:
    """Whether the modules in C, which decode and compare masks, are installed."""
    if all(map(find_compiled, (COMPARING, DECODING))):
        return MachineFact("evaluator", "compiled")
    remedy = "with a C compiler, install vosbench again"
    if os.environ.get(KERNEL_VARIABLE) == "numpy":
        remedy = f"unset {KERNEL_VARIABLE}"
    return MachineFact("evaluator", "NumPy", f"the scores are the same, and take longer to compute; {remedy}")


def _examine_devices() -> Iterator[MachineFact]:
    names = devices.read_gpu_names()
    for name in names:
        yield MachineFact("device", name)
    if not names:
        yield MachineFact(
            "device", "cpu only", "SAM 2 needs seconds per frame on a CPU; flow and static are fast on it"
        )
    if visible := os.environ.get("CUDA_VISIBLE_DEVICES"):
        yield MachineFact("CUDA_VISIBLE_DEVICES", visible, "--gpus counts only these GPUs, from 0" if names else "")


def _examine_codecs() -> Iterator[MachineFact]:
    for codec in ("jpg", "zlib"):
        warning = "" if features.check(codec) else "images cannot be read; reinstall pillow"
        yield MachineFact(f"codec {codec}", features.version(codec) or "missing", warning)


def _examine_folder(name: str, folder: Path) -> MachineFact:
    """A folder's free space, with a warning if it is not writable. The folder need not exist yet."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = f"{folder}, {shutil.disk_usage(existing).free / 1e9:.0f} GB free"
    is_writable = os.access(existing, os.W_OK)
    return MachineFact(name, free, "" if is_writable else f"{existing} is not writable; choose another folder")


def _examine_packages() -> Iterator[MachineFact]:
    """Known problems with the packages that SAM 2 needs."""
    try:
        found = version("sam2")
    except PackageNotFoundError:
        install = "install it: SAM2_BUILD_CUDA=0 pip install --no-build-isolation sam2==1.1.0"
        yield MachineFact("sam2", "not installed", f"the trackers sam2 and sam2long need it; {install}")
        return
    untested = "the masks are known to equal the official ones only with 1.1.0; install that version"
    yield MachineFact("sam2 on PyPI", found, "" if found == "1.1.0" else untested)
    if (Path.cwd() / "sam2" / "sam2").is_dir():
        yield MachineFact("./sam2", "a checkout", "it hides the installed package sam2; run from another folder")
    if importlib.util.find_spec("torch") is None:
        yield MachineFact("torch", "not installed", "sam2 and sam2long need it; run: pip install torch")
