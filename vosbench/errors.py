"""The error for problems that the user can solve."""

from __future__ import annotations


class VosbenchError(Exception):
    """A problem that the user can solve, shown as one line: `subject: found; remedy`.

    subject: what has the problem, such as a file, an option with its value, or a video. found: what was found there and
    what was expected. remedy: the next step, with the exact command where there is one; empty where `found` says it.
    A plug-in may give a whole sentence as the subject and nothing else.
    """

    def __init__(self, subject: object, found: str = "", remedy: str = "") -> None:
        super().__init__(str(subject), found, remedy)
        self.subject, self.found, self.remedy = str(subject), found, remedy

    def __str__(self) -> str:
        line = ": ".join(filter(None, (self.subject, self.found)))
        return f"{line}; {self.remedy}" if self.remedy else line
