"""Download and verify the planned files, and the publisher's lists of hashes, which verify the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from vosbench.datasets.card import Download
from vosbench.errors import VosbenchError
from vosbench.fetching.checksums import Hash, read_hashes
from vosbench.fetching.download import DEFAULT_POLICY, RetryPolicy, UnavailableError, download_file
from vosbench.fetching.sources import FetchProgress, PlannedFile
from vosbench.io.hashing import hash_file_sha256

OPTIONAL_FILE_POLICY = RetryPolicy(attempts=2, timeout=10)  # a fetch succeeds without these files


class FetchedFile(NamedTuple):
    """A file or folder that is on disk. origin: its URL or path. verified: its hash was known and is right.

    sha256: None for a folder. was_downloaded: it came from a URL, so it may be deleted.
    """

    path: Path
    origin: str
    verified: bool = False
    sha256: str | None = None
    was_downloaded: bool = False


def gather_lists(planned_files: Sequence[PlannedFile], progress: FetchProgress) -> tuple[dict[str, Hash], list[str]]:
    """Download and read the lists of hashes among the planned files. Returns file name -> hash, and warnings.

    A list that cannot be downloaded or read is a warning, unless the user gave it. Raises VosbenchError then.
    """
    hashes: dict[str, Hash] = {}
    warnings: list[str] = []
    for planned in (file for file in planned_files if file.is_checksum_list):
        try:
            hashes = {**read_hashes(_obtain_file(planned, None, warnings, progress).path), **hashes}
        except VosbenchError as error:
            if planned.is_given:
                raise
            warnings.append(_continue_without(error))
    return hashes, warnings


def gather_files(
    planned_files: Sequence[PlannedFile], hashes: Mapping[str, Hash], by_hand: str, progress: FetchProgress
) -> tuple[list[FetchedFile], list[str]]:
    """Download and verify the planned files that are no lists of hashes. Returns the files, and warnings.

    hashes: from `gather_lists`. by_hand: what a person can do about a file that cannot be downloaded.

    An optional file that cannot be downloaded is a warning. So is a file in whose place an archive is downloaded that
    holds it; the other files that this archive holds are not downloaded then. A download whose hash is wrong is
    refused, and so is a given file whose hash is not the one in a list; a given file that differs only from the card is
    a warning, because a user may want a part of the data.

    Raises VosbenchError if a needed file cannot be downloaded, or if its hash is wrong.
    """
    files: dict[Path, FetchedFile] = {}
    warnings: list[str] = []
    for planned in planned_files:
        if planned.is_checksum_list or (planned.holder and planned.holder.path in files):
            continue
        try:
            file = _obtain_file_or_holder(planned, hashes.get(planned.download.file), warnings, progress)
            files[file.path] = file
        except UnavailableError as error:
            if planned.is_given or not planned.download.optional:
                raise VosbenchError(error.subject, error.found, f"{error.remedy}. {by_hand}") from None
            warnings.append(_continue_without(error))
    return list(files.values()), warnings


def _continue_without(error: VosbenchError) -> str:
    return f"{error.subject}: {error.found}; continuing without it (optional)"


def _obtain_file_or_holder(
    planned: PlannedFile, listed: Hash | None, warnings: list[str], progress: FetchProgress
) -> FetchedFile:
    """Download a file, or else the archive that holds it, which may be on disk already. Raises UnavailableError."""
    holder = planned.holder
    if holder is None or planned.download.optional:
        return _obtain_file(planned, listed, warnings, progress)
    if holder.path.is_file() and not planned.path.is_file():
        return _obtain_file(holder, None, warnings, progress)
    try:
        return _obtain_file(planned, listed, warnings, progress)
    except UnavailableError as error:
        name = f"{holder.download.file}, which holds {planned.download.file}"
        try:
            found = _obtain_file(holder, None, warnings, lambda label, done, total: progress(name, done, total))
        except VosbenchError as other:
            found_both = f"{error.found}; {name}: {other.found}"
            raise UnavailableError(planned.download.file, found_both, other.remedy) from None
        warnings.append(f"{planned.download.file}: {error.found}; taken from {holder.download.file} instead")
        return found


def _obtain_file(
    planned: PlannedFile, listed: Hash | None, warnings: list[str], progress: FetchProgress
) -> FetchedFile:
    """Download a file if it is not on disk, and compare it with its known hash: the card's, or else the listed one."""
    source, path = planned.download, planned.path
    if planned.is_given:
        source = Download(source.file)
    elif source.sha256:
        listed = None
    elif listed and listed.algorithm == "sha256":
        source = replace(source, sha256=listed.value)
    if planned.urls:
        if planned.is_checksum_list:
            path.unlink(missing_ok=True)  # left by an earlier fetch; the publisher may have a newer one
        policy = OPTIONAL_FILE_POLICY if source.optional and not planned.is_given else DEFAULT_POLICY
        download_file(source, planned.folder, planned.urls, partial(progress, source.file), policy)
    origin = planned.urls[0] if planned.urls else str(path.resolve())
    if not path.is_file():
        return FetchedFile(path, origin)
    found = hash_file_sha256(path) if source.sha256 is None else source.sha256.lower()
    if listed and (mismatch := listed.find_mismatch(path)):
        if planned.urls:
            path.unlink()
        raise VosbenchError(path, mismatch, f"download it again, or leave out {listed.list_name}")
    if planned.is_given and not listed and planned.download.sha256 not in (None, found):
        warnings.append(f"{path}: not the publisher's file; sha256 is {found}, expected {planned.download.sha256}")
    verified = bool(listed) or found == planned.download.sha256
    return FetchedFile(path, origin, verified, found, bool(planned.urls))
