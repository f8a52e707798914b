"""Interprets the steps of a run in order and records the begin and end of each attempt.

A resumed run starts from the beginning: a step with a recorded end returns it, and a step that had
begun continues from its recorded effects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import anyio

from almaflow.alma.errors import NotInAlma
from almaflow.engine.alma_writes.journaled_request import RequestChanged
from almaflow.engine.attempt import RunState
from almaflow.engine.history import EarlyEnd
from almaflow.engine.names import Scope
from almaflow.engine.parallel import ParallelBlocks
from almaflow.engine.scope import ExecutionScope, Halted
from almaflow.engine.simulated_waits import SimulationTooLong
from almaflow.engine.step_context import AttemptContext
from almaflow.engine.termination import OpenAttempts, left_open
from almaflow.engine.workflow_phases import Phases
from almaflow.errors import AlmaflowError, StoreError
from almaflow.late_dataclasses import dataclass
from almaflow.outcome import MAY_CONTINUE, Outcome, worst
from almaflow.plan import Plan, check_environment, sub_plan
from almaflow.runs.events import EventKind
from almaflow.steps.base import Block, BlockResult, StepBase
from almaflow.steps.result import OutcomeUnknown, StepFailed, StepResult
from almaflow.steps.tree import StepNode, walk
from almaflow.store import ValueUnfit
from almaflow.waiting import Waiting, WaitingKind


class Interpreter:
    """Runs the steps of one claimed run."""

    def __init__(self, state: RunState) -> None:
        self.state = state
        self.services = state.services
        self.journal = state.journal
        self.history = state.history
        self.open = OpenAttempts(state)

    async def run_list(
        self, steps: Sequence[StepBase], prefix: str, where: ExecutionScope
    ) -> StepResult:
        """Run steps in order until one of them ends the list."""
        outcomes = [Outcome.SUCCEEDED]
        for place, step in enumerate(steps, start=1):
            path = prefix + step.label(place)
            if not self.history.has_begun(path):
                await anyio.lowlevel.checkpoint_if_cancelled()
                if where.halt.is_set:
                    raise Halted(where.halt.why(path))
            ending = await self._step(step, path, where)
            if ending.outcome.is_good:
                outcomes.append(ending.outcome)
                if ending.ends is not None:
                    return StepResult(worst(outcomes), ending.error, ending.ends)
            elif step.on_failure == "continue" and ending.outcome in MAY_CONTINUE:
                outcomes.append(Outcome.WARNING)
            else:
                named = ending.error if ending.at else f"Step {path}: {ending.error}"
                return StepResult(ending.outcome, named, at=ending.at or path)
        return StepResult(worst(outcomes))

    async def _step(self, step: StepBase, path: str, where: ExecutionScope) -> StepResult:
        """Run all attempts of a step, show its values to later steps, and return its result."""
        attempt = self.history.first_attempt(path)
        while True:
            ending = await self._attempt(step, path, attempt, where)
            again_at = self.history.again_at(step, path, attempt, where.plan.workflow)
            if again_at is None:
                return ending
            attempt += 1
            if self.journal.get(path, attempt, "begin") is None:
                context = self._context(path, attempt, again_at, where)
                if not where.halt.is_set:
                    text = f"attempt {attempt} follows"
                    waiting = Waiting(WaitingKind.TIME, text, until=again_at)
                    await context.wait_until(again_at, waiting)
                if where.halt.is_set:
                    return ending

    async def _attempt(
        self, step: StepBase, path: str, attempt: int, where: ExecutionScope
    ) -> StepResult:
        ending = self.history.ending(path, attempt)
        if ending is None:
            ending = await self._perform(step, path, attempt, where)
        self._recall(StepNode(step, path).walk(shared=True), where)
        return ending

    def recall_all(self, steps: Sequence[StepBase], prefix: str, where: ExecutionScope) -> None:
        """Show the recorded values of *steps*, and of those inside them, to later steps."""
        self._recall(walk(steps, prefix, shared=True), where)

    def _recall(self, nodes: Iterable[StepNode], where: ExecutionScope) -> None:
        for node in nodes:
            facts = self.history.facts(node.path, where.plan.zone)
            if facts is not None:
                where.scope.ended(node.step.id, facts)

    async def _perform(
        self, step: StepBase, path: str, attempt: int, where: ExecutionScope
    ) -> StepResult:
        """Perform one attempt and record its result."""
        begin = await self._begin(step, path, attempt, where)
        here = replace(where, institution=begin["institution"])
        context = self._context(path, attempt, datetime.fromisoformat(begin["now"]), here)
        if not begin["if"] or begin["error"]:
            ending = StepResult(Outcome.FAILED if begin["if"] else Outcome.SKIPPED, begin["error"])
            return await self.open.end(context, ending, begin)
        self.open.attempts[path, attempt] = (context, begin)
        try:
            if begin["deadline"] is None:
                ending, status = await self._outcome_of(step, context)
            else:
                ending, status = await self._outcome_in_time(step, context, begin["deadline"])
        except Halted as error:
            ending = StepResult(Outcome.SKIPPED, str(error))
            await self.open.end(context, ending, begin, halted=True)
            raise
        except anyio.get_cancelled_exc_class():
            reason = self.state.why_ended(where)
            if reason is not None and not self.open.needs_work(path):
                # A cancellation or deadline ends the step and is recorded; after Ctrl-C the run
                # continues.
                with anyio.CancelScope(shield=True):
                    await self.open.end(context, reason, begin)
            raise
        return await self.open.end(context, ending, begin, status)

    async def _begin(
        self, step: StepBase, path: str, attempt: int, where: ExecutionScope
    ) -> dict[str, Any]:
        """Return the value recorded with an attempt's begin; record it if there is none."""
        entry = self.journal.get(path, attempt, "begin")
        if entry is not None:
            return dict(entry.value)
        now = self.services.clock.now()
        timeout = step.timeout or where.plan.workflow.defaults.timeout
        first = self.journal.get(path, self.history.first_attempt(path), "begin")
        deadline = first.value["deadline"] if first is not None else None
        if first is None and timeout is not None:
            deadline = (now + timeout).isoformat()
        begin: dict[str, Any] = {
            "now": now.isoformat(),
            "deadline": deadline,
            "if": True,
            "institution": where.institution,
            "error": "",
        }
        context = self._context(path, attempt, now, where)
        try:
            if step.if_ is not None and first is None:
                begin["if"] = context.holds(step.if_)
            if step.institution is not None and begin["if"]:
                named = context.text(step.institution)
                self._check_environment(where.plan, named)
                begin["institution"] = named
        except AlmaflowError as error:
            begin["error"] = self.services.text_of(error)
        if begin["if"]:
            self.journal.report(
                EventKind.BEGAN, path, step.name or "", kind=step.kind.key, attempt=attempt
            )
        self.journal.record_soon(path, attempt, "begin", begin)
        return begin

    async def _outcome_in_time(
        self, step: StepBase, context: BlockContext, deadline: str
    ) -> tuple[StepResult, str]:
        """Perform the step within its own deadline."""
        instant = datetime.fromisoformat(deadline)
        what = f"step {context.path}"
        outer = context.where
        with outer.limits.within(instant, what, self.services.clock) as (limits, limit):
            context.where = replace(outer, limits=limits)
            return await self._outcome_of(step, context)
        assert limit.expired, "a step's limit ended before it expired"
        context.where = outer
        text = f"The time limit of {what} expired."
        await self._close_inside(context, StepResult(Outcome.TIMED_OUT, text), outer)
        return step.kind.timed_out(text + left_open(context)), ""

    async def _outcome_of(self, step: StepBase, context: BlockContext) -> tuple[StepResult, str]:
        """Perform the step. A failure becomes its result, returned with Alma's status."""
        if not step.kind.composite:
            # A step that was cancelled before a resume is not performed again.
            await anyio.lowlevel.checkpoint_if_cancelled()
        try:
            return await step.kind.perform(context), str(context.outputs.get("status", ""))
        except StepFailed as error:
            return StepResult(Outcome.FAILED, str(error)), error.status
        except ValueUnfit as error:
            return StepResult(Outcome.FAILED, str(error)), ""
        except (OutcomeUnknown, RequestChanged, SimulationTooLong, StoreError):
            raise
        except NotInAlma as error:
            # A simulated Alma hints at the line that its scenario needs.
            text = f"{error} {context.connection.client.provide_missing(error)}".strip()
            return StepResult(Outcome.FAILED, text), ""
        except AlmaflowError as error:
            return StepResult(Outcome.FAILED, self.services.text_of(error)), ""

    def _context(
        self, path: str, number: int, now: datetime, where: ExecutionScope
    ) -> BlockContext:
        return BlockContext(
            state=self.state, path=path, number=number, now=now, where=where, interpreter=self
        )

    # Steps inside steps

    async def run_block(self, block: Block, path: str, where: ExecutionScope) -> StepResult:
        """Run the steps of a block in order."""
        return await self.run_list(block.steps, f"{path}/{block.name}/", where)

    async def run_blocks(
        self, blocks: Sequence[Block], path: str, where: ExecutionScope, max_parallel: int | None
    ) -> tuple[StepResult, list[BlockResult]]:
        """Run blocks in parallel; Raises: Halted, OutcomeUnknown."""

        def early_end(block: Block, is_over: bool) -> EarlyEnd | None:
            return self.history.early_end(block, path, where.plan.workflow, is_over=is_over)

        running = ParallelBlocks(self.run_block, early_end, self.journal, blocks, path, where)
        return await running.run(max_parallel)

    async def call_workflow(
        self, name: str, inputs: Mapping[str, Any], context: BlockContext
    ) -> tuple[StepResult, Mapping[str, Any]]:
        """Run another workflow as part of the run."""
        plan = sub_plan(context.plan, name, inputs, context.now)
        institution = plan.institution or context.institution
        self._check_environment(plan, institution)
        where = ExecutionScope(
            plan,
            context.where.names.called(plan),
            Scope.of(plan),
            context.where.limits,
            institution,
            halt=context.where.halt,
        )
        called = Phases(
            self.state,
            self.run_list,
            self.recall_all,
            where,
            prefix=f"{context.path}/",
            finally_path=context.path,
            finally_effect="finally",
            attempt=context.number,
        )
        deadline = context.now + plan.workflow.timeout
        what = f"the workflow {plan.name}"
        ending = StepResult(Outcome.TIMED_OUT, f"The time limit of {what} expired.")
        halted: Halted | None = None
        try:
            with where.limits.within(deadline, what, self.services.clock) as (limits, limit):
                try:
                    ending = await called.body(limits)
                except Halted as error:
                    ending, halted = StepResult(Outcome.SKIPPED, str(error)), error
            if limit.scope.cancelled_caught:
                await self._close_inside(context, ending, where)
            # If an earlier process ended this call and began its `finally`, that is not cut short
            # here.
            await anyio.lowlevel.checkpoint_if_cancelled()
            await where.limits.enforce(self.services.clock.now())
            ending = await called.finally_(ending)
        except (anyio.get_cancelled_exc_class(), OutcomeUnknown):
            # A cancellation or deadline of the call still has to run its `finally`.
            self.open.unfinished[context.path] = called
            raise
        if halted is not None:
            raise halted
        return ending, called.outputs(ending)

    def _check_environment(self, plan: Plan, institution: str) -> None:
        """Refuse an institution whose environment, known only now, is not that of the workflow.

        Raises:
            RequestWrong: it has another environment or does not exist; nothing was sent.
        """
        connection = self.services.institutions.connection(institution)
        if connection.environment:
            check_environment(plan.workflow, institution, connection.environment)

    async def _close_inside(
        self, context: BlockContext, ending: StepResult, where: ExecutionScope
    ) -> None:
        """End what is in progress in a step whose time has expired; Raises: OutcomeUnknown."""
        await self.open.close(context.path, ending, where, but=context)
        if lost := self.history.lost(context.path):
            # The step neither continues nor ends while the outcome of its write may still be found.
            raise OutcomeUnknown(self.history.unconfirmed_text(lost[0]))


@dataclass(kw_only=True)
class BlockContext(AttemptContext):
    """The context of an attempt, which can run the blocks inside its step and call workflows."""

    interpreter: Interpreter

    async def run_block(self, block: Block) -> StepResult:
        return await self.interpreter.run_block(block, self.path, self._inside())

    async def run_blocks(
        self, blocks: Sequence[Block], max_parallel: int | None = None
    ) -> tuple[StepResult, list[BlockResult]]:
        return await self.interpreter.run_blocks(blocks, self.path, self._inside(), max_parallel)

    async def call_workflow(
        self, name: str, inputs: Mapping[str, Any]
    ) -> tuple[StepResult, Mapping[str, Any]]:
        return await self.interpreter.call_workflow(name, inputs, self)

    def _inside(self) -> ExecutionScope:
        return replace(self.where, institution=self.institution)
