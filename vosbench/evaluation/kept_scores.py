"""The file in which the scores of videos are kept for `vosbench eval --reuse`: text, one line a video.

The first line says what the file is and which evaluator made the scores. Each further line is a header and the scores,
both JSON, with a tab between them. The last line is the sha256 of all lines before it, by which damage of any byte is
noticed. Numbers come back to the last bit: Python writes the shortest text that is read as the same number.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import IO, NamedTuple

from vosbench.errors import VosbenchError
from vosbench.evaluation.encoded_scores import decode_scores, encode_scores
from vosbench.evaluation.score_video import VideoScores
from vosbench.io.files import refuse_pipe, write_pieces

FORMAT = "scores that `vosbench eval --reuse` kept, form 1"
LONGEST_FIRST_LINE = 1000
END = b"sha256 "


class UnusableScoresError(VosbenchError):
    """The file of kept scores is damaged, is something else, or was written by another evaluator."""


class KeptHeader(NamedTuple):
    """What a line of the file holds.

    scope: the dataset, split and rules. digest: of all that the scores depend on, see `digest_task`. masks: the folder
    of the masks, which the problems name; empty if there are no problems.
    """

    video: str
    scope: str
    digest: str
    masks: str


class KeptLine(NamedTuple):
    """A line of the file: its header, where it begins, its length in bytes, and their hash in this process."""

    header: KeptHeader
    start: int
    length: int
    hashed: int


@dataclass(frozen=True)
class KeptScores:
    """An open file of kept scores; in memory is only where the scores are. lines: by video and scope."""

    file: IO[bytes]
    lines: Mapping[tuple[str, str], KeptLine] = field(default_factory=dict)

    def close(self) -> None:
        self.file.close()

    def read(self, line: KeptLine) -> VideoScores:
        """The scores in a line. Raises UnusableScoresError if the file has been changed since it was opened."""
        with suppress(ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return decode_scores(line.header.video, json.loads(self.read_bytes(line).partition(b"\t")[2]))
        raise _make_unusable_error(self.file.name, "not written by vosbench")

    def read_bytes(self, line: KeptLine) -> bytes:
        """A line as it is in the file. Raises UnusableScoresError if the file has been changed since it was opened."""
        self.file.seek(line.start)
        found = self.file.read(line.length)
        if hash(found) != line.hashed:
            raise _make_unusable_error(self.file.name, "changed while it was read")
        return found


def open_kept_scores(path: Path, evaluator: str) -> KeptScores:
    """Open a file of kept scores and check every byte of it.

    evaluator: the digest of the evaluator whose scores are wanted. Raises FileNotFoundError if there is no such file,
    and UnusableScoresError if it cannot be used.
    """
    try:
        refuse_pipe(path)
        file = path.open("rb")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _make_unusable_error(path, f"cannot be read ({error.strerror})") from None
    except VosbenchError as error:
        raise _make_unusable_error(path, error.found) from None
    try:
        return KeptScores(file, {line.header[:2]: line for line in _check_lines(file, evaluator)})
    except OSError as error:
        file.close()
        raise _make_unusable_error(path, f"cannot be read ({error.strerror})") from None
    except BaseException:
        file.close()
        raise


def _check_lines(file: IO[bytes], evaluator: str) -> Iterator[KeptLine]:
    """Yield where the scores are. Raises UnusableScoresError, for damage only after the last line."""
    import hashlib

    first = file.readline(LONGEST_FIRST_LINE)
    expected = _format_first_line(evaluator)
    if first != expected:
        is_kept = len(first) == len(expected) and first.startswith(_format_first_line("")[: -len('"}\n')])
        others = "of another version of vosbench, Python, NumPy or Pillow"
        raise _make_unusable_error(file.name, others if is_kept else "damaged or something else")
    digest, start, last = hashlib.sha256(first), len(first), b""
    for line in file:
        if line.startswith(END):
            last = line
            break
        digest.update(line)
        with suppress(ValueError, TypeError, RecursionError):  # damage, of which the hash tells
            yield KeptLine(KeptHeader(*map(str, json.loads(line.partition(b"\t")[0]))), start, len(line), hash(line))
        start += len(line)
    if last != _format_last_line(digest.hexdigest()) or file.read(1):
        raise _make_unusable_error(file.name, "damaged")


def _make_unusable_error(path: object, found: str) -> UnusableScoresError:
    return UnusableScoresError(path, found, "delete it and repeat the command")


def write_kept_scores(path: Path, evaluator: str, names: Collection[tuple[str, str]], lines: Iterable[bytes]) -> None:
    """Write a file of kept scores line by line: those of the old file that are not replaced, and the new ones.

    names: the videos and scopes of the new lines. Raises VosbenchError if the file cannot be written.
    """
    refuse_pipe(path)  # to which `write_pieces` would write, and wait for a reader
    write_pieces(path, _seal_lines(evaluator, chain(_list_old_lines(path, evaluator, names), lines)))


def _list_old_lines(path: Path, evaluator: str, replaced: Collection[tuple[str, str]]) -> Iterator[bytes]:
    with suppress(FileNotFoundError, UnusableScoresError), closing(open_kept_scores(path, evaluator)) as old:
        yield from (old.read_bytes(line) for name, line in old.lines.items() if name not in replaced)


def format_kept_line(header: KeptHeader, scores: VideoScores) -> bytes:
    """A line of a file of kept scores."""
    return f"{json.dumps(header)}\t{json.dumps(encode_scores(scores))}\n".encode()


def _seal_lines(evaluator: str, lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the first line, the given ones, and the last line with the hash of all before it."""
    import hashlib

    first = _format_first_line(evaluator)
    yield first
    digest = hashlib.sha256(first)
    for line in lines:
        digest.update(line)
        yield line
    yield _format_last_line(digest.hexdigest())


def _format_first_line(evaluator: str) -> bytes:
    return f"{json.dumps({'what': FORMAT, 'evaluator': evaluator})}\n".encode()


def _format_last_line(digest: str) -> bytes:
    return END + f"{digest}\n".encode()
