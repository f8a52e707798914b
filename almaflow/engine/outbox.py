"""The outbox: notifications in the store are delivered to their channels, each at least once.

This is the only way in which almaflow notifies people. The code that decides on a notification
records it, in the same transaction where possible. Each engine delivers what is due, including
notifications of earlier processes. A process claims a notification before it tries it, so that two
processes do not send it twice. Every channel has a separate thread, so that one which hangs delays
no other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import anyio
from anyio.abc import TaskGroup

from almaflow.clock import Clock
from almaflow.connectors.attached_files import AttachedFile, files_of_json
from almaflow.connectors.base import ExternalSystems
from almaflow.connectors.errors import TemporaryFailure
from almaflow.engine.channel_state import ChannelState, DeliveryAttempt
from almaflow.engine.log import Level, Log, no_log
from almaflow.engine.message_keys import MESSAGE, spot_of
from almaflow.engine.retry import back_off
from almaflow.errors import AlmaflowError
from almaflow.late_dataclasses import dataclass
from almaflow.redaction import Mask, show_placeholders
from almaflow.settings.project import LOG_CHANNEL
from almaflow.store import Store, StoreTrouble
from almaflow.store.schedule_records import NewNotification, NotificationRecord
from almaflow.store.writer import StoreWriter
from almaflow.task_groups import raise_one_error
from almaflow.thread_pool import ThreadPool

LOOK = timedelta(seconds=10)
"""How often the store is polled for due notifications and those of other processes."""

# The waits after the first failed tries, when a quick retry may help; the shortest and longest of
# the later, doubling waits; and the age at which a notification is given up.
QUICK = (timedelta(seconds=5), timedelta(seconds=15))
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=1)
GIVEN_UP = timedelta(hours=24)

ATTEMPT = timedelta(seconds=20)
"""The timeout of one try; a notification that times out may still arrive."""

# The timeout is this many times as long for a notification with files.
_WITH_FILES = 6

# How long a notification stays claimed by another process: one try and its recording.
_RECORDING = timedelta(seconds=10)

# A step stops waiting for its notification when the next try is further away than this.
_SOON = timedelta(seconds=45)

# The number of notifications of this process's runs that are kept until it leaves.
_REMEMBERED = 1000

# After this number of failures in a row, of different notifications, the channel pauses. A single
# failure may be caused by the notification.
_IN_A_ROW = 3

# The number of notifications read together.
_TOGETHER = 1000

_URGENT = frozenset({"failed", "missed", "late", "slow", "stuck", "waiting", "invalid", "paused"})


@dataclass(frozen=True)
class DeliveryProgress:
    """The progress of one notification."""

    is_over: bool
    """Whether it was delivered, was given up, or is retried only much later."""
    error: str
    """Why the last try failed; empty when no try failed or it was delivered."""
    changed: anyio.Event
    """Set when the progress has changed."""
    remark: str = ""
    """Why this process did not send all of its files along."""


class Outbox:
    """Delivers the notifications in a store, for one process.

    *attempt* is the timeout of one try. *look* is how often the store is polled for notifications
    of other processes; None when there are none. A process without *delivers_log* leaves
    notifications to the channel `log` to one that has it.
    """

    def __init__(
        self,
        store: Store,
        writer: StoreWriter,
        outside: ExternalSystems,
        clock: Clock,
        mask: Mask,
        log: Log = no_log,
        attempt: timedelta = ATTEMPT,
        look: timedelta | None = LOOK,
    ) -> None:
        self.delivers_log = False
        self._look = look
        self._store = store
        self._writer = writer
        self._outside = outside
        self._clock = clock
        self._mask = mask
        self._log = log
        self._attempt = attempt
        self._channels: dict[str, ChannelState] = {}
        self._news = anyio.Event()
        self._changed = anyio.Event()
        self._own: deque[NewNotification] = deque(maxlen=_REMEMBERED)

    # --- putting in -------------------------------------------------------------------------------

    def masked(self, notices: Sequence[NewNotification]) -> list[NewNotification]:
        """Return *notices* with their secrets redacted."""
        return [
            replace(one, title=self._display_text(one.title), text=self._display_text(one.text))
            for one in notices
        ]

    async def put(self, notices: Sequence[NewNotification]) -> None:
        """Record notifications for immediate delivery; each channel receives a key once."""
        if notices:
            await self._writer.call(self._store.add_notices, self.masked(notices))
            self.wake()

    def wake(self, own: Sequence[NewNotification] = ()) -> None:
        """Check for new notifications now.

        `settle` returns the outcome of those that are this process's *own*.
        """
        self._own += own
        self._news.set()

    # --- waiting ----------------------------------------------------------------------------------

    async def progress(self, key: str, channel: str) -> DeliveryProgress:
        """Return the progress of a notification, whichever process delivers it."""
        changed = self._changed
        notice = await self._writer.call(self._store.notice, key, channel)
        if notice is None or notice.sent_at is not None:
            remark = self._channel(channel).remarks.pop(notice.id, "") if notice else ""
            return DeliveryProgress(True, "", changed, remark)
        far = notice.next_at is None or notice.next_at - self._clock.now() > _SOON
        return DeliveryProgress(bool(notice.error) and far, notice.error, changed)

    async def settle(self) -> list[tuple[NewNotification, str]]:
        """Wait until this process's own notifications were delivered or tried a few times.

        Returns those that were not delivered, each with the reason; they stay in the outbox.
        """
        undelivered = []
        while self._own:
            notice = self._own[0]
            progress = await self.progress(notice.key, notice.channel)
            if not progress.is_over:
                await progress.changed.wait()
                continue
            self._own.popleft()
            if progress.error:
                undelivered.append((notice, progress.error))
        return undelivered

    def _display_text(self, text: str) -> str:
        return self._mask.text(str(show_placeholders(text)))

    # --- delivering -------------------------------------------------------------------------------

    async def run(self) -> None:
        """Deliver due notifications until cancelled."""
        try:
            with raise_one_error():
                async with anyio.create_task_group() as tasks:
                    while True:
                        self._news = anyio.Event()
                        next_at = await self._start_due(tasks)
                        await self._wait(next_at)
        finally:
            for channel in self._channels.values():
                channel.threads.close()

    async def _wait(self, next_at: datetime | None) -> None:
        """Return when it is time to poll again; *next_at* is when a notification is due."""
        if self._look is not None:
            look_at = self._clock.now() + self._look
            next_at = look_at if next_at is None else min(look_at, next_at)
        async with anyio.create_task_group() as tasks:

            async def look(at: datetime) -> None:
                await self._clock.sleep_until(at)
                tasks.cancel_scope.cancel()

            if next_at is not None:
                tasks.start_soon(look, next_at)
            await self._news.wait()
            tasks.cancel_scope.cancel()

    async def _start_due(self, tasks: TaskGroup) -> datetime | None:
        """Start to deliver what is due, and return when the next notification is due."""

        def look() -> tuple[list[NotificationRecord], datetime | None]:
            return self._store.due_notices(_TOGETHER), self._store.next_notice_at()

        self._report_waiting()
        try:
            due, next_at = await self._writer.call(look)
        except StoreTrouble:
            # The next write reports the same error; due notifications stay due.
            return self._clock.now() + LOOK
        by_channel: dict[str, list[NotificationRecord]] = {}
        for notice in due:
            if notice.channel == LOG_CHANNEL and not self.delivers_log:
                continue
            if not self._channel(notice.channel).busy:
                by_channel.setdefault(notice.channel, []).append(notice)
        for name, notices in by_channel.items():
            self._channel(name).busy = True
            tasks.start_soon(self._deliver, name, notices)
        return next_at

    def _report_waiting(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    def _channel(self, name: str) -> ChannelState:
        if name not in self._channels:
            self._channels[name] = ChannelState(ThreadPool(f"channel-{name}", 1))
        return self._channels[name]

    async def _deliver(self, name: str, notices: Sequence[NotificationRecord]) -> None:
        channel = self._channel(name)
        try:
            await self._deliver_each(channel, notices)
        except StoreTrouble:
            # If a delivery cannot be recorded, the notification is sent once more: twice is better
            # than never.
            return
        finally:
            channel.busy = False
            self._news.set()

    async def _deliver_each(
        self, channel: ChannelState, notices: Sequence[NotificationRecord]
    ) -> None:
        failures = 0
        for notice in notices:
            files = await self._files_of(notice)
            taken_until = self._clock.now() + self._patience(files) + _RECORDING
            if not await self._writer.call(self._store.take_notice, notice, taken_until):
                continue
            # A delivery is recorded even when this process is stopping.
            with anyio.CancelScope(shield=True):
                if failures == _IN_A_ROW or channel.hangs():
                    attempt = DeliveryAttempt(notice.id, error=channel.trouble, soon=False)
                else:
                    attempt = await self._send(channel, notice, files)
                    self._report_unsent(channel, notice.channel, attempt.error)
                    failures = failures + 1 if attempt.error else 0
                await self._record(channel, notice, attempt)
            self._report_waiting()

    async def _record(
        self, channel: ChannelState, notice: NotificationRecord, attempt: DeliveryAttempt
    ) -> None:
        if not attempt.error:
            channel.arrived.add(notice.id)
            await self._writer.call(self._store.notice_sent, notice.id)
            channel.arrived.discard(notice.id)
            return
        error, again_at = attempt.error, self._again_at(notice, attempt.soon)
        await self._writer.call(self._store.notice_failed, notice.id, error, again_at)
        if again_at is None:
            self._log(
                "A notification could not be delivered for a day and was given up: "
                f"{notice.title}. {error}",
                level="error",
                channel=notice.channel,
                **_about(notice),
            )

    def _again_at(self, notice: NotificationRecord, soon: bool) -> datetime | None:
        if soon and notice.tries < len(QUICK):
            wait = QUICK[notice.tries]
        else:
            wait = back_off(max(1, notice.tries + 1 - len(QUICK)), SHORTEST, LONGEST)
        again_at = self._clock.now() + wait
        return again_at if again_at <= notice.created_at + GIVEN_UP else None

    # --- one try ----------------------------------------------------------------------------------

    async def _files_of(self, notice: NotificationRecord) -> list[AttachedFile]:
        """Return the files of a notification, as recorded with its message."""
        spot = spot_of(notice)
        if spot is None:
            return []
        value = await self._writer.call(self._store.value_of, notice.run_id or "", *spot, MESSAGE)
        return files_of_json(value.get("files", ())) if isinstance(value, dict) else []

    def _patience(self, files: Sequence[AttachedFile]) -> timedelta:
        return self._attempt * (_WITH_FILES if files else 1)

    async def _send(
        self, channel: ChannelState, notice: NotificationRecord, files: Sequence[AttachedFile]
    ) -> DeliveryAttempt:
        """Send a notification one time; returns the outcome."""
        attempt = DeliveryAttempt(notice.id)
        if notice.channel == LOG_CHANNEL:
            level: Level = "warning" if notice.event in _URGENT else "info"
            self._log(
                f"{notice.title}\n{notice.text}", level=level, event=notice.event, **_about(notice)
            )
            return attempt
        if notice.id in channel.arrived:
            return attempt
        try:
            with anyio.fail_after(self._patience(files).total_seconds()):
                await channel.threads.run(self._carry, attempt, notice, files)
        except TimeoutError:
            channel.hanging = attempt
            seconds = self._patience(files).total_seconds()
            error = f"The channel `{notice.channel}` did not respond within {seconds:g} seconds."
            return DeliveryAttempt(notice.id, over=True, error=error)
        if attempt.remark:
            channel.remarks[notice.id] = text = self._display_text(attempt.remark)
            self._log(text, level="warning", channel=notice.channel, **_about(notice))
        return attempt

    def _carry(
        self, attempt: DeliveryAttempt, notice: NotificationRecord, files: Sequence[AttachedFile]
    ) -> None:
        """Deliver a notification; runs in the channel's thread."""
        error = ""
        try:
            attempt.remark = self._outside.send_notice(
                notice.channel, notice.title, notice.text, files
            )
        except TemporaryFailure as caught:
            error = str(caught)
        except AlmaflowError as caught:
            error, attempt.soon = str(caught), False
        except Exception as caught:
            # Each service has different code, and an error in one must not stop the others.
            error = f"The channel `{notice.channel}` failed: {type(caught).__name__}: {caught}."
        attempt.error = self._display_text(error)
        attempt.over = True

    def _report_unsent(self, channel: ChannelState, name: str, error: str) -> None:
        """Log when a channel starts to fail and when it works again."""
        if error and not channel.trouble:
            self._log(
                f"{error} Its notifications are kept and retried for a day. `almaflow doctor` "
                "checks every channel.",
                level="error",
                channel=name,
            )
        elif channel.trouble and not error:
            self._log(f"The channel `{name}` works again.", channel=name)
        channel.trouble = error


def _about(notice: NotificationRecord) -> dict[str, str]:
    """Return the workflow, run and step that a log line about a notification concerns."""
    about = {"workflow": notice.workflow, "run": notice.run_id}
    return {name: value for name, value in about.items() if value}
