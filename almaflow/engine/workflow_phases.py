"""The phases of one workflow, either of the run or called in it: steps, `finally`, `outputs`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from almaflow.engine.attempt import RunState
from almaflow.engine.deadlines import Deadlines
from almaflow.engine.scope import ExecutionScope, Halted, StepLimit
from almaflow.expressions import Budget, ExpressionFailed, parse_template, render
from almaflow.expressions.serialization import encode
from almaflow.field_types import Template, format_duration, plain_value
from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome
from almaflow.runs.events import EventKind
from almaflow.steps.base import StepBase
from almaflow.steps.result import BlockExit, OutcomeUnknown, StepResult
from almaflow.store import EntryState
from almaflow.workflow import FINALLY

RunSteps = Callable[[Sequence[StepBase], str, ExecutionScope], Awaitable[StepResult]]
"""Runs steps in order; the text is the beginning of their paths."""

Recall = Callable[[Sequence[StepBase], str, ExecutionScope], None]
"""Makes the recorded values of these steps visible; the text as for `RunSteps`."""


@dataclass
class Phases:
    """One workflow within a run.

    *prefix* is the beginning of its steps' paths. The begin of `finally` is recorded under the path
    *finally_path*, *attempt* and *finally_effect*.
    """

    state: RunState
    run_steps: RunSteps
    recall: Recall
    where: ExecutionScope
    prefix: str
    finally_path: str
    finally_effect: str
    attempt: int

    async def body(self, limits: Deadlines) -> StepResult:
        """Run the steps; `stop` and `skip` end the workflow.

        Raises: OutcomeUnknown.
        """
        steps = self.where.plan.workflow.steps
        where = replace(self.where, limits=limits)
        ending = await self.run_steps(steps, self.prefix, where)
        if ending.ends is BlockExit.SKIP and ending.outcome is not Outcome.WARNING:
            return StepResult(Outcome.SKIPPED, ending.error)
        return StepResult(ending.outcome, ending.error, at=ending.at)

    async def finally_(self, body: StepResult) -> StepResult:
        """Run `finally` and return the result of the workflow.

        A failure in `finally` turns a good outcome into a warning and changes nothing else.
        """
        workflow = self.where.plan.workflow
        self.recall(workflow.steps, self.prefix, self.where)
        self.where.names.block_ended(body)
        if not workflow.finally_:
            return body
        deadline = await self._deadline()
        ending = StepResult(Outcome.TIMED_OUT, f"did not end within {format_duration(FINALLY)}")
        clock = self.state.services.clock
        with self.where.limits.within(deadline, "finally", clock) as (limits, _):
            # `finally` runs even if a parallel block has failed.
            halt = StepLimit(self.state.journal, of_finally=True)
            where = replace(self.where, limits=limits, halt=halt)
            try:
                ending = await self.run_steps(workflow.finally_, f"{self.prefix}finally/", where)
            except OutcomeUnknown as error:
                ending = StepResult(Outcome.UNKNOWN, str(error))
            except Halted as error:
                ending = StepResult(Outcome.FAILED, str(error))
        if ending.outcome.is_good and ending.outcome is not Outcome.WARNING:
            return body
        if body.outcome in (Outcome.SUCCEEDED, Outcome.SKIPPED):
            return StepResult(Outcome.WARNING, f"In `finally`: {ending.error}")
        return body

    async def _deadline(self) -> datetime:
        """Return when `finally` must have ended; recorded when it begins.

        A process that continues `finally` restarts its time limit, because almaflow may have been
        stopped for hours and the clean-up still has to run.
        """
        journal, now = self.state.journal, self.state.services.clock.now()
        key = (self.finally_path, self.attempt, self.finally_effect)
        began = journal.get(*key)
        if began is None:
            value = {"deadline": (now + FINALLY).isoformat()}
            began = await journal.record(*key, EntryState.DONE, value=value)
        if began.epoch != journal.claim.epoch:
            return now + FINALLY
        return datetime.fromisoformat(began.value["deadline"])

    def outputs(self, ending: StepResult) -> dict[str, Any]:
        """Evaluate the outputs after a good outcome; an output that fails is omitted and logged."""
        if ending.outcome not in (Outcome.SUCCEEDED, Outcome.WARNING):
            return {}
        names = self.where.names.at(self.state.services.clock.now(), self.where.scope)
        outputs = {}
        budget = Budget()
        for name, value in self.where.plan.workflow.outputs.items():
            try:
                outputs[name] = _rendered(value, names, budget)
            except ExpressionFailed as error:
                text = f"The output `{name}` is omitted: {error}"
                self.state.journal.report(EventKind.SAID, self.prefix.rstrip("/"), text)
        return outputs


def _rendered(value: Any, names: dict[str, Any], budget: Budget) -> Any:
    match value:
        case Template():
            return render(parse_template(value.text), names, budget)
        case dict():
            return {key: _rendered(item, names, budget) for key, item in value.items()}
        case list():
            return [_rendered(item, names, budget) for item in value]
    return plain_value(value)


def recorded_outputs(outputs: dict[str, Any]) -> dict[str, Any]:
    """Return outputs as they are recorded."""
    return {name: encode(value) for name, value in outputs.items()}
