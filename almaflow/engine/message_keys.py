"""What the message of a `notify` step is called in the journal and in the outbox."""

from __future__ import annotations

from almaflow.store.schedule_records import NewNotice

MESSAGE = "message"
"""The effect of the journal entry, and the event of the notice."""


def message_key(run_id: str, path: str, attempt: int) -> str:
    """Return the key of the notice of a step's attempt."""
    return f"{MESSAGE}/{run_id}/{path}/{attempt}"


def spot_of(notice: NewNotice) -> tuple[str, int] | None:
    """Return the step's path and the attempt whose message *notice* is; None: it is of no step."""
    start = f"{MESSAGE}/{notice.run_id}/"
    path, slash, attempt = notice.key.removeprefix(start).rpartition("/")
    if notice.event != MESSAGE or not notice.key.startswith(start) or not slash:
        return None
    return path, int(attempt)
