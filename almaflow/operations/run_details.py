"""One run with its steps, its requests and its tick: what `show`, the API and the page show."""

from __future__ import annotations

from almaflow.late_dataclasses import dataclass
from almaflow.operations.ledger import RunTick, tick_of_run
from almaflow.operations.recorded_plans import definition_of
from almaflow.operations.run_owner import is_worked_on
from almaflow.runs.views import RunView, view_of
from almaflow.store import RunRecord, Store


@dataclass(frozen=True)
class RunDetails(RunView):
    """A run and the tick that started it; None when a person did."""

    tick: RunTick | None


def run_details(store: Store, name: str) -> RunDetails:
    """Return the details of the run that *name*, a part of its id or `last`, means.

    Raises:
        RunNotFound: there is none, or more than one.
    """
    record = store.find_run(name)
    view = run_view(store, record)
    return RunDetails(**vars(view), tick=tick_of_run(store, record.id))


def run_view(store: Store, record: RunRecord) -> RunView:
    """Return the view of a run from everything that is recorded about it."""
    return view_of(
        record,
        definition_of(store, record),
        store.journal(record.id),
        store.events(record.id),
        worked_on=is_worked_on(store, record),
    )
