"""Plays a run on the simulated Alma before a person starts it: the page shows its requests."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

import anyio

from almaflow.cli import bootstrap
from almaflow.cli.simulated_play import play
from almaflow.errors import AlmaflowError
from almaflow.operations.previews import Preview
from almaflow.operations.starting import plan_run
from almaflow.runs.events import RunEvent
from almaflow.runs.planned_steps import Recorder
from almaflow.settings import Project
from almaflow.virtual_time import run_virtual
from almaflow.workflow_loader import LoadedWorkflow

LONGEST = 2.0
"""Seconds after which the rest of a run is not played; the page shows that it is missing."""


class _Bounded(Recorder):
    """A recorder that ends the run when it takes too long."""

    def __init__(self) -> None:
        super().__init__()
        self.stop: Callable[[], None] = lambda: None
        self._deadline = time.monotonic() + LONGEST

    def receive(self, event: RunEvent) -> None:
        super().receive(event)
        if time.monotonic() > self._deadline:
            self.stop()


def preview(project: Project, loaded: LoadedWorkflow, values: Mapping[str, Any]) -> Preview:
    """Return what a run with the inputs *values* would send, as far as it is played.

    Nothing leaves the machine. The scenario next to the workflow counts, as for `almaflow plan`.
    """
    try:
        simulation = bootstrap.simulate(project, loaded, None)
        plan = plan_run(loaded, project, values, simulation.clock, random.Random(0), simulated=True)
        simulation.furnish_for(loaded, plan)
        recorder = _Bounded()
        engine = simulation.engine(recorder)

        async def main() -> str:
            with anyio.CancelScope() as scope:
                recorder.stop = scope.cancel
                record = await play(engine, plan)
                return str(record.outcome or record.status)
            return ""

        try:
            outcome = run_virtual(main)
        finally:
            engine.store.close()
    except AlmaflowError as error:
        return Preview((), "", str(error))
    return Preview(tuple(recorder.steps(plan)), outcome)
