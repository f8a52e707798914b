"""The steps of a run, interpreted in order, each attempt with its begin and end in the journal.

Resuming is running again: a step whose end is recorded returns it, one that had begun continues
from what its effects recorded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import anyio

from almaflow.alma.errors import NotInAlma
from almaflow.engine.alma_writes.journaled_request import RequestChanged
from almaflow.engine.ended import ended_value
from almaflow.engine.history import MAY_CONTINUE, EarlyEnd, RunHistory
from almaflow.engine.journal import RunJournal
from almaflow.engine.names import Scope
from almaflow.engine.parallel import ParallelBlocks
from almaflow.engine.resources import Services
from almaflow.engine.scope import Halted, Where
from almaflow.engine.simulated_waits import SimulationTooLong
from almaflow.engine.step_context import Context
from almaflow.engine.termination import close, goes_on_in_alma
from almaflow.engine.workflow_phases import Phases
from almaflow.errors import AlmaflowError, StoreError
from almaflow.outcome import Outcome, worst
from almaflow.plan import Plan, check_environment, sub_plan
from almaflow.runs.events import EventKind
from almaflow.steps.base import Body, BodyEnd, StepBase
from almaflow.steps.result import Ending, OutcomeUnknown, StepFailed
from almaflow.steps.tree import StepNode, walk
from almaflow.store import EntryState, ValueUnfit
from almaflow.waiting import Waiting, WaitingKind


@dataclass
class Interpreter:
    """Runs the steps of one claimed run."""

    services: Services
    journal: RunJournal
    past: RunHistory
    cancelled_by: str = ""
    """Who cancelled the run; empty when nobody did."""
    open: dict[tuple[str, int], tuple[StepBase, Context, dict[str, Any]]] = field(
        default_factory=dict
    )
    """The attempts under way, and those that were ended before their lost write was settled."""
    unfinished: dict[str, Phases] = field(default_factory=dict)
    """The called workflows that were ended from outside, whose `finally` is due, by path."""

    async def run_list(self, steps: Sequence[StepBase], prefix: str, where: Where) -> Ending:
        """Run steps in order until one ends its enclosing steps."""
        outcomes = [Outcome.SUCCEEDED]
        for place, step in enumerate(steps, start=1):
            path = prefix + step.label(place)
            if not self.past.has_begun(path):
                await anyio.lowlevel.checkpoint_if_cancelled()
                if where.halt.is_asked:
                    raise Halted(where.halt.why(path))
            ending = await self._step(step, path, where)
            if ending.outcome.is_good:
                outcomes.append(ending.outcome)
                if ending.ends is not None:
                    return Ending(worst(outcomes), ending.error, ending.ends)
            elif step.on_failure == "continue" and ending.outcome in MAY_CONTINUE:
                outcomes.append(Outcome.WARNING)
            else:
                named = ending.error if ending.at else f"Step {path}: {ending.error}"
                return Ending(ending.outcome, named, at=ending.at or path)
        return Ending(worst(outcomes))

    async def _step(self, step: StepBase, path: str, where: Where) -> Ending:
        """Run a step with all its attempts, let later steps see it, and return how it ended."""
        attempt = self.past.first_attempt(path)
        while True:
            ending = await self._attempt(step, path, attempt, where)
            again_at = self.past.again_at(step, path, attempt, where.plan.workflow)
            if again_at is None:
                return ending
            attempt += 1
            if self.journal.get(path, attempt, "begin") is None:
                context = self.context(path, attempt, again_at, where)
                if not where.halt.is_asked:
                    text = f"attempt {attempt} follows"
                    waiting = Waiting(WaitingKind.TIME, text, until=again_at)
                    await context.wait_until(again_at, waiting)
                if where.halt.is_asked:
                    return ending

    async def _attempt(self, step: StepBase, path: str, attempt: int, where: Where) -> Ending:
        ending = self.past.ending(path, attempt)
        if ending is None:
            ending = await self._perform(step, path, attempt, where)
        self._recall(StepNode(step, path).walk(shared=True), where)
        return ending

    def recall_all(self, steps: Sequence[StepBase], prefix: str, where: Where) -> None:
        """Let later steps see what the journal has of *steps*, those inside them included."""
        self._recall(walk(steps, prefix, shared=True), where)

    def _recall(self, nodes: Iterable[StepNode], where: Where) -> None:
        for node in nodes:
            facts = self.past.facts(node.path, where.plan.zone)
            if facts is not None:
                where.scope.ended(node.step.id, facts)

    async def _perform(self, step: StepBase, path: str, attempt: int, where: Where) -> Ending:
        """Do one attempt and record how it ended."""
        begin = await self._begin(step, path, attempt, where)
        here = replace(where, institution=begin["institution"])
        context = self.context(path, attempt, datetime.fromisoformat(begin["now"]), here)
        if not begin["if"] or begin["error"]:
            ending = Ending(Outcome.FAILED if begin["if"] else Outcome.SKIPPED, begin["error"])
            return await self.end(path, attempt, ending, context, begin)
        self.open[path, attempt] = (step, context, begin)
        try:
            if begin["deadline"] is None:
                ending, status = await self._outcome_of(step, context)
            else:
                ending, status = await self._outcome_in_time(step, context, begin["deadline"])
        except Halted as error:
            ending = Ending(Outcome.SKIPPED, str(error))
            await self.end(path, attempt, ending, context, begin, halted=True)
            raise
        except anyio.get_cancelled_exc_class():
            reason = self.why_ended(where)
            if reason is not None and not self._has_loose_ends(path):
                # Ended from outside: recorded, unlike Ctrl-C, after which the run continues.
                with anyio.CancelScope(shield=True):
                    await self.end(path, attempt, reason, context, begin)
            raise
        return await self.end(path, attempt, ending, context, begin, status)

    def _has_loose_ends(self, path: str) -> bool:
        """Whether ending a step from outside requires work in it first:
        to search for a lost submission, or to run the `finally` of a called workflow."""
        called = any(f"{one}/".startswith(f"{path}/") for one in self.unfinished)
        return called or bool(self.past.lost(path))

    async def _begin(self, step: StepBase, path: str, attempt: int, where: Where) -> dict[str, Any]:
        """Return what was, or is now, recorded with an attempt's begin."""
        entry = self.journal.get(path, attempt, "begin")
        if entry is not None:
            return dict(entry.value)
        now = self.services.clock.now()
        timeout = step.timeout or where.plan.workflow.defaults.timeout
        first = self.journal.get(path, self.past.first_attempt(path), "begin")
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
        context = self.context(path, attempt, now, where)
        try:
            if step.if_ is not None and first is None:
                begin["if"] = context.holds(step.if_)
            if step.institution is not None and begin["if"]:
                named = context.text(step.institution)
                self._check_environment(where.plan, named)
                begin["institution"] = named
        except AlmaflowError as error:
            begin["error"] = str(error)
        if begin["if"]:
            self.journal.tell(
                EventKind.BEGAN, path, step.name or "", kind=step.kind.key, attempt=attempt
            )
        self.journal.record_soon(path, attempt, "begin", begin)
        return begin

    async def _outcome_in_time(
        self, step: StepBase, context: Context, deadline: str
    ) -> tuple[Ending, str]:
        """Perform within the step's own deadline."""
        instant = datetime.fromisoformat(deadline)
        what = f"step {context.path}"
        outer = context.where
        with outer.limits.within(instant, what, self.services.clock) as (limits, limit):
            context.where = replace(outer, limits=limits)
            return await self._outcome_of(step, context)
        assert limit.struck, "a step's limit ended without being struck"
        context.where = outer
        text = f"The time limit of {what} expired."
        await self._close_inside(context, Ending(Outcome.TIMED_OUT, text), outer)
        return step.kind.timed_out(text + goes_on_in_alma(context)), ""

    async def _outcome_of(self, step: StepBase, context: Context) -> tuple[Ending, str]:
        """Perform; every failure of the step itself becomes its ending, with Alma's status."""
        if not step.kind.composite:
            # A step that was cancelled before a resume is not performed again.
            await anyio.lowlevel.checkpoint_if_cancelled()
        try:
            return await step.kind.perform(context), str(context.outputs.get("status", ""))
        except StepFailed as error:
            return Ending(Outcome.FAILED, str(error)), error.status
        except ValueUnfit as error:
            return Ending(Outcome.FAILED, str(error)), ""
        except (OutcomeUnknown, RequestChanged, SimulationTooLong, StoreError):
            raise
        except NotInAlma as error:
            # A simulated Alma says what its scenario would have to hold.
            hint = context.connection.client.last_hint
            # A search does not tell `_` from a space; the name as it was asked for counts.
            spaced = json.dumps(error.name.replace("_", " "))
            hint = hint.replace(spaced, json.dumps(error.name)) if error.name else hint
            text = f"{error} {context.connection.client.provide(hint)}".strip()
            return Ending(Outcome.FAILED, text), ""
        except AlmaflowError as error:
            return Ending(Outcome.FAILED, str(error)), ""

    def why_ended(self, where: Where) -> Ending | None:
        """Return how a step ends that is cancelled from outside; None for Ctrl-C."""
        if self.cancelled_by:
            return Ending(Outcome.CANCELLED, f"Cancelled by {self.cancelled_by}.")
        limit = where.limits.struck()
        if limit is not None:
            return Ending(Outcome.TIMED_OUT, f"The time limit of {limit.what} expired.")
        return None

    async def end(
        self,
        path: str,
        attempt: int,
        ending: Ending,
        context: Context,
        begin: Mapping[str, Any],
        status: str = "",
        *,
        halted: bool = False,
    ) -> Ending:
        """Record how an attempt ended and what it gave."""
        now = self.services.clock.now()
        started_at = datetime.fromisoformat(begin["now"])
        seconds = round((now - started_at).total_seconds(), 3)
        ran = ending.outcome is not Outcome.SKIPPED or begin["if"]
        self.journal.tell(
            EventKind.ENDED,
            path,
            ending.error,
            outcome=ending.outcome.value,
            seconds=seconds,
            attempt=attempt,
        )
        facts: dict[str, Any] = {"attempts": attempt}
        if ran:
            facts |= {"started_at": started_at, "ended_at": now, "seconds": seconds}
        value = ended_value(ending, status, context.outputs | facts, halted=halted)
        learned = context.learned

        def learn() -> None:
            if learned is not None:
                self.services.store.add_duration(
                    learned["institution"], learned["job_id"], learned["seconds"]
                )

        await self.journal.record(path, attempt, "end", EntryState.DONE, value=value, also=learn)
        self.open.pop((path, attempt), None)
        return ending

    def context(self, path: str, attempt: int, now: datetime, where: Where) -> Context:
        return Context(
            run=self,
            services=self.services,
            journal=self.journal,
            connection=self.services.institutions.connection(where.institution),
            path=path,
            attempt=attempt,
            now=now.astimezone(where.plan.zone),
            poll=where.plan.workflow.defaults.poll,
            where=where,
        )

    # Steps inside steps

    async def run_body(self, body: Body, path: str, where: Where) -> Ending:
        """Run the steps of a body in order."""
        return await self.run_list(body.steps, f"{path}/{body.name}/", where)

    async def run_bodies(
        self, bodies: Sequence[Body], path: str, where: Where, max_parallel: int | None
    ) -> tuple[Ending, list[BodyEnd]]:
        """Run blocks in parallel; Raises: Halted, OutcomeUnknown."""

        def early_end(body: Body, *, is_over: bool = False) -> EarlyEnd | None:
            return self.past.early_end(body, path, where.plan.workflow, is_over=is_over)

        running = ParallelBlocks(self.run_body, early_end, self.journal, bodies, path, where)
        return await running.run(max_parallel)

    async def call_workflow(
        self, name: str, inputs: Mapping[str, Any], context: Context
    ) -> tuple[Ending, Mapping[str, Any]]:
        """Run another workflow as part of the run."""
        plan = sub_plan(context.plan, name, inputs, context.now)
        institution = plan.institution or context.institution
        self._check_environment(plan, institution)
        where = Where(
            plan,
            context.where.names.called(plan),
            Scope.of(plan),
            context.where.limits,
            institution,
            halt=context.where.halt,
        )
        called = Phases(self, where, f"{context.path}/", context.path, "finally", context.attempt)
        deadline = context.now + plan.workflow.timeout
        what = f"the workflow {plan.name}"
        ending = Ending(Outcome.TIMED_OUT, f"The time limit of {what} expired.")
        halted: Halted | None = None
        try:
            with where.limits.within(deadline, what, self.services.clock) as (limits, limit):
                try:
                    ending = await called.body(limits)
                except Halted as error:
                    ending, halted = Ending(Outcome.SKIPPED, str(error)), error
            if limit.scope.cancelled_caught:
                await self._close_inside(context, ending, where)
            # A `finally` that an earlier process began when all this was ended is not cut short.
            await anyio.lowlevel.checkpoint_if_cancelled()
            await where.limits.enforce(self.services.clock.now())
            ending = await called.finally_(ending)
        except (anyio.get_cancelled_exc_class(), OutcomeUnknown):
            # Ending it from outside runs its `finally` too.
            self.unfinished[context.path] = called
            raise
        if halted is not None:
            raise halted
        return ending, called.outputs(ending)

    def _check_environment(self, plan: Plan, institution: str) -> None:
        """Refuse an institution of which only now is known that it is of another environment.

        Raises:
            RequestWrong: it is, or there is no such institution; nothing was sent.
        """
        connection = self.services.institutions.connection(institution)
        if connection.environment:
            check_environment(plan.workflow, institution, connection.environment)

    async def _close_inside(self, context: Context, ending: Ending, where: Where) -> None:
        """End what is in progress in a step whose time has expired; Raises: OutcomeUnknown."""
        await close(self, context.path, ending, where, but=context)
        if lost := self.past.lost(context.path):
            # Never continued, and never ended while the outcome may still be found.
            raise OutcomeUnknown(self.past.lost_text(lost[0]))

    def keeps_inside(self, path: str) -> bool:
        """Whether a new attempt at the run keeps something that was done inside a step."""
        return self.past.keeps_inside(path)

    def heard_from(self, institution: str) -> bool:
        """Whether a write of this run has reached Alma, perhaps an earlier process's."""
        return self.past.heard_from(institution)
