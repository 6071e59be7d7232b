"""Choose a tracker with its settings and weights, as a run does, to use it in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io.hashing import hash_unless_unchanged
from vosbench.running import settings
from vosbench.running.chosen_tracker import ChosenTracker, choose_tracker
from vosbench.running.code_versions import describe_code
from vosbench.running.devices import choose_devices, find_torch_device
from vosbench.running.provenance import collect_all_settings
from vosbench.running.weights import OR_NO_WEIGHTS, choose_prompter_weights, choose_weights
from vosbench.running.work import seed_generators
from vosbench.trackers import registry
from vosbench.trackers.prompts import PROMPTER_WITHOUT_WEIGHTS, find_prompter
from vosbench.types import Prompter, Tracker


@dataclass(frozen=True)
class TrackerChoice:
    """A tracker that is ready to be built.

    arguments: of its constructor, beside the device. device: as torch calls it. facts: what made its masks, for
    provenance: its name, all settings, the hash of its weights, code and versions.
    """

    chosen: ChosenTracker
    arguments: Mapping[str, Any]
    device: str
    facts: Mapping[str, Any]

    def build(self) -> Tracker:
        """Build the tracker, with all generators of random numbers seeded."""
        seed_generators()
        tracker: Tracker = self.chosen.tracker(self.device, **self.arguments)
        seed_generators()
        return tracker


def choose_tracker_with_settings(
    tracker: str, checkpoint: str | None, pairs: Sequence[str], gpu: str | None, checkpoints: Path
) -> TrackerChoice:
    """Choose a tracker by its name, as for a run.

    checkpoint: a name of the catalogue, a path, or None for the tracker's default. pairs: settings, "key=value" each.
    gpu: the index of a GPU, "cpu", or None for the first GPU, or the CPU where there is none. checkpoints: the folder
    of weights. Raises VosbenchError for an unknown tracker, setting, checkpoint or device.
    """
    chosen = choose_tracker(tracker)
    parameters = registry.read_tracker_parameters(chosen.spec)
    offered = {name: each for name, each in parameters.items() if name != settings.CHECKPOINT_PARAMETER}
    for pair in pairs:
        if pair.partition("=")[0] in settings.RUN_PARAMETERS:
            raise VosbenchError(f"--set {pair}", "a video has only the prompts that are given with it", "leave it out")
    values = settings.parse_settings(pairs, offered, tracker)
    weights = choose_weights(chosen.tracker, chosen.name, checkpoint, parameters, values, checkpoints)
    facts = {
        "tracker": chosen.name,
        "settings": collect_all_settings(values, offered),
        "checkpoint_sha256": hash_unless_unchanged(weights) if weights else None,
        **describe_code(chosen.spec),
    }
    arguments = {**values, **({"checkpoint": str(weights.resolve())} if weights else {})}
    return TrackerChoice(chosen, arguments, find_torch_device(choose_devices(gpu)[0]), facts)


@dataclass(frozen=True)
class PrompterChoice:
    """A prompter that is ready to be built: it turns clicks and boxes into masks. facts: its name and weights."""

    kind: Any
    device: str
    arguments: Mapping[str, Any]
    facts: Mapping[str, Any]

    def build(self) -> Prompter:
        """Build the prompter."""
        prompter: Prompter = self.kind(self.device, **self.arguments)
        return prompter


def choose_prompter(name: str, checkpoint: str | None, device: str, checkpoints: Path) -> PrompterChoice:
    """Choose a prompter by its name or as `module:object`, with its weights.

    device: as torch calls it. Raises VosbenchError for an unknown prompter and for weights that are missing.
    """
    spec = find_prompter(name)
    parameters = registry.read_tracker_parameters(spec)
    kind = choose_tracker(spec).tracker
    weights = choose_prompter_weights(kind, name, checkpoint, parameters, checkpoints)
    arguments = {"checkpoint": str(weights.resolve())} if weights else {}
    facts = {"prompter": name, "checkpoint_sha256": hash_unless_unchanged(weights) if weights else None}
    return PrompterChoice(kind, device, arguments, facts)


def choose_prompter_or_fallback(
    name: str | None, default: str, checkpoint: str | None, device: str, checkpoints: Path
) -> tuple[str, PrompterChoice, str]:
    """Choose the prompter that is named, or the default, or if that lacks its weights one that needs none.

    name: None if the user named none. Returns the prompter's name, the prompter, and why it is not the default; empty
    if there is nothing to explain. Raises VosbenchError as `choose_prompter` does if a prompter or its weights are
    named.
    """
    wanted = name or default
    try:
        return wanted, choose_prompter(wanted, checkpoint, device, checkpoints), ""
    except VosbenchError as error:
        if name or checkpoint:
            raise
        remedy = error.remedy.removesuffix(OR_NO_WEIGHTS)  # which is what is done here
        reason = f"; for better masks, get the weights of {wanted} ({remedy})"
        fallback = PROMPTER_WITHOUT_WEIGHTS
        return fallback, choose_prompter(fallback, None, device, checkpoints), reason
