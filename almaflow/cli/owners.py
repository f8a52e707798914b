"""Runs that nobody works on, and those of other processes: who is told, and what is done here."""

from __future__ import annotations

from typing import Any, NoReturn

import typer

from almaflow.cli import parts
from almaflow.cli.output import emit_json, say
from almaflow.cli.people import asker_at
from almaflow.cli.reports import exit_code_of, onlooker, steps_so_far
from almaflow.cli.run import follow
from almaflow.outcome import Outcome
from almaflow.plan import recorded_plan
from almaflow.settings import Project
from almaflow.store import RunRecord, Store


def is_worked_on(store: Store, record: RunRecord) -> bool:
    """Whether a live process works on a run."""
    if record.owner is None:
        return False
    process = store.process(record.owner)
    return process is not None and process.left_at is None


def tell_owner(store: Store, record: RunRecord, told: str, *, as_json: bool, **data: Any) -> None:
    """Say what the process that works on a run does now; *data* is what programs get besides."""
    assert record.owner is not None, "a run that is worked on has an owner"
    process = store.process(record.owner)
    assert process is not None, "an owner is recorded before it owns"
    pid, host = process.pid, process.host
    if as_json:
        emit_json({"run": record.id, **data, "pid": pid, "host": host})
        return
    say(
        f"Process {pid} on {host} works on run {record.id} and {told}. `almaflow logs -f "
        f"{record.id}` follows it."
    )


def work_here(
    project: Project, store: Store, record: RunRecord, told: str, *, as_json: bool
) -> NoReturn:
    """Work on a run here, because nobody does, after saying what is *told*.

    Raises: RunHeld when a process has taken it meanwhile; typer.Exit.
    """
    plan = recorded_plan(record, store.definition(record.definition))
    if not as_json:
        say(told)
    seen = steps_so_far(store, record, plan)
    with onlooker(plan, as_json=as_json, seen=seen) as view:
        engine = parts.live_engine(project, store, view, asker_at(view, as_json=as_json))
        ended = follow(engine, store, plan, as_json=as_json)
    cancelled = ended.cancel_requested_at is not None and ended.outcome is Outcome.CANCELLED
    raise typer.Exit(0 if cancelled else exit_code_of(ended))
