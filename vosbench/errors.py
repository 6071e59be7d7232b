"""The error that users can mend."""

from __future__ import annotations


class VosbenchError(Exception):
    """Something that the user can put right, shown as one line: `subject: found; remedy`.

    subject: the thing, such as a file, an option with its value, or a video. found: what is wrong with it, and what
    was expected. remedy: the next step, as a command where there is one; empty where `found` leaves only one. A plug-in
    may give a whole sentence as the subject, and nothing else.
    """

    def __init__(self, subject: object, found: str = "", remedy: str = "") -> None:
        super().__init__(str(subject), found, remedy)
        self.subject, self.found, self.remedy = str(subject), found, remedy

    def __str__(self) -> str:
        line = ": ".join(filter(None, (self.subject, self.found)))
        return f"{line}; {self.remedy}" if self.remedy else line
