"""Whether a live process executes a run."""

from __future__ import annotations

from almaflow.store import RunRecord, Store


def is_worked_on(store: Store, record: RunRecord) -> bool:
    """Whether a live process executes a run."""
    if record.owner is None:
        return False
    process = store.process(record.owner)
    return process is not None and process.left_at is None
