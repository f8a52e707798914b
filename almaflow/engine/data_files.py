"""A step's access to files of the project, which may be on another host than that which began.

On one machine a run reads the files of the folder in which it was recorded. Hosts that share a
store have each a project folder of their own, and what a run needs from there may be on another
host only: then the step fails with the name of the file and of the host.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from almaflow.connectors.base import ExternalSystems
from almaflow.engine.attempt import Attempt
from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.settings import data_path
from almaflow.steps.result import StepFailed
from almaflow.store import EntryState

LANDED: Final = "landed"
"""The journal's effect with the files that a step has put into the project, and their sizes."""

# How much the clocks of two hosts and of a file server may differ.
_TOLERANCE: Final = timedelta(minutes=5)


@dataclass(kw_only=True)
class DataFiles(Attempt):
    """The part of an attempt's context that is about files of the project."""

    @property
    def outside(self) -> ExternalSystems:
        return self.services.outside

    def payload(self, name: str) -> str:
        try:
            return str(self.plan.definition["payloads"][name])
        except KeyError:
            raise StepFailed(f"The payload {name} was not recorded with the run.") from None

    def project_path(self, name: str) -> Path:
        root, folder = self._folders()
        try:
            return data_path(root, name, beside=folder)
        except RequestWrong as error:
            raise StepFailed(str(error)) from error

    def file_to_read(self, name: str) -> Path:
        path = self.project_path(name)
        source = self.outside.to_read(path)
        if self.services.project_folder is not None:
            self._check_host(name, source, self._fetched().get(self._in_project(path)))
        return source

    def file_to_extend(self, name: str) -> Path:
        path = self.project_path(name)
        shared = self.services.project_folder is not None
        if shared and not self.outside.to_read(path.parent).is_dir():
            raise StepFailed(
                f"Host {platform.node()} has no folder {path.parent} for the file {name}, to which "
                f"other hosts may have added already. {self._move()}"
            )
        return path

    def read_file(self, name: str) -> str:
        from almaflow.steps.member_source import read_members_file  # late: few steps read one

        return read_members_file(name, self.file_to_read(name))

    async def landed(self, sizes: Mapping[str, int]) -> None:
        if self.services.project_folder is None or self._has_landed():
            return
        files = {self._in_project(self.project_path(name)): size for name, size in sizes.items()}
        await self.journal.record(self.path, self.number, LANDED, EntryState.DONE, value=files)

    def _has_landed(self) -> bool:
        """Whether the files are recorded, and only what came after that was lost in a crash."""
        return self.journal.get(self.path, self.number, LANDED) is not None

    def _folders(self) -> tuple[Path, Path]:
        """Return the project's folder on this host, and in it that of the workflow."""
        root, folder = (Path(self.plan.definition[key]) for key in ("root", "folder"))
        here = self.services.project_folder
        if here is None or not folder.is_relative_to(root):
            return root, folder
        return here, here / folder.relative_to(root)

    def _in_project(self, path: Path) -> str:
        """Return how *path* is called on every host."""
        return path.relative_to(os.path.realpath(self._folders()[0])).as_posix()

    def _fetched(self) -> Mapping[str, tuple[int, datetime]]:
        """Return size and time of the files that steps of this run have put into the project."""
        return {
            name: (size, entry.created_at)
            for entry in self.journal.entries()
            if entry.effect == LANDED
            for name, size in entry.value.items()
        }

    def _check_host(self, name: str, source: Path, fetched: tuple[int, datetime] | None) -> None:
        """Refuse a file that is not on this host, or here only from before it was fetched.

        Raises: StepFailed.
        """
        host, move = platform.node(), self._move()
        try:
            found = os.stat(source)
        except FileNotFoundError:
            raise StepFailed(f"Host {host} has no file {source} ({name}). {move}") from None
        except OSError:
            # Reading it says what is wrong.
            return
        if fetched is None or fetched[0] == found.st_size:
            return
        changed = datetime.fromtimestamp(found.st_mtime, UTC)
        if changed < fetched[1] - _TOLERANCE:
            raise StepFailed(
                f"Host {host} has an older file {source} ({name}) than the one that this run has "
                f"fetched on another host. {move}"
            )

    def _move(self) -> str:
        """Return how all hosts come to see the same files."""
        return (
            "Several hosts share this store: keep such files on a share that each host has in its "
            f"project folder, or let one host run everything of {self.institution} (only there "
            f"`almaflow worker --queues {self.institution}`)."
        )
