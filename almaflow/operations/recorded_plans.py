"""The plans that runs were made from, as they were recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from almaflow.errors import RequestWrong
from almaflow.recorded_steps import OUTLINE, is_readable
from almaflow.store import RunRecord, Store

if TYPE_CHECKING:
    from almaflow.plan import Plan


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
