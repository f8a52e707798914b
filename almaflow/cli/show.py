"""`almaflow show`: one run, with everything that is known of it."""

from __future__ import annotations

import sys

from almaflow.cli import parts
from almaflow.cli.options import RunArgument, RunAsJson
from almaflow.cli.output import columns_of, emit, emit_json, wrapped
from almaflow.cli.owners import is_worked_on
from almaflow.cli.story import lines_of
from almaflow.engine.views import view_of
from almaflow.errors import RequestWrong
from almaflow.plan import Plan, recorded_plan
from almaflow.store import RunRecord, Store


def show(
    run: RunArgument,
    as_json: RunAsJson = False,
) -> None:
    """Show a run: how it ended, every step, what it gave, and what was sent to Alma when."""
    project = parts.open_project()
    with parts.open_store(project) as store:
        record = store.find_run(run)
        view = view_of(
            record,
            plan_of(store, record),
            store.journal(record.id),
            store.events(record.id),
            worked_on=is_worked_on(store, record),
        )
    if as_json:
        emit_json(view.as_data())
    else:
        emit(wrapped("\n".join(lines_of(view)), columns_of(sys.stdout)))


def plan_of(store: Store, record: RunRecord) -> Plan | None:
    """Return what a run executes; None when another version recorded what this one cannot read."""
    try:
        return recorded_plan(record, store.definition(record.definition))
    except RequestWrong:
        return None
