"""What operations read of the record of a run: who executes it, and what it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from almaflow.errors import RequestWrong
from almaflow.recorded_steps import OUTLINE, is_readable
from almaflow.runs.events import EventKind
from almaflow.store import RunRecord, Store

if TYPE_CHECKING:
    from almaflow.plan import Plan


def log_request(store: Store, run_id: str, text: str, by: str, **data: Any) -> None:
    """Add a line to the log of a run: who asked for what; *data* is for programs."""
    store.add_event(run_id, EventKind.RUN, text=text, data={"by": by, **data})


def is_worked_on(store: Store, record: RunRecord) -> bool:
    """Whether a live process executes a run."""
    return record.owner in live_owners(store, [record])


def live_owners(store: Store, records: Iterable[RunRecord]) -> set[str]:
    """Return the ids of the live processes that execute some of *records*."""
    owners = {record.owner for record in records if record.owner is not None}
    processes = (store.process(owner) for owner in owners)
    return {one.id for one in processes if one is not None and one.left_at is None}


def plan_of(store: Store, record: RunRecord) -> Plan | None:
    """Return the plan of a run; None when another version recorded it in an unknown format."""
    from almaflow.plan import recorded_plan

    try:
        return recorded_plan(record, store.definition(record.definition))
    except RequestWrong:
        return None


def definition_of(store: Store, record: RunRecord) -> Mapping[str, Any] | None:
    """Return what a run was recorded with, for a view of it; None: in an unknown format."""
    if not is_readable(record.format):
        return None
    definition = store.definition(record.definition)
    if OUTLINE not in definition and plan_of(store, record) is None:
        return None
    return definition
