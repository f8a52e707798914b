"""Starting a job in Alma, following its run and judging how it ended.

Shared by the kinds that submit (`submit_job`, `run_profile`); `engine/alma_writes/submission.py`
sees to it that a submission leaves once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from almaflow.alma import calls
from almaflow.alma.job_status import KNOWN_STATUSES, is_terminal
from almaflow.alma.value_parsing import FURTHEST_CLOCK
from almaflow.alma.wire import JobInstance, JobParameter
from almaflow.expressions import (
    ANYTHING,
    COUNTERS,
    INSTANT,
    NUMBER,
    TEXT,
    Counters,
    ExpressionFailed,
    ListType,
    Type,
)
from almaflow.field_types import Condition, Flag, Message, Model, Several
from almaflow.outcome import Outcome
from almaflow.steps.base import EndingWord, Kind, PollSettings, ScopedExpression
from almaflow.steps.result import StepFailed, StepResult
from almaflow.waiting import Waiting, WaitingKind

if TYPE_CHECKING:
    from almaflow.steps.context import StepContext, Submission

# What Alma writes about a run may come a little after its status.
COUNTER_LAG = timedelta(seconds=30)

# Each look comes this much later than the one before, up to the longest time between two.
GROWTH = 1.5

REPORTED = 5
"""By which factor polls are rarer where webhooks report the ends of jobs."""

OUTCOME_OF_STATUS: Mapping[str, Outcome] = {
    "COMPLETED_SUCCESS": Outcome.SUCCEEDED,
    "COMPLETED_WARNING": Outcome.WARNING,
    "COMPLETED_NO_BULKS": Outcome.SUCCEEDED,
}
"""What Alma's terminal codes mean for a step; every other one is a failure."""

JOB_OUTPUTS: Mapping[str, Type] = {
    "job_id": TEXT,
    "instance_id": TEXT,
    "status": TEXT,
    "counters": COUNTERS,
    "alerts": ListType(ANYTHING),
    "progress": NUMBER,
    "submitted_at": INSTANT,
    "link": TEXT,
}


class Expectation(Model):
    """What must hold when the job has ended; otherwise the step fails."""

    short: ClassVar[str | None] = "that"

    that: Condition = Field(
        description="An expression over the step's own outputs (`status`, `counters`, "
        "`alerts`) and everything else in scope."
    )
    message: Message | None = Field(
        default=None, description="The message of the failure; default: the expression."
    )


class JobStep(Kind):
    """What the kinds that start a job have in common."""

    outputs = JOB_OUTPUTS
    starts_job = True
    follows_job = True

    expect: Several[Expectation] = Field(
        default=[],
        description="What must be true when the job has ended. COMPLETED_SUCCESS does not "
        "mean that records were processed; check the counters.",
    )
    accept: Several[EndingWord] = Field(
        default=[],
        description="Alma status codes that count as success, in addition to the usual ones.",
    )
    wait: Flag = Field(
        default=True,
        description="`false`: end the step as soon as Alma has accepted the job, without "
        "waiting for its end.",
    )
    poll: PollSettings | None = Field(default=None, description="How often almaflow polls the job.")

    def scoped(self) -> Iterator[ScopedExpression]:
        for place, expectation in enumerate(self.expect):
            yield ScopedExpression(("expect", place, "that"), expectation.that, self.outputs)
            if expectation.message is not None:
                yield ScopedExpression(
                    ("expect", place, "message"), expectation.message, self.outputs
                )

    async def start_and_judge(
        self,
        context: StepContext,
        job_id: str,
        job_name: str,
        make: Callable[[str], Sequence[JobParameter]],
    ) -> StepResult:
        """Submit the job once, follow its run to the end unless told not to, and judge it.

        *make* returns the parameters of a submission with a marker, as for `submit`.
        """
        submitted = await context.submit(job_id, job_name, make)
        begin_following(context, job_id, submitted)
        context.say(f"Alma is running {job_name} ({job_id}) as instance {submitted.instance_id}.")
        if not self.wait:
            return StepResult()
        return await self.follow_and_judge(context, job_id, job_name, submitted)

    async def follow_and_judge(
        self,
        context: StepContext,
        job_id: str,
        job_name: str,
        submitted: Submission,
        *,
        look_now: bool = False,
    ) -> StepResult:
        """Follow a run of a job to its end and judge it.

        *look_now*: it may have ended already, so the first look does not wait.
        """
        await self._follow(context, job_id, submitted, look_now=look_now)
        return await self._judge(context, job_id, job_name, submitted.instance_id)

    async def _follow(
        self, context: StepContext, job_id: str, submitted: Submission, *, look_now: bool
    ) -> None:
        """Look at the run, less and less often, until it has ended."""
        poll = self.poll or context.poll
        instance_id = submitted.instance_id
        # In UTC: an hour later by the clock on the wall may be two.
        submitted_at = submitted.at.astimezone(UTC)
        expected = context.expected_duration(job_id)
        pace, now = poll.first, context.clock.now()
        # Whatever the clocks say, no look is further away than the poll settings allow.
        look_at = now if look_now else min(submitted_at + pace, now + pace)
        while True:
            status, progress = context.outputs["status"], context.outputs["progress"]
            text = f"job {job_id} is running in Alma as instance {instance_id}"
            waiting = Waiting(WaitingKind.JOB, text, status=status)
            detail = f"{progress:g} %" if status else ""
            reported = await context.wait_until(look_at, waiting, detail, instance_id=instance_id)
            instance = await context.read(calls.instance(instance_id, job_id), poll=True)
            await context.seen(job_id, instance)
            take_over(context.outputs, instance)
            context.progress(
                instance.status or "no status yet", instance.progress, context.outputs["counters"]
            )
            # By Alma's clock on both sides; ours may be far from it.
            began_at = instance.submit_time or context.alma_time(submitted_at)
            if is_terminal(instance):
                break
            elapsed = context.alma_time(context.clock.now()) - began_at
            pace = next_pace(pace, poll, expected, elapsed)
            if context.saves_calls():
                pace = max(poll.first, poll.max)
            if reported:
                # Alma reports an end before it shows it.
                pace = poll.first
            elif context.reports_arrive():
                pace = REPORTED * max(poll.first, poll.max)
            look_at = context.clock.now() + pace
        if instance.end_time is not None:
            # What has ended lasted until now at the most; clocks may be apart.
            longest = context.clock.now() - submitted_at + FURTHEST_CLOCK
            lasted = min(instance.end_time - began_at, longest)
            context.learn_duration(job_id, max(timedelta(), lasted))

    async def _judge(
        self, context: StepContext, job_id: str, job_name: str, instance_id: str
    ) -> StepResult:
        if self.expect and not self._counters_are_there(context):
            text = "the job has ended, but its counters are not available yet"
            await context.sleep(COUNTER_LAG, Waiting(WaitingKind.JOB, text))
            again = await context.read(calls.instance(instance_id, job_id), poll=True)
            take_over(context.outputs, again)
        status = context.outputs["status"]
        outcome = OUTCOME_OF_STATUS.get(status, Outcome.FAILED)
        if status in self.accept:
            outcome = Outcome.SUCCEEDED
        message = f"Alma ended {job_name} ({job_id}, instance {instance_id}) as {status}"
        if outcome is Outcome.FAILED:
            raise StepFailed(message + _explained(status, context.outputs), status=status)
        for expectation in self.expect:
            self._expect(context, expectation, status)
        if outcome is Outcome.WARNING:
            return StepResult(outcome, message + _explained(status, context.outputs))
        return StepResult(outcome)

    def _counters_are_there(self, context: StepContext) -> bool:
        """Whether there are counters, and all that the expectations ask for."""
        try:
            for expectation in self.expect:
                context.holds(expectation.that, own=True)
        except ExpressionFailed:
            return False
        return bool(context.outputs["counters"])

    @staticmethod
    def _expect(context: StepContext, expectation: Expectation, status: str) -> None:
        """Raise `StepFailed` unless what is expected holds."""
        try:
            if context.holds(expectation.that, own=True):
                return
            why = f"`{expectation.that.text}` is not true"
        except ExpressionFailed as error:
            why = f"`{expectation.that.text}` cannot be evaluated: {error}"
        if expectation.message is not None:
            why = f"{context.message(expectation.message, own=True)} ({why})"
        there = ", ".join(f"{one['key']} = {one['value']}" for one in context.outputs["counters"])
        raise StepFailed(
            f"An expectation was not met: {why}. Alma ended the job as {status}; "
            + (f"its counters: {there}." if there else "it reported no counters."),
            status=status,
        )


def begin_following(context: StepContext, job_id: str, submitted: Submission) -> None:
    """Put into a step's outputs what is known of a run before the first look at it."""
    href = f"/almaws/v1/conf/jobs/{job_id}/instances/{submitted.instance_id}"
    context.outputs.update(
        job_id=job_id,
        instance_id=submitted.instance_id,
        status="",
        counters=Counters(),
        alerts=[],
        progress=0,
        submitted_at=submitted.at,
        link=context.link(href),
    )


def take_over(outputs: dict[str, Any], instance: JobInstance) -> None:
    """Put what Alma says of its run into a step's outputs, JSON-able."""
    outputs["status"] = instance.status
    outputs["progress"] = instance.progress or 0
    outputs["counters"] = Counters(
        {"key": counter.key, "label": counter.label, "value": counter.value}
        for counter in instance.counters
    )
    outputs["alerts"] = [{"code": alert.key, "text": alert.text} for alert in instance.alerts]


def next_pace(
    pace: timedelta, poll: PollSettings, expected: timedelta | None, elapsed: timedelta
) -> timedelta:
    """Return the time until the next look.

    It grows from look to look; a job whose usual duration is known is first checked about
    half-way to its expected end.
    """
    longest = max(poll.first, poll.max)
    pace = min(longest, pace * GROWTH)
    if expected is not None and expected > elapsed:
        pace = min(longest, max(pace, (expected - elapsed) / 2))
    return pace


def _explained(status: str, outputs: Mapping[str, Any]) -> str:
    """Return what the status means, what Alma's alerts say, and where its report is."""
    alerts = " ".join(alert["text"] for alert in outputs["alerts"])
    meaning = KNOWN_STATUSES.get(status, "a status that almaflow does not know")
    said = f" ({meaning})" + (f": {alerts}" if alerts else "")
    return f"{said.rstrip('.')}. Alma's report: {outputs['link']}"
