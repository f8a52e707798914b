"""What a person reads, from the files and the store of this machine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from almaflow.clock import Clock
from almaflow.errors import AlmaflowError
from almaflow.settings import StoreSettings
from almaflow.store import Store
from almaflow.store.location import read_url

if TYPE_CHECKING:
    from almaflow.operations.causes import Explanation
    from almaflow.operations.coming_ticks import ComingTick, Timetables
    from almaflow.operations.ledger import TickState, TickView
    from almaflow.operations.processes import ProcessView
    from almaflow.operations.run_details import RunDetails
    from almaflow.operations.run_list import RunSummary
    from almaflow.operations.run_log import RunHead, RunLog
    from almaflow.outcome import Outcome, Status
    from almaflow.settings import Project


class LocalSource:
    """Answers questions about runs and timetables; each imports what it needs.

    Each method raises `RequestWrong` when what was asked for is not there, and another
    `AlmaflowError` when the store, or the server of a `RemoteSource`, does not respond.
    """

    def __init__(
        self, settings: StoreSettings, clock: Clock, open_store: Callable[[], Store]
    ) -> None:
        """*open_store* is called once, when the first question needs the store."""
        self._settings = settings
        self._clock = clock
        self._open_store = open_store

    @cached_property
    def store(self) -> Store:
        """The project's store."""
        return self._open_store()

    @cached_property
    def _project(self) -> Project:
        return _read_project()

    @property
    def zone(self) -> ZoneInfo:
        """The project's time zone, in which people read instants."""
        return ZoneInfo(self._settings.timezone)

    def runs(
        self, limit: int, *, workflow: str | None = None, state: Status | Outcome | None = None
    ) -> Sequence[RunSummary]:
        """Return runs, newest first."""
        from almaflow.operations.run_list import list_runs

        return list_runs(self.store, limit, workflow=workflow, state=state)

    def run(self, name: str) -> RunDetails:
        """Return one run; *name* is a part of its id, or `last`."""
        from almaflow.operations.run_details import run_details

        return run_details(self.store, name)

    def head(self, name: str) -> RunHead:
        """Return what is needed to show, and to follow, the log of a run."""
        from almaflow.operations.run_log import run_head

        return run_head(self.store, name)

    def log(self, name: str, *, skip: int = 0) -> RunLog:
        """Return the log of a run, without its first *skip* lines."""
        from almaflow.operations.run_log import run_log

        return run_log(self.store, name, skip=skip)

    def why(self, name: str) -> Explanation:
        """Return why the run, or the runs of the workflow, *name* wait or ended."""
        from almaflow.operations.causes import explain

        now = self._clock.now()
        return explain(self._project, self.store, name, now, self._is_workflow)

    def _is_workflow(self, name: str) -> bool:
        from almaflow.workflow_loader import find_workflow, load_workflow

        try:
            load_workflow(find_workflow(name, self._project), self._project, simulated=True)
        except AlmaflowError:
            return False
        return True

    def next(
        self, name: str | None, after: datetime, until: datetime, count: int
    ) -> tuple[Sequence[ComingTick], Sequence[str]]:
        """Return coming ticks, of all workflows without a *name*, and remarks on omitted ones."""
        from almaflow.operations.coming_ticks import coming_ticks

        found = self._timetables(name)
        # A question about the files does not make a store.
        store = self.store if self._has_store() else None
        return coming_ticks(found.entries, store, after, until, count), found.remarks

    def _timetables(self, name: str | None) -> Timetables:
        """Return those of the workflow *name*, else of all; models are built for changed files."""
        from almaflow.operations.coming_ticks import Timetables, all_timetables, timetables_of
        from almaflow.operations.kept_checks import workflows_checked_once

        def found() -> Timetables:
            project = _read_project()
            return all_timetables(project) if name is None else timetables_of(name, project)

        if self._settings.file is None:
            return found()
        paths = () if name is None else (Path(name),)
        return workflows_checked_once(self._settings.folder, paths, found, Timetables)

    def _has_store(self) -> bool:
        file = read_url(self._settings.url).file
        return file is None or file.exists()

    def ticks(
        self,
        limit: int | None,
        *,
        workflow: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        states: Collection[TickState] = (),
    ) -> Sequence[TickView]:
        """Return ticks, newest first."""
        from almaflow.operations.ledger import list_ticks
        from almaflow.operations.workflow_lookup import workflow_named

        if workflow is not None:
            workflow = workflow_named(workflow, self._project, self.store)
        page = list_ticks(
            self.store, limit, workflow=workflow, since=since, until=until, states=states
        )
        return page.ticks

    def workers(self) -> Sequence[ProcessView]:
        """Return the processes that share the store."""
        from almaflow.operations.processes import list_processes

        return list_processes(self.store)


def _read_project() -> Project:
    """Return the project with all of its settings; Raises: DocumentsInvalid."""
    from almaflow.settings import find_project

    return find_project(Path.cwd())
