"""The names that expressions see while a run goes: design section 15, as values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome
from almaflow.plan import Plan
from almaflow.redaction import placeholder
from almaflow.steps.base import StepBase
from almaflow.steps.result import Ending
from almaflow.steps.tree import StepNode, walk

_SECRET = re.compile(r"\bsecrets\s*(?:\.\s*|\[\s*['\"])(\w+)")


@dataclass
class Scope:
    """What the steps of one block see of one another: a mapping for each step that has an id.

    A block inside another that does not make a separate scope (an arm of `branch`) shares it.
    """

    steps: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, plan: Plan) -> Scope:
        """Return the scope of a run in which no step has run yet."""
        return cls(_not_run(plan.workflow.all_steps()))

    def inner(self, steps: Sequence[StepBase]) -> Scope:
        """Return a new scope for a block, in which none of *steps* has run yet.

        It sees what has run around it; what runs in it is not seen from outside.
        """
        return Scope(self.steps | _not_run(walk(steps)))

    def ended(self, step_id: str | None, facts: Mapping[str, Any]) -> None:
        """Let later steps see how a step ended and what it gave."""
        if step_id is not None:
            self.steps[step_id] = dict(facts)


def _not_run(nodes: Iterable[StepNode]) -> dict[str, dict[str, Any]]:
    return {
        node.step.id: {"outcome": Outcome.SKIPPED.value, "error": ""}
        for node in nodes
        if node.step.id is not None
    }


class Names:
    """Makes the names that the expressions of a run, or of a workflow called in it, see."""

    def __init__(self, plan: Plan, attempt: int, started_at: datetime) -> None:
        self._plan = plan
        self._run: dict[str, Any] = {
            "id": plan.run_id,
            "name": plan.name,
            "key": plan.key,
            "attempt": attempt,
            "started_at": started_at.astimezone(plan.zone),
            "scheduled_at": plan.scheduled_at.astimezone(plan.zone),
        }
        # A tick of a timetable is the instant that it names, whatever a clock says.
        by_hand = plan.trigger == "manual"
        self._by_our_clock = ("started_at", "scheduled_at") if by_hand else ("started_at",)
        # Placeholders replace secrets everywhere inside almaflow; the client reveals them.
        self._secrets = {
            name: placeholder(name) for name in _SECRET.findall(str(plan.definition["text"]))
        }

    def called(self, plan: Plan) -> Names:
        """Return the names of a workflow that is called in this run; `run` is the same run."""
        names = Names(plan, self._run["attempt"], self._run["started_at"])
        names._by_our_clock = self._by_our_clock
        names._run = {
            key: value for key, value in self._run.items() if key not in ("outcome", "error")
        }
        return names

    def body_ended(self, ending: Ending) -> None:
        """Let `finally` and `notify` see how the body ended."""
        self._run = self._run | {"outcome": ending.outcome.value, "error": ending.error}

    def at(
        self,
        now: datetime,
        scope: Scope,
        more: Mapping[str, Any] | None = None,
        *,
        ahead: timedelta = timedelta(),
    ) -> dict[str, Any]:
        """Return the names at a step that began at *now*.

        *more* are an iteration's item and, in `expect`, the step's own outputs, by name. *ahead*
        is added to what our clock said, where a value is compared with Alma's clock.
        """
        here = (now + ahead).astimezone(self._plan.zone)
        return {
            **(more or {}),
            "inputs": self._plan.inputs,
            "vars": self._plan.vars,
            "run": self._run | {name: self._run[name] + ahead for name in self._by_our_clock},
            "now": here,
            "today": here.date(),
            "steps": scope.steps,
            "secrets": self._secrets,
        }
