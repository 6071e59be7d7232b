"""Evaluate a tracker interactively: a simulated user corrects each object of a split, one object at a time.

The user of `prompting.protocols` sees the ground truth; the tracker gets prompts only. What was found of an object is
written as soon as the object is done, so a study that was interrupted continues with the next one.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from vosbench.datasets.split import DatasetSplit
from vosbench.errors import VosbenchError
from vosbench.evaluation.score_object import measure_frame
from vosbench.evaluation.summary import format_signature
from vosbench.io import files, paths, plugins
from vosbench.io.wording import count_of
from vosbench.prompting.protocols import OBJECT, Annotation, Round, run_offline, run_online_budgets
from vosbench.prompting.rebuild import Rebuilder
from vosbench.running.failure import format_in_one_line
from vosbench.running.job import NO_SETTINGS, Job, prepare_job
from vosbench.running.prompted_tracker import build_prompter
from vosbench.running.settings import PROMPT_PARAMETER
from vosbench.running.work import seed_generators
from vosbench.studies.interactive_record import (
    ObjectResult,
    begin_study,
    format_round,
    object_path,
    read_object_result,
)
from vosbench.trackers.sessions import open_session
from vosbench.types import Mask, Prompter, Session, Tracker, Video

Protocol = Literal["offline", "online"]
UNUSED_RULES = ("span", "skip", "groups", "strict")
"""Of a split's rules those that choose frames, and those of tables; a study scores all frames from the first prompt."""


@dataclass(frozen=True)
class StudyPlan:
    """An interactive evaluation that is ready to begin.

    frames: N_frame, the most frames that are prompted. clicks: N_click, in each of them. seed: of the clicks by which a
    mask is rebuilt. folder: for what is found. videos: those that were asked for.
    """

    job: Job
    protocol: Protocol
    frames: int
    clicks: int
    seed: int
    folder: Path

    @property
    def dataset_split(self) -> DatasetSplit:
        """The split whose objects are prompted."""
        return self.job.work.dataset_split

    @property
    def signature(self) -> str:
        """The settings that make the numbers, in one line."""
        whole = format_signature(self.dataset_split, self.job.videos, True).split("|")
        rules = [part for part in whole if part.partition(":")[0] not in UNUSED_RULES]
        study = f"protocol:{self.protocol}|frames:{self.frames}|seed:{self.seed}|scored:all_from_first_prompt"
        return "|".join([*rules, study])

    @cached_property
    def objects(self) -> list[tuple[str, int, int]]:
        """Each object as (video, object id, index of its first frame); the videos in the order of the split."""
        return [
            (video, object_id, index)
            for video in self.job.videos
            for index, masks in sorted(self.dataset_split.video(video).prompts.items())
            for object_id in sorted(masks)
        ]


def prepare_study(
    roots: paths.Roots,
    dataset_split: DatasetSplit,
    tracker: str,
    checkpoint: str | None = None,
    settings: Mapping[str, Any] = NO_SETTINGS,
    protocol: Protocol = "offline",
    frames: int = 8,
    clicks: int = 3,
    seed: int = 0,
    out: Path | None = None,
    videos: Sequence[str] | None = None,
) -> StudyPlan:
    """Prepare an interactive evaluation; nothing is written.

    tracker, checkpoint, settings: as of `prepare_job`, with the settings of the prompter. out: the folder of the study;
    None is one under `roots.results`. videos: only these. The other arguments are those of StudyPlan. Raises
    VosbenchError as `prepare_job` does, for settings that say how objects are prompted, and for a tracker that cannot
    be corrected.
    """
    for key in (PROMPT_PARAMETER.name, "prompts", "prompts_from"):
        if key in settings:
            found = "the simulated user decides how objects are prompted"
            raise VosbenchError(f"--set {key}={settings[key]}", found, "leave it out")
    job = prepare_job(
        roots, dataset_split, tracker, checkpoint, {**settings, PROMPT_PARAMETER.name: f"{clicks}-click"}, None, videos
    )
    kind = plugins.load_object(job.work.tracker)
    if frames > 1 and getattr(kind, "first_masks_only", False) and not hasattr(kind, "open_session"):
        found = f"{tracker} takes an object only in one frame, so that nothing can be corrected"
        raise VosbenchError(f"--frames {frames}", found, "evaluate it with --frames 1")
    name = f"{job.work.run.path.name}+{protocol}+frames={frames}{f'+seed={seed}' if seed else ''}"
    folder = out or roots.results / "interactive" / job.work.run.path.parent.name / name
    return StudyPlan(job, protocol, frames, clicks, seed, folder)


def run_study(
    plan: StudyPlan,
    torch_device: str,
    command: str = "",
    overwrite: bool = False,
    shard: tuple[int, int] = (1, 1),
    on_object: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[ObjectResult], list[str]]:
    """Evaluate the objects that the study does not have yet; return the results of all objects, and what failed.

    torch_device: as trackers take it. command: what interactive.json says of how the study was made. overwrite: begin
    anew. shard: (i, N) takes each N-th object, from the i-th on; the results are those of all objects that are there.
    on_object: called with the number of objects that are done, and of all. Raises VosbenchError if the folder holds
    another study, or if what made its results has changed.
    """
    begin_study(plan.folder, plan.job, _describe_study(plan, command), overwrite)
    mine = plan.objects[shard[0] - 1 :: shard[1]]
    missing = [each for each in mine if not object_path(plan.folder, *each[:2]).is_file()]
    failures: list[str] = []
    on_object(len(mine) - len(missing), len(mine))
    models = _build_models(plan.job, torch_device) if missing else None
    for video, object_id, start in missing:
        assert models is not None
        try:
            files.write_json(
                object_path(plan.folder, video, object_id), _evaluate_object(plan, models, video, object_id, start)
            )
        except VosbenchError:
            raise
        except Exception as error:
            failures.append(f"{video}, object {object_id}: {format_in_one_line(error)}")
            _log_failure(plan.folder / "errors.log", failures[-1])
        on_object(len(mine) - len(missing) + missing.index((video, object_id, start)) + 1, len(mine))
    found = (object_path(plan.folder, video, object_id) for video, object_id, _ in plan.objects)
    return [read_object_result(path) for path in found if path.is_file()], failures


def _describe_study(plan: StudyPlan, command: str) -> dict[str, Any]:
    return {
        "study": "interactive",
        "protocol": plan.protocol,
        "frames": plan.frames,
        "clicks": plan.clicks,
        "click_seed": plan.seed,
        "command": command,
        "signature": plan.signature,
    }


def _build_models(job: Job, torch_device: str) -> tuple[Tracker, Prompter | None]:
    """The tracker, and the prompter if it needs one."""
    seed_generators()
    tracker: Tracker = plugins.load_object(job.work.tracker)(torch_device, **job.work.settings)
    return tracker, build_prompter(job.work.prompting, torch_device)


def _evaluate_object(
    plan: StudyPlan, models: tuple[Tracker, Prompter | None], video: str, object_id: int, start: int
) -> dict[str, Any]:
    """What becomes of one object, round after round, as JSON."""
    seed_generators()
    split, (tracker, prompter) = plan.dataset_split, models
    frames, frame_names = split.frames_of(video), [path.stem for path in split.frame_paths(video)]
    annotation = _annotate(split, video, object_id, start, frame_names)
    # A session of the tracker's own knows the mask that a click corrects; any other knows only the clicks.
    own = hasattr(tracker, "open_session")
    rebuilder = None if own else Rebuilder(OBJECT, f"{video}/{object_id}", plan.seed)
    begin = partial(open_session, tracker, Video(video, frames, {}), prompter)
    rounds = [
        format_round(number, state, frame_names)
        for number, state in enumerate(_play(plan, begin, annotation, rebuilder), 1)
    ]
    about = {"video": video, "object": object_id, "frame": frame_names[start], "frames": annotation.frames}
    return {**about, "recipe": plan.job.recipe.id, "rounds": rounds}


def _play(
    plan: StudyPlan, begin: Callable[[], Session], annotation: Annotation, rebuilder: Rebuilder | None
) -> Iterator[Round]:
    options = (annotation, plan.frames, plan.clicks, rebuilder)
    if plan.protocol == "online":
        yield from run_online_budgets(begin, *options)
        return
    with begin() as session:
        yield from run_offline(session, *options)


def _annotate(split: DatasetSplit, video: str, object_id: int, start: int, frame_names: Sequence[str]) -> Annotation:
    """The ground truth of an object for the simulated user; each mask is decoded when it is looked at."""
    ground_truth, rules = split.ground_truth(video), split.rules
    annotated = set(ground_truth.frame_names_of(object_id))

    def read(index: int) -> Mask | None:
        if frame_names[index] not in annotated:
            return None
        size, masks = ground_truth.read(frame_names[index])
        return masks.get(object_id, np.zeros(size, np.bool_))

    def measure(truth: Mask, found: Mask) -> tuple[float, ...]:
        height, width = truth.shape
        return measure_frame("", (height, width), truth, found, rules).values

    return Annotation(read, start, len(frame_names), measure)


def _log_failure(path: Path, failure: str) -> None:
    with path.open("a", encoding="utf-8") as log:
        log.write(f"{failure}\n{traceback.format_exc()}\n")


def describe_plan(plan: StudyPlan) -> str:
    """Say in one line what is evaluated."""
    by = plan.dataset_split.prompter
    through = f", whose clicks become masks by the prompter {by}" if by else ""
    return (
        f"{plan.job.facts['tracker']}{through}: {plan.protocol} protocol on {plan.dataset_split.title}, up to "
        f"{count_of(plan.frames, 'frame')} with {count_of(plan.clicks, 'click')} each"
    )
