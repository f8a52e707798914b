"""Wake-ups by NOTIFY: what other processes record reaches the runs of this one immediately.

They are hints. A process that waits also looks automatically, only less often: a notification is
lost while the connection that listens is recreated.
"""

from __future__ import annotations

from procrastinate import App

from almaflow.engine.engine import Engine
from almaflow.fleet.asyncio_task import cancelled_gently
from almaflow.fleet.task_queue import CHANNEL
from almaflow.late_dataclasses import dataclass


@dataclass(frozen=True)
class WakeUps:
    """Hands to *engine* what is announced in the database of *app*."""

    app: App
    engine: Engine

    async def listen(self) -> None:
        """Listen until cancelled; a lost connection is recreated."""
        connector = self.app.job_manager.connector
        await cancelled_gently(connector.listen_notify(self._wake, [CHANNEL]))

    async def _wake(self, *, channel: str, payload: str) -> None:
        self.engine.wake(payload)
