"""The steps of a run, interpreted in order, each attempt with its begin and end in the journal.

Resuming is running again: a step whose end is recorded returns it, one that had begun goes on from
what its effects recorded.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import anyio

from almaflow.alma.errors import NotInAlma
from almaflow.clock import Clock
from almaflow.engine import submission
from almaflow.engine.context import Context, Where
from almaflow.engine.durations import Durations
from almaflow.engine.institutions import Institutions
from almaflow.engine.journal import RunJournal
from almaflow.engine.limits import Limits
from almaflow.engine.names import Names, Scope
from almaflow.engine.telling import Told
from almaflow.errors import AlmaflowError, StoreError
from almaflow.expressions.encoding import decode, encode
from almaflow.outcome import Outcome, worst
from almaflow.plan import Plan
from almaflow.steps.base import Retry, StepBase
from almaflow.steps.endings import Ending, Ends, OutcomeUnknown, StepFailed
from almaflow.store import Entry, EntryState, ValueUnfit

# What `on_failure: continue` goes on after.
_MAY_CONTINUE = frozenset({Outcome.FAILED, Outcome.TIMED_OUT})

# How the error of a body begins: with the innermost step that failed.
_STEP = "Step "


@dataclass
class Interpreter:
    """Runs the steps of one claimed run."""

    plan: Plan
    journal: RunJournal
    institutions: Institutions
    clock: Clock
    chance: random.Random
    durations: Durations
    names: Names
    cancelled_by: str = ""
    """Who cancelled the run; empty when nobody did."""

    async def run_list(self, steps: Sequence[StepBase], prefix: str, where: Where) -> Ending:
        """Run steps in order until one ends what stands around it."""
        outcomes = [Outcome.SUCCEEDED]
        for place, step in enumerate(steps, start=1):
            path = prefix + step.label(place)
            ending = await self._step(step, path, where)
            if ending.outcome.is_good:
                outcomes.append(ending.outcome)
                if ending.ends is not None:
                    return Ending(worst(outcomes), ending.error, ending.ends)
            elif step.on_failure == "continue" and ending.outcome in _MAY_CONTINUE:
                outcomes.append(Outcome.WARNING)
            else:
                named = ending.error.startswith(_STEP)
                told = ending.error if named else f"{_STEP}{path}: {ending.error}"
                return Ending(ending.outcome, told)
        return Ending(worst(outcomes))

    async def _step(self, step: StepBase, path: str, where: Where) -> Ending:
        """Run a step with all its attempts, let later steps see it, and return how it ended."""
        attempt = 1
        while True:
            ending = await self._attempt(step, path, attempt, where)
            again_at = self._again_at(step, path, attempt)
            if again_at is None:
                return ending
            attempt += 1
            if self.journal.get(path, attempt, "begin") is None:
                context = self._context(path, attempt, again_at, where)
                await context.wait_until(again_at, f"attempt {attempt} follows")

    def _again_at(self, step: StepBase, path: str, attempt: int) -> datetime | None:
        """Return when the attempt after this one begins, None when there is none."""
        retry = self._retry_of(step)
        if retry is None or attempt >= retry.attempts or not self._allows(retry, path, attempt):
            return None
        begin, end = self.journal.get(path, 1, "begin"), self.journal.get(path, attempt, "end")
        assert begin is not None
        assert end is not None
        again_at = end.created_at + retry.delay
        deadline = begin.value["deadline"]
        if deadline is not None and again_at >= datetime.fromisoformat(deadline):
            # The step's time covers every attempt; there is none left for another.
            return None
        return again_at

    def _retry_of(self, step: StepBase) -> Retry | None:
        retry = step.retry or self.plan.workflow.defaults.retry
        if retry is not None and step.kind.starts_job and not retry.on:
            # A job that has run is submitted again only after the endings that are listed.
            return None
        if any(step.kind.bodies()):
            # The steps inside are tried again, each by itself.
            return None
        return retry

    def _allows(self, retry: Retry, path: str, attempt: int) -> bool:
        """Whether the recorded ending of an attempt allows another."""
        entry = self.journal.get(path, attempt, "end")
        assert entry is not None
        told = {entry.value["outcome"], entry.value.get("status", "")}
        if retry.on:
            return bool(told & set(retry.on))
        return bool(entry.value["outcome"] == Outcome.FAILED)

    async def _attempt(self, step: StepBase, path: str, attempt: int, where: Where) -> Ending:
        ending = self.recorded(path, attempt, "end")
        if ending is None:
            ending = await self._perform(step, path, attempt, where)
        self._recall(step, path, where.scope)
        return ending

    def recall_all(self, steps: Sequence[StepBase], prefix: str, scope: Scope) -> None:
        """Let later steps see what the journal has of *steps*, those inside them included."""
        for place, step in enumerate(steps, start=1):
            self._recall(step, prefix + step.label(place), scope)

    def _recall(self, step: StepBase, path: str, scope: Scope) -> None:
        for body in step.kind.bodies():
            self.recall_all(body.steps, f"{path}/{body.name}/", scope)
        facts = self._facts(path)
        if facts is not None:
            scope.ended(step.id, facts)

    def _facts(self, path: str) -> dict[str, Any] | None:
        """Return what a step's last attempt that ended gave; None when none did."""
        facts = None
        attempt = 1
        while self.journal.get(path, attempt, "begin") is not None:
            entry = self.journal.get(path, attempt, "end")
            if entry is not None:
                facts = decode(entry.value["facts"], self.plan.zone)
            elif lost := self.lost_writes(path):
                error = str(submission.lost(lost[0].value, self._institution_of(lost[0])))
                facts = {"outcome": Outcome.UNKNOWN.value, "error": error, "attempts": attempt}
            attempt += 1
        return facts

    async def _perform(self, step: StepBase, path: str, attempt: int, where: Where) -> Ending:
        """Do one attempt and record how it ended."""
        begin = await self._begin(step, path, attempt, where)
        here = replace(where, institution=begin["institution"])
        context = self._context(path, attempt, datetime.fromisoformat(begin["now"]), here)
        if not begin["if"] or begin["error"]:
            ending = Ending(Outcome.FAILED if begin["if"] else Outcome.SKIPPED, begin["error"])
            return await self._end(step, path, attempt, ending, context, begin)
        try:
            if begin["deadline"] is None:
                ending, status = await self._outcome_of(step, context)
            else:
                ending, status = await self._outcome_in_time(step, context, begin["deadline"])
        except anyio.get_cancelled_exc_class():
            reason = self._why_cancelled(where.limits)
            if reason is not None and (self._body_ends(where.limits) or not self.lost_writes(path)):
                # Ended from outside: recorded, unlike Ctrl-C, after which the run goes on. What
                # nobody can tell the fate of stays open until then.
                with anyio.CancelScope(shield=True):
                    await self._end(step, path, attempt, reason, context, begin)
            raise
        return await self._end(step, path, attempt, ending, context, begin, status)

    async def _begin(self, step: StepBase, path: str, attempt: int, where: Where) -> dict[str, Any]:
        """Return what was, or is now, recorded with an attempt's begin."""
        entry = self.journal.get(path, attempt, "begin")
        if entry is not None:
            return dict(entry.value)
        now = self.clock.now()
        timeout = step.timeout or self.plan.workflow.defaults.timeout
        first = self.journal.get(path, 1, "begin")
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
                self.institutions.door(named)
                begin["institution"] = named
        except AlmaflowError as error:
            begin["error"] = str(error)
        if begin["if"]:
            self.journal.tell(
                Told.BEGAN, path, step.name or "", kind=step.kind.key, attempt=attempt
            )
        self.journal.begin_soon(path, attempt, begin)
        return begin

    async def _outcome_in_time(
        self, step: StepBase, context: Context, deadline: str
    ) -> tuple[Ending, str]:
        """Perform within the step's own deadline."""
        instant = datetime.fromisoformat(deadline)
        what = f"step {context.path}"
        with context.limits.within(instant, what, self.clock) as (limits, limit):
            context.limits = limits
            return await self._outcome_of(step, context)
        assert limit.struck, "a step's limit ended without being struck"
        if lost := self.lost_writes(context.path):
            # Never continued, and never ended while somebody may still find out.
            raise submission.lost(lost[0].value, self._institution_of(lost[0]))
        return self._timed_out(what, context.outputs), ""

    @staticmethod
    def _timed_out(what: str, outputs: dict[str, Any]) -> Ending:
        goes_on = outputs.get("instance_id")
        alma = f" The job goes on in Alma as {goes_on}." if goes_on else ""
        return Ending(Outcome.TIMED_OUT, f"The time of {what} is up.{alma}")

    async def _outcome_of(self, step: StepBase, context: Context) -> tuple[Ending, str]:
        """Perform; every failure of the step itself becomes its ending, with Alma's status."""
        # Whoever was cancelled before a resume is not performed again.
        await anyio.lowlevel.checkpoint_if_cancelled()
        try:
            return await step.kind.perform(context), str(context.outputs.get("status", ""))
        except StepFailed as error:
            return Ending(Outcome.FAILED, str(error)), error.status
        except ValueUnfit as error:
            return Ending(Outcome.FAILED, str(error)), ""
        except (OutcomeUnknown, submission.RequestChanged, StoreError):
            raise
        except NotInAlma as error:
            # A simulated Alma says what its scenario would have to hold.
            hint = context.door.client.last_hint
            told = f"{error} A scenario could hold it: {hint}" if hint else str(error)
            return Ending(Outcome.FAILED, told), ""
        except AlmaflowError as error:
            return Ending(Outcome.FAILED, str(error)), ""

    def _why_cancelled(self, limits: Limits) -> Ending | None:
        """Return how a step ends that is cancelled from outside; None for Ctrl-C."""
        if self.cancelled_by:
            return Ending(Outcome.CANCELLED, f"Cancelled by {self.cancelled_by}.")
        limit = limits.struck()
        if limit is not None:
            return Ending(Outcome.TIMED_OUT, f"The time of {limit.what} is up.")
        return None

    def _body_ends(self, limits: Limits) -> bool:
        """Whether the body, or `finally`, is what ends, and not a step in it."""
        return bool(self.cancelled_by) or limits.struck() is limits.all[0]

    async def _end(
        self,
        step: StepBase,
        path: str,
        attempt: int,
        ending: Ending,
        context: Context,
        begin: dict[str, Any],
        status: str = "",
    ) -> Ending:
        """Record how an attempt ended and what it gave; a lost answer outweighs the rest."""
        now = self.clock.now()
        if ending.outcome in (Outcome.CANCELLED, Outcome.TIMED_OUT) and self.lost_writes(path):
            ending = Ending(
                Outcome.UNKNOWN,
                f"{ending.error} Nobody can tell whether Alma took what the step sent: look in "
                "Alma what came of it.",
            )
        started_at = datetime.fromisoformat(begin["now"])
        facts = {
            **context.outputs,
            "outcome": ending.outcome.value,
            "error": ending.error,
            "attempts": attempt,
        }
        if ending.outcome is not Outcome.SKIPPED or begin["if"]:
            facts["started_at"] = started_at
            facts["ended_at"] = now
            facts["seconds"] = round((now - started_at).total_seconds(), 3)
        self.journal.tell(
            Told.ENDED,
            path,
            ending.error,
            outcome=ending.outcome.value,
            seconds=round((now - started_at).total_seconds(), 3),
            attempt=attempt,
        )
        value = {
            "outcome": ending.outcome.value,
            "error": ending.error,
            "ends": ending.ends.value if ending.ends else None,
            "status": status,
            "facts": encode(facts),
            "learned": context.learned,
        }
        await self.journal.record(path, attempt, "end", EntryState.DONE, value=value)
        return ending

    def recorded(self, path: str, attempt: int, effect: str) -> Ending | None:
        """Return how something ended, None when that is not recorded."""
        entry = self.journal.get(path, attempt, effect)
        if entry is None:
            return None
        ends = entry.value.get("ends")
        return Ending(
            Outcome(entry.value["outcome"]), entry.value["error"], Ends(ends) if ends else None
        )

    def _context(self, path: str, attempt: int, now: datetime, where: Where) -> Context:
        return Context(
            run=self,
            plan=self.plan,
            journal=self.journal,
            names=self.names,
            clock=self.clock,
            door=self.institutions.door(where.institution),
            chance=self.chance,
            path=path,
            attempt=attempt,
            now=now.astimezone(self.plan.zone),
            poll=self.plan.workflow.defaults.poll,
            where=where,
            limits=where.limits,
        )

    def lost_writes(self, path: str = "") -> list[Entry]:
        """Return the writes whose fate nobody can tell: of a step and those in it, or of all."""
        return [
            entry
            for entry in self.journal.entries()
            if entry.state is EntryState.LOST
            and not entry.value["repeatable"]
            and (not path or f"{entry.path}/".startswith(f"{path}/"))
        ]

    def heard_from(self, institution: str) -> bool:
        """Whether Alma has answered a write of this run, perhaps to an earlier process."""
        return any(
            entry.request_hash
            and entry.state in (EntryState.DONE, EntryState.REFUSED)
            and self._institution_of(entry) == institution
            for entry in self.journal.entries()
        )

    def _institution_of(self, entry: Entry) -> str:
        begin = self.journal.get(entry.path, entry.attempt, "begin")
        assert begin is not None, "a step begins before it writes"
        return str(begin.value["institution"])

    def jobs_on(self, set_id: str) -> list[tuple[str, str | None]]:
        """Return (job id, instance id) of what this run submitted with *set_id*.

        The instance is None when nobody can tell whether Alma took the submission.
        """
        found = []
        for entry in self.journal.entries():
            if entry.effect != "submit" or entry.state not in (EntryState.DONE, EntryState.LOST):
                continue
            request = entry.value["request"]
            parameters = (request["body"] or {}).get("parameter", [])
            sent = {one["name"]["value"]: one["value"] for one in parameters}
            if sent.get("set_id") == set_id:
                found.append((request["path"].rsplit("/", 1)[-1], entry.value.get("result")))
        return found
