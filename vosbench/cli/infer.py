"""The commands `vosbench infer`, which runs a tracker, and `vosbench run`, which also fetches and scores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vosbench.cli.app import (
    CheckpointOption,
    DatasetOption,
    GpusOption,
    JobsOption,
    JsonLogOption,
    KeepOption,
    LimitOption,
    OutOption,
    OverwriteOption,
    PrompterCheckpointOption,
    PrompterOption,
    PromptOption,
    PromptsFromOption,
    RulesOption,
    SettingsOption,
    SplitOption,
    StallOption,
    Stopped,
    ThreadsOption,
    TrackerOption,
    VideosOption,
    WorkersPerGpuOption,
    app,
    format_attempts,
    format_command_line,
    parse_video_options,
    print_error,
)
from vosbench.cli.evaluate import note_leaner_videos, note_mixture, publish_scores, score_with_progress
from vosbench.cli.fetch import fetch_with_progress
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.paths import Roots
from vosbench.io.wording import count_of
from vosbench.trackers import registry

if TYPE_CHECKING:
    from vosbench.running.infer import RunOutcome
    from vosbench.running.job import Job

SETTINGS_HELP = "help"  # the value of --set that lists the settings


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


def parse_infer_words(words: Sequence[str]) -> InferOptions:
    """Parse the words after `vosbench infer` in another command. Raises the usage errors that `infer` itself raises."""
    command: Any = typer.main.get_command(app)
    given = command.commands["infer"].make_context("infer", list(words)).params
    return InferOptions(**{name: given[name] for name in InferOptions.__dataclass_fields__})


@app.command("infer")
def infer_command(
    context: typer.Context,
    dataset: DatasetOption = "default",
    split: SplitOption = None,
    tracker: TrackerOption = registry.DEFAULT_TRACKER,
    checkpoint: CheckpointOption = None,
    settings: SettingsOption = None,
    gpus: GpusOption = None,
    workers_per_gpu: WorkersPerGpuOption = None,
    threads: ThreadsOption = None,
    videos: VideosOption = "",
    limit: LimitOption = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="i/N", help="Track only the i-th of N equal shards; default in a Slurm job: its own shard."
        ),
    ] = None,
    stall: StallOption = 600,
    out: OutOption = None,
    overwrite: OverwriteOption = False,
    keep: KeepOption = False,
    rules: RulesOption = None,
    prompt: PromptOption = None,
    prompter: PrompterOption = None,
    prompter_checkpoint: PrompterCheckpointOption = None,
    prompts_from: PromptsFromOption = None,
    json_log: JsonLogOption = None,
) -> None:
    """Run a tracker on a split with one worker per device; repeat the command to continue an unfinished run."""
    if SETTINGS_HELP in (settings or ()):
        raise typer.Exit(_print_settings_help(tracker))
    prompting = (prompt, prompter, prompter_checkpoint, prompts_from)
    chosen = (dataset, split, tracker, checkpoint, settings, videos, limit, out, rules, overwrite, keep)
    options = InferOptions(*chosen, *prompting)
    job, workers = options.prepare(context.obj, parse_shard(shard)), WorkerOptions(gpus, workers_per_gpu, threads)
    raise typer.Exit(_print_outcome(_infer_with_progress(job, options, workers, stall, json_log)))


@app.command("run")
def run_command(
    context: typer.Context,
    dataset: DatasetOption = "default",
    split: SplitOption = None,
    tracker: TrackerOption = registry.DEFAULT_TRACKER,
    checkpoint: CheckpointOption = None,
    settings: SettingsOption = None,
    gpus: GpusOption = None,
    workers_per_gpu: WorkersPerGpuOption = None,
    threads: ThreadsOption = None,
    videos: VideosOption = "",
    limit: LimitOption = None,
    stall: StallOption = 600,
    out: OutOption = None,
    overwrite: OverwriteOption = False,
    keep: KeepOption = False,
    rules: RulesOption = None,
    prompt: PromptOption = None,
    prompter: PrompterOption = None,
    prompter_checkpoint: PrompterCheckpointOption = None,
    prompts_from: PromptsFromOption = None,
    jobs: JobsOption = None,
    json_log: JsonLogOption = None,
) -> None:
    """Fetch what is missing, run the tracker as `infer` does, and score the same videos as `eval` does.

    A dataset that has only prompts is tracked, and there is nothing to score.
    """
    from vosbench.cli import console
    from vosbench.evaluation.ground_truth import NothingToScoreError

    if SETTINGS_HELP in (settings or ()):
        raise typer.Exit(_print_settings_help(tracker))
    prompting = (prompt, prompter, prompter_checkpoint, prompts_from)
    chosen = (dataset, split, tracker, checkpoint, settings, videos, limit, out, rules, overwrite, keep)
    options = InferOptions(*chosen, *prompting)
    options.parse_settings()  # so that a wrong setting is found before a download
    _fetch_missing(context, options)
    job, workers = options.prepare(context.obj), WorkerOptions(gpus, workers_per_gpu, threads)
    outcome = _infer_with_progress(job, options, workers, stall, json_log)
    status = _print_outcome(outcome)
    if not status:
        path = outcome.run.path
        try:
            evaluation = score_with_progress(path, job.work.dataset_split, job.videos, jobs)
        except NothingToScoreError as error:
            console.print_result(f"masks: {path / paths.RUN_MASKS}")
            console.print_result(f"scores: none; {error}")
        else:
            status = publish_scores(path, evaluation)
    raise typer.Exit(status)


def _print_settings_help(tracker: str) -> int:
    """Print each setting of a tracker with its default and meaning; return the exit status."""
    from vosbench.cli import console
    from vosbench.running.settings import explain_settings

    spec = registry.find_tracker(tracker)
    meanings = explain_settings(registry.read_tracker_parameters(spec), registry.read_setting_meanings(spec))
    width = max(map(len, meanings))
    for setting, meaning in meanings.items():
        console.print_result(f"{setting:{width}}  {meaning}".rstrip())
    return 0


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


def _fetch_missing(context: typer.Context, options: InferOptions) -> None:
    """Fetch the dataset and the checkpoint as `fetch` does, if they can be fetched and are not on disk."""
    from vosbench.running.prerequisites import find_missing_downloads, require_fitting_weights

    roots: Roots = context.obj
    places = {"datasets": roots.datasets, "checkpoints": roots.checkpoints, "mirror": os.environ.get("VOSBENCH_MIRROR")}
    models = (options.tracker, options.checkpoint, options.parse_settings())
    missing = list(find_missing_downloads(roots, options.dataset, options.split, *models))
    for name, split in missing:
        if name == missing[-1][0]:  # the dataset, or the only weights: all others are there now
            require_fitting_weights(*models, roots.checkpoints)
        fetch_with_progress(name, split, places)


def _infer_with_progress(
    job: Job, options: InferOptions, workers: WorkerOptions, stall: float, json_log: Path | None
) -> RunOutcome:
    """Track the videos that the run lacks, and show the progress."""
    from vosbench.cli import console, progress
    from vosbench.datasets.notes import describe_split_notes
    from vosbench.running.idle_stops import require_progress
    from vosbench.running.infer import infer_jobs
    from vosbench.running.slurm import read_restarts

    if settings := ", ".join(f"{key}={value}" for key, value in job.facts["all_settings"].items()):
        console.print_note(f"{job.facts['tracker']} with {settings}")
    dataset_split, run = job.work.dataset_split, job.work.run
    for line in describe_split_notes(dataset_split, job.videos):
        console.print_note(f"note: {line}")
    chosen = workers.choose_devices()
    done = set() if options.overwrite else run.read_done_videos()
    lengths = {(0, video): len(dataset_split.frame_paths(video)) for video in job.videos if video not in done}
    with progress.follow_runs(_format_title(job, chosen), lengths, [run.path], json_log) as follow:
        given = (options.overwrite, format_command_line(), stall, follow, workers.per_gpu, workers.threads)
        try:
            return infer_jobs([job], chosen, *given, keep=options.keep, on_note=console.print_note)[0]
        except Stopped:
            require_progress(run, read_restarts())
            raise


def _format_title(job: Job, devices: Sequence[str]) -> str:
    """Name the split and the devices, and the sibling runs if the job begins a new run beside them."""
    from vosbench.running.devices import describe_devices
    from vosbench.running.run_folder import find_sibling_runs

    dataset_split, run = job.work.dataset_split, job.work.run
    counts = count_of(len(job.videos), "video")
    title = f"{dataset_split.title}: {counts}, on {describe_devices(devices)}"
    siblings = find_sibling_runs(run)
    if siblings and not run.path.exists():
        title += f"; this begins a new run, {run.path.name}, beside {', '.join(siblings)}"
    return title


def _print_outcome(outcome: RunOutcome) -> int:
    """Print what became of the videos; return the exit status."""
    from vosbench.cli import console

    skipped = (
        f", {len(outcome.skipped)} {'was' if len(outcome.skipped) == 1 else 'were'} done before"
        if outcome.skipped
        else ""
    )
    console.print_result(
        f"{count_of(len(outcome.done), 'video')} done{skipped}, {len(outcome.failed)} failed: {outcome.run.path}"
    )
    note_leaner_videos(outcome.done)
    note_mixture(outcome.run)
    for record in outcome.failed:
        print_error(f"{record.video} failed{format_attempts(record.attempts)}: {record.error}")
    if outcome.untried:
        print_error(format_untried(outcome))
    if outcome.failed:
        again = "the others too" if outcome.untried else "the failed videos again"
        print_error(f"see {outcome.run.log_path(outcome.failed[0].worker)}; repeat the command to try {again}")
    return 1 if outcome.failed else 0


def format_untried(outcome: RunOutcome) -> str:
    """Say why videos were not tried."""
    from vosbench.running.infer import count_untried

    return (
        f"the first {count_of(len(outcome.failed), 'video')} failed alike, so that {count_untried(outcome)} not tried"
    )
