"""The command `vosbench show`: print what made a run, what became of its videos, and its scores."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vosbench.cli.app import app
from vosbench.cli.run_notes import format_attempts
from vosbench.io.wording import count_of, list_some

if TYPE_CHECKING:
    from vosbench.studies.sweep_folder import SweepFolder

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="The folder of a run, or its path below the results root.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("show")
def show_command(context: typer.Context, run: RunArgument, json_: JsonOption = False) -> None:
    """Show the settings, dataset, machine and software of a run, the state of its videos, and its scores.

    RUN can also be the folder of a sweep, such as sweeps/memory: then its table and its runs are shown.
    """
    from vosbench.cli import console
    from vosbench.studies.find import find_run
    from vosbench.studies.show import read_run_details
    from vosbench.studies.sweep_folder import find_sweep

    if sweep := find_sweep(run, context.obj.results):
        _show_sweep(sweep, json_)
        return
    found = find_run(run, context.obj.results)
    details = read_run_details(found)
    if json_:
        console.print_result(json.dumps(details, indent=1, ensure_ascii=False))
        return
    lines = [("run", str(found.path)), *_describe_identity(details), *_describe_software(details)]
    lines += [*_describe_work(details), *_describe_scores(str(found.path), details)]
    _print_lines(lines)


def _print_lines(lines: Iterable[tuple[str, str]]) -> None:
    """Print lines with their labels; a line without content is left out."""
    from vosbench.cli import console

    lines = [(label, line) for label, line in lines if line]
    width = max(len(label) for label, _ in lines)
    for label, line in lines:
        console.print_result(f"{label:{width}}  {line}")


def _show_sweep(sweep: SweepFolder, as_json: bool) -> None:
    from vosbench.cli import console
    from vosbench.cli.table import print_table
    from vosbench.studies.sweep_folder import read_sweep_table
    from vosbench.studies.sweep_table import make_sweep_table, parse_sweep_rows

    rows = read_sweep_table(sweep.path)
    if as_json:
        details = {**asdict(sweep), "path": str(sweep.path), "table": rows}
        console.print_result(json.dumps(details, indent=1, ensure_ascii=False))
        return
    lines = [("sweep", str(sweep.path)), ("title", sweep.title), ("command", sweep.command)]
    for each in sweep.runs:
        path = sweep.find_run(each)
        lines.append(("run", str(path)) if path else ("refused", f"{sweep.name_run(each)}: {each.error}"))
    _print_lines(lines)
    if rows:
        table = make_sweep_table(parse_sweep_rows(rows))
        print_table(table.columns, table.rows)


def _describe_identity(details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Lines about the command, tracker and dataset, each with its label; a line without content is empty."""
    settings, every_setting = details["settings"], details.get("all_settings", {})
    yield "command", details.get("command", "")
    yield "tracker", f"{details['tracker']} ({details['tracker_object']})"
    yield "settings", _format_pairs(settings) or "all at their defaults"
    yield "defaults", _format_pairs({key: value for key, value in every_setting.items() if key not in settings})
    if details["checkpoint"]:
        yield "checkpoint", f"{details['checkpoint']}, sha256 {details['checkpoint_sha256']}"
    if details.get("prompter"):
        sha256 = details.get("prompter_checkpoint_sha256")
        weights = f", sha256 {sha256}" if sha256 else ""
        yield "prompter", f"{details['prompter']} ({details['prompter_object']}){weights} makes masks of the prompts"
    yield (
        "dataset",
        f"{details['dataset']} {details['split']} at {details['dataset_path']}, rules of {details['rules']}",
    )
    yield "card", f"sha256 {details['card_sha256']}" if details.get("card_sha256") else ""
    for file, sha256 in details.get("dataset_sources", {}).items():
        yield "source", f"{file}, {f'sha256 {sha256}' if sha256 else 'without a hash'}"


def _describe_software(details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Lines about the versions and the code that made the run."""
    yield "versions", _format_pairs(details["versions"], " ")
    if git := details.get("git"):
        yield "commit", f"{git['commit'][:12]}{' with changes' if git['dirty'] else ''}"
    for package, sha256 in details.get("code_sha256", {}).items():
        yield "code", f"{package}, sha256 {sha256}"
    yield "mixed", details["mixture"] or ""
    yield "seed", str(details.get("seed", ""))
    yield "threads", _describe_threads(details)


def _describe_threads(details: Mapping[str, Any]) -> str:
    """With how many threads torch computed on the CPU; empty if that is not known."""
    counts = Counter(video["threads"] for video in details["videos"].values() if video.get("threads"))
    if len(counts) < 2:
        return str(*counts or [details.get("threads", "")])
    return ", ".join(f"{threads} (of {count_of(videos, 'video')})" for threads, videos in sorted(counts.items()))


def _describe_work(details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Lines about the shards, the videos and the speed."""
    for shard in details.get("shards", ()):
        machine = ", ".join(filter(None, [shard.get("processor", ""), *sorted(set(shard.get("gpus", ())))]))
        host = f"{shard.get('host', '?')}{f' ({machine})' if machine else ''}"
        times = f"{shard.get('started', '?')} to {shard.get('ended') or '?'}"
        yield f"shard {shard['shard']}", f"{times} on {host}, device {shard.get('device', 'unknown')}"
    yield "never begun", ", ".join(f"shard {name}" for name in details["never_begun"])
    yield from _describe_videos(details["videos"])
    speed = details["speed"]
    if speed["fps_a_worker"]:
        memory = f", {speed['peak_memory_mb']:.0f} MB of memory" if speed["peak_memory_mb"] else ""
        memory += f", {speed['peak_gpu_memory_mb']:.0f} MB of GPU memory" if speed["peak_gpu_memory_mb"] else ""
        yield "speed", f"{speed['fps_a_worker']} frames/s per worker{memory}"


def _describe_videos(videos: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The number of videos in each state; then videos that failed, and those that were tracked with other settings."""
    states = [video["state"] for video in videos.values()]
    yield "videos", ", ".join(f"{states.count(state)} {state}" for state in ("done", "failed", "pending"))
    failed = (
        f"{name}{format_attempts(video['attempts'])}: {video['error']}"
        for name, video in videos.items()
        if video["state"] == "failed"
    )
    leaner = (
        f"{name}: memory ran out, so it was tracked with {_format_pairs(video['leaner'])}"
        for name, video in videos.items()
        if video.get("leaner")
    )
    for label, lines in (("failed", failed), ("leaner", leaner)):
        yield from ((label, line) for line in list_some(list(lines), "--json lists all"))


def _describe_scores(path: str, details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Lines about the scores of the whole run, then about each other or outdated evaluation."""
    if scores := details["scores"]:
        yield "scores", _format_means(scores)
        yield "", scores["signature"]
    else:
        yield "scores", f"none; run: vosbench eval {path}"
    for each in details["evaluations"]:
        if marks := ", ".join(each["marks"]):
            yield "evaluation", f"{marks}: {_format_means(each['means'])}"
            yield "", each["folder"]
            yield "", each["signature"]


def _format_means(means: Mapping[str, Any]) -> str:
    figures = {name: value for name, value in means.items() if isinstance(value, float)}
    return ", ".join(f"{name} {round(100 * value, 1) + 0.0:.1f}" for name, value in figures.items())


def _format_pairs(values: Mapping[str, Any], between: str = "=") -> str:
    return ", ".join(f"{key}{between}{value}" for key, value in values.items())
