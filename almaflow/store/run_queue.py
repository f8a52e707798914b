"""The queue that workers on several machines take runs from, as the store sees it.

The store says, in the transaction that makes a run due, that it is to be queued. A store that one
machine uses has no queue: its process looks for runs automatically.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import field
from typing import Any, Protocol

from almaflow.late_dataclasses import dataclass


@dataclass(frozen=True)
class DueRun:
    """A run that some process is to continue: it has no owner and is not finished or on hold."""

    id: str
    key: str
    """The run key."""
    institution: str
    format: int


class RunQueue(Protocol):
    """Where workers find runs; called in an open transaction of the store, but to announce."""

    def is_made(self, driver: Any) -> bool:
        """Whether the database of the *driver*'s connection has what the queue needs.

        Raises:
            StoreError: it has it for another version of the queue.
        """
        ...

    def make_tables(self, driver: Any) -> None:
        """Make what the queue needs, unless another process has made it meanwhile."""
        ...

    def put(self, driver: Any, runs: Sequence[DueRun]) -> None:
        """Queue each of *runs* that is not queued yet."""
        ...

    def without_task(self, driver: Any, run_ids: Sequence[str]) -> Sequence[str]:
        """Return those of *run_ids* that are not queued, and that no worker has."""
        ...

    def announce(self, driver: Any, topics: Collection[str]) -> None:
        """Tell the other processes what a transaction has changed that was committed."""
        ...


@dataclass
class Changes:
    """What a transaction does that other processes want to know."""

    due: set[str] = field(default_factory=set)
    """Ids of runs that may be due now."""
    topics: set[str] = field(default_factory=set)
    """What to announce: `run` (a person decided about one), `left` and a run's id (a process let
    go of it), `slots` and an account (one became free)."""

    def decided(self, run_id: str) -> None:
        """Note that a person decided something about a run."""
        self.due.add(run_id)
        self.topics.add("run")
