"""What Alma's webhooks report of jobs that have ended: it wakes the steps that wait for them.

A report is only a reason to look: what the job did is read from Alma as always. Reports get lost,
so steps keep polling, less often while reports arrive.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import field
from datetime import datetime, timedelta

import anyio

from almaflow.clock import Clock
from almaflow.late_dataclasses import dataclass
from almaflow.store import Store
from almaflow.store.writer import StoreWriter

HEARING = timedelta(hours=24)
"""For how long after a report it is believed that reports arrive."""

# How many reports are remembered, for steps that begin to wait after their job has ended.
_REMEMBERED = 10_000

Instance = tuple[str, str]
"""An account, and the id of an instance."""


@dataclass
class JobEnds:
    """The reports for the *accounts* that have a webhook."""

    store: Store
    writer: StoreWriter
    clock: Clock
    accounts: Collection[str]
    _number: int | None = None
    """The newest report that was read; None before the first reading."""
    _ended: OrderedDict[Instance, None] = field(default_factory=OrderedDict)
    _heard_at: dict[str, datetime] = field(default_factory=dict)
    _waiting: dict[Instance, anyio.Event] = field(default_factory=dict)

    async def read(self) -> Collection[str]:
        """Read the new reports, wake who waits for them, and return their accounts.

        Raises:
            StoreTrouble: the store refused.
        """
        if not self.accounts:
            return ()
        if self._number is None:
            self._number = await self.writer.call(self.store.newest_job_end)
        accounts = set()
        while reports := await self.writer.call(self.store.job_ends_after, self._number):
            for report in reports:
                self._number = report.id
                self._remember((report.account, report.instance_id), report.received_at)
                accounts.add(report.account)
        return accounts

    def _remember(self, instance: Instance, received_at: datetime) -> None:
        self._ended[instance] = None
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)
        self._heard_at[instance[0]] = received_at
        if event := self._waiting.pop(instance, None):
            event.set()

    def arrive(self, account: str) -> bool:
        """Whether reports of this account have arrived lately."""
        heard_at = self._heard_at.get(account)
        return heard_at is not None and self.clock.now() - heard_at < HEARING

    async def sleep_until(self, instant: datetime, account: str, instance_id: str) -> None:
        """Return at *instant*, or before it when the end of the instance is reported.

        A report counts once: who looks in vain after it sleeps the next time.
        """
        instance = (account, instance_id)
        if instance in self._ended:
            del self._ended[instance]
        elif account not in self.accounts:
            await self.clock.sleep_until(instant)
        else:
            await self._sleep_until(instant, instance)

    async def _sleep_until(self, instant: datetime, instance: Instance) -> None:
        event = self._waiting.setdefault(instance, anyio.Event())
        async with anyio.create_task_group() as tasks:

            async def listen() -> None:
                await event.wait()
                self._ended.pop(instance, None)
                tasks.cancel_scope.cancel()

            tasks.start_soon(listen)
            try:
                await self.clock.sleep_until(instant)
            finally:
                if self._waiting.get(instance) is event:
                    del self._waiting[instance]
            tasks.cancel_scope.cancel()
