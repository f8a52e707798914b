"""The parts of a scheduler, and the tasks that run in parallel with its ledger."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio

from almaflow.engine.engine import Engine
from almaflow.late_dataclasses import dataclass
from almaflow.plan import git_commit
from almaflow.scheduler.tick_ledger import CycleResult
from almaflow.scheduler.timers import Wakeups
from almaflow.scheduler.workflow_files import WorkflowSnapshot
from almaflow.settings import Project
from almaflow.store import RunRecord

STORE_RETRY_DELAY = timedelta(seconds=10)
"""How long a store that refuses is left alone."""


async def _keep_working(engine: Engine) -> None:
    await engine.keep_working(watch=True)


class Companion:
    """A task that runs in parallel with the ledger for as long as a process leads.

    Every method may be left as it is; each must be quick, but for `run`.
    """

    async def run(self) -> None:
        """Run until cancelled."""
        await anyio.sleep_forever()

    async def happened(self, happened: CycleResult, reading: WorkflowSnapshot) -> None:
        """Take note of what a cycle of the ledger did."""

    async def read(self, reading: WorkflowSnapshot, before: WorkflowSnapshot | None) -> None:
        """Take note that the files were read."""

    async def ended(self, run: RunRecord) -> None:
        """Take note that this process has let go of a run; it need not be finished."""

    def clock_set(self, text: str) -> None:
        """Take note that the clock was set."""

    def settings(self, problem: str) -> None:
        """Take note of what is wrong with almaflow.yaml; empty: it is valid again."""


@dataclass(frozen=True)
class Parts:
    """The parts of a scheduler, recreated for each term."""

    engine: Callable[[Project], Engine]
    project: Callable[[], Project]
    """Reads almaflow.yaml; Raises: DocumentsInvalid."""
    wakeups: Callable[[], Wakeups]
    companions: Callable[[Engine, Project], Sequence[Companion]] = lambda engine, project: ()
    commit_of: Callable[[Path], str | None] = git_commit
    work: Callable[[Engine], Coroutine[Any, Any, None]] = _keep_working
    """Works on runs with the engine until cancelled."""
    works_on_standby: bool = False
    """Whether it works while another process leads: a queue hands out the runs."""
