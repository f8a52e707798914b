"""What people ask of a run, in the run's log."""

from __future__ import annotations

from typing import Any

from almaflow.runs.events import EventKind
from almaflow.store import Store


def log_request(store: Store, run_id: str, text: str, by: str, **data: Any) -> None:
    """Add a line to the log of a run: who asked for what; *data* is for programs."""
    store.add_event(run_id, EventKind.RUN, text=text, data={"by": by, **data})
