"""The names that expressions see while a run goes: design section 15, as values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from almaflow.masking import placeholder
from almaflow.outcome import Outcome
from almaflow.plan import Plan, workflow_steps
from almaflow.steps.endings import Ending

_SECRET = re.compile(r"\bsecrets\s*(?:\.\s*|\[\s*['\"])(\w+)")


@dataclass
class Scope:
    """What the steps of one body see of one another: a mapping for each step that has an id.

    A body inside another that does not make a scope of its own (an arm of `branch`) shares it.
    """

    steps: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, plan: Plan) -> Scope:
        """Return the scope of a run in which no step has run yet."""
        return cls(
            {
                step.id: {"outcome": Outcome.SKIPPED.value, "error": ""}
                for _, step in workflow_steps(plan.workflow)
                if step.id is not None
            }
        )

    def ended(self, step_id: str | None, facts: Mapping[str, Any]) -> None:
        """Let later steps see how a step ended and what it gave."""
        if step_id is not None:
            self.steps[step_id] = dict(facts)


class Names:
    """Makes the names of a run's expressions."""

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
        # Placeholders stand for secrets everywhere inside almaflow; the client reveals them.
        self._secrets = {
            name: placeholder(name) for name in _SECRET.findall(str(plan.definition["text"]))
        }

    def body_ended(self, ending: Ending) -> None:
        """Let `finally` and `notify` see how the body ended."""
        self._run |= {"outcome": ending.outcome.value, "error": ending.error}

    def at(
        self, now: datetime, scope: Scope, own: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the names at a step that began at *now*; *own* are its outputs, by name."""
        here = now.astimezone(self._plan.zone)
        return {
            **(own or {}),
            "inputs": self._plan.inputs,
            "vars": self._plan.vars,
            "run": self._run,
            "now": here,
            "today": here.date(),
            "steps": scope.steps,
            "secrets": self._secrets,
        }
