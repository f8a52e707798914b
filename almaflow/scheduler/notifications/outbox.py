"""The outbox: notices that wait in the store are brought to their channels, each at least once.

Every channel has a thread of its own, so that one which hangs holds up nobody else's notices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import anyio

from almaflow.clock import Clock, sleep
from almaflow.connectors.base import Outside
from almaflow.engine.retry import back_off
from almaflow.errors import AlmaflowError
from almaflow.redaction import Mask, show_placeholders
from almaflow.scheduler.log import Level, Log
from almaflow.settings.project import LOG_CHANNEL
from almaflow.store import Store, StoreTrouble
from almaflow.store.schedule_records import NewNotice, NoticeRecord
from almaflow.store.writer import StoreWriter
from almaflow.task_groups import alone
from almaflow.thread_pool import ThreadPool

LOOK = timedelta(seconds=10)
"""How often the store is asked for notices that somebody else put there, or whose time has come."""

# The wait after a try that failed, doubling, and how long a notice is tried at all.
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=1)
GIVEN_UP = timedelta(hours=24)

ATTEMPT = timedelta(seconds=20)
"""How long one try may take; what hangs longer may still arrive."""

# So many failures one after the other, of different notices, and the channel is left alone for
# now. A single one may be the fault of the notice.
_IN_A_ROW = 3

# Notices looked at together.
_TOGETHER = 1000

_URGENT = frozenset({"failed", "missed", "late", "slow", "stuck", "waiting", "invalid", "paused"})


@dataclass
class _Try:
    """A notice on its way, in the channel's thread."""

    notice_id: int
    over: bool = False
    error: str = ""
    """Why it did not get there; empty when it did, or is not over."""


@dataclass
class _Channel:
    """What is known of a channel."""

    threads: ThreadPool
    trouble: str = ""
    """Why it does not take notices; empty when it does."""
    hanging: _Try | None = None
    """The try that did not come back in its time."""
    arrived: set[int] = field(default_factory=set)
    """Ids of notices that have got there after they were taken for lost."""
    busy: bool = False
    """Whether its notices are being sent right now."""

    def hangs(self) -> bool:
        """Whether its thread is still at work on a try that was given up."""
        if self.hanging is None or not self.hanging.over:
            return self.hanging is not None
        if not self.hanging.error:
            self.arrived.add(self.hanging.notice_id)
        self.hanging = None
        return False


class Outbox:
    """Delivers the notices of a store; one of each store is enough.

    *attempt* is how long one try may take.
    """

    def __init__(
        self,
        store: Store,
        writer: StoreWriter,
        outside: Outside,
        clock: Clock,
        mask: Mask,
        log: Log,
        attempt: timedelta = ATTEMPT,
    ) -> None:
        self._store = store
        self._writer = writer
        self._outside = outside
        self._clock = clock
        self._mask = mask
        self._log = log
        self._attempt = attempt
        self._channels: dict[str, _Channel] = {}
        self._news = anyio.Event()

    # --- putting in -------------------------------------------------------------------------------

    def masked(self, notices: Sequence[NewNotice]) -> list[NewNotice]:
        """Return *notices* as they may be kept and sent: without secrets."""
        return [
            replace(one, title=self._shown(one.title), text=self._shown(one.text))
            for one in notices
        ]

    async def put(self, notices: Sequence[NewNotice]) -> None:
        """Record notices, to be delivered at once; a channel hears of each key once."""
        if notices:
            await self._writer.call(self._store.add_notices, self.masked(notices))
            self.nudge()

    def nudge(self) -> None:
        """Look for notices right now, because there are new ones."""
        self._news.set()

    def _shown(self, text: str) -> str:
        return self._mask.text(str(show_placeholders(text)))

    # --- delivering -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Deliver whatever is due, until cancelled."""
        try:
            with alone():
                async with anyio.create_task_group() as tasks:
                    while True:
                        self._news = anyio.Event()
                        for channel, notices in (await self._due()).items():
                            tasks.start_soon(self._deliver, channel, notices)
                        await self._wait()
        finally:
            for one in self._channels.values():
                one.threads.close()

    async def _wait(self) -> None:
        """Return when it is time to look again."""
        async with anyio.create_task_group() as tasks:

            async def look() -> None:
                await sleep(self._clock, LOOK)
                tasks.cancel_scope.cancel()

            tasks.start_soon(look)
            await self._news.wait()
            tasks.cancel_scope.cancel()

    async def _due(self) -> Mapping[str, list[NoticeRecord]]:
        """Return the notices whose time has come, by channels that are not at work."""
        try:
            due = await self._writer.call(self._store.due_notices, _TOGETHER)
        except StoreTrouble:
            # The ledger meets the same and tells of it; what is due stays due.
            return {}
        found: dict[str, list[NoticeRecord]] = {}
        for notice in due:
            if not self._channel(notice.channel).busy:
                found.setdefault(notice.channel, []).append(notice)
        for name in found:
            self._channel(name).busy = True
        return found

    def _channel(self, name: str) -> _Channel:
        if name not in self._channels:
            self._channels[name] = _Channel(ThreadPool(f"channel-{name}", 1))
        return self._channels[name]

    async def _deliver(self, name: str, notices: Sequence[NoticeRecord]) -> None:
        channel = self._channel(name)
        try:
            await self._deliver_each(channel, notices)
        except StoreTrouble:
            # What was sent and could not be recorded is sent once more: better twice than never.
            return
        finally:
            channel.busy = False

    async def _deliver_each(self, channel: _Channel, notices: Sequence[NoticeRecord]) -> None:
        failures = 0
        for notice in notices:
            if failures == _IN_A_ROW or channel.hangs():
                error = channel.trouble
            else:
                error = await self._send(channel, notice)
                self._tell(channel, notice.channel, error)
                failures = failures + 1 if error else 0
            with anyio.CancelScope(shield=True):
                await self._record(notice, error)

    async def _record(self, notice: NoticeRecord, error: str) -> None:
        if not error:
            await self._writer.call(self._store.notice_sent, notice.id)
            return
        now = self._clock.now()
        again_at = self._again_at(notice, now)
        await self._writer.call(self._store.notice_failed, notice.id, error, again_at)
        if again_at is None:
            self._log(
                f"A notice was given up, a day after it was made: {notice.title}. {error}",
                level="error",
                channel=notice.channel,
                **_about(notice),
            )

    @staticmethod
    def _again_at(notice: NoticeRecord, now: datetime) -> datetime | None:
        again_at = now + back_off(notice.tries + 1, SHORTEST, LONGEST)
        return again_at if again_at <= notice.created_at + GIVEN_UP else None

    # --- one try ----------------------------------------------------------------------------------

    async def _send(self, channel: _Channel, notice: NoticeRecord) -> str:
        """Send a notice; returns why it did not get there, a sentence, empty when it did."""
        if notice.channel == LOG_CHANNEL:
            level: Level = "warning" if notice.event in _URGENT else "info"
            self._log(
                f"{notice.title}\n{notice.text}", level=level, event=notice.event, **_about(notice)
            )
            return ""
        if notice.id in channel.arrived:
            channel.arrived.discard(notice.id)
            return ""
        attempt = _Try(notice.id)
        try:
            with anyio.fail_after(self._attempt.total_seconds()):
                await channel.threads.run(self._carry, attempt, notice)
        except TimeoutError:
            channel.hanging = attempt
            seconds = self._attempt.total_seconds()
            return f"The channel `{notice.channel}` did not answer within {seconds:g} seconds."
        return attempt.error

    def _carry(self, attempt: _Try, notice: NoticeRecord) -> None:
        """Bring a notice to its channel; for the channel's thread."""
        error = ""
        try:
            self._outside.send_notice(notice.channel, notice.title, notice.text)
        except AlmaflowError as caught:
            error = str(caught)
        except Exception as caught:
            # A hundred services, each with code of its own: none of them may end the others.
            error = f"The channel `{notice.channel}` failed: {type(caught).__name__}: {caught}."
        attempt.error = self._shown(error)
        attempt.over = True

    def _tell(self, channel: _Channel, name: str, error: str) -> None:
        """Say when a channel begins to be in trouble, and when it works again."""
        if error and not channel.trouble:
            self._log(
                f"{error} Its notices wait and are tried again for a day. `almaflow doctor` looks "
                "at every channel.",
                level="error",
                channel=name,
            )
        elif channel.trouble and not error:
            self._log(f"The channel `{name}` works again.", channel=name)
        channel.trouble = error


def _about(notice: NoticeRecord) -> dict[str, str]:
    """Return what a line of the log about a notice is about."""
    about = {"workflow": notice.workflow, "run": notice.run_id}
    return {name: value for name, value in about.items() if value}
