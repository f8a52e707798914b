"""Deadlines that nest, as instants in the record: of the run, of steps, of `finally`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from datetime import datetime, timedelta

import anyio

from almaflow.clock import Clock
from almaflow.late_dataclasses import dataclass

# After a restart the state is checked one time before the deadline counts.
ONE_LOOK = timedelta(seconds=60)


@dataclass
class Limit:
    """One deadline; *what* is what it belongs to (`the run`, `step withdraw`)."""

    deadline: datetime
    what: str
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    def passed(self, now: datetime) -> bool:
        """Whether its time has expired."""
        return now >= self.deadline

    @property
    def struck(self) -> bool:
        """Whether it ends, or has ended, what it bounds."""
        return self.scope.cancel_called


@dataclass(frozen=True)
class Deadlines:
    """All deadlines around a step, the outermost first."""

    all: tuple[Limit, ...] = ()

    def struck(self) -> Limit | None:
        """Return the outermost limit that ends what it bounds, None when none does."""
        return next((limit for limit in self.all if limit.struck), None)

    def passed(self, now: datetime) -> bool:
        """Whether the time of any of them has expired."""
        return any(limit.passed(now) for limit in self.all)

    async def enforce(self, now: datetime) -> None:
        """End the steps inside the outermost limit whose time has expired, if any."""
        limit = next((limit for limit in self.all if limit.passed(now)), None)
        if limit is not None:
            limit.scope.cancel()
            await anyio.lowlevel.checkpoint()

    @contextmanager
    def within(
        self, deadline: datetime, what: str, clock: Clock
    ) -> Iterator[tuple[Deadlines, Limit]]:
        """Run a block that ends at *deadline*, with one look when that has passed already."""
        left = deadline - clock.now()
        limit = Limit(deadline, what)
        limit.scope.deadline = anyio.current_time() + max(
            left.total_seconds(), ONE_LOOK.total_seconds() if left <= timedelta() else 0
        )
        with limit.scope:
            yield Deadlines((*self.all, limit)), limit
