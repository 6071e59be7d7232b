"""The command `vosbench run`, which fetches what is missing, tracks and scores."""

from __future__ import annotations

import os

import typer

from vosbench.cli import options
from vosbench.cli.app import app
from vosbench.cli.fetch import fetch_with_progress
from vosbench.cli.infer import SETTINGS_HELP, infer_with_progress, print_outcome, print_settings_help
from vosbench.cli.infer_options import InferOptions, WorkerOptions
from vosbench.cli.scores import (
    publish_scores,
    score_with_progress,
)
from vosbench.io import paths
from vosbench.io.paths import Roots
from vosbench.trackers import registry


@app.command("run")
def run_command(
    context: typer.Context,
    dataset: options.DatasetOption = "default",
    split: options.SplitOption = None,
    tracker: options.TrackerOption = registry.DEFAULT_TRACKER,
    checkpoint: options.CheckpointOption = None,
    settings: options.SettingsOption = None,
    gpus: options.GpusOption = None,
    workers_per_gpu: options.WorkersPerGpuOption = None,
    threads: options.ThreadsOption = None,
    videos: options.VideosOption = "",
    limit: options.LimitOption = None,
    stall: options.StallOption = 600,
    out: options.OutOption = None,
    overwrite: options.OverwriteOption = False,
    keep: options.KeepOption = False,
    rules: options.RulesOption = None,
    prompt: options.PromptOption = None,
    prompter: options.PrompterOption = None,
    prompter_checkpoint: options.PrompterCheckpointOption = None,
    prompts_from: options.PromptsFromOption = None,
    jobs: options.JobsOption = None,
    json_log: options.JsonLogOption = None,
) -> None:
    """Fetch what is missing, run the tracker as `infer` does, and score the same videos as `eval` does.

    A dataset that has only prompts is tracked, and there is nothing to score.
    """
    from vosbench.cli import console
    from vosbench.evaluation.ground_truth import NothingToScoreError

    if SETTINGS_HELP in (settings or ()):
        raise typer.Exit(print_settings_help(tracker))
    prompting = (prompt, prompter, prompter_checkpoint, prompts_from)
    chosen = (dataset, split, tracker, checkpoint, settings, videos, limit, out, rules, overwrite, keep)
    given = InferOptions(*chosen, *prompting)
    given.parse_settings()  # so that a wrong setting is found before a download
    _fetch_missing(context, given)
    job, workers = given.prepare(context.obj), WorkerOptions(gpus, workers_per_gpu, threads)
    outcome = infer_with_progress(job, given, workers, stall, json_log)
    status = print_outcome(outcome)
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


def _fetch_missing(context: typer.Context, given: InferOptions) -> None:
    """Fetch the dataset and the checkpoint as `fetch` does, if they can be fetched and are not on disk."""
    from vosbench.running.prerequisites import find_missing_downloads, require_fitting_weights

    roots: Roots = context.obj
    places = {"datasets": roots.datasets, "checkpoints": roots.checkpoints, "mirror": os.environ.get("VOSBENCH_MIRROR")}
    models = (given.tracker, given.checkpoint, given.parse_settings())
    missing = list(find_missing_downloads(roots, given.dataset, given.split, *models))
    for name, split in missing:
        if name == missing[-1][0]:  # the dataset, or the only weights: all others are there now
            require_fitting_weights(*models, roots.checkpoints)
        fetch_with_progress(name, split, places)
