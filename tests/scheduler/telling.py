"""What tests of notices share: a store in virtual time, a channel that does as it is told."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio

from almaflow.clock import sleep
from almaflow.connectors.attached_files import AttachedFile
from almaflow.connectors.base import NoExternalSystems
from almaflow.connectors.errors import TemporaryFailure
from almaflow.engine import outbox
from almaflow.engine.log import Level
from almaflow.engine.outbox import Outbox
from almaflow.redaction import Mask
from almaflow.store import NewNotification, NotificationRecord, RunRecord, Store, Tick
from almaflow.store.writer import StoreWriter
from almaflow.virtual_time import VirtualClock, run_virtual
from almaflow.workflow import Workflow
from almaflow.workflow_loader import load_text

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Channels(NoExternalSystems):
    """Takes notices; what is in *trouble* does not, and says so."""

    def __init__(self) -> None:
        self.trouble: dict[str, str] = {}
        self.refuses: set[str] = set()
        """Titles that no channel takes."""
        self.tried: list[tuple[str, str]] = []
        self.taken: list[tuple[str, str]] = []

    def send_notice(
        self, channel: str, title: str, text: str, files: Sequence[AttachedFile] = ()
    ) -> str:
        self.tried.append((channel, title))
        if channel in self.trouble:
            raise TemporaryFailure(self.trouble[channel])
        if title in self.refuses:
            raise TemporaryFailure(
                f"The channel `{channel}` did not accept the notification: too long."
            )
        self.taken.append((channel, title))
        return ""


@dataclass
class Heard:
    """A log that keeps its lines."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    data: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, text: str, level: Level = "info", **data: Any) -> None:
        self.lines.append((level, text))
        self.data.append(data)


class Room:
    """A store in memory, the virtual clock, and an outbox on them.

    *look* is how often the outbox asks the store for notices of others.
    """

    def __init__(
        self, mask: Mask | None = None, start: datetime = NOON, look: timedelta = outbox.LOOK
    ) -> None:
        self.clock = VirtualClock(start)
        self.store = Store.open("sqlite://", clock=self.clock)
        self.writer = StoreWriter(self.store)
        self.channels = Channels()
        self.log = Heard()
        self.outbox = Outbox(
            self.store,
            self.writer,
            self.channels,
            self.clock,
            mask or Mask(()),
            self.log,
            look=look,
        )
        self.outbox.delivers_log = True

    def play(self, *beside: Callable[[], Coroutine[Any, Any, Any]], **duration: float) -> None:
        """Let time pass while *beside* go on, each until it returns or the time is over."""

        async def main() -> None:
            async with anyio.create_task_group() as tasks:
                for one in beside:
                    tasks.start_soon(one)
                await sleep(self.clock, timedelta(**duration))
                tasks.cancel_scope.cancel()

        run_virtual(main)

    def deliver(self, **duration: float) -> None:
        """Let the outbox work for a while."""
        self.play(self.outbox.run, **duration)

    def put(self, *notices: NewNotification) -> None:
        """Record notices, as whoever has something to tell does."""
        self.store.add_notices(self.outbox.masked(notices))

    def notices(self) -> list[NotificationRecord]:
        """Return all notices, oldest first."""
        return self.store.notices()[::-1]


def notice(
    key: str = "missed/nightly/1", channel: str = "systems", **fields: Any
) -> NewNotification:
    given = {"event": "missed", "workflow": "nightly", "run_id": None}
    return NewNotification(
        key=key, channel=channel, **{**given, "title": key, "text": "", **fields}
    )


def workflow(notify: str = "", more: str = "") -> Workflow:
    """Return a workflow with the entries of `notify` that are given as YAML."""
    text = f"name: nightly\nnotify: [{notify}]\nsteps: [{{wait: 1m}}]\n{more}"
    return load_text(text, "nightly.yaml").workflow


def tick(at: datetime = NOON, **fields: Any) -> Tick:
    given = {"id": 1, "schedule_id": 1, "workflow": "nightly", "entry": "e", "found_at": at}
    return Tick(**{**given, "at": at, "starts_at": at, **fields})


def run(number: int = 1, **fields: Any) -> RunRecord:
    given: dict[str, Any] = {
        "id": f"20261101-120000-aaa{number:02}",
        "workflow": "nightly",
        "key": f"nightly/{number}",
        "requested_at": NOON,
        "scheduled_at": NOON,
        "institution": "main",
    }
    return RunRecord(**(given | fields))
