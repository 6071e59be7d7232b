"""The commands that look at runs: show, status and reproduce."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vosbench.cli.app import GpusOption, VideosOption, app, print_error
from vosbench.errors import VosbenchError
from vosbench.io import files, paths

if TYPE_CHECKING:
    from vosbench.running.run import Run
    from vosbench.running.status import RunStatus

SWEEP_TABLE = "table.csv"  # of a sweep
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or its path under the results root.")]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command("show")
def show_command(context: typer.Context, run: RunArgument, json_: JsonOption = False) -> None:
    """Show what made a run, where, when and of what, what became of its videos, and its scores."""
    from vosbench.cli import console

    found = _find_run(run, context.obj.results)
    facts = {**found.read_facts(), **_read_speed_and_scores(found)}
    if json_:
        console.print_result(json.dumps(facts, indent=1, ensure_ascii=False))
        return
    lines = [(noun, line) for noun, line in _describe_run(found.path, facts) if line]
    width = max(len(noun) for noun, _ in lines)
    for noun, line in lines:
        console.print_result(f"{noun:{width}}  {line}")


@app.command("status")
def status_command(
    context: typer.Context,
    run: RunArgument,
    watch: Annotated[
        float | None, typer.Option(min=0.1, metavar="SECONDS", help="Look again and again, until the run is done.")
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Show how far a run is, from any terminal or node: who is at work on it, how fast, and at which videos."""
    from vosbench.cli import console
    from vosbench.running import status

    found = _find_run(run, context.obj.results)
    while True:
        now = status.read_status(found)
        if console.output.is_terminal and watch:
            console.output.clear()
        if json_:
            console.print_result(json.dumps(asdict(now), ensure_ascii=False))
        else:
            _print_status(now)
        if not watch or now.is_over:
            return
        time.sleep(watch)


@app.command("reproduce")
def reproduce_command(
    context: typer.Context,
    run: RunArgument,
    videos: VideosOption = "",
    sample: Annotated[int, typer.Option(min=1, metavar="N", help="Without --videos, the N shortest ones.")] = 3,
    gpus: GpusOption = None,
) -> None:
    """Run some videos of a run again, elsewhere, and compare the masks; exit status 1 if any differs."""
    from vosbench.cli import console, progress
    from vosbench.running import devices
    from vosbench.studies import reproduce as again

    found, chosen = _find_run(run, context.obj.results), devices.choose_devices(gpus)
    names = again.choose_finished_videos(found, [name for name in videos.split(",") if name], sample)
    with tempfile.TemporaryDirectory(prefix="vosbench-") as folder:
        job = again.prepare_reproduction(found, names, context.obj, Path(folder) / "run")
        lengths = {(0, video): len(job.work.dataset_split.frame_paths(video)) for video in names}
        title = f"{found.path}: {len(names)} of its videos again, on {', '.join(chosen)}"
        with progress.follow_runs(title, lengths, [found.path]) as follow:
            verdicts = again.reproduce_videos(found, job, chosen, follow)
        differing = [verdict for verdict in verdicts if not verdict.same]
        reasons = again.explain_differences(found, job, chosen) if differing else []
    for verdict in verdicts:
        told = "same" if verdict.same else verdict.note or f"{verdict.differing} of {verdict.frames} frames differ"
        console.print_result(f"{verdict.video}: {told}{f' ({verdict.note})' if verdict.same and verdict.note else ''}")
    if differing:
        likely = "; ".join(reasons) or "nothing that is known; the tracker may give other masks each time"
        print_error(f"{found.path}: {len(differing)} of {len(verdicts)} videos differ; what has changed: {likely}")
        raise typer.Exit(1)


def _find_run(given: str, results: Path) -> Run:
    """The run of a folder, or of a path under the results root."""
    from vosbench.running.run import Run

    places = (Path(given), results / given)
    found = next((place for place in places if (place / paths.RUN).is_file()), None)
    if found:
        return Run(found)
    if table := next((place / SWEEP_TABLE for place in places if (place / SWEEP_TABLE).is_file()), None):
        raise VosbenchError(f"{given} is a sweep; look at one of its runs: they are named in {table}")
    raise VosbenchError(f"no run is at {' or '.join(map(str, places))}; see `vosbench list runs`")


def _read_speed_and_scores(run: Run) -> dict[str, Any]:
    """What the files beside run.json say: the speed of the finished videos, and the scores."""
    done = [record for record in run.read_records().values() if record.state == "done"]
    seconds = sum(record.seconds for record in done)
    speed = {
        "frames": sum(record.frames for record in done),
        "fps_a_worker": round(sum(record.frames for record in done) / seconds, 2) if seconds else None,
        "peak_memory_mb": max((record.peak_memory_mb for record in done), default=None),
        "peak_gpu_memory_mb": max((record.peak_gpu_memory_mb for record in done), default=None),
    }
    path = run.path / paths.EVAL / paths.SCORES
    if not path.is_file():
        return {"speed": speed, "scores": None}
    scored = files.read_json(path)
    if missing := {"global", "signature"} - scored.keys():
        raise VosbenchError(f"{path}: damaged ({missing.pop()!r} is missing); `vosbench eval --results {run.path}`")
    stale = path.stat().st_mtime < (run.path / paths.RUN).stat().st_mtime
    return {"speed": speed, "scores": {**scored["global"], "signature": scored["signature"], "older_than_run": stale}}


def _describe_run(path: Path, facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The lines that tell of a run, each with what it is about; a line is empty where there is nothing to tell."""
    from vosbench.running.shard import find_shards_never_begun

    git = facts.get("git")
    commit = f"{git['commit'][:12]}{' with changes' if git['dirty'] else ''}" if git else ""
    yield "run", str(path)
    yield "command", facts.get("command", "")
    yield "tracker", f"{facts['tracker']} ({facts['tracker_object']})"
    yield "settings", _format_pairs(facts["settings"]) or "all at their defaults"
    yield (
        "defaults",
        _format_pairs({k: v for k, v in facts.get("all_settings", {}).items() if k not in facts["settings"]}),
    )
    yield "checkpoint", f"{facts['checkpoint']}, sha256 {facts['checkpoint_sha256']}" if facts["checkpoint"] else ""
    yield "dataset", f"{facts['dataset']} {facts['split']} at {facts['dataset_path']}, rules {facts['rules']}"
    yield "card", f"sha256 {facts['card_sha256']}" if facts.get("card_sha256") else ""
    for file, hashed in facts.get("dataset_sources", {}).items():
        yield "source", f"{file}, {f'sha256 {hashed}' if hashed else 'without a hash'}"
    yield "versions", ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    yield "commit", commit
    for package, hashed in facts.get("code_sha256", {}).items():
        yield "code", f"{package}, sha256 {hashed}"
    yield "seed", str(facts.get("seed", ""))
    for shard in facts.get("shards", ()):
        yield from _describe_shard(shard)
    begun = [shard["shard"] for shard in facts.get("shards", ())]
    yield "never begun", ", ".join(f"shard {name}" for name in find_shards_never_begun(begun))
    yield from _describe_videos(facts["videos"])
    speed = facts["speed"]
    memory = f", {speed['peak_memory_mb']:.0f} MB of memory" if speed["peak_memory_mb"] else ""
    memory += f", {speed['peak_gpu_memory_mb']:.0f} MB of the GPU's" if speed["peak_gpu_memory_mb"] else ""
    yield "speed", f"{speed['fps_a_worker']} frames/s a worker{memory}" if speed["fps_a_worker"] else ""
    yield from _describe_scores(path, facts["scores"])


def _describe_shard(shard: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Where and when the work at a shard was done last."""
    machine = ", ".join(filter(None, [shard.get("processor", ""), *sorted(set(shard.get("gpus", ())))]))
    where = f"on {shard.get('host', '?')}{f' ({machine})' if machine else ''}, device {shard.get('device', 'unknown')}"
    yield f"shard {shard['shard']}", f"{shard.get('started', '?')} to {shard.get('ended') or '?'} {where}"


def _describe_videos(videos: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """How many videos there are of each state, and which were not as the others."""
    states = [video["state"] for video in videos.values()]
    yield "videos", ", ".join(f"{states.count(state)} {state}" for state in ("done", "failed", "pending"))
    for name, video in videos.items():
        if video["state"] == "failed":
            yield "failed", f"{name} after {video['attempts']} attempts: {video['error']}"
        if video.get("leaner"):
            yield "leaner", f"{name}: {_format_pairs(video['leaner'])}"


def _describe_scores(path: Path, scores: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    if scores is None:
        yield "scores", f"none; `vosbench eval --results {path}`"
        return
    figures = {name: value for name, value in scores.items() if isinstance(value, float)}
    yield "scores", ", ".join(f"{name} {100 * value:.1f}" for name, value in figures.items())
    yield "", scores["signature"]
    if scores["older_than_run"]:
        yield "", f"the scores are older than the run's last change: `vosbench eval --results {path}`"


def _format_pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items())


def _print_status(now: RunStatus) -> None:
    from vosbench.cli import console
    from vosbench.cli.progress import format_duration

    speed = f", {now.fps:.1f} frames/s" if now.fps else ""
    left = f", {format_duration(now.eta)} left" if now.eta is not None else ""
    console.print_result(f"{now.run}: {now.done} done, {now.failed} failed, {now.pending} pending{speed}{left}")
    columns = ("shard", "host", "begun", "", "done", "failed", "videos", "frames/s", "left")
    rows = [
        (
            shard.shard,
            shard.host,
            shard.started,
            f"ended {shard.ended}" if shard.ended else shard.state,
            shard.done,
            shard.failed,
            shard.videos,
            shard.fps,
            format_duration(shard.eta) if shard.eta is not None else None,
        )
        for shard in now.shards
    ]
    if rows:
        console.print_table(columns, rows)
    for shard in now.shards:
        for at in shard.at:
            frames = "an unknown number" if at.frames is None else at.frames
            console.print_result(f"{shard.shard} on {shard.host}: {at.video}, frame {at.frame} of {frames}")
    if now.never_ran:
        console.print_result(f"never begun: shard {', '.join(now.never_ran)}")
