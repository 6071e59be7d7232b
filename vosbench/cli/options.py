"""The arguments and options that several commands take, and what parses their values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vosbench.trackers import registry

if TYPE_CHECKING:
    from vosbench.datasets.split import DatasetSplit

DatasetOption = Annotated[
    str, typer.Option("--dataset", help="A dataset's name or alias, or the path of its folder or card.")
]
ScoredDatasetOption = Annotated[
    str | None,
    typer.Option("--dataset", help="The dataset with the ground truth: a name or a path. A run knows its own."),
]
SplitOption = Annotated[str | None, typer.Option(help="The split; default: the one that the dataset's card names.")]
RulesOption = Annotated[
    str | None,
    typer.Option(metavar="DATASET", help="Use the prompts and the scoring rules of this dataset's card instead."),
]
VideosOption = Annotated[str, typer.Option(metavar="A,B", help="Only the videos with these names.")]
LimitOption = Annotated[int | None, typer.Option(min=1, metavar="N", help="Only the first N videos.")]
TrackerOption = Annotated[
    str, typer.Option(help=f"{', '.join(registry.BUILT_IN_TRACKERS)}, the name of a plug-in, or module:object.")
]
CheckpointOption = Annotated[
    str | None,
    typer.Option(help="A name that `vosbench list checkpoints` shows, or the path of a file of weights."),
]
SettingsOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting of the tracker; repeatable. `--set help` lists them."),
]
PromptOption = Annotated[
    str | None,
    typer.Option(
        metavar="KIND",
        help="What each object is given by: mask (default), box, 1-click, 3-click or 5-click, from its first mask.",
    ),
]
PrompterOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="What turns clicks into masks for a tracker that takes masks only; default: sam2."
    ),
]
PrompterCheckpointOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="The weights of the prompter; default: its own default.")
]
PromptsFromOption = Annotated[
    str | None,
    typer.Option(metavar="RUN", help="Give the clicks or boxes again that were recorded in this run."),
]
GpusOption = Annotated[
    str | None, typer.Option(help="all, cpu, or indices such as 0,1; default: all GPUs, or the CPU if there is none.")
]
WorkersPerGpuOption = Annotated[
    int | None,
    typer.Option(
        "--workers-per-gpu",
        min=1,
        metavar="N",
        help="Workers that share each GPU, or the CPU; default: one for each GPU, and on the CPU as many as cores, "
        "videos and memory allow.",
    ),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        metavar="N",
        help="Threads with which torch computes in each worker; default: those that the run was begun with, or else "
        "the cores divided by the workers.",
    ),
]
StallOption = Annotated[
    float,
    typer.Option(
        min=1,
        metavar="SECONDS",
        help="Stop a worker that has finished no frame for this long; a video's first frame always has 600 seconds.",
    ),
]
JsonLogOption = Annotated[
    Path | None,
    typer.Option("--json-log", metavar="FILE", help="Append every event to FILE, one JSON object per line."),
]
OutOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The run's folder; default: a folder under the results root.")
]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Track finished videos again; replace a different run in the same folder.")
]
KeepOption = Annotated[
    bool,
    typer.Option(
        "--keep", help="Continue although what made the masks so far has changed, such as the tracker's code."
    ),
]
JobsOption = Annotated[int | None, typer.Option(min=1, help="Processes that score videos; default: one per core.")]
MasksArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[RUN]", help="The folder of a run, its path below the results root, or any masks.", show_default=False
    ),
]
ResultsOption = Annotated[
    str | None, typer.Option("--results", metavar="DIR", help="The same as RUN.", show_default=False)
]
StrictOption = Annotated[
    bool, typer.Option(help="Refuse missing masks; with --no-strict score them as absent and exit with status 1.")
]
MarkdownOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the tables in Markdown.")]
LatexOption = Annotated[Path | None, typer.Option(metavar="FILE", help="Write the tables in LaTeX (booktabs).")]


def split_names(text: str) -> list[str]:
    """Split the value of --videos, `A,B`, into names; an empty text has none."""
    return [name for name in text.split(",") if name]


def parse_video_options(dataset_split: DatasetSplit, names: str, limit: int | None = None) -> list[str]:
    """Return the videos that --videos and --limit choose. Raises VosbenchError for a name that the split lacks."""
    from vosbench.datasets.split import choose_videos

    return choose_videos(dataset_split, split_names(names), limit)
