"""A temporary file for scores that are to be kept, so that they take no memory until all videos are scored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from vosbench.errors import VosbenchError
from vosbench.evaluation.kept_scores import KeptHeader, format_kept_line
from vosbench.evaluation.score_video import VideoScores
from vosbench.io.files import WRITE_REMEDY


class ScoreSpool:
    """The new lines of a file of kept scores, in a file without a name that ends with the process.

    path: of the file of kept scores, beside which the temporary file is, or in the nearest folder above that exists.
    names: the videos and scopes of the lines.
    """

    def __init__(self, path: Path) -> None:
        self.names: set[tuple[str, str]] = set()
        self._path = path
        self._file: IO[bytes] | None = None
        self._error: VosbenchError | None = None

    def add(self, header: KeptHeader, scores: VideoScores) -> None:
        """Add the scores of a video.

        Raises VosbenchError if they cannot be written; then nothing more can be added, and there are no lines.
        """
        if self._error:
            raise self._error
        line = format_kept_line(header, scores)
        try:
            self._open().write(line)
        except OSError as error:
            self.names.clear()
            self._error = self._make_error(error)
            raise self._error from None
        self.names.add(header[:2])

    def _open(self) -> IO[bytes]:
        if self._file is None:
            folder = next(folder for folder in self._path.absolute().parents if folder.is_dir())
            self._file = TemporaryFile(dir=folder)  # noqa: SIM115 - `close` closes it
        return self._file

    def read_lines(self) -> Iterator[bytes]:
        """Yield all lines, in the order in which they were added. Raises VosbenchError if they cannot be read."""
        if not self.names:
            return
        try:
            file = self._open()
            file.seek(0)
            yield from file
        except OSError as error:
            raise self._make_error(error) from None

    def close(self) -> None:
        """Give the temporary file up."""
        if self._file is not None:
            with suppress(OSError):  # of a full disk, to which what is left is written
                self._file.close()

    def _make_error(self, error: OSError) -> VosbenchError:
        return VosbenchError(self._path, f"cannot be written ({error.strerror})", WRITE_REMEDY)
