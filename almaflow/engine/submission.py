"""Writes to Alma: intent before, result after, and never a second sending that could double.

The one place where it is decided what becomes of a write whose answer was lost. Looking in Alma for
what was sent (reconciliation) and taking a place before sending (admission) belong here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NoReturn, Protocol, TypeVar

import anyio

from almaflow.alma.calls import Call
from almaflow.alma.errors import AlmaError, AlmaMessage, AlmaRefused, AnswerLost, NotTaken
from almaflow.clock import Clock
from almaflow.engine.institutions import Door
from almaflow.engine.journal import RunJournal
from almaflow.errors import AlmaflowError, RequestWrong
from almaflow.masking import SecretDamaged
from almaflow.steps.endings import OutcomeUnknown
from almaflow.store import Entry, EntryState

T = TypeVar("T")

# How long a write that is under way may still answer after cancel, timeout or Ctrl-C.
GRACE = timedelta(seconds=30)


class RequestChanged(AlmaflowError):
    """A defect: a resumed run would send something else than it recorded. Nothing was sent."""

    exit_code = 3


class Sender(Protocol):
    """What a write needs of the step that makes it."""

    path: str
    attempt: int
    clock: Clock
    journal: RunJournal
    door: Door

    def tell_request(self, call: Call[Any]) -> None:
        """Tell onlookers what is sent."""
        ...

    async def be_patient(self, error: AlmaError, tries: int, since: datetime) -> None:
        """Wait before the next sending; raises *error* when there is no point in one."""
        ...


async def write(sender: Sender, effect: str, call: Call[T], *, repeatable: bool) -> T:
    """Send *call* once, whatever happens, and return its result.

    What was recorded as done is returned, and recorded refusals are raised again. An intent
    without a result, from before a crash, is a lost answer.

    Raises:
        AlmaRefused: Alma answered with an error.
        OutcomeUnknown: the answer was lost, and the write is not *repeatable*.
        RequestChanged: the request differs from the recorded one.
    """
    entry = sender.journal.get(sender.path, sender.attempt, effect)
    if entry is not None:
        if entry.request_hash != call.fingerprint():
            raise RequestChanged(
                f"The request `{effect}` of step {sender.path} renders differently from the "
                "recorded one; it was not sent. This is a defect of almaflow: please report it."
            )
        if entry.state is EntryState.DONE:
            result: T = entry.value["result"]
            return result
        if entry.state is EntryState.REFUSED:
            raise _refusal(entry)
        if entry.state is EntryState.INTENT:
            lost = _Sending(sender, effect, call, repeatable)
            lost.told = dict(entry.value)
            await lost.lose("almaflow ended while it was being sent")
        if entry.state in (EntryState.INTENT, EntryState.LOST) and not repeatable:
            current = sender.journal.get(sender.path, sender.attempt, effect)
            assert current is not None
            _settle(sender, current.value)
    return await _send_until_taken(sender, effect, call, repeatable=repeatable)


async def _send_until_taken(sender: Sender, effect: str, call: Call[T], *, repeatable: bool) -> T:
    """Send, and send again as long as Alma certainly did not take it."""
    since = sender.clock.now()
    tries = 0
    while True:
        sending = _Sending(sender, effect, call, repeatable)
        try:
            result: T = await sending.send()
        except NotTaken as error:
            failure: AlmaError = error
        except AnswerLost as error:
            if not repeatable:
                _settle(sender, sending.told)
            failure = error
        else:
            sender.door.answered = True
            return result
        tries += 1
        await sender.be_patient(failure, tries, since)


class _Sending:
    """One sending of a write: its intent, and what came of it, recorded before anything goes on."""

    def __init__(self, sender: Sender, effect: str, call: Call[Any], repeatable: bool) -> None:
        self._sender = sender
        self._effect = effect
        self._call = call
        self.told = {
            "name": call.name,
            "request": call.rendering(),
            "sent_at": sender.clock.now().isoformat(),
            "repeatable": repeatable,
        }

    async def send(self) -> Any:
        """Send and return the result; a write that is under way is shielded for `GRACE`."""
        # Recording cannot be cancelled, so what is cancelled already would leave after it.
        await anyio.lowlevel.checkpoint_if_cancelled()
        await self._record(EntryState.INTENT)
        self._sender.tell_request(self._call)
        sending = asyncio.ensure_future(self._sender.door.client.send(self._call))
        try:
            await asyncio.wait({sending})
        except asyncio.CancelledError:
            with anyio.CancelScope(shield=True):
                await asyncio.wait({sending}, timeout=GRACE.total_seconds())
                if not sending.done():
                    # Its thread cannot be stopped; it is a daemon and does not hold up leaving.
                    sending.cancel()
                    await self.lose("no answer came before almaflow stopped")
                else:
                    await self._record_answer(sending)
            raise
        await self._record_answer(sending)
        return sending.result()

    async def lose(self, why: str) -> None:
        """Record that the answer is lost."""
        self.told["error"] = why.rstrip(".")
        await self._record(EntryState.LOST)

    async def _record_answer(self, sending: asyncio.Future[Any]) -> None:
        match sending.exception():
            case None:
                self.told["result"] = sending.result()
                await self._record(EntryState.DONE)
            case AlmaRefused() as error:
                self.told["refusal"] = _told(error)
                await self._record(EntryState.REFUSED)
            case NotTaken() | RequestWrong() | SecretDamaged() as error:
                # The last two are met while the request is put together.
                self.told["error"] = str(error)
                await self._record(EntryState.UNTAKEN)
            case error:
                # A lost answer, and whatever else went wrong after the intent: nobody knows.
                await self.lose(str(error))

    async def _record(self, state: EntryState) -> None:
        await self._sender.journal.record(
            self._sender.path,
            self._sender.attempt,
            self._effect,
            state,
            value=dict(self.told),
            request_hash=self._call.fingerprint(),
            resubmit=bool(self.told["repeatable"]),
        )


def _settle(sender: Sender, told: Mapping[str, Any]) -> NoReturn:
    """Decide what becomes of a write whose answer was lost: nobody knows, so nothing is sent.

    Raises: OutcomeUnknown.
    """
    raise lost(told, sender.door.name)


def lost(told: Mapping[str, Any], institution: str) -> OutcomeUnknown:
    """Return the error that says what nobody knows; *told* is what the journal holds of it."""
    request = told["request"]
    return OutcomeUnknown(
        f"Nobody can tell whether Alma at {institution} took the request to {told['name']} "
        f"({request['method']} {request['path']}), sent {told['sent_at'][:19]} UTC: "
        f"{told['error']}. It is not sent again. Look in Alma (Admin > Monitor Jobs, or the list "
        "of sets) what came of it; `almaflow cancel` ends this run."
    )


def _told(error: AlmaRefused) -> dict[str, Any]:
    """Return what is kept of a refusal, so that a resumed run fails with the same words."""
    return {
        "text": error.text,
        "what": error.what,
        "http_status": error.http_status,
        "messages": [[one.code, one.message, one.tracking_id] for one in error.messages],
        "advice": error.advice,
    }


def _refusal(entry: Entry) -> AlmaRefused:
    told = dict(entry.value["refusal"])
    messages = [AlmaMessage(*parts) for parts in told.pop("messages")]
    return AlmaRefused(told.pop("text"), messages=messages, **told)
