"""The journal of one run: what was done is returned, what is new is recorded before it counts.

Lines of the run's log go into the same transaction as the entry they belong to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar

import anyio

from almaflow.clock import Clock
from almaflow.engine.telling import NOT_LOGGED, Listener, RunEvent, Told
from almaflow.masking import Mask
from almaflow.outcome import Outcome, Status
from almaflow.store import (
    KEEP,
    Busy,
    Claim,
    Entry,
    EntryState,
    Keep,
    PlaceLimits,
    PlaceState,
    RunRecord,
    Spot,
    Store,
)
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
        self._writer = writer
        self._clock = clock
        self._listener = listener
        self._mask = mask
        self.store = store
        self.claim = claim
        self._entries: dict[Key, Entry] = {}
        self._keys: dict[str, list[Key]] = {}
        self._lines: list[RunEvent] = []
        self._soon: list[Callable[[], Entry | None]] = []
        self._status: tuple[Status, str] | None = None
        self._waits: dict[str, str] = {}

    def load(self, entries: Iterable[Entry]) -> None:
        """Take over what earlier processes recorded."""
        for entry in entries:
            self._keep(entry)

    def _keep(self, entry: Entry) -> None:
        key = (entry.path, entry.attempt, entry.effect)
        if key not in self._entries:
            self._keys.setdefault(entry.path, []).append(key)
        self._entries[key] = entry

    @property
    def run_id(self) -> str:
        """The run that is written about."""
        return self.claim.run_id

    def get(self, path: str, attempt: int, effect: str) -> Entry | None:
        """Return an entry, None when the effect has not begun."""
        return self._entries.get((path, attempt, effect))

    def at(self, path: str) -> list[Entry]:
        """Return the entries of the step at *path*, oldest first."""
        return [self._entries[key] for key in self._keys.get(path, ())]

    def below(self, path: str) -> list[Entry]:
        """Return the entries of the step at *path* and of those in it, step by step."""
        inside = f"{path}/"
        return [
            self._entries[key]
            for one, keys in self._keys.items()
            if one == path or one.startswith(inside)
            for key in keys
        ]

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
        also: Callable[[], object] | None = None,
    ) -> Entry:
        """Make an entry or move it on; durable on return, even when cancelled meanwhile.

        What *also* does in the store is part of the same transaction.
        """
        if not isinstance(value, Keep):
            value = self._mask.data(value)

        def write() -> Entry:
            entry = self.store.record(
                self.claim,
                path,
                attempt,
                effect,
                state,
                value=value,
                request_hash=request_hash,
                resubmit=resubmit,
            )
            if also is not None:
                also()
            return entry

        entry = await self._write(write)
        self._keep(entry)
        return entry

    async def intend(
        self, spot: Spot, limits: PlaceLimits, *, value: Any, request_hash: str
    ) -> Busy | None:
        """Take the place of a submission and record its intent, in one transaction.

        Returns why there is no place now; then nothing is recorded.
        """
        masked = self._mask.data(value)

        def write() -> Entry | Busy:
            answer = self.store.take_place(self.claim, spot, limits)
            if isinstance(answer, Busy):
                return answer
            return self.store.record(
                self.claim,
                spot.path,
                spot.attempt,
                spot.effect,
                EntryState.INTENT,
                value=masked,
                request_hash=request_hash,
                resubmit=True,
            )

        answer = await self._write(write)
        if isinstance(answer, Busy):
            return answer
        self._keep(answer)
        return None

    async def ask_place(
        self, spot: Spot, account: str, job_id: str, set_id: str, marker: str, *, named: bool
    ) -> None:
        """Queue a submission for a place, unless it is queued already."""
        await self._write(
            lambda: self.store.ask_place(
                self.claim, spot, account, job_id, set_id or None, marker, named
            )
        )

    async def leave_queue(self, spot: Spot) -> None:
        """Give up waiting for a place; one that is taken stays taken."""

        def leave() -> None:
            place = self.store.place(self.run_id, spot)
            if place is not None and place.state is PlaceState.QUEUED:
                self.store.drop_place(self.claim, spot)

        await self._write(leave)

    def begin_soon(self, path: str, attempt: int, value: Any) -> None:
        """Record a step's begin, and that the run goes, with the next write.

        Until then nothing has left that the begin would have to stand before: a crash in
        between lets the step begin once more. It saves a turn of the disk for each step.
        """
        self._status_soon()
        masked = self._mask.data(value)
        self._soon.append(
            lambda: self.store.record(
                self.claim, path, attempt, "begin", EntryState.DONE, value=masked
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
        await self._write(lambda: self.store.set_status(self.claim, status, shown))
        self._status = (status, reason)

    async def waits(self, path: str, reason: str) -> None:
        """Record that the step at *path* waits, and why, beside others that do."""
        self._waits[path] = reason
        await self.set_status(*self._wanted_status())

    def goes_on(self, path: str) -> None:
        """Forget that the step at *path* waits; recorded with the next step that begins."""
        self._waits.pop(path, None)

    def _wanted_status(self) -> tuple[Status, str]:
        if not self._waits:
            return Status.RUNNING, ""
        return Status.WAITING, "\n".join(f"{path}: {why}" for path, why in self._waits.items())

    def _status_soon(self) -> None:
        status, reason = self._wanted_status()
        if self._status != (status, reason):
            shown = self._mask.text(reason)
            self._soon.append(lambda: self.store.set_status(self.claim, status, shown))
            self._status = (status, reason)

    def also_soon(self, function: Callable[[], None]) -> None:
        """Let *function* write to the store with the next write."""

        def write() -> None:
            function()

        self._soon.append(write)

    async def start(self, at: datetime, deadline: datetime) -> RunRecord:
        """Record that the run goes, and return it; the instants of a first start stay."""
        record = await self._write(lambda: self.store.start_run(self.claim, at, deadline))
        self._status = (Status.RUNNING, "")
        return record

    async def finish(self, outcome: Outcome, error: str, outputs: dict[str, Any] | None) -> None:
        """Record the run's end and let go of it."""
        told, given = self._mask.text(error), self._mask.data(outputs)
        await self._write(lambda: self.store.finish_run(self.claim, outcome, told, given))

    async def release(self, *, held: bool) -> None:
        """Give the unfinished run back; a held one waits for `resume`."""
        await self._write(lambda: self.store.release_run(self.claim, held))

    async def _write(self, function: Callable[[], T]) -> T:
        lines, self._lines = self._lines, []
        soon, self._soon = self._soon, []
        begun: list[Entry | None] = []

        def together() -> T:
            with self.store.batch():
                begun.extend(make() for make in soon)
                result = function()
                for line in lines:
                    self.store.add_event(
                        line.run_id, line.kind.value, line.path, line.text, line.data
                    )
                return result

        # What is recorded must be known here even when the run is cancelled meanwhile.
        with anyio.CancelScope(shield=True):
            result = await self._writer.call(together)
        for entry in begun:
            if entry is not None:
                self._keep(entry)
        return result
