"""How attempts end: automatically, or from outside after a cancellation or an expired deadline.

When an attempt ends from outside, the outcome of a submission whose response was lost is searched
for first, and a called workflow runs its `finally`. Nothing is sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime
from typing import Any

from almaflow.engine.alma_writes import submission
from almaflow.engine.attempt import Attempt, RunState
from almaflow.engine.history import ended_value
from almaflow.engine.scope import ExecutionScope
from almaflow.engine.step_context import AttemptContext
from almaflow.engine.workflow_phases import Phases
from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome
from almaflow.runs.events import EventKind
from almaflow.steps.result import StepResult
from almaflow.store import EntryState, JournalEntry
from almaflow.store.locks import lock_of_account


@dataclass
class OpenAttempts:
    """The attempts of one run that have begun and have no recorded end."""

    state: RunState
    attempts: dict[tuple[str, int], tuple[AttemptContext, Mapping[str, Any]]] = field(
        default_factory=dict
    )
    """By path and number: the context, and what is recorded with the begin.

    An attempt stays here when it was ended before its unconfirmed write was settled.
    """
    unfinished: dict[str, Phases] = field(default_factory=dict)
    """By path: the called workflows that were ended from outside and whose `finally` is due."""

    async def end(
        self,
        context: AttemptContext,
        ending: StepResult,
        begin: Mapping[str, Any],
        status: str = "",
        *,
        halted: bool = False,
    ) -> StepResult:
        """Record how an attempt ended and the values that later steps can read."""
        journal, services = self.state.journal, self.state.services
        path, number = context.path, context.number
        now = services.clock.now()
        started_at = datetime.fromisoformat(begin["now"])
        seconds = round((now - started_at).total_seconds(), 3)
        journal.report(
            EventKind.ENDED,
            path,
            ending.error,
            outcome=ending.outcome.value,
            seconds=seconds,
            attempt=number,
        )
        facts: dict[str, Any] = {"attempts": number}
        if ending.outcome is not Outcome.SKIPPED or begin["if"]:
            facts |= {"started_at": started_at, "ended_at": now, "seconds": seconds}
        value = ended_value(ending, status, context.outputs | facts, halted=halted)
        learned = context.learned

        def learn() -> None:
            if learned is not None:
                services.store.add_duration(
                    learned["institution"], learned["job_id"], learned["seconds"]
                )

        locks = [lock_of_account(learned["institution"])] if learned is not None else []
        await journal.record(
            path, number, "end", EntryState.DONE, value=value, also=learn, locks=locks
        )
        self.attempts.pop((path, number), None)
        return ending

    def needs_work(self, path: str) -> bool:
        """Whether work remains in a step before it can end from outside.

        That is a search for a lost submission, or the `finally` of a called workflow.
        """
        called = any(f"{one}/".startswith(f"{path}/") for one in self.unfinished)
        return called or bool(self.state.history.lost(path))

    async def close(
        self,
        path: str,
        ending: StepResult,
        where: ExecutionScope,
        *,
        but: AttemptContext | None = None,
    ) -> None:
        """End what is in progress in the step at *path*, or in the whole run (empty).

        An attempt with an unconfirmed write stays open. The deadlines of *where* bound the search
        for it. *but* is the attempt that closes the steps inside it before it ends.
        """
        history = self.state.history
        for entry in history.lost(path):
            attempt = self._attempt_of(entry, where)
            attempt.where = replace(attempt.where, limits=where.limits)
            await submission.settle_lost(attempt, entry)
        inside = [key for key in self.attempts if not path or f"{key[0]}/".startswith(f"{path}/")]
        # The innermost first: their enclosing steps see how they ended.
        for at, number in sorted(inside, key=lambda key: -key[0].count("/")):
            context, begin = self.attempts[at, number]
            if history.ending(at, number) is not None:
                continue
            called = self.unfinished.get(at)
            if called is not None:
                called.where = replace(called.where, limits=where.limits)
                await called.finally_(ending)
                del self.unfinished[at]
            if context is not but and not history.lost(at):
                reported = replace(ending, error=ending.error + left_open(context))
                await self.end(context, reported, begin)

    def _attempt_of(self, entry: JournalEntry, where: ExecutionScope) -> Attempt:
        """Return the attempt that made *entry*, also when an earlier process began it."""
        open_here = self.attempts.get((entry.path, entry.attempt))
        if open_here is not None:
            return open_here[0]
        begin = self.state.journal.get(entry.path, entry.attempt, "begin")
        assert begin is not None, "a step begins before it writes"
        return Attempt(
            state=self.state,
            path=entry.path,
            number=entry.attempt,
            now=datetime.fromisoformat(begin.value["now"]),
            where=replace(where, institution=begin.value["institution"]),
        )


def left_open(context: AttemptContext) -> str:
    """Return sentences about a request without a result and a job that keeps running in Alma."""
    unanswered = f" {context.unanswered}." if context.unanswered else ""
    started = [one for one in context.submissions() if one.state is EntryState.DONE]
    if not started:
        return unanswered
    return f"{unanswered} The job keeps running in Alma as {started[-1].value['result']}."
