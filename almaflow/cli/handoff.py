"""Hands a run to the process that owns it, or executes it here if no process does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import typer

from almaflow.cli import bootstrap
from almaflow.cli.commands.run import follow
from almaflow.cli.interrupt import EXIT_INTERRUPTED, Interrupted, run_interruptible
from almaflow.cli.prompts import prompt_at
from almaflow.cli.render.run_report import exit_code_of, onlooker, steps_so_far
from almaflow.cli.render.terminal import emit_json, say
from almaflow.clock import SystemClock, sleep
from almaflow.engine.lease import HeartbeatWatch
from almaflow.operations.run_records import is_worked_on
from almaflow.outcome import Outcome, Status
from almaflow.plan import Plan, recorded_plan
from almaflow.settings import Project
from almaflow.store import LEASE, RunHeld, RunRecord, Store

# How often a process without a heartbeat is checked.
_LOOK = timedelta(seconds=1)


class SilenceReport:
    """Reports on stderr, once for each process, that it is watched because it may be frozen."""

    def __init__(self) -> None:
        self._said: set[tuple[int, str]] = set()

    def __call__(self, pid: int, host: str) -> None:
        """Report that process *pid* on *host* gives no sign of life yet."""
        if (pid, host) in self._said:
            return
        self._said.add((pid, host))
        seconds = round(LEASE.total_seconds())
        say(
            f"Process {pid} on {host} is executing this run. Checking for up to {seconds} "
            "seconds whether that process still responds. If it does not, its runs are taken "
            "over.",
            err=True,
        )


def responds(store: Store, record: RunRecord) -> bool:
    """Whether a responding process executes the run, or the run has ended meanwhile.

    A process that gives no sign of life is watched for up to one lease, and reported after a few
    seconds. Raises: typer.Exit when interrupted.
    """

    async def watched() -> bool:
        clock = SystemClock()
        silence = HeartbeatWatch(clock, SilenceReport())
        while True:
            now = store.run(record.id)
            if now.status is Status.FINISHED:
                return True
            if not is_worked_on(store, now):
                return False
            assert now.owner is not None
            if not store.is_silent(now.owner):
                return True
            process = store.process(now.owner)
            silence.note([process] if process is not None else [])
            await sleep(clock, _LOOK)

    try:
        return run_interruptible(watched)
    except Interrupted:
        raise typer.Exit(EXIT_INTERRUPTED) from None


def hand_over(
    project: Project,
    store: Store,
    record: RunRecord,
    *,
    here: str,
    there: str,
    as_json: bool,
    **data: Any,
) -> None:
    """Leave a run to the process that executes it, or execute it here if no process does.

    *here* is printed in the latter case; *there* completes the sentence about the process, and
    *data* is added to it for programs.

    Raises: typer.Exit when the run was executed here.
    """
    if not responds(store, record):
        plan = recorded_plan(record, store.definition(record.definition))
        if not as_json:
            say(here)
        try:
            ended = continue_here(project, store, record, plan, as_json=as_json)
        except RunHeld:
            # A process has just claimed the run, and it is notified of what was recorded.
            record = store.run(record.id)
        else:
            cancelled = ended.cancel_requested_at and ended.outcome is Outcome.CANCELLED
            raise typer.Exit(0 if cancelled else exit_code_of(ended))
    assert record.owner is not None, "a run that is worked on has an owner"
    process = store.process(record.owner)
    assert process is not None, "an owner is recorded before it owns"
    pid, host = process.pid, process.host
    if as_json:
        emit_json({"run": record.id, **data, "pid": pid, "host": host})
        return
    say(
        f"Process {pid} on {host} is executing run {record.id} and {there}. Follow it with "
        f"`almaflow logs -f {record.id}`."
    )


def continue_here(
    project: Project,
    store: Store,
    record: RunRecord,
    plan: Plan,
    *,
    before: Callable[[], object] = lambda: None,
    as_json: bool,
) -> RunRecord:
    """Execute a run that has begun before, and follow it to its end; *before* is as for `follow`.

    Raises: RunHeld when another process has claimed it; typer.Exit when interrupted.
    """
    seen = steps_so_far(store, record, plan)
    with onlooker(plan, as_json=as_json, seen=seen) as view:
        engine = bootstrap.live_engine(project, store, view, prompt_at(view, as_json=as_json))
        engine.watching = SilenceReport()
        return follow(engine, store, plan, before=before, as_json=as_json)
