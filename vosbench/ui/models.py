"""The models of the page: one tracker, and a prompter if the tracker takes masks only. All tabs share them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from vosbench.io.paths import Roots
from vosbench.studies.correspondence_model import CORRESPONDENCE_MODEL, choose_correspondence_weights
from vosbench.trackers.prompts import get_accepted_kinds
from vosbench.trackers.sessions import open_session
from vosbench.tracking.request import ModelChoice
from vosbench.tracking.tracker_choice import (
    PrompterChoice,
    TrackerChoice,
    choose_prompter_or_fallback,
    choose_tracker_with_settings,
)
from vosbench.types import Prompter, Session, Tracker, Video
from vosbench.ui.comparer import ImageComparer


@dataclass(frozen=True)
class LoadedModels:
    """A tracker and a prompter, loaded.

    choice: what the user said of them, with the prompter's name. lock: held while a model computes, since several tabs
    share it. comparer: compares pictures, with a model that is loaded when it is needed. note: what the user should
    know of the prompter; empty if there is nothing to say.
    """

    choice: ModelChoice
    roots: Roots
    tracker_choice: TrackerChoice
    prompter_choice: PrompterChoice | None
    tracker: Tracker
    prompter: Prompter | None
    lock: Lock
    comparer: ImageComparer
    note: str = ""

    @property
    def has_sessions(self) -> bool:
        """Whether the tracker has sessions of its own, so that a correction builds on what was found before."""
        return hasattr(self.tracker, "open_session")

    def open_session(self, video: Video) -> Session:
        """Open a session on a video."""
        return open_session(self.tracker, video, self.prompter)


def load_models(
    choice: ModelChoice, roots: Roots, prompter: str | None = None, pair_weights: str | None = None
) -> LoadedModels:
    """Choose the models and load them.

    prompter: its name; None for SAM 2's if its weights are there, and otherwise for one without weights, as `note`
    says. A tracker that takes clicks and boxes gets none. pair_weights: to compare pictures with, by name or path; None
    for those that are in the folder of weights.

    Raises VosbenchError for an unknown tracker, setting, prompter, checkpoint or device.
    """
    tracker = choose_tracker_with_settings(
        choice.tracker, choice.checkpoint, choice.settings, choice.gpu, roots.checkpoints
    )
    chosen, note = None, ""
    if not {"points", "box"} <= set(get_accepted_kinds(tracker.chosen.tracker)):
        named, chosen, reason = choose_prompter_or_fallback(
            prompter, choice.prompter, choice.prompter_checkpoint, tracker.device, roots.checkpoints
        )
        choice = replace(choice, prompter=named)
        note = f"{choice.tracker} takes masks only: {named} turns clicks and boxes into masks first{reason}"
    if pair_weights is not None:
        choose_correspondence_weights(pair_weights, roots.checkpoints)
    lock = Lock()
    comparer = ImageComparer(roots, pair_weights, choice.gpu, tracker.device, lock)
    built, prompting = tracker.build(), chosen.build() if chosen else None
    if choice.tracker == CORRESPONDENCE_MODEL and pair_weights is None:  # one model does both
        comparer.named, comparer.loaded = choice.checkpoint, (Path(tracker.arguments["checkpoint"]), built)
    return LoadedModels(choice, roots, tracker, chosen, built, prompting, lock, comparer, note)


def list_model_options(models: LoadedModels) -> list[str]:
    """The options by which `vosbench track` uses the same models."""
    choice = models.choice
    words = ["--tracker", choice.tracker]
    for option, value in (("--checkpoint", choice.checkpoint), ("--gpu", choice.gpu)):
        words += [option, value] if value is not None else []
    for pair in choice.settings:
        words += ["--set", pair]
    if models.prompter:
        words += ["--prompter", choice.prompter]
        words += ["--prompter-checkpoint", choice.prompter_checkpoint] if choice.prompter_checkpoint else []
    if models.roots.checkpoints != Roots().checkpoints:
        words += ["--checkpoints", str(models.roots.checkpoints)]
    return words
