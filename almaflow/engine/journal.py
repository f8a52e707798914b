"""The journal of one run: recorded effects are returned, and new ones are recorded before they
count.

Lines of the run's log go into the same transaction as the entry they belong to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import anyio

from almaflow.clock import Clock
from almaflow.outcome import Outcome, Status
from almaflow.redaction import Mask
from almaflow.runs.events import NOT_LOGGED, EventKind, Listener, RunEvent
from almaflow.store import (
    KEEP,
    Claim,
    EntryState,
    JournalEntry,
    Keep,
    NewLogEntry,
    NewNotification,
    NoSlot,
    RunRecord,
    SlotLimits,
    SlotState,
    Store,
    SubmissionKey,
)
from almaflow.store.locks import NOTICES, Lock, lock_of_account, lock_of_run
from almaflow.store.progress import NewEntry
from almaflow.store.writer import StoreWriter
from almaflow.waiting import Waiting

T = TypeVar("T")

# Keys of entries and events whose values are almaflow's own words: these are never redacted. And
# keys of texts for people, in which a library may quote an address with a password.
_WORDS = frozenset(
    {
        *("attempt", "deadline", "effect", "ends", "institution", "kind", "now", "outcome"),
        *("sent_at", "status", "trigger"),
    }
)
_TEXTS = frozenset({"error", "unknown"})

JournalKey = tuple[str, int, str]
"""Path, attempt and effect of an entry."""


class RunJournal:
    """The entries of one claimed run. All writes about the run go through it."""

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
        self._entries: dict[JournalKey, JournalEntry] = {}
        self._keys: dict[str, list[JournalKey]] = {}
        self.begun = 0
        """The number of attempts at steps that have begun, in this and earlier processes."""
        self._lines: list[NewLogEntry] = []
        self._soon: list[NewEntry] = []
        self._status: tuple[Status, tuple[Waiting, ...]] | None = None
        """The recorded status and waits of the run; None while they must not be changed."""
        self._waits: dict[str, Waiting] = {}
        self._suspended: Waiting | None = None

    def load(self, entries: Iterable[JournalEntry]) -> None:
        """Load the entries that earlier processes recorded."""
        for entry in entries:
            self._keep(entry)

    def _keep(self, entry: JournalEntry) -> None:
        key = (entry.path, entry.attempt, entry.effect)
        if key not in self._entries:
            self._keys.setdefault(entry.path, []).append(key)
            self.begun += entry.effect == "begin" and entry.path != ""
        self._entries[key] = entry

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self.claim.run_id

    def get(self, path: str, attempt: int, effect: str) -> JournalEntry | None:
        """Return an entry, None when the effect has not begun."""
        return self._entries.get((path, attempt, effect))

    def at(self, path: str) -> list[JournalEntry]:
        """Return the entries of the step at *path*, oldest first."""
        return [self._entries[key] for key in self._keys.get(path, ())]

    def below(self, path: str) -> list[JournalEntry]:
        """Return the entries of the step at *path* and of those in it, step by step."""
        inside = f"{path}/"
        return [
            self._entries[key]
            for one, keys in self._keys.items()
            if one == path or one.startswith(inside)
            for key in keys
        ]

    def entries(self) -> list[JournalEntry]:
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
        locks: Iterable[Lock] = (),
    ) -> JournalEntry:
        """Create an entry or change its state. The entry is durable on return, even after a
        cancellation.

        *also* runs in the same transaction, for which it needs *locks*.
        """
        if not isinstance(value, Keep):
            value = self._stored(value)
            key = (path, attempt, effect)
            if state is EntryState.DONE and key not in self._entries and also is None:
                self._soon.append(NewEntry(*key, value))
                await self.flush()
                return self._entries[key]

        def write() -> JournalEntry:
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

        entry = await self._write(write, *locks)
        self._keep(entry)
        return entry

    async def intend(
        self,
        spot: SubmissionKey,
        account: str,
        limits: SlotLimits,
        *,
        value: Any,
        request_hash: str,
    ) -> NoSlot | None:
        """Take the slot of a submission and record its intent, in one transaction.

        Returns why no slot is free; then nothing is recorded.
        """
        masked = self._stored(value)

        def write() -> JournalEntry | NoSlot:
            answer = self.store.take_slot(self.claim, spot, limits)
            if isinstance(answer, NoSlot):
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

        answer = await self._write(write, lock_of_account(account))
        if isinstance(answer, NoSlot):
            return answer
        self._keep(answer)
        return None

    async def slot_blocker(self, spot: SubmissionKey, limits: SlotLimits) -> NoSlot | None:
        """Return what a queued submission waits for; None when it may be sent."""
        return await self._writer.call(self.store.slot_blocker, self.run_id, spot, limits)

    async def ask_slot(
        self,
        spot: SubmissionKey,
        account: str,
        job_id: str,
        set_id: str,
        marker: str,
        *,
        named: bool,
    ) -> None:
        """Queue a submission for a slot, unless it is queued already."""
        await self._write(
            lambda: self.store.ask_slot(
                self.claim, spot, account, job_id, set_id or None, marker, named
            ),
            lock_of_account(account),
        )

    async def leave_queue(self, spot: SubmissionKey, account: str) -> None:
        """Leave the queue for a slot; a slot that is taken stays taken."""

        def leave() -> None:
            place = self.store.slot(self.run_id, spot)
            if place is not None and place.state is SlotState.QUEUED:
                self.store.drop_slot(self.claim, spot)

        await self._write(leave, lock_of_account(account))

    def record_soon(self, path: str, attempt: int, effect: str, value: Any) -> None:
        """Record a begin or an end, and that the run proceeds, with the next write.

        Use this only for entries on which no request depends: after a crash in between, the step
        begins or ends again. It saves a write to the disk each time.
        """
        self._soon.append(NewEntry(path, attempt, effect, self._stored(value)))

    def report(self, about: EventKind, path: str = "", text: str = "", **data: Any) -> None:
        """Report an event to the listener now, and log it with the next write (or `flush`)."""
        now, data = self._clock.now(), self._stored(data)
        event = RunEvent(now, self.run_id, about, path, self._mask.text(text), data)
        self._listener.receive(event)
        if about not in NOT_LOGGED:
            line = NewLogEntry(event.at, event.kind.value, event.path, event.text, event.data)
            self._lines.append(line)

    def masked(self, text: str) -> str:
        """Return *text* with every known secret redacted."""
        return self._mask.text(text)

    def _stored(self, value: Any) -> Any:
        """Return *value* as an entry keeps it: secrets redacted, almaflow's own words unchanged."""
        if not isinstance(value, dict):
            return self._mask.stored(value)
        return {key: self._part(key, part) for key, part in value.items()}

    def _part(self, key: str, part: Any) -> Any:
        if key in _WORDS:
            return part
        if key in _TEXTS and isinstance(part, str):
            return self._mask.text(part)
        return self._mask.stored(part)

    async def flush(self, *, always: bool = False) -> None:
        """Write the events that are not logged yet, and the run's status."""
        if self._lines or self._soon or always:
            await self._write(lambda: None)

    async def suspend(self, waiting: Waiting) -> None:
        """Record that the whole run waits, and why, unless that is recorded already."""
        self._suspended = waiting
        if self._status is None:
            # The run could not even be loaded.
            self._status = (Status.RUNNING, ())
        await self.flush(always=self._status != self._wanted_status())

    async def waits(self, waiting: Waiting) -> None:
        """Record that a step waits, and why, in addition to other waiting steps."""
        self._waits[waiting.path] = waiting
        await self.flush(always=self._status != self._wanted_status())

    def clear_wait(self, path: str) -> None:
        """Record, with the next write, that the step at *path* no longer waits."""
        self._waits.pop(path, None)

    def _wanted_status(self) -> tuple[Status, tuple[Waiting, ...]]:
        if self._suspended is not None:
            return Status.WAITING, (self._suspended,)
        if not self._waits:
            return Status.RUNNING, ()
        return Status.WAITING, tuple(self._waits.values())

    def _masked_wait(self, waiting: Waiting) -> Waiting:
        text, detail = self._mask.text(waiting.text), self._mask.text(waiting.detail)
        return replace(waiting, text=text, detail=detail)

    async def start(self, at: datetime, deadline: datetime) -> RunRecord:
        """Record that the run begins, and return it."""
        self._status = (Status.RUNNING, ())
        return await self._write(lambda: self.store.start_run(self.claim, at, deadline))

    def continue_from(self, record: RunRecord) -> None:
        """Continue a run that has begun: from now on, changes of its status are recorded."""
        self._status = (record.status, record.waits)

    async def finish(
        self,
        outcome: Outcome,
        error: str,
        outputs: dict[str, Any] | None,
        notices: Sequence[NewNotification] = (),
    ) -> None:
        """Record the run's end and the notifications about it, and release the run."""
        text, kept_outputs = self._mask.text(error), self._mask.stored(outputs)
        self._status = None

        def end() -> None:
            self.store.finish_run(self.claim, outcome, text, kept_outputs)
            if notices:
                self.store.add_notices(notices)

        await self._write(end, *([NOTICES] if notices else []))

    async def release(self, *, held: bool) -> None:
        """Release the unfinished run; with *held* it is on hold until `resume`."""
        self._status = None
        await self._write(lambda: self.store.release_run(self.claim, held))

    async def hand_over(self) -> None:
        """Release the unfinished run so that the next process that searches for runs continues it.

        A run that is released while it waits for a person would wait for that person's reply.
        """
        self._status = None

        def give() -> None:
            self.store.set_status(self.claim, Status.RUNNING)
            self.store.release_run(self.claim, False)

        await self._write(give)

    async def _write(self, function: Callable[[], T], *locks: Lock) -> T:
        """Make one transaction of *function*, with *locks* and that of the run, and what waits."""
        lines, self._lines = self._lines, []
        soon, self._soon = self._soon, []
        added: list[JournalEntry] = []
        wanted = self._wanted_status()
        status = wanted if self._status not in (None, wanted) else None
        if status is not None:
            self._status = status

        ours = frozenset({lock_of_run(self.run_id), *locks})

        masked = status and (status[0], [self._masked_wait(wait) for wait in status[1]])

        def together() -> T:
            with self.store.batch(ours):
                if masked or soon or lines:
                    added[:] = self.store.record_progress(self.claim, masked, soon, lines)
                return function()

        # A cancellation must not separate the recorded state from the state in memory.
        with anyio.CancelScope(shield=True):
            result = await self._writer.call_locked(ours, together)
        for entry in added:
            self._keep(entry)
        return result
