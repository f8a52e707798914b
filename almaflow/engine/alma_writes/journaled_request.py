"""One write to Alma under one effect: its intent and its outcome, recorded as they happen."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

import anyio

from almaflow.alma.calls import Call
from almaflow.alma.errors import (
    AlmaBusy,
    AlmaMessage,
    AlmaRefused,
    NotAccepted,
    ResponseLost,
    Threshold,
)
from almaflow.alma.evidence import RunTrace, Trace, trace_data
from almaflow.clock import Clock
from almaflow.engine.alma_writes.institutions import InstitutionConnection
from almaflow.engine.alma_writes.reconciliation import ReconciliationResult
from almaflow.engine.journal import RunJournal
from almaflow.engine.retry import pause
from almaflow.errors import AlmaflowError, RequestWrong
from almaflow.redaction import SecretDamaged
from almaflow.store import Entry, EntryState, InstanceTaken, NoSlot, SlotLimits, SubmissionKey

# How long a write that is under way may still answer after cancel, timeout or Ctrl-C.
GRACE = timedelta(seconds=30)


class RequestChanged(AlmaflowError):
    """A defect: a resumed run would send something else than it recorded. Nothing was sent."""

    exit_code = 3


class Sender(Protocol):
    """What a sending needs of the step that makes it."""

    path: str
    attempt: int
    clock: Clock
    chance: random.Random
    journal: RunJournal
    connection: InstitutionConnection

    def tell_request(self, call: Call[Any]) -> None:
        """Tell onlookers what is sent."""
        ...

    def may_leave(self) -> bool:
        """Whether this process still has the right to act; may be asked in any thread."""
        ...


class JournaledRequest:
    """A write under one effect. With a *place* it is a job, which takes one of Alma's places."""

    def __init__(
        self,
        sender: Sender,
        effect: str,
        call: Call[Any],
        *,
        trace: Trace | RunTrace | None = None,
        repeatable: bool = False,
    ) -> None:
        self.call = call
        self.place: SubmissionKey | None = None
        self.taken_already: frozenset[str] = frozenset()
        """Codes by which Alma says, after a lost answer, that it took the write before."""
        self.trace_data = None if trace is None else trace_data(trace)
        self._sender = sender
        self._effect = effect
        self._hash = call.fingerprint()
        self.told: dict[str, Any] = {
            "name": call.name,
            "request": call.rendering(),
            "institution": sender.connection.name,
            "repeatable": repeatable,
            "trace": self.trace_data,
            "lost": 0,
            "ahead": None,
        }

    @classmethod
    def recorded(cls, sender: Sender, entry: Entry) -> JournaledRequest:
        """Return a sending that an earlier part of the run, or process, recorded."""
        self = cls.__new__(cls)
        self.place = SubmissionKey(entry.path, entry.attempt, entry.effect)
        self.trace_data = entry.value["trace"]
        self.told = dict(entry.value)
        self._sender, self._effect, self._hash = sender, entry.effect, entry.request_hash
        return self

    @property
    def entry(self) -> Entry | None:
        """The journal's entry of this effect; None when nothing is recorded yet."""
        return self._sender.journal.get(self._sender.path, self._sender.attempt, self._effect)

    async def take_up(self) -> Entry | None:
        """Return what is recorded; an intent without a result, of before a crash, is lost.

        Raises: RequestChanged.
        """
        entry = self.entry
        if entry is None:
            return None
        if entry.request_hash != self._hash:
            raise RequestChanged(
                f"The request `{self._effect}` of step {self._sender.path} differs from the "
                "recorded one, so it was not sent. This is a defect of almaflow; please report "
                "it."
            )
        self.told = dict(entry.value)
        if entry.state is EntryState.INTENT:
            # It is not known whether it was sent at all, so this is not a lost response.
            self.told["cut_off"] = self.told.get("cut_off", 0) + 1
            await self._lose("almaflow stopped while sending it")
        return self.entry

    async def intend(self, limits: SlotLimits | None = None) -> NoSlot | None:
        """Record that the write is about to leave; with *limits*, if there is a place for it."""
        # Recording cannot be cancelled, so what is cancelled already would leave after it.
        await anyio.lowlevel.checkpoint_if_cancelled()
        self.told = {
            key: value for key, value in self.told.items() if key not in ("error", "refusal")
        }
        client = self._sender.connection.client
        self.told["sent_at"] = self._sender.clock.now().isoformat()
        # How far Alma's clock went ahead of ours (seconds), should ours be set meanwhile.
        self.told["ahead"] = client.ahead.total_seconds() if client.last_date else None
        if limits is None:
            await self._record(EntryState.INTENT)
            return None
        assert self.place is not None
        return await self._sender.journal.intend(
            self.place, limits, value=dict(self.told), request_hash=self._hash
        )

    async def transmit(self) -> Any:
        """Send and return the result; a write that is under way is shielded for `GRACE`."""
        sender = self._sender
        sender.tell_request(self.call)
        sending = asyncio.ensure_future(
            sender.connection.client.send(self.call, waited=True, may_leave=sender.may_leave)
        )
        try:
            await asyncio.wait({sending})
        except asyncio.CancelledError:
            with anyio.CancelScope(shield=True):
                await asyncio.wait({sending}, timeout=GRACE.total_seconds())
                if not sending.done():
                    # Its thread cannot be stopped; it is a daemon and does not hold up leaving.
                    sending.cancel()
                    await self._lose("no response arrived before almaflow stopped")
                else:
                    await self._record_answer(sending)
            raise
        await self._record_answer(sending)
        error = sending.exception()
        if isinstance(error, AlmaRefused):
            # The journal has it, or knows better.
            return None
        return sending.result()

    async def found(self, finding: ReconciliationResult) -> None:
        """Record what a lost write was found to have given; Raises: InstanceTaken."""
        before = dict(self.told)
        self.told |= {"result": finding.result, "found": True}
        self._by(finding)
        try:
            await self._record(EntryState.DONE)
        except InstanceTaken:
            self.told = before
            raise

    async def absent(self, finding: ReconciliationResult) -> None:
        """Record that Alma did not take a lost write, as is sure now."""
        self.told["absent"] = True
        self._by(finding)
        await self._record(EntryState.UNTAKEN)

    async def give_up(self, why: str, candidates: Sequence[str] = ()) -> None:
        """Record that only a person can resolve an unconfirmed write, and why.

        *candidates* are the runs that a submission may have started.
        """
        self.told["unknown"] = why
        suspect = None
        if candidates:
            self.told["candidates"] = list(candidates)
            journal, place = self._sender.journal, self.place
            assert place is not None
            suspect = partial(journal.store.suspect_place, journal.claim, place, candidates)
        await self._record(EntryState.LOST, suspect)

    def _by(self, finding: ReconciliationResult) -> None:
        if finding.by:
            self.told["resolved_by"] = finding.by

    async def _lose(self, why: str) -> None:
        self.told["error"] = why.rstrip(".")
        self.told["lost"] += 1
        await self._record(EntryState.LOST)

    async def _record_answer(self, sending: asyncio.Future[Any]) -> None:
        match sending.exception():
            case None:
                self.told["result"] = sending.result()
                await self._record(EntryState.DONE)
            case AlmaRefused() as error if self.told["lost"] and error.codes & self.taken_already:
                # What was lost before has arrived: Alma has it already.
                await self._lose(error.text)
            case AlmaRefused() as error:
                self.told["refusal"] = _refusal_fields(error)
                await self._record(EntryState.REFUSED)
            case NotAccepted() | RequestWrong() | SecretDamaged() as error:
                # The last two are met while the request is put together.
                self.told["error"] = str(error)
                await self._record(EntryState.UNTAKEN, self._place_after(error))
            case ResponseLost() as error:
                await self._lose(error.why)
            case error:
                # Whatever else went wrong after the intent: nobody knows.
                await self._lose(str(error))

    def _place_after(self, error: BaseException) -> Callable[[], None] | None:
        """Return what happens to the slot of a submission that Alma did not accept for now."""
        if self.place is None:
            return None
        place, journal, now = self.place, self._sender.journal, self._sender.clock.now()

        def later() -> None:
            again_at = now
            if isinstance(error, AlmaBusy) and error.threshold in (
                Threshold.JOBS,
                Threshold.OVERLAP,
            ):
                held = journal.store.place(journal.run_id, place)
                refusals = held.refusals if held is not None else 0
                again_at += pause(error, refusals + 1, now, self._sender.chance)
            journal.store.later_place(journal.claim, place, again_at)

        return later

    async def _record(self, state: EntryState, also: Callable[[], None] | None = None) -> None:
        await self._sender.journal.record(
            self._sender.path,
            self._sender.attempt,
            self._effect,
            state,
            value=dict(self.told),
            request_hash=self._hash,
            resubmit=True,
            also=also or self._place_in(state),
        )

    def _place_in(self, state: EntryState) -> Callable[[], None] | None:
        """Return what happens to the slot when the entry reaches *state*."""
        if self.place is None:
            return None
        place, journal = self.place, self._sender.journal
        store, claim = journal.store, journal.claim
        match state:
            case EntryState.DONE:
                return lambda: store.settle_place(claim, place, self.told["result"])
            case EntryState.REFUSED:
                return lambda: store.drop_place(claim, place)
            case EntryState.UNTAKEN:
                return lambda: store.free_spot(claim, place)
        return None


def lost_text(value: Mapping[str, Any], institution: str, why: str, run_id: str, path: str) -> str:
    """Return the sentences that say what nobody knows; *value* is what the journal holds of it."""
    request = value["request"]
    return (
        f"It is not known whether Alma at {institution} accepted the request to {value['name']} "
        f"({request['method']} {request['path']}), sent {value['sent_at'][:19]} UTC: "
        f"{value['error']}. {why}. almaflow does not send it again. Check in Alma (Admin > "
        f"Monitor Jobs), then run `almaflow resolve {run_id} {path} --instance ID` or "
        "`--not-submitted`."
    )


def _refusal_fields(error: AlmaRefused) -> dict[str, Any]:
    """Return what is kept of a refusal, so that a resumed run fails with the same words."""
    return {
        "text": error.text,
        "what": error.what,
        "http_status": error.http_status,
        "messages": [[one.code, one.message, one.tracking_id] for one in error.messages],
        "advice": error.advice,
    }


def refusal(entry: Entry) -> AlmaRefused:
    """Return the refusal that was recorded, to be raised again."""
    recorded = dict(entry.value["refusal"])
    messages = [AlmaMessage(*parts) for parts in recorded.pop("messages")]
    return AlmaRefused(recorded.pop("text"), messages=messages, **recorded)
