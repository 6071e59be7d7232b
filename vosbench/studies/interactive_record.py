"""The folder of an interactive study: interactive.json, which says what made the results, and a file for each object.

interactive.json            protocol, tracker, settings, weights, dataset, versions, command, and the mean results
objects/<video>/<id>.json   each round of an object: the clicks in each prompted frame, time, J and F
curve.csv, objects.csv      the results of the split, and those of each object, after 1, 2, ... prompted frames
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vosbench.errors import VosbenchError
from vosbench.io import files, folders, paths
from vosbench.prompting.protocols import Round
from vosbench.running.job import Job
from vosbench.running.provenance import describe_machine
from vosbench.running.recipe import find_changes
from vosbench.running.recorded_prompts import format_clicks
from vosbench.running.run_json import IDENTITY_KEYS

STUDY_FILE, OBJECTS_FOLDER = "interactive.json", "objects"
STUDY_IDENTITY = ("study", "protocol", "frames", "clicks", "click_seed", *IDENTITY_KEYS)


@dataclass(frozen=True)
class RoundResult:
    """The state of an object after one more prompted frame: the user's time in seconds, and each measure's mean."""

    seconds: float
    clicks: int
    scores: tuple[float, ...]


@dataclass(frozen=True)
class ObjectResult:
    """What was found of one object. rounds: at least one; where it ended early, the last one stays as it is."""

    video: str
    object_id: int
    rounds: tuple[RoundResult, ...]

    def after(self, frames: int) -> RoundResult:
        """The state after a number of prompted frames, 1 or more."""
        return self.rounds[min(frames, len(self.rounds)) - 1]


def object_path(folder: Path, video: str, object_id: int) -> Path:
    """The file of an object in a study's folder."""
    return folder / OBJECTS_FOLDER / video / f"{object_id}.json"


def format_round(number: int, state: Round, frame_names: Sequence[str]) -> dict[str, Any]:
    """A round as JSON. The scores are means over all frames with ground truth, from the object's first one on."""
    means = np.mean(list(state.scores.values()), axis=0)
    prompts = [
        {
            "frame": frame_names[index],
            "index": index,
            "points": format_clicks(clicks.given),
            **({"rebuilt_by": format_clicks(clicks.rebuilt)} if clicks.rebuilt else {}),
        }
        for index, clicks in state.prompts.items()
    ]
    return {"round": number, "seconds": state.seconds, "scores": [float(mean) for mean in means], "prompts": prompts}


def read_object_result(path: Path) -> ObjectResult:
    """The result in an object's file. Raises VosbenchError if it is damaged."""
    try:
        content = files.read_json(path)
        rounds = tuple(
            RoundResult(
                float(each["seconds"]),
                sum(len(prompt["points"]) for prompt in each["prompts"]),
                tuple(float(score) for score in each["scores"]),
            )
            for each in content["rounds"]
        )
        if not rounds:
            raise ValueError("no rounds")
        return ObjectResult(content["video"], int(content["object"]), rounds)
    except (KeyError, TypeError, ValueError):
        raise VosbenchError(path, "damaged", "delete it and repeat the command") from None


def begin_study(folder: Path, job: Job, about: Mapping[str, Any], overwrite: bool) -> None:
    """Write interactive.json, or check that a study may be continued.

    about: what the study says of itself beside the job. Raises VosbenchError if the folder holds another study or
    something else, or if what made its results has changed.
    """
    path, now = folder / STUDY_FILE, {**job.facts, **about, "recipe": asdict(job.recipe), **describe_machine()}
    if path.is_file():
        known = files.read_json(path)
        _require_same_study(folder, known, now, overwrite)
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise VosbenchError(folder, "not empty and not an interactive study", "choose another folder with --out")
    if overwrite:
        folders.remove_path(folder / OBJECTS_FOLDER)
    files.write_json(path, now)


def publish_study(folder: Path, results: Mapping[str, Any]) -> None:
    """Add the mean results of a study to interactive.json."""
    path = folder / STUDY_FILE
    files.write_json(path, {**files.read_json(path), "results": dict(results)})


def _require_same_study(folder: Path, known: Mapping[str, Any], now: Mapping[str, Any], overwrite: bool) -> None:
    different = [
        f"{key} {known.get(key)!r}, now {now.get(key)!r}" for key in STUDY_IDENTITY if known.get(key) != now.get(key)
    ]
    if different and not overwrite:
        remedy = "choose another folder with --out, or replace that study with --overwrite"
        raise VosbenchError(folder, f"holds another study ({'; '.join(different)})", remedy)
    done = paths.list_folders(folder / OBJECTS_FOLDER)
    changes = find_changes(known.get("recipe", {}).get("parts", {}), now["recipe"]["parts"])
    if changes and done and not overwrite:
        found = f"{', '.join(changes)} since its results were found"
        raise VosbenchError(folder, found, "begin anew with --overwrite, or choose another folder with --out")
