"""The workspaces of all open tabs, each in a folder of its own."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from uuid import uuid4

from vosbench.ui.models import LoadedModels
from vosbench.ui.workspace import Workspace


class Tabs:
    """Gives every tab its own workspace, and takes it away when the tab is closed."""

    def __init__(self, models: LoadedModels, folder: Path) -> None:
        """Begin without tabs. folder: where workspaces keep their files."""
        self.models, self.folder = models, folder
        self.lock = Lock()
        self.workspaces: dict[str, Workspace] = {}

    def get(self, tab: str) -> Workspace:
        """The workspace of a tab; a new one for a tab that has none. tab: any text that no other tab has."""
        with self.lock:
            if tab not in self.workspaces:
                self.workspaces[tab] = Workspace(self.models, self.folder / uuid4().hex)
            return self.workspaces[tab]

    def close(self, tab: str) -> None:
        """Free what the workspace of a tab holds, if it has one."""
        with self.lock:
            workspace = self.workspaces.pop(tab, None)
        if workspace:
            workspace.close()

    def close_all(self) -> None:
        """Free what all workspaces hold."""
        for tab in [*self.workspaces]:
            self.close(tab)
