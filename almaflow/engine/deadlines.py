"""Nested deadlines, recorded as instants: of the run, of steps and of `finally`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from datetime import datetime, timedelta

import anyio

from almaflow.clock import Clock
from almaflow.late_dataclasses import dataclass

# After a restart, steps may check their state once before an expired deadline ends them.
ONE_LOOK = timedelta(seconds=60)


@dataclass
class Deadline:
    """One deadline; *what* names its owner (`the run`, `step withdraw`)."""

    deadline: datetime
    what: str
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    def passed(self, now: datetime) -> bool:
        """Whether the deadline has expired."""
        return now >= self.deadline

    @property
    def expired(self) -> bool:
        """Whether the deadline has ended the block that it limits."""
        return self.scope.cancel_called


@dataclass(frozen=True)
class Deadlines:
    """All deadlines around a step, the outermost first."""

    all: tuple[Deadline, ...] = ()

    def expired(self) -> Deadline | None:
        """Return the outermost deadline that has ended its block; None when none has."""
        return next((limit for limit in self.all if limit.expired), None)

    def passed(self, now: datetime) -> bool:
        """Whether any of the deadlines has expired."""
        return any(limit.passed(now) for limit in self.all)

    async def enforce(self, now: datetime) -> None:
        """End the steps inside the outermost expired deadline, if there is one."""
        limit = next((limit for limit in self.all if limit.passed(now)), None)
        if limit is not None:
            limit.scope.cancel()
            await anyio.lowlevel.checkpoint()

    @contextmanager
    def within(
        self, deadline: datetime, what: str, clock: Clock
    ) -> Iterator[tuple[Deadlines, Deadline]]:
        """Run a block that ends at *deadline*. An expired one leaves `ONE_LOOK` for one check."""
        left = deadline - clock.now()
        limit = Deadline(deadline, what)
        limit.scope.deadline = anyio.current_time() + max(
            left.total_seconds(), ONE_LOOK.total_seconds() if left <= timedelta() else 0
        )
        with limit.scope:
            yield Deadlines((*self.all, limit)), limit
