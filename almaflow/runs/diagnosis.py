"""Why a run waits, or ended as it did: each cause in plain words, with what a person can do.

It is derived from the record, the journal and the store's slots, without a request to Alma.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from almaflow.durations import format_duration
from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome, Status
from almaflow.runs.job_durations import Durations
from almaflow.runs.request_views import RequestView, is_submission
from almaflow.runs.step_tree import StepTree
from almaflow.runs.step_views import StepView
from almaflow.runs.views import RunView
from almaflow.store import EntryState, JobSlot, Process, SlotState
from almaflow.waiting import Waiting, WaitingKind

# At most this number of runs that hold a slot, or are ahead in the queue, are named.
_NAMED = 5

_KEEP_RUNNING = "jobs that it started in Alma keep running."


class WaitingCause(StrEnum):
    """What a run waits for, or why it ended."""

    ENDED = "ended"
    """It has ended."""
    PERSON = "person"
    """A person has to approve."""
    UNKNOWN = "unknown"
    """It is not known whether Alma accepted a submission: a person has to resolve it."""
    LOST = "lost"
    """A response was lost, and almaflow searches Alma for the effect of the request."""
    PLACE = "place"
    """It waits for a slot among the jobs that Alma lets the API start."""
    ALMA = "alma"
    """A job runs in Alma."""
    TIME = "time"
    """Any other wait of a step, such as for a time or for Alma's daily calls."""
    HELD = "held"
    """It was interrupted or cannot continue automatically, so a person has to resume it."""
    NOBODY = "nobody"
    """No process executes it."""
    NEWER = "newer"
    """Another version of almaflow recorded it, in a format that this one cannot read."""


@dataclass(frozen=True)
class Reason:
    """One cause; *path* is a step's, or empty for the run itself."""

    cause: WaitingCause
    """What it waits for or why it ended, for programs."""
    path: str
    """The path of the step; empty for the run."""
    text: str
    """One or more sentences."""
    details: tuple[str, ...] = ()
    """Further details, one per line."""
    moves: tuple[str, ...] = ()
    """What a person can do, with the exact command; empty when nothing needs to be done."""


@dataclass(frozen=True)
class DiagnosisContext:
    """The other facts of a diagnosis: slots, durations, the process that executes the run."""

    now: datetime
    own_slots: Sequence[JobSlot]
    holders: Callable[[str], Sequence[JobSlot]]
    """The slots in use at an account, oldest first."""
    queue: Callable[[str], Sequence[JobSlot]]
    """The submissions that wait at an account, first come first."""
    durations: Durations
    settle: Callable[[str], timedelta | None]
    """How long an unconfirmed submission is searched for at an institution; None: ask a person."""
    process: Process | None
    """The process that executes, or executed, the run."""
    step_tree: StepTree | None
    unreadable: str = ""
    """Why this version cannot continue the run, and what to do; empty when it can."""


def why(view: RunView, around: DiagnosisContext) -> list[Reason]:
    """Return the causes, the run's own first."""
    diagnosis = _Diagnosis(view, around)
    if view.status is Status.FINISHED:
        return [diagnosis.of_the_end()]
    return [*diagnosis.of_the_run(), *diagnosis.of_steps()]


class _Diagnosis:
    """One run, and what is known around it."""

    def __init__(self, view: RunView, around: DiagnosisContext) -> None:
        self._view = view
        self._around = around
        self._zone = ZoneInfo(view.timezone)

    def of_the_run(self) -> Iterator[Reason]:
        """Yield why no process executes it; nothing when one does."""
        view = self._view
        resume = f"`almaflow resume {view.id}` continues it."
        if view.worked_on:
            return
        if self._around.unreadable:
            yield Reason(WaitingCause.NEWER, "", self._around.unreadable)
        elif view.held:
            given_up = view.status is Status.WAITING and not view.waits and view.reason
            why = f"It could not continue: {view.reason}" if given_up else "It was interrupted."
            text = f"{why} It is on hold until a person resumes it; {_KEEP_RUNNING}"
            yield Reason(WaitingCause.HELD, "", text, moves=(resume,))
        elif view.status is Status.WAITING and not view.waits:
            # It waits for a person; the step reports that.
            return
        elif self._around.process is not None:
            process = self._around.process
            yield Reason(
                WaitingCause.NOBODY,
                "",
                f"The process that executed it ({process.pid} on {process.host}) has died; "
                f"{_KEEP_RUNNING}",
                moves=(f"{resume} A process with `almaflow resume --all --watch` also does.",),
            )
        else:
            begun = "is executing it now" if view.started_at is not None else "has started it yet"
            yield Reason(WaitingCause.NOBODY, "", f"No process {begun}.", moves=(resume,))

    def of_steps(self) -> Iterator[Reason]:
        """Yield why each step in progress has not ended."""
        holders = {
            around for step in self._view.steps if _is_active(step) for around in _around(step.path)
        }
        for step in self._view.steps:
            if _is_active(step) and (step.path not in holders or step.reason):
                cause = self._of_step(step)
                if cause is not None:
                    yield cause

    def _of_step(self, step: StepView) -> Reason | None:
        if step.outcome is Outcome.UNKNOWN:
            return self._unknown(step)
        slot = self._queued(step)
        if slot is not None:
            return self._queue_reason(step, slot)
        if step.waiting is not None and step.waiting.kind is WaitingKind.PERSON:
            return self._person(step, step.waiting)
        intent = next((one for one in reversed(step.intents) if one.attempt == step.attempts), None)
        if intent is not None and intent.state in (EntryState.LOST, EntryState.INTENT):
            return self._lost(step, intent)
        submitted = intent is not None and is_submission(intent.effect)
        if intent is not None and submitted and intent.state is EntryState.DONE:
            return self._alma(step, intent)
        if step.reason:
            return Reason(WaitingCause.TIME, step.path, f"It waits: {_sentence(step.reason)}")
        if self._view.worked_on:
            return Reason(WaitingCause.TIME, step.path, "It is running right now.")
        return None

    # The causes

    def _unknown(self, step: StepView) -> Reason:
        details = [
            f"sent {self._at(one.sent_at)}: {one.told}"
            for one in step.intents
            if is_submission(one.effect)
        ]
        resolve = f"almaflow resolve {self._view.id} {step.path}"
        return Reason(
            WaitingCause.UNKNOWN,
            step.path,
            "It is not known whether Alma accepted what it submitted, so almaflow sends "
            "nothing before a person confirms the outcome.",
            tuple(details),
            (
                "Check in Alma (Admin > Monitor Jobs). If the job runs or ran there: "
                f"`{resolve} --instance ID`.",
                f"If Alma did not accept it: `{resolve} --not-submitted`. almaflow then "
                "submits it once more.",
            ),
        )

    def _person(self, step: StepView, waiting: Waiting) -> Reason:
        approve = f"almaflow approve {self._view.id} {step.path}"
        return Reason(
            WaitingCause.PERSON,
            step.path,
            f"A person has to approve: {waiting.text}",
            self._until(step),
            (f"`{approve}` approves, `{approve} --reject` rejects.",),
        )

    def _until(self, step: StepView) -> tuple[str, ...]:
        assert step.started_at is not None, "a step that waits has begun"
        until = f", until {self._at(step.deadline_at)}" if step.deadline_at is not None else ""
        return (f"it has been waiting since {self._at(step.started_at)}{until}",)

    def _lost(self, step: StepView, intent: RequestView) -> Reason:
        settle = self._around.settle(step.institution)
        if not is_submission(intent.effect):
            then = "if it does not appear in Alma in time, almaflow sends it once more"
        elif intent.effect == "submit" and settle is not None:
            sure_at = self._at(intent.sent_at + settle)
            then = f"if it does not appear in Alma by {sure_at}, almaflow submits it once more"
        else:
            then = "if it does not appear in Alma in time, a person has to check"
        looked = "; it searches about once a minute" if self._view.worked_on else ""
        return Reason(
            WaitingCause.LOST,
            step.path,
            f"The response to its request {intent.line}, sent {self._at(intent.sent_at)}, was "
            f"lost, so almaflow searches Alma for the outcome{looked}: {then}.",
            (intent.told,),
        )

    def _alma(self, step: StepView, intent: RequestView) -> Reason:
        job_id, instance_id = _job_of(intent), str(intent.result)
        status = _alma_status(step)
        text = f"Job {job_id} runs in Alma at {step.institution} as {instance_id}"
        text += f" ({status})" if status else ""
        since = self._around.now - intent.sent_at
        text += f", since {self._at(intent.sent_at)} ({_rough(since)})"
        slot = self._slot_of(step, intent.effect)
        account = slot.account if slot is not None else step.institution
        return Reason(
            WaitingCause.ALMA, step.path, f"{text}.", (self._usual(account, job_id, since),)
        )

    def _usual(self, account: str, job_id: str, since: timedelta) -> str:
        usual = self._around.durations.expected(account, job_id)
        if usual is None:
            return "its usual duration is not known yet"
        late = ", so it is late" if since > 2 * usual else ""
        return f"it usually takes {_rough(usual)}{late}"

    # Places

    def _slot_of(self, step: StepView, effect: str) -> JobSlot | None:
        spot = (step.path, step.attempts, effect)
        slots = self._around.own_slots
        return next((one for one in slots if (one.path, one.attempt, one.effect) == spot), None)

    def _queued(self, step: StepView) -> JobSlot | None:
        """Return the slot that a step waits for; None when it waits for none."""
        return next(
            (
                one
                for one in self._around.own_slots
                if (one.path, one.attempt) == (step.path, step.attempts)
                and one.state is SlotState.QUEUED
            ),
            None,
        )

    def _queue_reason(self, step: StepView, slot: JobSlot) -> Reason:
        holders = self._around.holders(slot.account)
        before = [one for one in self._around.queue(slot.account) if one.id < slot.id]
        details = [f"running: {self._holder(one)}" for one in holders[:_NAMED]]
        details += _and_more(len(holders), "are running")
        details += [
            f"before it: job {one.job_id} of run {one.run_id}, step {one.path}, requested "
            f"{self._at(one.asked_at)}"
            for one in before[:_NAMED]
        ]
        details += _and_more(len(before), "asked before")
        if slot.refusals:
            times = "once" if slot.refusals == 1 else f"{slot.refusals} times"
            details.append(f"Alma has refused it {times} so far")
        reason = _sentence(step.reason) if step.reason else "others asked before."
        return Reason(
            WaitingCause.PLACE,
            step.path,
            f"Job {slot.job_id} has been waiting for a slot since "
            f"{self._at(slot.asked_at)}: {reason}",
            tuple(details),
        )

    def _holder(self, slot: JobSlot) -> str:
        """Return which run holds a slot, since when, and when its job is expected to end."""
        instance = slot.instance_id or " or ".join(slot.candidates)
        as_ = f" as {instance}" if instance else ", as an unknown instance"
        whose = "this run" if slot.run_id == self._view.id else f"run {slot.run_id}"
        text = f"job {slot.job_id}{as_}, of {whose}, step {slot.path}"
        if slot.taken_at is None:
            return text
        usual = self._around.durations.expected(slot.account, slot.job_id)
        end = f", expected to end {self._at(slot.taken_at + usual)}" if usual is not None else ""
        return f"{text}, since {self._at(slot.taken_at)}{end}"

    def _at(self, at: datetime) -> str:
        return clock(at, self._around.now, self._zone)

    # A run that has ended

    def of_the_end(self) -> Reason:
        """Return why it ended as it did."""
        details = tuple(map(self._describe, self._to_report()))
        return Reason(WaitingCause.ENDED, "", self._text(), details, tuple(self._moves()))

    def _text(self) -> str:
        view = self._view
        ended = f" {self._at(view.ended_at)}" if view.ended_at else ""
        head = f"It ended as {view.outcome}{ended}"
        return f"{head}: {_sentence(view.error)}" if view.error else f"{head}."

    def _to_report(self) -> list[StepView]:
        """Return the innermost steps that did not end well, in the order in which they ended."""
        bad = [step for step in self._view.steps if step.tries and _is_bad(step)]
        around = {path for step in bad for path in _around(step.path)}
        innermost = [step for step in bad if step.path not in around]
        far = self._around.now + timedelta(days=1)
        innermost.sort(key=lambda step: step.ended_at or far)
        return innermost[:_NAMED]

    def _describe(self, step: StepView) -> str:
        tree = self._around.step_tree
        place = tree.place(step.path) if tree is not None else None
        line = f" ({place.line})" if place is not None and place.line else ""
        at = f" {self._at(step.ended_at)}" if step.ended_at else ""
        text = f"step {step.path}{line}: {step.outcome}{at}"
        return text + (f": {step.error}" if step.error else "")

    def _moves(self) -> Iterator[str]:
        view = self._view
        assert view.outcome is not None, "a run that has ended has an outcome"
        if view.outcome is Outcome.UNKNOWN:
            yield (
                "Check in Alma (Admin > Monitor Jobs) whether it accepted the submission, then "
                f"run `almaflow retry {view.id}`, which asks before it submits anything again."
            )
        elif not view.outcome.is_good:
            yield (
                f"When the cause is fixed, `almaflow retry {view.id}` retries the steps that "
                "failed and keeps the rest. A changed file counts for new runs only."
            )
        elif view.outcome is Outcome.WARNING:
            for step in self._to_report():
                yield f"`almaflow retry {view.id} --from {step.path}` starts again there."
                break


# --- words ----------------------------------------------------------------------------------------


def clock(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Return an instant for people in *zone*: the time of day, with the date unless it is today."""
    here, today = at.astimezone(zone), now.astimezone(zone).date()
    return f"{here:%H:%M:%S %Z}" if here.date() == today else f"{here:%Y-%m-%d %H:%M:%S %Z}"


def _rough(duration: timedelta) -> str:
    """Return a length of time to the second; of hours, to the minute."""
    whole = max(0, round(duration / timedelta(seconds=1)))
    return format_duration(timedelta(seconds=whole if whole < 3600 else whole // 60 * 60))


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _alma_status(step: StepView) -> str:
    """Return what Alma last said of the job that a step follows, and how far it is."""
    if step.waiting is None:
        return ""
    return ", ".join(part for part in (step.waiting.status, step.waiting.detail) if part)


def _job_of(intent: RequestView) -> str:
    return str(intent.request["path"]).rsplit("/", 1)[-1]


def _and_more(number: int, what: str) -> list[str]:
    return [f"and {number - _NAMED} more {what}"] if number > _NAMED else []


def _around(path: str) -> list[str]:
    """Return the paths around *path*, of steps and of the blocks in them."""
    parts = path.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts))]


def _is_active(step: StepView) -> bool:
    return step.status in (Status.RUNNING, Status.WAITING)


def _is_bad(step: StepView) -> bool:
    return step.outcome is not None and not step.outcome.is_good
