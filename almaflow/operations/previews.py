"""What a run would send, played on the simulated Alma before a person starts it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from almaflow.late_dataclasses import dataclass
from almaflow.runs.planned_steps import PlannedStep
from almaflow.settings import Project
from almaflow.workflow_loader import LoadedWorkflow


@dataclass(frozen=True)
class Preview:
    """The steps of a simulated run with their requests."""

    steps: tuple[PlannedStep, ...]
    outcome: str
    """How the simulated run ended; empty when it was not played to its end."""
    problem: str = ""
    """Why there are no steps."""


Previewer = Callable[[Project, LoadedWorkflow, Mapping[str, Any]], Preview]


def no_preview(project: Project, loaded: LoadedWorkflow, values: Mapping[str, Any]) -> Preview:
    """Return a preview without steps, where nothing can be simulated."""
    return Preview((), "", "Runs cannot be simulated here.")
