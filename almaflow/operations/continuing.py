"""Continuing a run that is on hold, in whichever process executes runs."""

from __future__ import annotations

from almaflow.errors import RequestWrong
from almaflow.operations.run_records import is_worked_on, log_request
from almaflow.outcome import Status
from almaflow.plan import recorded_plan
from almaflow.store import RunRecord, Store
from almaflow.store.locks import locks_of_decision


def continue_run(store: Store, run: str, by: str) -> RunRecord:
    """Let a `serve` or a worker continue a run that is on hold, and return the run.

    *run* is any unique part of its id, or `last`.

    Raises:
        RequestWrong: there is no such run, it is not on hold, or no process would continue it.
    """
    record = find_on_hold(store, run)
    refuse_without_executor(store)
    with store.batch(locks_of_decision(record.id)):
        log_request(store, record.id, f"{by} continues the run.", by, asked="resume")
        return store.end_hold(record.id)


def find_on_hold(store: Store, run: str) -> RunRecord:
    """Return a run that `continue_run` can continue; Raises: RequestWrong."""
    record = store.find_run(run)
    refuse_finished(record)
    recorded_plan(record, store.definition(record.definition))
    if record.held:
        return record
    if is_worked_on(store, record):
        raise RequestWrong(
            f"A process is executing run {record.id}, so there is nothing to continue. Follow it "
            f"with `almaflow logs -f {record.id}`."
        )
    raise RequestWrong(
        f"Run {record.id} is not on hold: a process continues it as soon as it can. `almaflow why "
        f"{record.id}` explains what it is waiting for."
    )


def refuse_finished(record: RunRecord) -> None:
    """Raise `RequestWrong` for a run that has ended, with advice."""
    if record.status is not Status.FINISHED:
        return
    good = record.outcome is not None and record.outcome.is_good
    move = (
        "To run the workflow again, use `almaflow run`."
        if good
        else f"`almaflow retry {record.id}` retries the steps that failed."
    )
    raise RequestWrong(
        f"Run {record.id} is finished ({record.outcome}); `almaflow show {record.id}` "
        f"shows the details. {move}"
    )


def refuse_without_executor(store: Store) -> None:
    """Raise `RequestWrong` when no process takes runs from the store."""
    if not store.is_shared and store.leader() is None:
        raise RequestWrong(
            f"No `almaflow serve` is running on the store {store.address}, so no process would "
            "execute the run. Nothing was recorded. Start `almaflow serve`."
        )
