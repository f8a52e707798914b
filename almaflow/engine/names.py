"""The names that expressions can use during a run, with their values (design section 15)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern
from almaflow.outcome import Outcome
from almaflow.plan import Plan
from almaflow.redaction import placeholder
from almaflow.steps.base import StepBase
from almaflow.steps.result import StepResult
from almaflow.steps.tree import StepNode, walk

_SECRET = late_pattern(r"\bsecrets\s*(?:\.\s*|\[\s*['\"])(\w+)")


@dataclass
class Scope:
    """The values that the steps of one block can read of each other: a mapping for each id.

    A block without a separate scope, such as an arm of `branch`, shares that of its parent.
    """

    steps: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, plan: Plan) -> Scope:
        """Return the scope at the start of a run."""
        return cls(_not_run(plan.workflow.all_steps()))

    def inner(self, steps: Sequence[StepBase]) -> Scope:
        """Return a new scope for a block, in which none of *steps* has run yet.

        Its steps can read the steps around the block, but not the other way round.
        """
        return Scope(self.steps | _not_run(walk(steps)))

    def ended(self, step_id: str | None, facts: Mapping[str, Any]) -> None:
        """Make the result and the values of an ended step visible to later steps."""
        if step_id is not None:
            self.steps[step_id] = dict(facts)


def _not_run(nodes: Iterable[StepNode]) -> dict[str, dict[str, Any]]:
    return {
        node.step.id: {"outcome": Outcome.SKIPPED.value, "error": ""}
        for node in nodes
        if node.step.id is not None
    }


class Names:
    """Makes the names for the expressions of a run or of a called workflow."""

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
        # The tick of a timetable is an exact instant and is not corrected by any clock.
        by_hand = plan.trigger == "manual"
        self._by_our_clock = ("started_at", "scheduled_at") if by_hand else ("started_at",)
        # Inside almaflow, placeholders replace secrets; the client inserts the values.
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

    def block_ended(self, ending: StepResult) -> None:
        """Make the result of the steps visible to `finally` and `notify`."""
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

        *more* are an iteration's item and, in `expect`, the step's own outputs, by name. *ahead* is
        added to values of our clock that are compared with Alma's clock.
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
