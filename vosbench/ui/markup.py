"""Write the parts of the page that are HTML and SVG: the line of frames, the scores over time, the legend, messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from vosbench.errors import VosbenchError
from vosbench.io.wording import count_of
from vosbench.media.colours import choose_colour
from vosbench.ui.models import LoadedModels
from vosbench.ui.scene import MaskPrompt
from vosbench.ui.workspace import Workspace

WIDTH, HEIGHT = 1000, 22  # of the line of frames, in its own units
CHART = 96
NO_VIDEO = '<p class="status">Upload a video, or choose one of a dataset.</p>'


def write_colour(object_id: int) -> str:
    """An object's colour for CSS."""
    return "#{:02x}{:02x}{:02x}".format(*choose_colour(object_id))


def write_frame_line(workspace: Workspace) -> str:
    """The line of frames as SVG: which are tracked, which have older masks, which have prompts, which is shown."""
    count = workspace.count
    if not count:
        return ""
    followed = workspace.followed
    tracked, known = (followed.tracked, followed.known) if followed else (set(), set())
    states = ["tracked" if index in tracked else "older" if index in known else "" for index in range(count)]
    bars = "".join(
        f'<rect class="{state}" x="{_x(first, count):.2f}" y="8" width="{_x(last + 1, count) - _x(first, count):.2f}" '
        'height="6"/>'
        for state, first, last in _find_runs(states)
        if state
    )
    marks = "".join(
        f'<rect x="{_x(index + 0.5, count) - 2:.2f}" y="2" width="4" height="18" rx="1" fill="{write_colour(first)}"/>'
        for index, (first, *_) in workspace.scene.prompts.items()
    )
    shown = f'<rect class="shown" x="{_x(workspace.index + 0.5, count) - 1.5:.2f}" y="0" width="3" height="{HEIGHT}"/>'
    title = f"{len(tracked)} of {count_of(count, 'frame')} tracked"
    return (
        f'<svg class="frame-line" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{title}"><rect class="ground" x="0" y="8" width="{WIDTH}" height="6" rx="3"/>'
        f"{bars}{marks}{shown}</svg>"
    )


def _x(index: float, count: int) -> float:
    return WIDTH * index / count


def _find_runs(states: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """The state, first and last index of each run of equal states."""
    for state, run in groupby(enumerate(states), key=lambda each: each[1]):
        indices = [index for index, _ in run]
        yield state, indices[0], indices[-1]


def write_scores(workspace: Workspace) -> str:
    """J and F of the frame that is shown and their means, as a table, and J&F over time, as SVG."""
    comparison = workspace.comparison
    if not comparison.truth:
        return ""
    if not comparison.matches:
        return '<p class="hint">Click on an object that the ground truth has, to compare.</p>'
    here = comparison.scores.get(workspace.index, {})
    rows = "".join(
        f"<tr><th>{write_swatch(object_id)}{escape(workspace.scene.names[object_id])}</th><td>{true_id}</td>"
        f"{_write_cells(here.get(object_id))}{_write_cells(comparison.average(object_id))}</tr>"
        for object_id, true_id in sorted(comparison.matches.items())
    )
    head = '<tr><th rowspan="2">object</th><th rowspan="2">truth</th><th colspan="2">this frame</th>'
    head += '<th colspan="2">mean</th></tr><tr><th>J</th><th>F</th><th>J</th><th>F</th></tr>'
    return f'<table class="scores"><thead>{head}</thead><tbody>{rows}</tbody></table>{_write_chart(workspace)}'


def _write_cells(pair: tuple[float, float] | None) -> str:
    return "".join(f"<td>{value:.3f}</td>" for value in pair) if pair else "<td>-</td><td>-</td>"


def _write_chart(workspace: Workspace) -> str:
    """J&F of each object over the frames."""
    scores, count = workspace.comparison.scores, workspace.count
    if len(scores) < 2:
        return ""
    lines = ""
    for object_id in sorted(workspace.comparison.matches):
        values = [(index, sum(frame[object_id]) / 2) for index, frame in sorted(scores.items()) if object_id in frame]
        points = " ".join(f"{_x(index + 0.5, count):.1f},{CHART * (1 - value):.1f}" for index, value in values)
        lines += f'<polyline points="{points}" stroke="{write_colour(object_id)}"/>'
    grid = "".join(f'<line x1="0" x2="{WIDTH}" y1="{CHART * y:.0f}" y2="{CHART * y:.0f}"/>' for y in (0, 0.5, 1))
    x = _x(workspace.index + 0.5, count)
    return (
        '<figure class="chart"><figcaption><span>J&amp;F over time</span><span>0 to 1</span></figcaption>'
        f'<svg viewBox="0 -2 {WIDTH} {CHART + 4}" preserveAspectRatio="none" role="img" aria-label="J&amp;F over time">'
        f'<g class="grid">{grid}<line class="now" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{CHART}"/></g>'
        f"{lines}</svg></figure>"
    )


def write_swatch(object_id: int) -> str:
    """A small square of an object's colour."""
    return f'<i class="swatch" style="background:{write_colour(object_id)}"></i>'


def write_object_colours(workspace: Workspace) -> str:
    """CSS that gives each button of the list of objects its object's colour."""
    rules = "".join(
        f"#objects label:nth-of-type({place})::before{{background:{write_colour(object_id)}}}"
        for place, object_id in enumerate(workspace.scene.names, 1)
    )
    return f"<style>{rules}</style>"


def write_status(workspace: Workspace) -> str:
    """One line: where the user is."""
    video = workspace.video
    if not video:
        return NO_VIDEO
    time = float(video.clip.times[workspace.index] - video.clip.times[0])
    place = f"frame {workspace.index} of {workspace.count} · {time:.2f} s"
    return f'<p class="status"><b>{escape(video.clip.name)}</b> · {place} · {describe_masks(workspace)}</p>'


def write_trouble(error: VosbenchError) -> str:
    """Why something cannot be shown."""
    return f'<p class="status trouble">{escape(str(error))}</p>'


def write_turn(turn: int, index: int = 0) -> str:
    """What page.js reads: the turn of what a panel shows, and the frame."""
    return f'<i hidden data-turn="{turn}" data-frame="{index}"></i>'


def describe_masks(workspace: Workspace) -> str:
    """What the masks are: of clicks, tracked wholly or in part, as the command's or corrected."""
    followed = workspace.followed
    if not followed or not workspace.scene.prompts:
        return "click on an object"
    if workspace.corner:
        return "click the opposite corner"
    if not followed.tracked:
        return "press Track" if len(followed.known) <= len(workspace.scene.prompts) else "changed: press Track again"
    if followed.as_command:
        return "tracked"
    return f"{len(followed.tracked)} of {count_of(workspace.count, 'frame')} tracked"


def write_command_note(workspace: Workspace) -> str:
    """Whether the command finds the same masks as the page shows."""
    followed = workspace.followed
    if not followed or not workspace.scene.prompts:
        return '<p class="hint">Here stands the command that does the same, as soon as something is clicked.</p>'
    given = [prompt for frame in workspace.scene.prompts.values() for prompt in frame.values()]
    files = " Export writes the files of its --mask." if any(isinstance(each, MaskPrompt) for each in given) else ""
    if followed.as_command:
        return f'<p class="hint">This command finds the masks that the page shows.{files}</p>'
    if followed.tracked and workspace.models.has_sessions:
        note = "These masks were corrected after tracking, or not tracked to the end. The command is given all prompts "
        return f'<p class="hint">{note}at once and may find others; “Anew” makes the page do the same.{files}</p>'
    return f'<p class="hint">The command tracks the whole video from these prompts.{files}</p>'


def write_models(models: LoadedModels) -> str:
    """Which models the page uses, and what the user should know of them."""
    choice = models.choice
    words = [f"tracker <b>{escape(choice.tracker)}</b>"]
    words += [f"prompter <b>{escape(choice.prompter)}</b>"] if models.prompter else []
    words += [escape(" ".join(choice.settings))] if choice.settings else []
    words += [escape(f"on {models.tracker_choice.device}")]
    note = f"<em>{escape(models.note)}</em>" if models.note else ""
    return f"<span>{' · '.join(words)}</span>{note}"


def write_progress(workspace: Workspace) -> str:
    """A bar with the share of the frames that are done, and the time left; empty if nothing is being tracked."""
    if not workspace.busy:
        return ""
    share, text = 0.0, "starting"
    if workspace.progress:
        done, total, _, seconds = workspace.progress
        left = seconds / done * (total - done)
        share, text = done / total, f"{done} of {count_of(total, 'frame')} · {left // 60:.0f}:{left % 60:02.0f} left"
    return f'<div class="progress"><div><i style="width:{share:.1%}"></i></div><span>{text}</span></div>'
