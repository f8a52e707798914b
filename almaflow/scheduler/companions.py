"""What a service is put together from, and what goes on beside its ledger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from almaflow.engine.engine import Engine
from almaflow.plan import git_commit
from almaflow.scheduler.tick_ledger import Happened
from almaflow.scheduler.timers import Wakeups
from almaflow.scheduler.workflow_files import Reading
from almaflow.settings import Project
from almaflow.store import RunRecord


class Companion(Protocol):
    """Something that goes on beside the ledger for as long as a process leads."""

    async def run(self) -> None:
        """Go on until cancelled."""
        ...

    def happened(self, happened: Happened, reading: Reading) -> Awaitable[None]:
        """Hear what a cycle of the ledger did."""
        ...

    def read(self, reading: Reading, before: Reading | None) -> Awaitable[None]:
        """Hear that the files were read."""
        ...

    def ended(self, run: RunRecord) -> Awaitable[None]:
        """Hear that this process has let go of a run; it need not be finished."""
        ...


@runtime_checkable
class Witness(Protocol):
    """A companion that hears as well what concerns the machine and the project."""

    def clock_set(self, said: str) -> None:
        """Hear that somebody has set the clock."""
        ...

    def settings(self, problem: str) -> None:
        """Hear what is wrong with almaflow.yaml; empty: it is valid again."""
        ...


@dataclass(frozen=True)
class Parts:
    """What a service is put together from, anew for each term."""

    engine: Callable[[Project], Engine]
    project: Callable[[], Project]
    """Reads almaflow.yaml; Raises: DocumentsInvalid."""
    wakeups: Callable[[], Wakeups]
    companions: Callable[[Engine, Project], Sequence[Companion]] = lambda engine, project: ()
    commit_of: Callable[[Path], str | None] = git_commit
