"""What `--help` adds to the commands: examples, options in groups, and values that the shell completes."""

from __future__ import annotations

import inspect
import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer
from typer.models import ParameterInfo

OPTION_GROUPS: Mapping[str, Sequence[str]] = {
    "Data": ("dataset", "split", "rules", "videos", "limit"),
    "Tracker": ("tracker", "checkpoint", "settings", "prompter", "prompter_checkpoint", "prompt"),
    "Prompts": ("point", "box", "mask", "points"),
    "Machine": ("gpus", "gpu", "workers_per_gpu", "threads", "jobs", "shard", "stall"),
    "Result": ("out", "overwrite", "keep", "json", "csv", "markdown", "latex", "json_log"),
    "Table": ("per_object", "sort", "worst", "interval"),
}
"""The groups of options in `--help`, and the parameters of commands in each."""


def read_examples() -> dict[str, list[tuple[str, str]]]:
    """The examples of every command: what each does, and the words after `vosbench`."""
    content = Path(__file__).with_name("examples.toml").read_text(encoding="utf-8")
    return {
        command: [(purpose, words) for purpose, words in found] for command, found in tomllib.loads(content).items()
    }


def describe_examples(examples: Sequence[tuple[str, str]]) -> str:
    """The examples of a command as its epilogue: a paragraph each."""
    return "\n\n".join(["Examples", *(f"{purpose}:  vosbench {words}" for purpose, words in examples)])


def add_guides(app: typer.Typer) -> None:
    """Give every command of an application its examples, its groups of options and its completions."""
    examples = read_examples()
    for command in app.registered_commands:
        if command.name in examples:
            command.epilog = describe_examples(examples[command.name])
        if command.callback:
            _guide_parameters(command.callback)


def _guide_parameters(callback: Callable[..., Any]) -> None:
    completions = {
        "dataset": complete_datasets,
        "tracker": complete_trackers,
        "checkpoint": complete_checkpoints,
        "results": complete_runs,
        "run": complete_runs,
        "names": complete_fetchable,
    }
    for name, parameter in inspect.signature(callback, eval_str=True).parameters.items():
        info = _find_info(parameter.annotation)
        if info is None:
            continue
        callback.__annotations__[name] = parameter.annotation  # evaluated once, so that the changes below stay
        if group := next((group for group, names in OPTION_GROUPS.items() if name in names), None):
            info.rich_help_panel = group
        if name in completions and info.autocompletion is None:
            info.autocompletion = completions[name]


def _find_info(annotation: Any) -> ParameterInfo | None:
    if get_origin(annotation) is not Annotated:
        return None
    return next((each for each in get_args(annotation) if isinstance(each, ParameterInfo)), None)


def complete_datasets(incomplete: str) -> list[str]:
    """Names of datasets that begin with a text, aliases included."""
    from vosbench.datasets.registry import known_datasets

    cards = known_datasets().values()
    return _list_matching([name for card in cards for name in (card.name, *card.aliases)], incomplete)


def complete_trackers(incomplete: str) -> list[str]:
    """Names of trackers that begin with a text."""
    from vosbench.trackers.registry import known_trackers

    return _list_matching(known_trackers(), incomplete)


def complete_checkpoints(incomplete: str) -> list[str]:
    """Names of checkpoints that begin with a text."""
    from vosbench.datasets.checkpoints import known_checkpoints

    return _list_matching(known_checkpoints(), incomplete)


def complete_fetchable(incomplete: str) -> list[str]:
    """Names of datasets and checkpoints that begin with a text."""
    return [*complete_datasets(incomplete), *complete_checkpoints(incomplete)]


def complete_runs(incomplete: str) -> list[str]:
    """Runs below the results root that begin with a text, as `show` and `eval` take them."""
    from vosbench.io import paths

    root = Path(os.environ.get("VOSBENCH_RESULTS", "results"))
    return _list_matching(
        [path.parent.relative_to(root).as_posix() for path in root.glob(f"*/*/{paths.RUN}")], incomplete
    )


def _list_matching(names: Any, incomplete: str) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))
