"""The names under which the journal and the outbox keep the message of a `notify` step."""

from __future__ import annotations

from almaflow.store.schedule_records import NewNotification

MESSAGE = "message"
"""The effect of the journal entry, and the event of the notification."""


def message_key(run_id: str, path: str, attempt: int) -> str:
    """Return the key of the notification that an attempt at a step sends."""
    return f"{MESSAGE}/{run_id}/{path}/{attempt}"


def spot_of(notice: NewNotification) -> tuple[str, int] | None:
    """Return the path and attempt of the step that sends *notice*; None when no step does."""
    start = f"{MESSAGE}/{notice.run_id}/"
    path, slash, attempt = notice.key.removeprefix(start).rpartition("/")
    if notice.event != MESSAGE or not notice.key.startswith(start) or not slash:
        return None
    return path, int(attempt)
