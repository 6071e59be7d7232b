"""The options of `vosbench infer` as they were typed, and what they choose: a run, its videos and the workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vosbench.cli.options import parse_video_options
from vosbench.errors import VosbenchError
from vosbench.io.paths import Roots
from vosbench.trackers import registry

if TYPE_CHECKING:
    from vosbench.running.job import Job


@dataclass(frozen=True)
class InferOptions:
    """The options of `infer` that identify a run and its videos, as they were typed."""

    dataset: str = "default"
    split: str | None = None
    tracker: str = registry.DEFAULT_TRACKER
    checkpoint: str | None = None
    settings: Sequence[str] | None = None
    videos: str = ""
    limit: int | None = None
    out: Path | None = None
    rules: str | None = None
    overwrite: bool = False
    keep: bool = False
    prompt: str | None = None
    prompter: str | None = None
    prompter_checkpoint: str | None = None
    prompts_from: str | None = None

    def parse_settings(self) -> dict[str, Any]:
        """Return the values of --set, checked, and those of --prompt and the options beside it.

        Raises VosbenchError for a setting that the tracker does not take, and for one that an option gives too.
        """
        from vosbench.running.settings import CLICKED_PARAMETERS, PROMPT_PARAMETER, parse_tracker_settings

        values = parse_tracker_settings(self.settings or (), self.tracker)
        for name in (PROMPT_PARAMETER.name, *CLICKED_PARAMETERS):
            if (value := getattr(self, name)) is not None:
                if name in values:
                    option = f"--{name.replace('_', '-')} {value}"
                    raise VosbenchError(option, f"--set {name}={values[name]} says it too", "give only one of them")
                values[name] = value
        return values

    def prepare(self, roots: Roots, shard: tuple[int, int] = (1, 1)) -> Job:
        """Return the run that the options name, ready to begin. Raises VosbenchError if it cannot begin."""
        from vosbench.datasets.split import open_split
        from vosbench.running.job import prepare_job
        from vosbench.running.prerequisites import require_fitting_weights

        values = self.parse_settings()
        require_fitting_weights(self.tracker, self.checkpoint, values, roots.checkpoints)
        dataset_split = open_split(self.dataset, self.split, roots.datasets, self.rules)
        chosen = parse_video_options(dataset_split, self.videos, self.limit)
        return prepare_job(roots, dataset_split, self.tracker, self.checkpoint, values, self.out, chosen, shard)


@dataclass(frozen=True)
class WorkerOptions:
    """The options that choose the workers of `infer`, `run` and `sweep`, as they were typed.

    per_gpu: None is a worker for each entry of --gpus, and for a single `cpu` as many as there is room for.
    """

    gpus: str | None = None
    per_gpu: int | None = None
    threads: int | None = None

    def choose_devices(self) -> list[str]:
        """Return the devices that --gpus names. Raises VosbenchError for a GPU that is not there."""
        from vosbench.running.devices import choose_devices

        return choose_devices(self.gpus)


def parse_shard(given: str | None) -> tuple[int, int]:
    """Return the shard that --shard names, or else the one of this Slurm task, or else (1, 1), the whole run."""
    from vosbench.cli import console
    from vosbench.running import slurm

    if given is None:
        if found := slurm.read_shard():
            console.print_note(f"shard {found[0]}/{found[1]}, from Slurm's variables; --shard i/N chooses another")
        return found or (1, 1)
    index, _, count = given.partition("/")
    if not (index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise VosbenchError(f"--shard {given}", "expected i/N with i from 1 to N", "for instance --shard 1/8")
    return int(index), int(count)
