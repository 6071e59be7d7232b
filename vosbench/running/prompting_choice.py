"""Choose how the objects of a run are prompted: by clicks or boxes, and by which prompter if the tracker needs one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.hashing import hash_unless_unchanged
from vosbench.io.plugins import load_object
from vosbench.prompting.kinds import PromptKind, parse_prompt_kind
from vosbench.running.prompted_tracker import Prompting
from vosbench.running.settings import CLICKED_PARAMETERS, PROMPT_PARAMETER, PROMPTS_PARAMETER
from vosbench.running.weights import choose_prompter_weights
from vosbench.trackers import registry
from vosbench.trackers.prompts import find_prompter, get_accepted_kinds


def choose_prompting(settings: Mapping[str, Any], tracker: Any, name: str, checkpoints: Path) -> Prompting | None:
    """The way of prompting that the settings of a run ask for; None for masks.

    settings: those of RUN_PARAMETERS that were given. tracker: the class or object; name: of it, for messages.
    checkpoints: the folder of all checkpoints. Raises VosbenchError for an unknown kind or prompter, for weights that
    are missing, and for settings of which one has no effect beside the other.
    """
    kind = parse_prompt_kind(settings.get(PROMPT_PARAMETER.name, PROMPT_PARAMETER.default))
    given = [key for key in CLICKED_PARAMETERS if settings.get(key)]
    if kind.form == "mask":
        if given:
            option = f"--{given[0].replace('_', '-')} {settings[given[0]]}"
            raise VosbenchError(option, "objects are given by their masks", "add --prompt box or --prompt 3-click")
        return None
    if settings.get(PROMPTS_PARAMETER.name, PROMPTS_PARAMETER.default) != PROMPTS_PARAMETER.default:
        raise VosbenchError(f"--prompt {kind.name}", "prompts=all gives masks", "leave out one of the two")
    recorded, source = _find_recorded(settings.get("prompts_from", ""), kind)
    spec = find_needed_prompter(settings, tracker)
    if not spec:
        if unneeded := [key for key in given if key != "prompts_from"]:
            option = f"--{unneeded[0].replace('_', '-')} {settings[unneeded[0]]}"
            raise VosbenchError(option, f"tracker {name} takes {kind.form} itself", "leave it out")
        return Prompting(kind, recorded=recorded, facts={**source, "prompter": None})
    chosen = _get_prompter_name(settings)
    parameters = registry.read_tracker_parameters(spec)
    named = settings.get("prompter_checkpoint") or None
    weights = choose_prompter_weights(load_object(spec), chosen, named, parameters, checkpoints)
    sha256 = hash_unless_unchanged(weights) if weights else None
    facts = {"prompter": chosen, "prompter_object": spec, "prompter_checkpoint_sha256": sha256}
    arguments = {"checkpoint": str(weights.resolve())} if weights else {}
    return Prompting(kind, spec, arguments, recorded, {**source, **facts})


def find_needed_prompter(settings: Mapping[str, Any], tracker: Any) -> str:
    """Where the prompter is, as `module:object`, that a run with these settings needs; empty if it needs none.

    tracker: the class or object. Raises VosbenchError for an unknown kind of prompt or prompter.
    """
    kind = parse_prompt_kind(settings.get(PROMPT_PARAMETER.name, PROMPT_PARAMETER.default))
    if kind.form in ("mask", *get_accepted_kinds(tracker)) or hasattr(tracker, "open_session"):
        return ""
    return find_prompter(_get_prompter_name(settings))


def _get_prompter_name(settings: Mapping[str, Any]) -> str:
    return settings.get("prompter") or str(CLICKED_PARAMETERS["prompter"].default)


def _find_recorded(run: str, kind: PromptKind) -> tuple[Path | None, dict[str, Any]]:
    """The folder of the prompts of another run, and what run.json says of them."""
    if not run:
        return None, {}
    folder = Path(run).expanduser().absolute() / paths.RUN_PROMPTS
    files = paths.list_json_files(folder) if folder.is_dir() else []
    if not files:
        remedy = "name a run that was made with --prompt box or --prompt N-click"
        raise VosbenchError(f"--prompts-from {run}", "no recorded prompts", remedy)
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        if f'"prompt": "{kind.name}"'.encode() not in content:
            raise VosbenchError(path, f"its prompts are not of the kind {kind.name}", "give the same --prompt")
        digest.update(f"{path.name}\0".encode() + content)
    return folder, {"prompts_from_sha256": digest.hexdigest()}
