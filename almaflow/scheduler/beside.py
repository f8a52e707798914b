"""What goes on in a term of the service and wants to hear of nothing that happens in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from almaflow.scheduler.tick_ledger import Happened
from almaflow.scheduler.workflow_files import Reading
from almaflow.store import RunRecord


class Beside:
    """Makes a companion of whatever just runs: the outbox, the watching, the pings."""

    def __init__(self, run: Callable[[], Awaitable[None]]) -> None:
        self._run = run

    async def run(self) -> None:
        """Go on until cancelled."""
        await self._run()

    async def happened(self, happened: Happened, reading: Reading) -> None:
        """It does not matter here."""

    async def read(self, reading: Reading, before: Reading | None) -> None:
        """It does not matter here."""

    async def ended(self, run: RunRecord) -> None:
        """It does not matter here."""
