"""One run with its steps, its requests and its tick: what `show`, the API and the page show."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from almaflow.late_dataclasses import dataclass
from almaflow.operations.ledger import RunTick, tick_of_run
from almaflow.operations.run_records import definition_of, is_worked_on
from almaflow.runs.views import RunView, view_of
from almaflow.store import LogEntry, RunRecord, Store


@dataclass(frozen=True)
class RunDetails(RunView):
    """A run and the tick that started it; None when a person did."""

    tick: RunTick | None
    """The tick that started it; None when a person or a job of Alma did."""


def run_details(store: Store, name: str) -> RunDetails:
    """Return the details of the run that *name*, a part of its id or `last`, means.

    Raises:
        RunNotFound: there is none, or more than one.
    """
    return run_view_and_log(store, name)[0]


def run_view_and_log(
    store: Store, name: str, zone: ZoneInfo | None = None
) -> tuple[RunDetails, list[LogEntry]]:
    """Return the details of a run, and its log, oldest line first.

    Texts about requests give times in *zone*; None: in that of the workflow. Raises: as
    `run_details`.
    """
    record = store.find_run(name)
    log = store.events(record.id)
    view = _view(store, record, log, zone)
    return RunDetails(**vars(view), tick=tick_of_run(store, record.id)), log


def run_view(store: Store, record: RunRecord) -> RunView:
    """Return the view of a run from everything that is recorded about it."""
    return _view(store, record, store.events(record.id), None)


def _view(store: Store, record: RunRecord, log: list[LogEntry], zone: ZoneInfo | None) -> RunView:
    return view_of(
        record,
        definition_of(store, record),
        store.journal(record.id),
        log,
        worked_on=is_worked_on(store, record),
        zone=zone,
    )
