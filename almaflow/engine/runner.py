"""One run, from its record to its outcome.

A resumed run starts from the beginning: a step with a recorded end returns it, and a step that had
begun continues from its recorded effects. Steps, then `finally`, then `outputs`, then `notify`.
After a crash or Ctrl-C the run continues with the phase it was in.
"""

from __future__ import annotations

import anyio

from almaflow.durations import format_duration
from almaflow.engine.attempt import RunState
from almaflow.engine.deadlines import Deadlines
from almaflow.engine.history import RunHistory
from almaflow.engine.interpreter import Interpreter
from almaflow.engine.journal import RunJournal
from almaflow.engine.names import Names, Scope
from almaflow.engine.notifications import RunNotifications
from almaflow.engine.resources import Services
from almaflow.engine.scope import ExecutionScope, Halted, StepLimit
from almaflow.engine.workflow_phases import Phases, recorded_outputs
from almaflow.errors import AlmaflowError
from almaflow.outcome import Outcome
from almaflow.plan import Plan
from almaflow.runs.events import EventKind
from almaflow.steps.result import OutcomeUnknown, StepResult
from almaflow.store import EntryState, RunRecord

# The path of the run's own journal entries.
RUN = ""


class Suspended(AlmaflowError):
    """The run cannot continue until a person has checked; it waits, nothing is lost."""


class Runner:
    """One claimed run."""

    def __init__(
        self, plan: Plan, record: RunRecord, journal: RunJournal, services: Services
    ) -> None:
        self._plan = plan
        self._record = record
        self._journal = journal
        self._clock = services.clock
        self._body_scope: anyio.CancelScope | None = None
        self._body_is_over = False
        self._names = Names(plan, record.attempt, record.started_at or services.clock.now())
        history = RunHistory(journal, _kept(journal, record.attempt))
        self._state = RunState(services, journal, history)
        self._steps = Interpreter(self._state)
        where = ExecutionScope(
            plan, self._names, Scope.of(plan), Deadlines(), plan.institution, StepLimit(journal)
        )
        self._notices = RunNotifications(plan, journal, services, RUN, record.attempt)
        self._outbox = services.outbox
        self._phases = Phases(
            self._state,
            self._steps.run_list,
            self._steps.recall_all,
            where,
            prefix="",
            finally_path="finally",
            finally_effect="begin",
            attempt=record.attempt,
        )

    def cancel(self, by: str) -> None:
        """Cancel the steps; `finally` and the later phases still run."""
        if not self._body_is_over and not self._state.cancelled_by:
            self._state.cancelled_by = by
            if self._body_scope is not None:
                self._body_scope.cancel()

    async def run(self) -> None:
        """Execute the run to its end and record the outcome.

        Raises:
            Suspended: a person has to check first; the run waits.
        """
        ending = await self._body()
        ending = await self._phases.finally_(ending)
        outputs = None
        if ending.outcome in (Outcome.SUCCEEDED, Outcome.WARNING):
            outputs = recorded_outputs(self._phases.outputs(ending))
        notices = await self._notices.about(ending)
        self._journal.report(
            EventKind.RUN, text=ending.error, outcome=ending.outcome.value, status="finished"
        )
        await self._journal.finish(ending.outcome, ending.error, outputs, notices)
        self._outbox.wake(notices)

    # The phases

    async def _body(self) -> StepResult:
        recorded = self._state.history.ending(RUN, self._record.attempt, "body")
        if recorded is not None:
            self._body_is_over = True
            return recorded
        deadline = self._record.deadline_at
        assert deadline is not None, "a run that has begun has a deadline"
        ending, closing = StepResult(), None
        with anyio.CancelScope() as self._body_scope:
            if self._state.cancelled_by:
                self._body_scope.cancel()
            with Deadlines().within(deadline, "the run", self._clock) as (limits, limit):
                ending = await self._until_known(limits)
            if ending.outcome is Outcome.UNKNOWN:
                closing = ending
            if limit.scope.cancelled_caught:
                took = format_duration(self._plan.workflow.timeout)
                ending = StepResult(Outcome.TIMED_OUT, f"The run did not end within {took}.")
                closing = StepResult(Outcome.TIMED_OUT, "The time limit of the run expired.")
        if self._body_scope.cancelled_caught:
            ending = StepResult(Outcome.CANCELLED, f"Cancelled by {self._state.cancelled_by}.")
            closing = ending
        self._body_scope = None
        # From here on, a stopped step was interrupted: `finally` cannot be cancelled.
        self._body_is_over, self._state.cancelled_by = True, ""
        if closing is not None:
            await self._steps.open.close(RUN, closing, self._phases.where)
        ending = self._with_unknown(ending)
        value = {"outcome": ending.outcome.value, "error": ending.error}
        key = (RUN, self._record.attempt, "body")
        workflow = self._plan.workflow
        if workflow.finally_ or workflow.notify or workflow.outputs:
            await self._journal.record(*key, EntryState.DONE, value=value)
        else:
            # No other phase follows, so it is recorded together with the end of the run.
            self._journal.record_soon(*key, value)
        return ending

    async def _until_known(self, limits: Deadlines) -> StepResult:
        """Run the steps; raises `Suspended` when the outcome of a write is not known."""
        try:
            return await self._phases.body(limits)
        except Halted as error:
            return StepResult(Outcome.FAILED, str(error))
        except OutcomeUnknown as error:
            if self._record.deadline_at is not None and (
                self._clock.now() < self._record.deadline_at
            ):
                raise Suspended(str(error)) from error
            return StepResult(Outcome.UNKNOWN, str(error))

    def _with_unknown(self, ending: StepResult) -> StepResult:
        """Return *ending*, or unknown when a write is unconfirmed, which outweighs all others."""
        paths = ", ".join(sorted({entry.path for entry in self._state.history.lost()}))
        if ending.outcome is Outcome.UNKNOWN or not paths:
            return ending
        return StepResult(
            Outcome.UNKNOWN,
            f"{ending.error} It is not known whether Alma accepted what step {paths} sent.".strip(),
        )


def _kept(journal: RunJournal, attempt: int) -> dict[str, int]:
    """Return, by path, the last attempt in earlier attempts at the run, for retried steps."""
    kept: dict[str, int] = {}
    for number in range(2, attempt + 1):
        entry = journal.get(RUN, number, "retry")
        assert entry is not None, "a new attempt at a run is recorded with what it repeats"
        kept |= entry.value["redo"]
    return kept
