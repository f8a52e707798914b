"""Sends writes to Alma: records the intent before and the result after, and never repeats an
effect.

Only this module decides what to do about an unconfirmed write. almaflow searches for its evidence
(`reconciliation.py`) and sends it again only when it is certain that Alma did not accept it. A job
waits for its slot within Alma's limits (`admission.py`); slot and intent are recorded in one
transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NoReturn, TypeVar

import anyio

from almaflow.alma import calls
from almaflow.alma.calls import AlmaRequest
from almaflow.alma.errors import AlmaBusy, AlmaError, NotAccepted, ResponseLost, Threshold
from almaflow.alma.evidence import RunTrace, SetTrace, Trace
from almaflow.alma.wire import JobParameter
from almaflow.engine.alma_writes import reconciliation
from almaflow.engine.alma_writes.journaled_request import JournaledRequest, RequestChanged, refusal
from almaflow.engine.alma_writes.reconciliation import ReconciliationResult, Unclear
from almaflow.engine.attempt import Attempt
from almaflow.engine.history import unconfirmed_text
from almaflow.engine.retry import Retries, waiting_for
from almaflow.errors import RequestWrong
from almaflow.redaction import SecretDamaged
from almaflow.steps.result import OutcomeUnknown, StepFailed
from almaflow.store import (
    EntryState,
    InstanceTaken,
    JournalEntry,
    NoSlot,
    SlotLimits,
    SubmissionKey,
)
from almaflow.waiting import Waiting, WaitingKind

__all__ = ["RequestChanged", "submit", "write"]

T = TypeVar("T")

MakeParameters = Callable[[str], Sequence[JobParameter]]


# --- writes that leave a set, or may be repeated --------------------------------------------------

# "The set name already exists": to a repetition this means that Alma accepted the first one
# (alma-api: T2).
_NAME_TAKEN = "402263"


async def write(
    attempt: Attempt, effect: str, call: AlmaRequest[T], *, trace: Trace | None, repeatable: bool
) -> T:
    """Send *call* once, whatever happens, and return its result.

    A recorded result is returned, and a recorded refusal is raised again. An intent without a
    result, from before a crash, counts as a lost response.

    Raises:
        AlmaRefused: Alma responded with an error.
        StepFailed: the response was lost twice, and Alma shows no effect.
        OutcomeUnknown: the response was lost, and the write leaves no evidence to search for.
        RequestChanged: the request differs from the recorded one.
    """
    request = JournaledRequest(attempt, effect, call, trace=trace, repeatable=repeatable)
    if isinstance(trace, SetTrace):
        request.known_refusals = frozenset({_NAME_TAKEN})
    entry = await request.restore()
    retries = Retries(attempt.clock.now())
    while True:
        if entry is not None and entry.state is EntryState.DONE:
            result: T = entry.value["result"]
            return result
        if entry is not None and entry.state is EntryState.REFUSED:
            raise refusal(entry)
        if entry is not None and entry.state is EntryState.LOST and not repeatable:
            finding = await _look_for(attempt, request, entry)
            if finding is not None:
                return finding  # type: ignore[no-any-return]
        await attempt.ready()
        await request.intend()
        try:
            await request.transmit()
        except NotAccepted as error:
            await attempt.wait_to_retry(error, retries)
        except ResponseLost as error:
            if repeatable:
                await attempt.wait_to_retry(error, retries)
        else:
            attempt.connection.answered = True
        entry = request.entry


async def _look_for(attempt: Attempt, request: JournaledRequest, entry: JournalEntry) -> Any | None:
    """Return the result of an unconfirmed write; None when it is to be sent once more."""
    if entry.value["trace"] is None:
        decision = await attempt.resolution(entry.effect)
        if decision is None or decision["instance_id"] is not None:
            await _unknown(
                attempt, request, "It leaves nothing in Alma by which almaflow could recognise it"
            )
        return None
    finding = await reconciliation.find(attempt, entry)
    if finding.result is not None:
        await request.record_found(finding)
        attempt.say(f"Alma accepted the request to {request.call.name}: its effect was found.")
        return finding.result
    if entry.value["lost"] - entry.value.get("cut_off", 0) > 1:
        raise StepFailed(
            f"The response of Alma at {attempt.connection.name} to the request to "
            f"{request.call.name} was lost twice ({entry.value['error']}), and Alma shows no "
            "effect of it. Check in Alma, then run `almaflow retry`."
        )
    attempt.say(
        f"Alma shows no effect of the request to {request.call.name}, so almaflow sends it "
        "once more."
    )
    return None


# --- jobs -----------------------------------------------------------------------------------------


async def submit(
    attempt: Attempt, job_id: str, job_name: str, make: MakeParameters
) -> JournalEntry:
    """Submit a job once, whatever happens; return the journal entry in the state DONE.

    An unconfirmed submission that Alma certainly did not accept is sent once more, under a separate
    effect and marker. Any further submission needs a person's confirmation.

    Raises:
        AlmaRefused: Alma answered with an error.
        OutcomeUnknown: the outcome is not known; the run waits for a person.
    """
    for number in count():
        effect = effect_of(number)
        marker = marker_of(attempt.run_id, attempt.path, attempt.number, effect)
        parameters = make(marker)
        name = next((one.value for one in parameters if one.name == "job_name"), "")
        trace = RunTrace(job_id, job_name, name, marker.strip(), plain=not parameters)
        call = calls.submit_job(job_id, parameters)
        request = JournaledRequest(attempt, effect, call, trace=trace)
        request.slot_key = SubmissionKey(attempt.path, attempt.number, effect)
        entry = await request.restore()
        if entry is None or (entry.state is EntryState.UNTAKEN and not entry.value.get("absent")):
            await _send_in_turn(attempt, request, job_id, _set_of(parameters))
            entry = request.entry
        assert entry is not None
        if entry.state is EntryState.LOST:
            entry = await _find_run(attempt, request, entry, number)
        if entry.state is EntryState.DONE:
            return entry
        if entry.state is EntryState.REFUSED:
            raise refusal(entry)
    raise AssertionError("counting has no end")


NOTHING_SHOWN = "Alma's list of instances does not show it"


def effect_of(number: int) -> str:
    """Return the effect of a submission: `submit`, `resubmit`, `resubmit-2` …"""
    return ("submit", "resubmit")[number] if number < 2 else f"resubmit-{number}"


def marker_of(run_id: str, path: str, attempt: int, effect: str) -> str:
    """Return ` [af-…]`, the marker by which the instance of a submission is recognised in Alma."""
    identity = "\0".join((run_id, path, str(attempt), effect))
    return f" [af-{hashlib.sha256(identity.encode()).hexdigest()[:10]}]"


def _set_of(parameters: Sequence[JobParameter]) -> str:
    return next((one.value for one in parameters if one.name == "set_id"), "")


async def _send_in_turn(
    attempt: Attempt, request: JournaledRequest, job_id: str, set_id: str
) -> None:
    """Wait for a slot and send the request; queue again for as long as Alma says "later".

    Returns when a response, or the loss of one, is recorded.
    """
    assert request.slot_key is not None
    key = request.slot_key
    trace = request.entry_value["trace"]
    await attempt.journal.ask_slot(
        key, attempt.connection.account, job_id, set_id, trace["marker"], named=bool(trace["name"])
    )
    try:
        await _go_when_it_is_our_turn(attempt, request, job_id, key)
    except (AlmaError, RequestWrong, SecretDamaged):
        await attempt.journal.leave_queue(key, attempt.connection.account)
        raise
    except anyio.get_cancelled_exc_class():
        if attempt.is_ending():
            # A submission that will not start must not delay those behind it in the queue.
            with anyio.CancelScope(shield=True):
                await attempt.journal.leave_queue(key, attempt.connection.account)
        raise


async def _go_when_it_is_our_turn(
    attempt: Attempt, request: JournaledRequest, job_id: str, key: SubmissionKey
) -> None:
    limits = SlotLimits(attempt.connection.running_jobs, attempt.connection.starts_per_hour)
    retries, refusal_text = Retries(attempt.clock.now()), ""
    while True:
        # Only a submission that has a free slot waits for the rate of calls, before its intent.
        busy = await attempt.journal.slot_blocker(key, limits)
        if busy is None:
            await attempt.ready()
            busy = await request.intend(limits)
        if busy is not None:
            await _wait_for_turn(attempt, job_id, key, busy, refusal_text)
            continue
        try:
            await request.transmit()
        except ResponseLost:
            return
        except NotAccepted as error:
            if _is_of_jobs(error):
                retries.failures += 1
                refusal_text = waiting_for(error, attempt.connection.name).text
            else:
                await attempt.wait_to_retry(error, retries)
            continue
        attempt.connection.answered = True
        return


async def _wait_for_turn(
    attempt: Attempt, job_id: str, key: SubmissionKey, busy: NoSlot, refusal_text: str
) -> None:
    """Return when it is worth asking for the slot again.

    *refusal_text* is what Alma last said to this submission, empty when it was not sent yet.
    """
    connection, admission = attempt.connection, attempt.services.admission
    reason = admission.reason(busy, job_id, connection, refusal_text)
    queue_key = (attempt.run_id, key)
    with admission.waiting(connection, attempt.poll, queue_key, busy.again_at) as turn:
        await attempt.wait_event(turn, Waiting(WaitingKind.SLOT, reason, until=busy.again_at))


def _is_of_jobs(error: NotAccepted) -> bool:
    """Whether Alma's limits of jobs are the reason; then the queue decides when to continue."""
    return isinstance(error, AlmaBusy) and error.threshold in (Threshold.JOBS, Threshold.OVERLAP)


async def _find_run(
    attempt: Attempt, request: JournaledRequest, entry: JournalEntry, number: int
) -> JournalEntry:
    """Return the entry of an unconfirmed submission when its outcome is known.

    Raises: OutcomeUnknown when only a person can find out.
    """
    try:
        finding = await _finding(attempt, request, entry)
    except Unclear as unclear:
        await _unknown(attempt, request, unclear.why, unclear.instance_ids)
    if finding.result is not None:
        by = f" by {finding.by}'s word" if finding.by else ", according to its list of instances"
        attempt.say(f"The submission whose response was lost runs in Alma as {finding.result}{by}.")
    elif finding.by:
        await request.record_absent(finding)
        attempt.say(
            f"{finding.by} confirmed that Alma did not accept the submission, so almaflow "
            "sends it again."
        )
    elif number > 0 or attempt.connection.settle is None:
        await _unknown(attempt, request, NOTHING_SHOWN)
    else:
        await request.record_absent(finding)
        attempt.say(
            "The submission does not appear in Alma's list of instances, so almaflow sends it "
            "once more."
        )
    entry_now = request.entry
    assert entry_now is not None
    return entry_now


async def _finding(
    attempt: Attempt, request: JournaledRequest, entry: JournalEntry
) -> ReconciliationResult:
    """Search until the outcome is certain and record the instance; Raises: Unclear."""
    while True:
        finding = await reconciliation.find(attempt, entry)
        if finding.result is None:
            return finding
        try:
            await request.record_found(finding)
        except InstanceTaken as taken:
            if finding.by:
                raise Unclear(
                    f"{finding.by} confirmed that Alma runs it as {finding.result}, but that "
                    f"instance belongs to step {taken.slot.spot.path} of run "
                    f"{taken.slot.run_id}"
                ) from taken
            # Another step has adopted the instance meanwhile; the next search leaves it out.
            continue
        return finding


async def _unknown(
    attempt: Attempt, request: JournaledRequest, why: str, candidates: Sequence[str] = ()
) -> NoReturn:
    """Record that only a person can resolve the write, and why; Raises: OutcomeUnknown."""
    await request.give_up(why, candidates)
    raise OutcomeUnknown(
        unconfirmed_text(
            request.entry_value, attempt.connection.name, why, attempt.run_id, attempt.path
        )
    )


async def settle_lost(attempt: Attempt, entry: JournalEntry) -> bool:
    """Search for an unconfirmed submission of an ended step; nothing is sent again.

    Returns whether its outcome is known now.
    """
    if entry.value["trace"] is None:
        return False
    request = JournaledRequest.recorded(attempt, entry)
    try:
        finding = await _finding(attempt, request, entry)
    except Unclear as unclear:
        await request.give_up(unclear.why, unclear.instance_ids)
        return False
    if finding.result is not None:
        return True
    second = entry.effect != effect_of(0)
    if (second or attempt.connection.settle is None) and not finding.by:
        await request.give_up(NOTHING_SHOWN)
        return False
    await request.record_absent(finding)
    return True
