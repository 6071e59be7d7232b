"""What the page shows of a workspace, as values for its components."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from vosbench.errors import VosbenchError
from vosbench.io.files import write_bytes
from vosbench.types import Frame
from vosbench.ui import markup
from vosbench.ui.picture import PictureScale, draw_picture
from vosbench.ui.workspace import Workspace

KEPT_PICTURES = 8


class View(NamedTuple):
    """A value for each component that follows the workspace, in the order of `Parts.view`."""

    picture: Any
    slider: Any
    frame_line: str
    status: str
    objects: Any
    colours: str
    name: str
    truth: Any
    give_truth: Any
    scores: str
    command: str
    command_note: str
    progress: str
    track: Any
    cancel: Any


def draw_workspace(workspace: Workspace, with_truth: bool) -> Frame | None:
    """The picture of the frame that is shown: uint8[H, W, 3]; None without a video."""
    with workspace.lock:
        if not workspace.video:
            return None
        index, scene, truth = workspace.index, workspace.scene, workspace.video.truth
        true = truth.read(index) if truth and with_truth else None
        prompts = scene.prompts.get(index, {})
        frame = workspace.video.clip.frames[index]
        return draw_picture(frame, workspace.read_masks(), prompts, scene.names, workspace.corner, true)


def save_picture(folder: Path, picture: Frame | None) -> str | None:
    """Write a picture into a folder as a JPEG with all of its colours, and return its path.

    Another picture has another name, since the browser may still load the one before, and the same picture has the same
    name, so that it is not loaded again. The latest ones are kept.
    """
    if picture is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    packed = BytesIO()
    Image.fromarray(picture).save(packed, "jpeg", quality=90, subsampling=0)
    path = folder / f"{hashlib.sha256(packed.getbuffer()).hexdigest()[:32]}.jpg"
    write_bytes(path, packed.getvalue())
    for old in sorted(folder.iterdir(), key=lambda each: each.stat().st_mtime_ns)[:-KEPT_PICTURES]:
        old.unlink(missing_ok=True)
    return str(path)


def view_workspace(workspace: Workspace, kinds: Sequence[str], with_truth: bool) -> View:
    """All that the page shows. kinds: of files to export, for the command. with_truth: draw the ground truth, too.

    A frame that cannot be read has no picture, and the status says why.
    """
    import gradio as gr

    with workspace.lock:
        picture, trouble = None, ""
        try:
            picture = save_picture(workspace.folder / "pictures", draw_workspace(workspace, with_truth))
        except VosbenchError as error:
            trouble = markup.write_trouble(error)
        names = [(name, object_id) for object_id, name in workspace.scene.names.items()]
        last = max(1, workspace.count - 1)
        has_truth = bool(workspace.video and workspace.video.truth)
        return View(
            picture,
            gr.update(value=workspace.index, maximum=last, interactive=workspace.count > 1),
            markup.write_frame_line(workspace),
            markup.write_status(workspace) + trouble + markup.write_turn(workspace.turns["track"], workspace.index),
            gr.update(choices=names, value=workspace.scene.object_id),
            markup.write_object_colours(workspace),
            workspace.scene.names[workspace.scene.object_id],
            gr.update(visible=has_truth),
            gr.update(visible=has_truth),
            markup.write_scores(workspace),
            workspace.write_command(kinds),
            markup.write_command_note(workspace),
            markup.write_progress(workspace),
            gr.update(interactive=not workspace.busy),
            gr.update(interactive=workspace.busy),
        )


def find_clicked_pixel(workspace: Workspace, position: Sequence[float]) -> tuple[int, int]:
    """The column and row of the frame at a position in the picture."""
    size = workspace.video.clip.size if workspace.video else (1, 1)
    return PictureScale.of(size).find_pixel(position[0], position[1])
