"""Writes to Alma: intent before, result after, never a request that could repeat the effect.

This is the one place that decides about a write whose response was lost. What leaves evidence is
searched for (`reconciliation.py`) and sent again only when it is certain that Alma did not accept
it. A job waits for its slot within Alma's limits (`admission.py`); slot and intent are recorded in
one transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import count
from typing import Any, NoReturn, Protocol, TypeVar

import anyio

from almaflow.alma import calls
from almaflow.alma.calls import Call
from almaflow.alma.errors import AlmaBusy, AlmaError, NotAccepted, ResponseLost, Threshold
from almaflow.alma.evidence import RunTrace, SetTrace, Trace
from almaflow.alma.wire import JobParameter
from almaflow.engine.alma_writes import reconciliation
from almaflow.engine.alma_writes.admission import Admission
from almaflow.engine.alma_writes.journaled_request import (
    JournaledRequest,
    RequestChanged,
    lost_text,
    refusal,
)
from almaflow.engine.alma_writes.journaled_request import Sender as PlainSender
from almaflow.engine.alma_writes.reconciliation import Looker, ReconciliationResult, Unclear
from almaflow.engine.retry import waiting_for
from almaflow.errors import RequestWrong
from almaflow.redaction import SecretDamaged
from almaflow.steps.base import PollSettings
from almaflow.steps.result import OutcomeUnknown, StepFailed
from almaflow.store import Entry, EntryState, InstanceTaken, SlotLimits, SubmissionKey
from almaflow.waiting import Waiting

__all__ = ["RequestChanged", "Sender", "submit", "write"]

T = TypeVar("T")

MakeParameters = Callable[[str], Sequence[JobParameter]]


class Sender(PlainSender, Looker, Protocol):
    """What a write needs of the step that makes it."""

    run_id: str
    admission: Admission
    poll: PollSettings

    async def ready(self) -> None:
        """Return when one more call may leave: rate, and the reserve of the day."""
        ...

    async def be_patient(self, error: AlmaError, tries: int, since: datetime) -> None:
        """Wait before the next sending; raises *error* when there is no point in one."""
        ...

    async def wait_event(self, event: anyio.Event, waiting: Waiting) -> None:
        """Wait for *event*, with a reason that is shown."""
        ...

    def say(self, text: str) -> None:
        """Write a line to the run's log."""
        ...

    def is_ending(self) -> bool:
        """Whether the step is being ended from outside, unlike by Ctrl-C."""
        ...


# --- writes that leave a set, or may be repeated --------------------------------------------------

# "The set name already exists": said to a repetition, it was taken the first time (alma-api: T2).
_NAME_TAKEN = "402263"


async def write(
    sender: Sender, effect: str, call: Call[T], *, trace: Trace | None, repeatable: bool
) -> T:
    """Send *call* once, whatever happens, and return its result.

    What was recorded as done is returned, and recorded refusals are raised again. An intent
    without a result, from before a crash, is a lost answer.

    Raises:
        AlmaRefused: Alma responded with an error.
        StepFailed: lost twice, and nothing is to be found.
        OutcomeUnknown: lost, and the write leaves no trace by which it could be found.
        RequestChanged: the request differs from the recorded one.
    """
    sending = JournaledRequest(sender, effect, call, trace=trace, repeatable=repeatable)
    if isinstance(trace, SetTrace):
        sending.taken_already = frozenset({_NAME_TAKEN})
    entry = await sending.take_up()
    since = sender.clock.now()
    tries = 0
    while True:
        if entry is not None and entry.state is EntryState.DONE:
            result: T = entry.value["result"]
            return result
        if entry is not None and entry.state is EntryState.REFUSED:
            raise refusal(entry)
        if entry is not None and entry.state is EntryState.LOST and not repeatable:
            finding = await _look_for(sender, sending, entry)
            if finding is not None:
                return finding  # type: ignore[no-any-return]
        await sender.ready()
        await sending.intend()
        try:
            await sending.transmit()
        except NotAccepted as error:
            tries += 1
            await sender.be_patient(error, tries, since)
        except ResponseLost as error:
            if repeatable:
                tries += 1
                await sender.be_patient(error, tries, since)
        else:
            sender.connection.answered = True
        entry = sending.entry


async def _look_for(sender: Sender, sending: JournaledRequest, entry: Entry) -> Any | None:
    """Return the result of a lost write; None when it is to be sent once more."""
    if entry.value["trace"] is None:
        decision = await sender.resolution(entry.effect)
        if decision is None or decision["instance_id"] is not None:
            await _unknown(
                sender, sending, "It leaves nothing in Alma by which almaflow could recognise it"
            )
        return None
    finding = await reconciliation.find(sender, entry)
    if finding.result is not None:
        await sending.found(finding)
        sender.say(f"Alma accepted the request to {sending.call.name}: its effect was found.")
        return finding.result
    if entry.value["lost"] - entry.value.get("cut_off", 0) > 1:
        raise StepFailed(
            f"The response of Alma at {sender.connection.name} to the request to "
            f"{sending.call.name} was lost twice ({entry.value['error']}), and Alma shows no "
            "effect of it. Check in Alma, then run `almaflow retry`."
        )
    sender.say(
        f"Alma shows no effect of the request to {sending.call.name}, so almaflow sends it "
        "once more."
    )
    return None


# --- jobs -----------------------------------------------------------------------------------------


async def submit(sender: Sender, job_id: str, job_name: str, make: MakeParameters) -> Entry:
    """Start a job once, whatever happens; returns the journal's entry, done.

    A lost submission that Alma certainly did not accept is followed by one more, under a separate
    effect and marker; every further one needs a person's confirmation.

    Raises:
        AlmaRefused: Alma answered with an error.
        OutcomeUnknown: the outcome is not known; the run waits for a person.
    """
    for number in count():
        effect = effect_of(number)
        marker = marker_of(sender.run_id, sender.path, sender.attempt, effect)
        parameters = make(marker)
        name = next((one.value for one in parameters if one.name == "job_name"), "")
        trace = RunTrace(job_id, job_name, name, marker.strip(), plain=not parameters)
        call = calls.submit_job(job_id, parameters)
        sending = JournaledRequest(sender, effect, call, trace=trace)
        sending.place = SubmissionKey(sender.path, sender.attempt, effect)
        entry = await sending.take_up()
        if entry is None or (entry.state is EntryState.UNTAKEN and not entry.value.get("absent")):
            await _send_in_turn(sender, sending, job_id, _set_of(parameters))
            entry = sending.entry
        assert entry is not None
        if entry.state is EntryState.LOST:
            entry = await _find_run(sender, sending, entry, number)
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
    """Return ` [af-…]`, by which the run that a submission starts is known in Alma."""
    identity = "\0".join((run_id, path, str(attempt), effect))
    return f" [af-{hashlib.sha256(identity.encode()).hexdigest()[:10]}]"


def _set_of(parameters: Sequence[JobParameter]) -> str:
    return next((one.value for one in parameters if one.name == "set_id"), "")


async def _send_in_turn(
    sender: Sender, sending: JournaledRequest, job_id: str, set_id: str
) -> None:
    """Wait for a place, send, and come back to the queue as long as Alma says "later".

    Returns when an answer, or the loss of one, is recorded.
    """
    assert sending.place is not None
    spot = sending.place
    trace = sending.told["trace"]
    await sender.journal.ask_slot(
        spot, sender.connection.account, job_id, set_id, trace["marker"], named=bool(trace["name"])
    )
    try:
        await _go_when_it_is_our_turn(sender, sending, job_id, spot)
    except (AlmaError, RequestWrong, SecretDamaged):
        await sender.journal.leave_queue(spot)
        raise
    except anyio.get_cancelled_exc_class():
        if sender.is_ending():
            # A submission that will not start must not delay those behind it in the queue.
            with anyio.CancelScope(shield=True):
                await sender.journal.leave_queue(spot)
        raise


async def _go_when_it_is_our_turn(
    sender: Sender, sending: JournaledRequest, job_id: str, spot: SubmissionKey
) -> None:
    limits = SlotLimits(sender.connection.running_jobs, sender.connection.starts_per_hour)
    since, tries, refusal_told = sender.clock.now(), 0, ""
    while True:
        # The rate of calls is waited for before the intent, and only by who can go.
        busy = await sender.journal.look_at_place(spot, limits)
        if busy is None:
            await sender.ready()
            busy = await sending.intend(limits)
        if busy is not None:
            await sender.admission.wait(sender, job_id, busy, spot, refusal_told)
            continue
        try:
            await sending.transmit()
        except ResponseLost:
            return
        except NotAccepted as error:
            tries += 1
            if _is_of_jobs(error):
                refusal_told = waiting_for(error, sender.connection.name).text
            else:
                await sender.be_patient(error, tries, since)
            continue
        sender.connection.answered = True
        return


def _is_of_jobs(error: NotAccepted) -> bool:
    """Whether Alma's limits of jobs are the reason: the queue decides when to continue."""
    return isinstance(error, AlmaBusy) and error.threshold in (Threshold.JOBS, Threshold.OVERLAP)


async def _find_run(sender: Sender, sending: JournaledRequest, entry: Entry, number: int) -> Entry:
    """Return the entry of a lost submission when its outcome is known.

    Raises: OutcomeUnknown when it is not, after all that can be done without a person.
    """
    try:
        finding = await _finding(sender, sending, entry)
    except Unclear as unclear:
        await _unknown(sender, sending, unclear.why, unclear.instance_ids)
    if finding.result is not None:
        by = f" by {finding.by}'s word" if finding.by else ", according to its list of instances"
        sender.say(f"The submission whose response was lost runs in Alma as {finding.result}{by}.")
    elif finding.by:
        await sending.absent(finding)
        sender.say(
            f"{finding.by} confirmed that Alma did not accept the submission, so almaflow "
            "sends it again."
        )
    elif number > 0 or sender.connection.settle is None:
        await _unknown(sender, sending, NOTHING_SHOWN)
    else:
        await sending.absent(finding)
        sender.say(
            "The submission does not appear in Alma's list of instances, so almaflow sends it "
            "once more."
        )
    entry_now = sending.entry
    assert entry_now is not None
    return entry_now


async def _finding(sender: Sender, sending: JournaledRequest, entry: Entry) -> ReconciliationResult:
    """Look until it is sure, and record the run that was found as this step's; Raises: Unclear."""
    while True:
        finding = await reconciliation.find(sender, entry)
        if finding.result is None:
            return finding
        try:
            await sending.found(finding)
        except InstanceTaken as taken:
            if finding.by:
                raise Unclear(
                    f"{finding.by} confirmed that Alma runs it as {finding.result}, but that "
                    f"instance belongs to step {taken.place.spot.path} of run "
                    f"{taken.place.run_id}"
                ) from taken
            # Another step of ours has taken it meanwhile; the next look leaves it out.
            continue
        return finding


async def _unknown(
    sender: Sender, sending: JournaledRequest, why: str, candidates: Sequence[str] = ()
) -> NoReturn:
    """Record that only a person can tell, and why. Raises: OutcomeUnknown."""
    await sending.give_up(why, candidates)
    raise OutcomeUnknown(
        lost_text(sending.told, sender.connection.name, why, sender.run_id, sender.path)
    )


async def settle_lost(sender: Sender, entry: Entry) -> bool:
    """Search for a lost submission of a step that has been ended; nothing is sent again.

    Returns whether its outcome is known now.
    """
    if entry.value["trace"] is None:
        return False
    sending = JournaledRequest.recorded(sender, entry)
    try:
        finding = await _finding(sender, sending, entry)
    except Unclear as unclear:
        await sending.give_up(unclear.why, unclear.instance_ids)
        return False
    if finding.result is not None:
        return True
    second = entry.effect != effect_of(0)
    if (second or sender.connection.settle is None) and not finding.by:
        await sending.give_up(NOTHING_SHOWN)
        return False
    await sending.absent(finding)
    return True
