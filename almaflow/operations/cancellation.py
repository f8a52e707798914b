"""Cancelling a run: the request is recorded, and whichever process executes the run follows it."""

from __future__ import annotations

from almaflow.errors import RequestWrong
from almaflow.operations.run_records import log_request
from almaflow.outcome import Status
from almaflow.store import RunRecord, Store
from almaflow.store.locks import locks_of_decision


def ask_cancel(store: Store, run: str, by: str) -> RunRecord:
    """Record that *by* wants a run cancelled, and return the run.

    *run* is any unique part of its id, or `last`. A process that executes the run cancels it within
    seconds.

    Raises:
        RequestWrong: there is no such run, or it is finished.
    """
    record = find_cancellable(store, run)
    if record.cancel_requested_at is not None:
        # The first person who asked stays recorded.
        return record
    with store.batch(locks_of_decision(record.id)):
        log_request(store, record.id, f"{by} asked to cancel the run.", by, asked="cancel")
        return store.ask_cancel(record.id, by)


def cancel_anywhere(store: Store, run: str, by: str) -> RunRecord:
    """Record that *by* wants a run cancelled, and let any process do it; return the run.

    So does a process that takes runs, such as `serve`, also with a run that is on hold.

    Raises:
        RequestWrong: there is no such run, or it is finished.
    """
    run_id = find_cancellable(store, run).id
    with store.batch(locks_of_decision(run_id)):
        return store.end_hold(ask_cancel(store, run_id, by).id)


def find_cancellable(store: Store, run: str) -> RunRecord:
    """Return a run that has not ended; Raises: RequestWrong."""
    record = store.find_run(run)
    if record.status is Status.FINISHED:
        raise RequestWrong(
            f"Run {record.id} is finished ({record.outcome}), so there is nothing to "
            f"cancel. Run `almaflow show {record.id}` to see the result."
        )
    return record
