"""Delete downloads that are damaged or no longer needed, keep all others, and say where those are.

A download that is whole is never deleted because its content does not fit the card: it may have taken hours, and
another card, another option or a newer vosbench may be able to use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from vosbench.errors import VosbenchError
from vosbench.fetching.gather import FetchedFile
from vosbench.fetching.sources import PlannedFile
from vosbench.io.archives.members import DamagedArchiveError
from vosbench.io.archives.volumes import get_archive_name
from vosbench.io.folders import remove_path


def delete_downloads(archives: Path, planned_files: Iterable[PlannedFile]) -> None:
    """Delete the folder of downloads, unless a file that the user gave with --from lies in it."""
    given = (file.path.resolve() for file in planned_files if file.is_given and not file.urls)
    if not any(path.is_relative_to(archives.resolve()) for path in given):
        remove_path(archives)


def delete_damaged(error: DamagedArchiveError, files: Sequence[FetchedFile]) -> VosbenchError:
    """Delete the download that an error is about, or the next fetch would take it again; return the error to raise.

    Of an archive in volumes all are deleted, because nothing tells which one is damaged. A file that the user gave,
    and one whose hash was right, are kept.
    """
    damaged = [file for file in files if _is_inside(error.source, file.path)]
    deleted = [file.path for file in damaged if file.was_downloaded and not file.verified]
    for path in deleted:
        path.unlink(missing_ok=True)
    if not deleted:
        return error
    return VosbenchError(error.subject, error.found, "it was deleted; repeat the command to download it again")


def explain_kept(error: VosbenchError, files: Sequence[FetchedFile]) -> VosbenchError:
    """Add to an error where the downloads are kept that it is about, and what can be done with them."""
    kept = [str(file.path) for file in files if file.was_downloaded and file.path.exists()]
    if not kept:
        return error
    names = " ".join(kept[:3]) + (f" and {len(kept) - 3} more" if len(kept) > 3 else "")
    ways = "to use what they hold give them with --from, to download them again repeat with --force"
    remedy = f"{error.remedy}. " if error.remedy else ""
    return VosbenchError(error.subject, error.found, f"{remedy}The downloads are kept ({names}): {ways}")


def _is_inside(source: Path, file: Path) -> bool:
    """Whether a source of members is a file, another volume of the same archive, or an archive in either."""
    archive = get_archive_name(file.name)
    return any(
        path == file or (archive and path.parent == file.parent and get_archive_name(path.name) == archive)
        for path in (source, *source.parents)
    )
