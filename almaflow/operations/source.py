"""Where what a person reads comes from: the store of this project, or the API of a `serve`.

command line ─┐                 ┌─ LocalSource: files and store of this machine
API, page ────┴──── Source ─────┤
                                └─ RemoteSource: the API of a server (command line only)
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from almaflow.operations.causes import Explanation
    from almaflow.operations.coming_ticks import ComingTick
    from almaflow.operations.ledger import TickState, TickView
    from almaflow.operations.processes import ProcessView
    from almaflow.operations.run_details import RunDetails
    from almaflow.operations.run_list import RunSummary
    from almaflow.operations.run_log import RunHead, RunLog
    from almaflow.outcome import Outcome, Status


class Source(Protocol):
    """Answers questions about runs and timetables.

    Each method raises `RequestWrong` when what was asked for is not there, and another
    `AlmaflowError` when the store or the server does not respond.
    """

    @property
    def zone(self) -> ZoneInfo:
        """The project's time zone, in which people read instants."""
        ...

    def runs(
        self, limit: int, *, workflow: str | None = None, state: Status | Outcome | None = None
    ) -> Sequence[RunSummary]:
        """Return runs, newest first."""
        ...

    def run(self, name: str) -> RunDetails:
        """Return one run; *name* is a part of its id, or `last`."""
        ...

    def head(self, name: str) -> RunHead:
        """Return what is needed to show, and to follow, the log of a run."""
        ...

    def log(self, name: str, *, skip: int = 0) -> RunLog:
        """Return the log of a run, without its first *skip* lines."""
        ...

    def why(self, name: str) -> Explanation:
        """Return why the run, or the runs of the workflow, *name* wait or ended."""
        ...

    def next(
        self, name: str | None, after: datetime, until: datetime, count: int
    ) -> tuple[Sequence[ComingTick], Sequence[str]]:
        """Return coming ticks, of all workflows without a *name*, and remarks on omitted ones."""
        ...

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
        ...

    def workers(self) -> Sequence[ProcessView]:
        """Return the processes that share the store."""
        ...
