"""What an evaluation evaluated: which part of a split, by which rules, and how strictly, as its signature says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

MAX_VIDEOS_BYTES = 100  # of the names of videos in the name of a folder
NOTHING_KNOWN: Mapping[str, str] = MappingProxyType({})


def read_signature(signature: str) -> dict[str, str]:
    """Return the fields of a signature: name -> value."""
    return {name: value for name, _, value in (part.partition(":") for part in signature.split("|"))}


def describe_scope(signature: str, own: Mapping[str, str] = NOTHING_KNOWN) -> dict[str, str]:
    """Return what sets an evaluation apart from one of the whole split, by its own rules, strictly.

    own: the dataset, split and rules of the run, under these names; what it does not name is not compared. Returns the
    words for each difference, such as "1 of 30 videos", under a short name: "against", "videos", "rules", "strict".
    """
    fields = read_signature(signature)
    scored, _, known = fields.get("videos", "").partition("/")
    found = {}
    if any(fields.get(key) != own[key] for key in ("dataset", "split") if key in own and key in fields):
        found["against"] = f"against {fields['dataset']} {fields['split']}"
    if scored != known:
        found["videos"] = f"{scored} of {known} {'video' if known == '1' else 'videos'}"
    if "rules" in own and fields.get("rules", own["rules"]) != own["rules"]:
        found["rules"] = f"rules of {fields['rules']}"
    if fields.get("strict") == "no":
        found["strict"] = "not strict"
    return found


def name_scope(signature: str, own: Mapping[str, str], videos: Sequence[str]) -> str:
    """Return the name of the folder for an evaluation, such as "videos-solo+not-strict"; empty if nothing differs.

    own: see `describe_scope`. videos: those that were to be scored; a video without a scored frame is one of them.
    """
    fields, differing = read_signature(signature), describe_scope(signature, own)
    whole = str(len(videos)) == fields.get("videos", "").partition("/")[2]
    names = {
        "against": "against-{dataset}-{split}",
        "videos": "" if whole else f"videos-{_join_names(videos)}",
        "rules": "rules-{rules}",
        "strict": "not-strict",
    }
    parts = (name if key == "videos" else name.format(**fields) for key, name in names.items() if key in differing)
    return "+".join(part.replace("/", "_") for part in parts if part)


def _join_names(videos: Sequence[str]) -> str:
    """Return the names of videos, or how many they are and a hash of the names if these are too long for a folder."""
    import hashlib

    names = ",".join(sorted(videos))
    if len(names.encode()) <= MAX_VIDEOS_BYTES:
        return names
    return f"{len(videos)}-{hashlib.sha256(names.encode()).hexdigest()[:8]}"
