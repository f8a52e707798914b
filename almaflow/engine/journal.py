"""The journal of one run: what was done is returned, what is new is recorded before it counts.

Lines of the run's log go into the same transaction as the entry they belong to.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import anyio

from almaflow.clock import Clock
from almaflow.engine.telling import NOT_LOGGED, Listener, RunEvent, Told
from almaflow.masking import Mask
from almaflow.outcome import Outcome, Status
from almaflow.store import KEEP, Claim, Entry, EntryState, Keep, Store
from almaflow.store.writer import StoreWriter

T = TypeVar("T")

Key = tuple[str, int, str]
"""Path, attempt and effect of an entry."""


class RunJournal:
    """The entries of one claimed run, and the only way to write about it."""

    def __init__(
        self,
        store: Store,
        writer: StoreWriter,
        claim: Claim,
        clock: Clock,
        listener: Listener,
        mask: Mask,
    ) -> None:
        self._store = store
        self._writer = writer
        self._claim = claim
        self._clock = clock
        self._listener = listener
        self._mask = mask
        self._entries: dict[Key, Entry] = {}
        self._lines: list[RunEvent] = []
        self._soon: list[Callable[[], Entry | None]] = []
        self._status: tuple[Status, str] | None = None

    async def load(self) -> None:
        """Read what earlier processes recorded."""
        for entry in await self._writer.call(self._store.journal, self._claim.run_id):
            self._entries[entry.path, entry.attempt, entry.effect] = entry

    @property
    def run_id(self) -> str:
        """The run that is written about."""
        return self._claim.run_id

    def get(self, path: str, attempt: int, effect: str) -> Entry | None:
        """Return an entry, None when the effect has not begun."""
        return self._entries.get((path, attempt, effect))

    def entries(self) -> list[Entry]:
        """Return all entries in the order in which they were made."""
        return list(self._entries.values())

    async def record(
        self,
        path: str,
        attempt: int,
        effect: str,
        state: EntryState,
        *,
        value: Any | Keep = KEEP,
        request_hash: str = "",
        resubmit: bool = False,
    ) -> Entry:
        """Make an entry or move it on; durable on return, even when cancelled meanwhile."""
        if not isinstance(value, Keep):
            value = self._mask.data(value)

        learned = value.get("learned") if effect == "end" and isinstance(value, dict) else None

        def write() -> Entry:
            if learned:
                self._store.add_duration(
                    learned["institution"], learned["job_id"], learned["seconds"]
                )
            return self._store.record(
                self._claim,
                path,
                attempt,
                effect,
                state,
                value=value,
                request_hash=request_hash,
                resubmit=resubmit,
            )

        entry = await self._write(write)
        self._entries[path, attempt, effect] = entry
        return entry

    def begin_soon(self, path: str, attempt: int, value: Any) -> None:
        """Record a step's begin, and that the run goes, with the next write.

        Until then nothing has left that the begin would have to stand before: a crash in
        between lets the step begin once more. It saves a turn of the disk for each step.
        """
        if self._status != (Status.RUNNING, ""):
            self._soon.append(lambda: self._store.set_status(self._claim, Status.RUNNING))
            self._status = (Status.RUNNING, "")
        masked = self._mask.data(value)
        self._soon.append(
            lambda: self._store.record(
                self._claim, path, attempt, "begin", EntryState.DONE, value=masked
            )
        )

    def tell(self, about: Told, path: str = "", text: str = "", **data: Any) -> None:
        """Tell onlookers now, and the log with the next write (or `flush`)."""
        now, data = self._clock.now(), self._mask.data(data)
        event = RunEvent(now, self.run_id, about, path, self._mask.text(text), data)
        self._listener.hear(event)
        if about not in NOT_LOGGED:
            self._lines.append(event)

    async def flush(self) -> None:
        """Write the lines that were told and not yet logged."""
        if self._lines or self._soon:
            await self._write(lambda: None)

    async def set_status(self, status: Status, reason: str = "") -> None:
        """Record where the run is in its life, unless that is recorded already."""
        if self._status == (status, reason):
            return
        shown = self._mask.text(reason)
        await self._write(lambda: self._store.set_status(self._claim, status, shown))
        self._status = (status, reason)

    async def start(self, at: datetime, deadline: datetime) -> None:
        """Record that the run goes; the instants of a first start stay."""
        await self._write(lambda: self._store.start_run(self._claim, at, deadline))
        self._status = (Status.RUNNING, "")

    async def finish(self, outcome: Outcome, error: str, outputs: dict[str, Any] | None) -> None:
        """Record the run's end and let go of it."""
        told, given = self._mask.text(error), self._mask.data(outputs)
        await self._write(lambda: self._store.finish_run(self._claim, outcome, told, given))

    async def release(self, *, held: bool) -> None:
        """Give the unfinished run back; a held one waits for `resume`."""
        await self._write(lambda: self._store.release_run(self._claim, held))

    async def _write(self, function: Callable[[], T]) -> T:
        lines, self._lines = self._lines, []
        soon, self._soon = self._soon, []
        begun: list[Entry | None] = []

        def together() -> T:
            with self._store.batch():
                begun.extend(make() for make in soon)
                result = function()
                for line in lines:
                    self._store.add_event(
                        line.run_id, line.kind.value, line.path, line.text, line.data
                    )
                return result

        # What is recorded must be known here even when the run is cancelled meanwhile.
        with anyio.CancelScope(shield=True):
            result = await self._writer.call(together)
        for entry in begun:
            if entry is not None:
                self._entries[entry.path, entry.attempt, entry.effect] = entry
        return result
