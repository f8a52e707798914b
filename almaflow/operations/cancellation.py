"""Cancelling a run: the request is recorded, and whichever process executes the run follows it."""

from __future__ import annotations

from almaflow.errors import RequestWrong
from almaflow.outcome import Status
from almaflow.store import RunRecord, Store


def ask_cancel(store: Store, run: str, by: str) -> RunRecord:
    """Record that *by* wants a run cancelled, and return the run.

    *run* is any unique part of its id, or `last`. A process that executes the run cancels it within
    seconds.

    Raises:
        RequestWrong: there is no such run, or it is finished.
    """
    record = store.find_run(run)
    if record.status is Status.FINISHED:
        raise RequestWrong(
            f"Run {record.id} is finished ({record.outcome}), so there is nothing to "
            f"cancel. Run `almaflow show {record.id}` to see the result."
        )
    return store.ask_cancel(record.id, by)
