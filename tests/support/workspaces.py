"""Workspaces of the page with small drawn videos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.clips import draw_square_frame, write_clip
from vosbench.cli.prompt_options import parse_prompts
from vosbench.io.paths import Roots
from vosbench.media.clip import DEFAULT_RATE
from vosbench.tracking.outputs import Outputs
from vosbench.tracking.request import ModelChoice, prepare_request
from vosbench.ui.models import LoadedModels, load_models
from vosbench.ui.sources import open_upload
from vosbench.ui.workspace import Workspace

FRAMES = 8


def draw_clip(folder: Path, frames: int = FRAMES) -> Path:
    """A video file of a bright square that moves 2 pixels a frame to the right, from column 10 in the rows 20 to 35."""
    folder.mkdir(parents=True, exist_ok=True)
    return write_clip(folder / "square.mp4", [draw_square_frame(index) for index in range(frames)])


def load_flow(folder: Path) -> LoadedModels:
    """A tracker without sessions or weights, and the prompter without weights."""
    return load_models(ModelChoice("flow", gpu="cpu"), Roots(checkpoints=folder / "none"))


def load_sam2(checkpoint: str) -> LoadedModels:
    """A seeded SAM 2 tiny, which takes clicks and boxes and has sessions of its own."""
    settings = ["image_size=64", "dtype=float32"]
    return load_models(ModelChoice("sam2", checkpoint, settings, "cpu"), Roots())


def open_workspace(folder: Path, models: LoadedModels, frames: int = FRAMES) -> Workspace:
    """A workspace with the drawn video, whose file lies in the folder `clips`."""
    workspace = Workspace(models, folder / "tab")
    workspace.load(open_upload(draw_clip(folder / "clips", frames), "square.mp4", workspace.folder))
    return workspace


def propagate(workspace: Workspace, **options: bool | int | str) -> list[int]:
    """Propagate to the end, and return the frames in the order in which they were tracked."""
    return [progress.latest for progress in workspace.propagate(**options)]  # type: ignore[arg-type]


def run_command(words: list[str], folder: Path, roots: Roots) -> dict[str, bytes]:
    """Do what a command line `vosbench track ...` of the page says in a folder, and return its PNGs by name."""
    options = read_options(words)
    [masks] = options["--masks"]
    choice = ModelChoice(
        options["--tracker"][0],
        options.get("--checkpoint", [None])[0],
        options.get("--set", []),
        options.get("--gpu", [None])[0],
        options.get("--prompter", ["sam2"])[0],
    )
    with pytest.MonkeyPatch.context() as patch:  # names of files are those in the folder
        patch.chdir(folder)
        given = parse_prompts(options.get("--point", []), options.get("--box", []), options.get("--mask", []), "")
        given = [replace(each, given=folder / each.given) if isinstance(each.given, Path) else each for each in given]
    direction = options.get("--direction", ["both"])[0]
    outputs = Outputs(masks=folder / masks)
    request = prepare_request(folder / words[2], given, outputs, choice, direction, DEFAULT_RATE, roots)
    request.track(lambda done: None)
    request.write(lambda done: None)
    return {path.name: path.read_bytes() for path in sorted((folder / masks).glob("*.png"))}


def read_options(words: list[str]) -> dict[str, list[str]]:
    """The options of a command line, each with all of its values."""
    options: dict[str, list[str]] = {}
    for option, value in zip(words[3::2], words[4::2], strict=True):
        options.setdefault(option, []).append(value)
    return options
