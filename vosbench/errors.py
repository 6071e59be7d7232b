"""The error that users can mend."""

from __future__ import annotations


class VosbenchError(Exception):
    """What the user can put right: one line that names the thing, what was found, and what to do next."""
