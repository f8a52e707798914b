"""What Alma's webhooks report of jobs that have ended: it wakes the steps that wait for them.

A report is only a reason to look: what the job did is read from Alma as always. Reports get lost,
so steps keep polling, less often while reports arrive.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from datetime import datetime, timedelta

import anyio

from almaflow.clock import Clock
from almaflow.store import Store
from almaflow.store.writer import StoreWriter

HEARING = timedelta(hours=24)
"""For how long after a report it is believed that reports arrive."""

# How many reports are remembered, for steps that begin to wait after their job has ended.
_REMEMBERED = 10_000

Instance = tuple[str, str]
"""An account, and the id of an instance."""


class JobEnds:
    """The reports for the *accounts* that have a webhook."""

    def __init__(
        self, store: Store, writer: StoreWriter, clock: Clock, accounts: Collection[str]
    ) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._accounts = accounts
        # The newest report that was read; None before the first reading.
        self._number: int | None = None
        self._ended: OrderedDict[Instance, None] = OrderedDict()
        self._heard_at: dict[str, datetime] = {}
        self._waiting: dict[Instance, anyio.Event] = {}

    async def read(self) -> Collection[str]:
        """Read the new reports, wake who waits for them, and return their accounts.

        Raises:
            StoreTrouble: the store refused.
        """
        if not self._accounts:
            return ()
        if self._number is None:
            self._number = await self._writer.call(self._store.newest_job_end)
        accounts = set()
        while reports := await self._writer.call(self._store.job_ends_after, self._number):
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
        return heard_at is not None and self._clock.now() - heard_at < HEARING

    async def sleep_until(self, instant: datetime, account: str, instance_id: str) -> bool:
        """Return at *instant*, or before it, with True, when the end of the instance is reported.

        A report counts once: who looks in vain after it sleeps the next time.
        """
        instance = (account, instance_id)
        if instance in self._ended:
            del self._ended[instance]
            return True
        if account in self._accounts:
            return await self._sleep_until(instant, instance)
        await self._clock.sleep_until(instant)
        return False

    async def _sleep_until(self, instant: datetime, instance: Instance) -> bool:
        event = self._waiting.setdefault(instance, anyio.Event())
        async with anyio.create_task_group() as tasks:

            async def listen() -> None:
                await event.wait()
                self._ended.pop(instance, None)
                tasks.cancel_scope.cancel()

            tasks.start_soon(listen)
            try:
                await self._clock.sleep_until(instant)
            finally:
                if self._waiting.get(instance) is event:
                    del self._waiting[instance]
            tasks.cancel_scope.cancel()
        return event.is_set()
