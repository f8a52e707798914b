"""One write to Alma under one effect: its intent and its outcome, recorded as they happen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import anyio

from almaflow.alma.calls import AlmaRequest
from almaflow.alma.errors import (
    AlmaBusy,
    AlmaMessage,
    AlmaRefused,
    NotAccepted,
    ResponseLost,
    Threshold,
)
from almaflow.alma.evidence import RunTrace, Trace, trace_data
from almaflow.engine.alma_writes.reconciliation import ReconciliationResult
from almaflow.engine.attempt import Attempt
from almaflow.engine.retry import retry_delay
from almaflow.errors import AlmaflowError, RequestWrong
from almaflow.redaction import SecretDamaged
from almaflow.store import (
    EntryState,
    InstanceTaken,
    JournalEntry,
    NoSlot,
    SlotLimits,
    SubmissionKey,
)
from almaflow.store.locks import lock_of_account

# How long almaflow waits for the response to a write after cancel, timeout or Ctrl-C.
GRACE = timedelta(seconds=30)


class RequestChanged(AlmaflowError):
    """A defect: a resumed run would send another request than it recorded. Nothing was sent."""

    exit_code = 3


class JournaledRequest:
    """One write of an attempt, recorded in the journal under its effect.

    *repeatable* says that sending it twice changes nothing more; *trace* is its evidence in Alma.
    """

    def __init__(
        self,
        attempt: Attempt,
        effect: str,
        call: AlmaRequest[Any],
        *,
        trace: Trace | RunTrace | None = None,
        repeatable: bool = False,
    ) -> None:
        self.call = call
        self.slot_key: SubmissionKey | None = None
        """The key of a job's slot; None for a write that is not a job."""
        self.known_refusals: frozenset[str] = frozenset()
        """The error codes by which Alma says that it has accepted the write already."""
        self.trace_data = None if trace is None else trace_data(trace)
        self._attempt = attempt
        self._effect = effect
        self._hash = call.fingerprint()
        self.entry_value: dict[str, Any] = {
            "name": call.name,
            "request": call.rendering(),
            "institution": attempt.connection.name,
            "repeatable": repeatable,
            "trace": self.trace_data,
            "lost": 0,
            "ahead": None,
        }

    @classmethod
    def recorded(cls, attempt: Attempt, entry: JournalEntry) -> JournaledRequest:
        """Return the write that *entry* records, from an earlier process for example."""
        self = cls.__new__(cls)
        self.slot_key = SubmissionKey(entry.path, entry.attempt, entry.effect)
        self.trace_data = entry.value["trace"]
        self.entry_value = dict(entry.value)
        self._attempt, self._effect, self._hash = attempt, entry.effect, entry.request_hash
        return self

    @property
    def entry(self) -> JournalEntry | None:
        """The journal's entry of this effect; None when nothing is recorded yet."""
        return self._attempt.journal.get(self._attempt.path, self._attempt.number, self._effect)

    async def restore(self) -> JournalEntry | None:
        """Return the journal entry; an intent without a result, from before a crash, becomes lost.

        Raises: RequestChanged.
        """
        entry = self.entry
        if entry is None:
            return None
        if entry.request_hash != self._hash:
            raise RequestChanged(
                f"The request `{self._effect}` of step {self._attempt.path} differs from the "
                "recorded one, so it was not sent. This is a defect of almaflow; please report "
                "it."
            )
        self.entry_value = dict(entry.value)
        if entry.state is EntryState.INTENT:
            # It is not known whether it was sent at all, so this is not a lost response.
            self.entry_value["cut_off"] = self.entry_value.get("cut_off", 0) + 1
            await self._lose("almaflow stopped while sending it")
        return self.entry

    async def intend(self, limits: SlotLimits | None = None) -> NoSlot | None:
        """Record that the write is about to be sent; with *limits*, only if a slot is free for it.

        Returns why there is no slot; None when the intent is recorded.
        """
        # Recording cannot be cancelled: without this, a cancelled write would still be sent.
        await anyio.lowlevel.checkpoint_if_cancelled()
        self.entry_value = {
            key: value for key, value in self.entry_value.items() if key not in ("error", "refusal")
        }
        client = self._attempt.connection.client
        self.entry_value["sent_at"] = self._attempt.clock.now().isoformat()
        # By how many seconds Alma's clock is ahead of ours, in case ours is set meanwhile.
        self.entry_value["ahead"] = client.ahead.total_seconds() if client.last_date else None
        if limits is None:
            await self._record(EntryState.INTENT)
            return None
        assert self.slot_key is not None
        return await self._attempt.journal.intend(
            self.slot_key,
            self._attempt.connection.account,
            limits,
            value=dict(self.entry_value),
            request_hash=self._hash,
        )

    async def transmit(self) -> Any:
        """Send and return the result, shielded from cancellation for `GRACE`."""
        attempt = self._attempt
        attempt.report_request(self.call)
        sending = asyncio.ensure_future(
            attempt.connection.client.send(self.call, waited=True, may_send=attempt.may_send)
        )
        try:
            await asyncio.wait({sending})
        except asyncio.CancelledError:
            with anyio.CancelScope(shield=True):
                await asyncio.wait({sending}, timeout=GRACE.total_seconds())
                if not sending.done():
                    # Its thread cannot be stopped, but as a daemon thread it does not delay the
                    # exit.
                    sending.cancel()
                    await self._lose("no response arrived before almaflow stopped")
                else:
                    await self._record_response(sending)
            raise
        await self._record_response(sending)
        error = sending.exception()
        if isinstance(error, AlmaRefused):
            # The journal has recorded the refusal, or that the write is lost.
            return None
        return sending.result()

    async def record_found(self, finding: ReconciliationResult) -> None:
        """Record the result of an unconfirmed write, found in Alma; Raises: InstanceTaken."""
        before = dict(self.entry_value)
        self.entry_value |= {"result": finding.result, "found": True}
        self._by(finding)
        try:
            await self._record(EntryState.DONE)
        except InstanceTaken:
            self.entry_value = before
            raise

    async def record_absent(self, finding: ReconciliationResult) -> None:
        """Record that Alma did not accept an unconfirmed write, which is certain now."""
        self.entry_value["absent"] = True
        self._by(finding)
        await self._record(EntryState.UNTAKEN)

    async def give_up(self, why: str, candidates: Sequence[str] = ()) -> None:
        """Record that only a person can resolve an unconfirmed write, and why.

        *candidates* are the ids of the instances that a submission may have started.
        """
        self.entry_value["unknown"] = why
        suspect = None
        if candidates:
            self.entry_value["candidates"] = list(candidates)
            journal, key = self._attempt.journal, self.slot_key
            assert key is not None
            suspect = partial(journal.store.suspect_slot, journal.claim, key, candidates)
        await self._record(EntryState.LOST, suspect)

    def _by(self, finding: ReconciliationResult) -> None:
        if finding.by:
            self.entry_value["resolved_by"] = finding.by

    async def _lose(self, why: str) -> None:
        self.entry_value["error"] = why.rstrip(".")
        self.entry_value["lost"] += 1
        await self._record(EntryState.LOST)

    async def _record_response(self, sending: asyncio.Future[Any]) -> None:
        match sending.exception():
            case None:
                self.entry_value["result"] = sending.result()
                await self._record(EntryState.DONE)
            case AlmaRefused() as error if (
                self.entry_value["lost"] and error.codes & self.known_refusals
            ):
                # Alma accepted the request whose response was lost.
                await self._lose(error.text)
            case AlmaRefused() as error:
                self.entry_value["refusal"] = _refusal_fields(error)
                await self._record(EntryState.REFUSED)
            case NotAccepted() | RequestWrong() | SecretDamaged() as error:
                # The last two are raised while the request is built.
                self.entry_value["error"] = str(error)
                await self._record(EntryState.UNTAKEN, self._slot_after(error))
            case ResponseLost() as error:
                await self._lose(error.why)
            case error:
                # After any other error it is not known whether the request was sent.
                await self._lose(str(error))

    def _slot_after(self, error: BaseException) -> Callable[[], None] | None:
        """Return the change of the slot when Alma did not accept the submission for now."""
        if self.slot_key is None:
            return None
        key, journal, now = self.slot_key, self._attempt.journal, self._attempt.clock.now()

        def later() -> None:
            again_at = now
            if isinstance(error, AlmaBusy) and error.threshold in (
                Threshold.JOBS,
                Threshold.OVERLAP,
            ):
                held = journal.store.slot(journal.run_id, key)
                refusals = held.refusals if held is not None else 0
                again_at += retry_delay(error, refusals + 1, now, self._attempt.chance)
            journal.store.postpone_slot(journal.claim, key, again_at)

        return later

    async def _record(self, state: EntryState, also: Callable[[], None] | None = None) -> None:
        await self._attempt.journal.record(
            self._attempt.path,
            self._attempt.number,
            self._effect,
            state,
            value=dict(self.entry_value),
            request_hash=self._hash,
            resubmit=True,
            also=also or self._slot_in(state),
            locks=[lock_of_account(self._attempt.connection.account)] if self.slot_key else [],
        )

    def _slot_in(self, state: EntryState) -> Callable[[], None] | None:
        """Return the change of the slot when the entry reaches *state*."""
        if self.slot_key is None:
            return None
        key, journal = self.slot_key, self._attempt.journal
        store, claim = journal.store, journal.claim
        match state:
            case EntryState.DONE:
                return lambda: store.settle_slot(claim, key, self.entry_value["result"])
            case EntryState.REFUSED:
                return lambda: store.drop_slot(claim, key)
            case EntryState.UNTAKEN:
                return lambda: store.free_spot(claim, key)
        return None


def _refusal_fields(error: AlmaRefused) -> dict[str, Any]:
    """Return the recorded parts of a refusal: a resumed run fails with the same message."""
    return {
        "text": error.text,
        "what": error.what,
        "http_status": error.http_status,
        "messages": [[one.code, one.message, one.tracking_id] for one in error.messages],
        "advice": error.advice,
        # Only a simulated Alma says more.
        **({"closing": error.closing} if error.closing else {}),
    }


def refusal(entry: JournalEntry) -> AlmaRefused:
    """Return the recorded refusal, to be raised again."""
    recorded = dict(entry.value["refusal"])
    messages = [AlmaMessage(*parts) for parts in recorded.pop("messages")]
    return AlmaRefused(recorded.pop("text"), messages=messages, **recorded)
