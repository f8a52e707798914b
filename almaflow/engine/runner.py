"""One run, from its record to its outcome: interprets the steps in order.

Resuming is running again: a step whose end is recorded returns it, one that had begun goes on from
what its effects recorded. Body, then `finally`, then `outputs`, then `notify`; a crash or Ctrl-C
ends none of them.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import anyio

from almaflow.clock import Clock
from almaflow.engine.context import Where
from almaflow.engine.durations import Durations
from almaflow.engine.institutions import Institutions
from almaflow.engine.interpreter import Interpreter
from almaflow.engine.journal import RunJournal
from almaflow.engine.limits import Limits
from almaflow.engine.names import Names, Scope
from almaflow.engine.telling import Told
from almaflow.errors import AlmaflowError
from almaflow.expressions import ExpressionFailed, parse_template, render
from almaflow.expressions.encoding import encode
from almaflow.fields import Template, format_duration, plain_value
from almaflow.outcome import Outcome
from almaflow.plan import Plan
from almaflow.steps.endings import Ending, Ends, OutcomeUnknown
from almaflow.store import EntryState, RunRecord

# What `finally` may take (design, section 4).
FINALLY = timedelta(minutes=30)

# Entries of the run itself, beside those of steps.
RUN = ""


class Suspended(AlmaflowError):
    """The run cannot go on until a person has looked; it waits, nothing is lost."""


class Runner:
    """One claimed run."""

    def __init__(
        self,
        plan: Plan,
        record: RunRecord,
        journal: RunJournal,
        institutions: Institutions,
        clock: Clock,
        chance: random.Random,
        durations: Durations,
    ) -> None:
        self._plan = plan
        self._record = record
        self._journal = journal
        self._clock = clock
        self._body_scope: anyio.CancelScope | None = None
        self._body_is_over = False
        self._names = Names(plan, record.attempt, record.started_at or clock.now())
        self._scope = Scope.of(plan)
        self._steps = Interpreter(
            plan, journal, institutions, clock, chance, durations, self._names
        )

    def cancel(self, by: str) -> None:
        """End the body as cancelled; `finally` and the rest still follow."""
        if not self._body_is_over and not self._steps.cancelled_by:
            self._steps.cancelled_by = by
            if self._body_scope is not None:
                self._body_scope.cancel()

    async def run(self) -> None:
        """Run to the end and record it.

        Raises:
            Suspended: a person has to look first; the run waits.
        """
        ending = await self._body()
        self._body_is_over = True
        # From here on a step that is stopped was interrupted: nobody cancels what cleans up.
        self._steps.cancelled_by = ""
        self._steps.recall_all(self._plan.workflow.steps, "", self._scope)
        self._names.body_ended(ending)
        ending = await self._finally(ending)
        outputs = None
        if ending.outcome in (Outcome.SUCCEEDED, Outcome.WARNING):
            outputs = self._outputs()
        await self._notices(ending)
        self._journal.tell(
            Told.RUN, text=ending.error, outcome=ending.outcome.value, status="finished"
        )
        await self._journal.finish(ending.outcome, ending.error, outputs)

    # The phases

    async def _body(self) -> Ending:
        recorded = self._steps.recorded(RUN, 1, "body")
        if recorded is not None:
            return recorded
        deadline = self._record.deadline_at
        assert deadline is not None, "a run that has begun has a deadline"
        ending = Ending()
        with anyio.CancelScope() as self._body_scope:
            if self._steps.cancelled_by:
                self._body_scope.cancel()
            with Limits().within(deadline, "the run", self._clock) as (limits, limit):
                ending = await self._until_known(limits)
            if limit.scope.cancelled_caught:
                took = format_duration(self._plan.workflow.timeout)
                ending = Ending(Outcome.TIMED_OUT, f"The run did not end within {took}.")
        if self._body_scope.cancelled_caught:
            ending = Ending(Outcome.CANCELLED, f"Cancelled by {self._steps.cancelled_by}.")
        self._body_scope = None
        ending = self._with_unknown(ending)
        await self._record_ending(RUN, 1, "body", ending)
        return ending

    async def _until_known(self, limits: Limits) -> Ending:
        """Run the steps; raises `Suspended` when nobody can tell what became of a write."""
        try:
            ending = await self._steps.run_list(self._plan.workflow.steps, "", self._where(limits))
        except OutcomeUnknown as error:
            if self._record.deadline_at is not None and (
                self._clock.now() < self._record.deadline_at
            ):
                raise Suspended(str(error)) from error
            return Ending(Outcome.UNKNOWN, str(error))
        if ending.ends is Ends.SKIP:
            warned = ending.outcome is Outcome.WARNING
            return Ending(Outcome.WARNING if warned else Outcome.SKIPPED, ending.error)
        return Ending(ending.outcome, ending.error)

    def _with_unknown(self, ending: Ending) -> Ending:
        """Return *ending*, or unknown when a write was lost: a lost answer outweighs the rest."""
        paths = ", ".join(sorted({entry.path for entry in self._steps.lost_writes()}))
        if ending.outcome is Outcome.UNKNOWN or not paths:
            return ending
        return Ending(
            Outcome.UNKNOWN,
            f"{ending.error} Nobody can tell whether Alma took what step {paths} sent.".strip(),
        )

    async def _finally(self, body: Ending) -> Ending:
        """Run `finally`; a failure there turns a good ending into a warning."""
        steps = self._plan.workflow.finally_
        if not steps:
            return body
        began = self._journal.get("finally", 1, "begin")
        if began is None:
            deadline = self._clock.now() + FINALLY
            began = await self._journal.record(
                "finally", 1, "begin", EntryState.DONE, value={"deadline": deadline.isoformat()}
            )
        deadline = datetime.fromisoformat(began.value["deadline"])
        ending = Ending(Outcome.TIMED_OUT, f"did not end within {format_duration(FINALLY)}")
        with Limits().within(deadline, "finally", self._clock) as (limits, _):
            try:
                ending = await self._steps.run_list(steps, "finally/", self._where(limits))
            except OutcomeUnknown as error:
                ending = Ending(Outcome.UNKNOWN, str(error))
        if ending.outcome.is_good and ending.outcome is not Outcome.WARNING:
            return body
        if body.outcome in (Outcome.SUCCEEDED, Outcome.SKIPPED):
            return Ending(Outcome.WARNING, f"In `finally`: {ending.error}")
        return body

    def _outputs(self) -> dict[str, Any]:
        """Work out the outputs; one that cannot be is left out and named."""
        names = self._names.at(self._clock.now(), self._scope)
        outputs = {}
        for name, value in self._plan.workflow.outputs.items():
            try:
                outputs[name] = encode(_rendered(value, names))
            except ExpressionFailed as error:
                self._journal.tell(Told.SAID, text=f"The output `{name}` is left out: {error}")
        return outputs

    async def _notices(self, ending: Ending) -> None:
        """Say how the run ended to whoever wants to hear; each once, unless a crash intervenes."""
        events = {ending.outcome.value} | (
            {"failed"} if ending.outcome in (Outcome.TIMED_OUT, Outcome.UNKNOWN) else set()
        )
        for number, notice in enumerate(self._plan.workflow.notify, start=1):
            effect = f"notice-{number}"
            if not events & set(notice.on) or self._journal.get(RUN, 1, effect) is not None:
                continue
            said = f"{self._plan.name} ended as {ending.outcome}. {ending.error}".strip()
            self._journal.tell(Told.NOTICE, text=said, to=notice.to)
            await self._journal.record(RUN, 1, effect, EntryState.DONE)

    def _where(self, limits: Limits) -> Where:
        return Where(self._scope, limits, self._plan.institution)

    async def _record_ending(self, path: str, attempt: int, effect: str, ending: Ending) -> None:
        value = {"outcome": ending.outcome.value, "error": ending.error}
        await self._journal.record(path, attempt, effect, EntryState.DONE, value=value)


def _rendered(value: Any, names: dict[str, Any]) -> Any:
    match value:
        case Template():
            return render(parse_template(value.text), names)
        case dict():
            return {key: _rendered(item, names) for key, item in value.items()}
        case list():
            return [_rendered(item, names) for item in value]
    return plain_value(value)
