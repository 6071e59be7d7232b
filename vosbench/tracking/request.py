"""Prepare, do and finish the work of `vosbench track`: prompts in, masks kept on disk, outputs written at the end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.io.hashing import hash_file_sha256
from vosbench.io.paths import Roots
from vosbench.io.wording import count_of
from vosbench.media.clip import Clip, open_clip
from vosbench.trackers.prompts import get_accepted_kinds, get_prompt_kind
from vosbench.trackers.propagation_plan import DIRECTIONS
from vosbench.tracking.clip_prompts import ClipPrompts, GivenPrompt, collect_prompts, describe_prompts
from vosbench.tracking.mask_store import MaskStore
from vosbench.tracking.output_checks import check_outputs
from vosbench.tracking.outputs import Outputs, write_outputs
from vosbench.tracking.track_clip import find_kept, track_clip
from vosbench.tracking.tracker_choice import (
    PrompterChoice,
    TrackerChoice,
    choose_prompter,
    choose_tracker_with_settings,
)


@dataclass(frozen=True)
class ModelChoice:
    """What the user said of the models: a tracker, and a prompter for clicks that the tracker does not take."""

    tracker: str
    checkpoint: str | None = None
    settings: Sequence[str] = ()
    gpu: str | None = None
    prompter: str = "sam2"
    prompter_checkpoint: str | None = None


@dataclass(frozen=True)
class TrackRequest:
    """The work of one `vosbench track`. notes: lines that the user should read before it begins."""

    clip: Clip
    prompts: ClipPrompts
    direction: str
    outputs: Outputs
    tracker: TrackerChoice
    prompter: PrompterChoice | None
    store: MaskStore
    facts: Mapping[str, Any]
    notes: Sequence[str]

    def count_done(self) -> int:
        """The number of frames whose masks are kept."""
        return sum(self.store.has(index) for index in range(len(self.clip.frames)))

    @property
    def kept_in(self) -> Path:
        """The folder in which masks are kept until the outputs are written."""
        return self.store.folder

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock of the work during the block; at the end, delete a folder without masks.

        Raises VosbenchError if another command is at work already.
        """
        with self.store.held():
            try:
                yield
            finally:
                if not self.count_done():
                    self.store.remove()

    def describe_beginning(self) -> str:
        """What an interrupted command has left, and how this one goes on; empty if there is nothing."""
        total, done, name = count_of(len(self.clip.frames), "frame"), self.count_done(), self.tracker.chosen.name
        kept = find_kept(self.store, self.clip)
        if not done:
            return ""
        if done == len(self.clip.frames):
            return f"an interrupted command tracked all {total}; the outputs are written"
        if kept and kept.complete:
            return f"an interrupted command has done {kept.done} of {total}; {name} goes on behind them"
        again = "goes through those of this direction again" if kept else "begins again"
        return f"an interrupted command has done {done} of {total}; {name} {again}, because its state was not kept"

    def track(self, progress: Callable[[int], None]) -> None:
        """Find the masks of all frames. progress: called with the number of frames that are done; it may raise."""
        if self.count_done() < len(self.clip.frames):
            prompter = self.prompter.build() if self.prompter else None
            track_clip(self.tracker.build(), self.clip, self.prompts, self.store, self.direction, progress, prompter)

    def write(self, progress: Callable[[int], None]) -> None:
        """Write the outputs, and delete what was kept to continue."""
        self.store.note_outputs(self.outputs.wanted)
        write_outputs(self.outputs, self.clip, self.store, self.facts, progress)
        self.store.remove()


def prepare_request(
    video: Path,
    given: Sequence[GivenPrompt],
    outputs: Outputs,
    models: ModelChoice,
    direction: str,
    rate: Fraction,
    roots: Roots,
    overwrite: bool = False,
) -> TrackRequest:
    """Check everything that can be known before the work begins.

    Raises VosbenchError for a video that cannot be read, prompts that do not fit it, an output that exists (unless
    `overwrite`), and an unknown tracker, setting, checkpoint or direction.
    """
    if direction not in DIRECTIONS:
        raise VosbenchError(f"--direction {direction}", "no such direction", f"give {', '.join(DIRECTIONS)}")
    if not outputs.wanted:
        raise VosbenchError(
            "track", "nothing is to be written", "give -o out.mp4, --masks, --rle, --alpha or --as-dataset"
        )
    clip = open_clip(video, rate)
    prompts = collect_prompts(clip, given)
    tracker = choose_tracker_with_settings(
        models.tracker, models.checkpoint, models.settings, models.gpu, roots.checkpoints
    )
    prompter = _choose_needed_prompter(tracker, prompts, models, roots)
    facts = collect_facts(clip, prompts, direction, tracker, prompter)
    place = outputs.wanted[0]
    folder = place.with_name(f".{place.name}.tracking")
    check_outputs(outputs, clip, overwrite, folder)
    store = MaskStore(folder, clip.size, facts, overwrite)
    notes = list(_collect_notes(clip, models, prompter))
    return TrackRequest(clip, prompts, direction, outputs, tracker, prompter, store, facts, notes)


def collect_facts(
    clip: Clip, prompts: ClipPrompts, direction: str, tracker: TrackerChoice, prompter: PrompterChoice | None
) -> dict[str, Any]:
    """All that decides about the masks of a clip, for provenance. prompter: None if it is not needed."""
    return {
        "video": clip.name,
        "video_sha256": _hash_clip(clip),
        "prompts": describe_prompts(prompts),
        "direction": direction,
        "device": tracker.device.partition(":")[0],
        **tracker.facts,
        **({"prompter": prompter.facts} if prompter else {}),
    }


def _choose_needed_prompter(
    tracker: TrackerChoice, prompts: ClipPrompts, models: ModelChoice, roots: Roots
) -> PrompterChoice | None:
    """The prompter, if something is given that the tracker does not take."""
    kinds = {get_prompt_kind(prompt) for objects in prompts.values() for prompt in objects.values()}
    if kinds <= set(get_accepted_kinds(tracker.chosen.tracker)):
        return None
    return choose_prompter(models.prompter, models.prompter_checkpoint, tracker.device, roots.checkpoints)


def _collect_notes(clip: Clip, models: ModelChoice, prompter: PrompterChoice | None) -> Iterator[str]:
    height, width = clip.size
    rate = float(1 / clip.mean_duration)
    yield f"{clip.path}: {len(clip.frames)} frames of {width}x{height} pixels, {rate:.4g} a second"
    if clip.has_variable_rate:
        yield "the frame rate varies; each frame keeps its time"
    if prompter:
        yield f"{models.tracker} takes masks only; {models.prompter} turns the clicks and boxes into masks first"


def _hash_clip(clip: Clip) -> str:
    """The sha256 of a video file; of a folder, that of its first and last frame and of their number."""
    if clip.is_file:
        return hash_file_sha256(clip.path)
    ends = [np.ascontiguousarray(clip.frames[index]).tobytes() for index in (0, len(clip.frames) - 1)]
    return hashlib.sha256(b"".join([str(len(clip.frames)).encode(), *ends])).hexdigest()
