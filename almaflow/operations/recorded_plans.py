"""The plans that runs were made from, as they were recorded."""

from __future__ import annotations

from almaflow.errors import RequestWrong
from almaflow.plan import Plan, recorded_plan
from almaflow.store import RunRecord, Store


def plan_of(store: Store, record: RunRecord) -> Plan | None:
    """Return the plan of a run; None when another version recorded it in an unknown format."""
    try:
        return recorded_plan(record, store.definition(record.definition))
    except RequestWrong:
        return None
